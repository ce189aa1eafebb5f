r"""Curation beside other duplicate finders, each at the threshold that is best for it, on the same images.

    python benchmarks/curation_rivals.py --images 60 --busi data/Dataset_BUSI_with_GT \
        --list data/mapping_curated_BUSI.csv --out results/curation-rivals/rows.json

imagededup, imagehash, cleanvision and difPy are installed into an environment of their own, `.venv-rivals`, when it is
not there. Two tests: copies of phantoms, tampered with as in `curation_tampers.py`; and BUSI, where an image is or is
not in some group of duplicates, against the published list. For the others the threshold, and the setting, is the one
with the highest F1 on each test: they are tuned on what they are scored on. Ours has its settings as shipped.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curation_tampers import MOSTLY_SEEN, cell, copies_of, in_threads, phantoms, search
from echoduet.curation.matching.features import extract
from echoduet.curation.matching.settings import MatchSettings
from echoduet.curation.relations import Relation
from echoduet.data.images import read_gray, write_png
from echoduet.data.manifest import open_data
from echoduet.files import write_json
from rival_methods import METHODS
from tampers import COMBINATION, TAMPERS

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv-rivals"
METHODS_SCRIPT = Path(__file__).with_name("rival_methods.py")

# imagededup asks for torch and torchvision, for a network whose weights it would download; its hashes need neither.
WITHOUT_DEPENDENCIES = ("imagededup==0.3.3.post2",)
INSTALLED = ("difPy==4.2.1", "cleanvision==0.3.7", "ImageHash==4.3.2", "scikit-learn", "PyWavelets", "matplotlib")

OURS = "EchoDuet"
SCENE = 0.5
"""The distance that stands for our relation same-scene."""
QUICK = ("imagededup PHash", "imagehash phash 8", "cleanvision phash 8", "difPy")
"""One method of each package, for a first look."""

NEVER = "imagededup CNN: not run, it downloads its weights."

Distances = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Row:
    """How one method did on one test.

    Attributes:
        test: "tampers" or "BUSI".
        method: package and method, with the settings that are no threshold.
        threshold: the greatest distance that counts as a copy; None for ours.
        recall, precision, f1: of pairs (tampers), or of images in some group (BUSI).
        recall_seen: of single tampers of which at least 70 % is seen; None for BUSI.
        recall_combined: of three at once; None for BUSI.
        images_per_second: from files to pairs.
        by_tamper: recall of each tamper.
    """

    test: str
    method: str
    threshold: float | None
    recall: float
    precision: float
    f1: float
    recall_seen: float | None
    recall_combined: float | None
    images_per_second: float
    by_tamper: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """The pictures of one test on disk: a folder a tamper with originals first and their copies after them.

    Attributes:
        folders: by tamper; for BUSI one folder of all images.
        seen: share of the original that each copy shows, by tamper.
    """

    folders: Mapping[str, Path]
    seen: Mapping[str, NDArray[np.float64]]


def environment() -> Path | None:
    """Return the other packages' interpreter, made when absent; None where they cannot be installed."""
    python = VENV / "bin" / "python"
    if (VENV / "complete").exists():
        return python
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    commands = (
        [sys.executable, "-m", "venv", str(VENV)],
        [*pip, "--no-deps", *WITHOUT_DEPENDENCIES],
        [*pip, *INSTALLED],
    )
    for command in commands:
        if subprocess.run(command, capture_output=True, text=True, check=False).returncode:
            return None
    (VENV / "complete").touch()
    return python


def write_tampers(folder: Path, count: int, seed: int) -> Tables:
    """Write phantoms and their copies, a folder a tamper."""
    images = phantoms(count, seed)
    folders, seen = {}, {}
    for name, tamper in TAMPERS.items():
        copies = copies_of(images, name, tamper, seed)
        folders[name] = folder / name.replace(" ", "-")
        pictures = [*images, *(copy.image for copy in copies)]
        in_threads(
            lambda n, place=folders[name], of=pictures: write_png(place / f"{n:06d}.png", of[n]), range(2 * count)
        )
        seen[name] = np.array([copy.overlap for copy in copies])
    return Tables(folders, seen)


def write_busi(folder: Path, data: Path) -> tuple[Tables, list[str]]:
    """Link every image of BUSI into one folder, and return the cases in their order."""
    cases = open_data(data).cases
    folder.mkdir()
    for n, case in enumerate(cases):
        (folder / f"{n:06d}.png").symlink_to(case.image.resolve())
    return Tables({"BUSI": folder}, {}), [case.case_id for case in cases]


def left_out(path: Path, cases: Sequence[str]) -> NDArray[np.bool_]:
    """Return which cases the published list leaves out as duplicates, `(N,)`."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        kept = {
            (row["class"].lower(), int(re.findall(r"\d+", row["id"])[-1]))
            for row in csv.DictReader(stream, delimiter=";")
        }
    numbers = [(case.split()[0], int(re.findall(r"\d+", case)[-1])) for case in cases]
    return np.array([number not in kept for number in numbers])


def run_rival(python: Path, method: str, tables: Tables) -> tuple[dict[str, Distances], float] | None:
    """Return a method's distances by folder and its images a second; None where it could not run."""
    folders = list(tables.folders.values())
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "distances.npz"
        words = [str(python), str(METHODS_SCRIPT), method, str(out), *map(str, folders)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{method} could not run: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
            return None
        with np.load(out, allow_pickle=False) as arrays:
            distances = {name: arrays[f"distances_{n}"] for n, name in enumerate(tables.folders)}
            seconds = sum(float(arrays[f"seconds_{n}"].sum()) for n in range(len(folders)))
    return distances, sum(len(one) for one in distances.values()) / seconds


def run_ours(tables: Tables, settings: MatchSettings) -> tuple[dict[str, Distances], float]:
    """Return 0 for copies and same scans, `SCENE` for same scenes and 1 for others, by folder, and images a second."""
    distances, seconds = {}, 0.0
    describe = partial(extract, settings=settings)
    for name, folder in tables.folders.items():
        files = sorted(folder.glob("*.png"))
        started = time.perf_counter()
        features = in_threads(lambda file: describe(read_gray(file)), files)
        pairs = list(search(features, settings))
        seconds += time.perf_counter() - started
        distances[name] = np.ones((len(files), len(files)), dtype=np.float32)
        for match in pairs:
            apart = SCENE if match.relation is Relation.SAME_SCENE else 0.0
            distances[name][match.i, match.j] = distances[name][match.j, match.i] = apart
    return distances, sum(len(one) for one in distances.values()) / seconds


def score_tampers(distances: Mapping[str, Distances], tables: Tables, threshold: float) -> Row:
    """Count the copies found, and the pairs of different phantoms taken for copies, at one threshold."""
    found = {name: np.diag(one, len(one) // 2) <= threshold for name, one in distances.items()}
    taken = sum(int(np.count_nonzero(np.triu(one <= threshold, 1))) for one in distances.values())
    hits = sum(int(one.sum()) for one in found.values())
    recall, precision = hits / sum(map(len, found.values())), hits / taken if taken else 1.0
    seen = np.concatenate([found[name][tables.seen[name] >= MOSTLY_SEEN] for name in found if name != COMBINATION])
    by_tamper = {name: float(one.mean()) for name, one in found.items()}
    row = Row("tampers", "", threshold, recall, precision, f1(recall, precision), None, None, 0.0, by_tamper)
    return replace(row, recall_seen=float(seen.mean()), recall_combined=by_tamper.get(COMBINATION))


def score_busi(distances: Distances, duplicates: NDArray[np.bool_], threshold: float) -> Row:
    """Compare the images that stand in some pair with those that the list leaves out, at one threshold."""
    near = distances <= threshold
    np.fill_diagonal(near, val=False)
    grouped = near.any(axis=1)
    hits = int((grouped & duplicates).sum())
    recall, precision = hits / int(duplicates.sum()), hits / max(int(grouped.sum()), 1)
    return Row("BUSI", "", threshold, recall, precision, f1(recall, precision), None, None, 0.0, {})


def f1(recall: float, precision: float) -> float:
    """Return the harmonic mean of recall and precision."""
    return 2 * recall * precision / (recall + precision) if recall + precision else 0.0


def thresholds(distances: Iterable[Distances]) -> NDArray[np.float32]:
    """Return distances to try as threshold: every one that occurs, or 60 spread over the closest pairs."""
    values = np.concatenate([one[np.triu_indices(len(one), 1)] for one in distances])
    values = np.unique(values[values < values.max()]) if len(values) else values
    return values[np.unique((np.linspace(0, 1, 60) ** 3 * (len(values) - 1)).astype(int))] if len(values) else values


def best(rows: Iterable[Row]) -> Row | None:
    """Return the row with the highest F1, None of none."""
    return max(rows, key=lambda row: row.f1, default=None)


def measure(
    tables: Tables, duplicates: NDArray[np.bool_] | None, python: Path | None, methods: Iterable[str] = tuple(METHODS)
) -> Iterator[Row]:
    """Yield one row for ours, and the best row of every other method, on one test.

    Args:
        tables: the pictures.
        duplicates: which images of BUSI are duplicates by the list; None for tampered phantoms.
        python: the interpreter of the other packages; None measures only ours.
        methods: which of `METHODS`.
    """

    def scored(distances: Mapping[str, Distances], threshold: float) -> Row:
        if duplicates is None:
            return score_tampers(distances, tables, threshold)
        return score_busi(distances["BUSI"], duplicates, threshold)

    distances, rate = run_ours(tables, MatchSettings())
    for method, threshold in ((OURS, 0.0), (f"{OURS} with same scenes", SCENE)):
        yield replace(scored(distances, threshold), method=method, threshold=None, images_per_second=rate)
    for method in methods if python else ():
        result = run_rival(python, method, tables)
        row = best(scored(result[0], float(t)) for t in thresholds(result[0].values())) if result else None
        if row is not None:
            yield replace(row, method=method, images_per_second=result[1])


def strongest(rows: Iterable[Row]) -> list[Row]:
    """Return the best setting of each method; a method's first two words name it."""
    chosen: dict[str, Row] = {}
    for row in rows:
        name = " ".join(row.method.split()[:2])
        if name not in chosen or row.f1 > chosen[name].f1:
            chosen[name] = row
    return list(chosen.values())


def markdown(rows: Sequence[Row]) -> str:
    """Return one table a test."""
    lines: list[str] = []
    for test in dict.fromkeys(row.test for row in rows):
        head = ["method", "threshold", "recall", "precision", "F1", "images/s"]
        head += ["single, >= 70 % seen", "three at once"] if test == "tampers" else []
        lines += ["", f"{test}:", "", f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
        for row in strongest(row for row in rows if row.test == test):
            threshold = "" if row.threshold is None else f"{row.threshold:g}"
            values = [row.method, threshold, row.recall, row.precision, row.f1, f"{row.images_per_second:.0f}"]
            values += [row.recall_seen, row.recall_combined] if test == "tampers" else []
            lines.append(f"| {' | '.join(cell(value) for value in values)} |")
    return "\n".join(lines).strip()


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Compare curation with other duplicate finders.")
    parser.add_argument("--images", type=int, default=60, help="phantoms that are tampered with")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--busi", type=Path, help="the raw BUSI folder")
    parser.add_argument("--list", type=Path, help="the published list of the images kept (needs --busi)")
    parser.add_argument("--out", type=Path, help="JSON file for the rows")
    parser.add_argument("--only-ours", action="store_true", help="measure ours again, keep the other rows of --out")
    return parser.parse_args()


def main() -> None:
    """Print the tables."""
    args = arguments()
    kept = json.loads(args.out.read_text(encoding="utf-8"))["rows"] if args.only_ours else []
    python = None if args.only_ours else environment()
    if python is None and not args.only_ours:
        print(f"{VENV} could not be made, so only ours is measured.", file=sys.stderr)
    with tempfile.TemporaryDirectory() as place:
        rows = list(measure(write_tampers(Path(place), args.images, args.seed), None, python))
        if args.busi and args.list:
            tables, cases = write_busi(Path(place) / "BUSI", args.busi)
            rows += measure(tables, left_out(args.list, cases), python)
    rows += [row for row in (Row(**values) for values in kept) if not row.method.startswith(OURS)]
    rows.sort(key=lambda row: row.test, reverse=True)  # stable: tampers first, ours first
    print(markdown(rows))
    print(f"\nOther methods at the threshold that is best for them on this very test. {NEVER}")
    if args.out:
        write_json(args.out, {"images": args.images, "seed": args.seed, "rows": [asdict(row) for row in rows]})


if __name__ == "__main__":
    main()
