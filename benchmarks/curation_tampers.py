"""Which tampered copies curation finds, how well it says what was done to them, and what it takes for copies wrongly.

    python benchmarks/curation_tampers.py --images 100 --seed 1
    python benchmarks/curation_tampers.py --images 100 --seed 1 --data data/Dataset_BUSI_with_GT --out rows.json

Each tamper is scored on its own: the originals and one copy of each, all against all. Seed 0 is the half on which
thresholds may be tuned, seed 1 the half that is scored: other phantoms, or the other half of the data set.

Among phantoms every pair of different scans is no copy. A real data set may hold copies that nobody told us of, but
nobody mirrored them: there a pair of different scans is surely none where it is found mirrored (after the known flips
are undone). What is wrongly found is as often mirrored as not, so each of these counts twice.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from echoduet.curation.matching.features import Features, extract, tabulate
from echoduet.curation.matching.search import Match, find_pairs
from echoduet.curation.matching.settings import MatchSettings
from echoduet.curation.relations import Transform
from echoduet.data.images import read_gray
from echoduet.data.manifest import open_data
from echoduet.data.overlays import Overlay, burn_in
from echoduet.data.phantom_scan import scan_phantom
from echoduet.files import write_json
from echoduet.records import CLASSES, GrayImage
from tampers import TAMPERS, Tamper, Tampered, neighbour, untouched

HALVES = 1993
"""Seed of the order in which a data set is cut into a tuning and a scoring half."""

MOSTLY_SEEN = 0.7
"""Share of the original from which single tampers must be found."""

NEIGHBOUR, NEGATIVES = "neighbouring frame", "hard negatives"

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row:
    """What came out for one tamper; errors are medians over the copies found, None where nothing was found.

    Attributes:
        tamper: its name.
        copies, seen: copies made, and those that show at least `MOSTLY_SEEN` of the original.
        recall, recall_seen: the shares found of both.
        wrong: pairs of different scans that were taken for copies (on a real data set: twice the mirrored ones).
        precision: copies found, of these and the wrong ones.
        relation: share of the copies found whose relation is told right.
        flip: share of the copies found of which it is told right whether they are mirrored.
        rotation, scale: errors in degrees and in percent.
        corners, corners_95: how far the copy's corners are off, in percent of the original's width; 95th percentile.
        overlap: error of the share that is seen.
    """

    tamper: str
    copies: int
    seen: int
    recall: float
    recall_seen: float | None
    wrong: int
    precision: float | None
    relation: float | None
    flip: float | None
    rotation: float | None
    scale: float | None
    corners: float | None
    corners_95: float | None
    overlap: float | None


def phantoms(count: int, seed: int) -> list[GrayImage]:
    """Return phantoms of all classes in turn; other seeds give other phantoms."""
    return in_threads(lambda n: scan_phantom(CLASSES[n % 3], np.random.default_rng([seed, n])).image, range(count))


def half(data: Path, count: int, seed: int) -> list[GrayImage]:
    """Return up to `count` images of one half of a data set: the first (tuning) for even seeds, else the second."""
    cases = open_data(data).cases
    order = np.random.default_rng(HALVES).permutation(len(cases))
    chosen = np.array_split(order, 2)[seed % 2][:count]
    return in_threads(lambda i: read_gray(cases[i].image), chosen)


def in_threads(work: Callable[[S], T], items: Iterable[S]) -> list[T]:
    """Return `work` of all items, in their order."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(work, items))


def copies_of(images: Sequence[GrayImage], name: str, tamper: Tamper, seed: int) -> list[Tampered]:
    """Return a copy of each image; every tamper has random numbers of its own, whatever else is made."""
    stream = [seed, *name.encode()]
    return in_threads(lambda n: tamper(images[n], np.random.default_rng([*stream, n])), range(len(images)))


def same_machine(image: GrayImage, seed: int) -> GrayImage:
    """Return the image with the marks of one machine: the same words, logo and calipers at the same places on all."""
    ellipse = np.zeros(image.shape, dtype=np.uint8)
    height, width = image.shape
    cv2.ellipse(ellipse, (width // 2, height // 2), (width // 6, height // 8), 0, 0, 360, (1,), -1)
    rng = np.random.default_rng(seed)
    return burn_in(image, ellipse.astype(np.bool_), Overlay(calipers=True, text=True), rng)


def mirrored_anew(match: Match, originals: int, copies: Sequence[Tampered]) -> bool:
    """Tell whether a pair is found mirrored after the flips that were made to its images are undone."""
    made = [np.linalg.det(copies[n - originals].matrix[:, :2]) < 0 for n in (match.i, match.j) if n >= originals]
    return bool((sum(made) + match.transform.mirrored) % 2)


def score(
    name: str, images: Sequence[GrayImage], copies: Sequence[Tampered], matches: Iterable[Match], sure: bool
) -> Row:
    """Compare what was found with what was done.

    Args:
        name: of the tamper.
        images: the originals, the first images of the table.
        copies: one of each, which follow in the table.
        matches: what was found.
        sure: whether different originals surely are different scans.
    """
    matches = list(matches)
    n = len(images)
    found = {match.i: match for match in matches if match.j == match.i + n}
    other = [match for match in matches if match.i % n != match.j % n]
    wrong = len(other) if sure else 2 * sum(mirrored_anew(match, n, copies) for match in other)
    seen = [i for i, copy in enumerate(copies) if copy.overlap >= MOSTLY_SEEN]
    told = [(images[i], copies[i], match) for i, match in found.items()]
    errors = [transform_errors(image, copy, match.transform) for image, copy, match in told]
    rotation, scale, corners = zip(*errors, strict=True) if errors else ((), (), ())
    return Row(
        tamper=name,
        copies=n,
        seen=len(seen),
        recall=len(found) / n if n else 0.0,
        recall_seen=mean(i in found for i in seen),
        wrong=wrong,
        precision=len(found) / (len(found) + wrong) if found or wrong else None,
        relation=mean(match.relation is copy.relation for _, copy, match in told),
        flip=mean(match.transform.mirrored == flipped(copy) for _, copy, match in told),
        rotation=percentile(rotation, 50),
        scale=percentile(scale, 50),
        corners=percentile(corners, 50),
        corners_95=percentile(corners, 95),
        overlap=percentile([abs(match.overlap - copy.overlap) for _, copy, match in told], 50),
    )


def flipped(copy: Tampered) -> bool:
    """Tell whether the copy is a mirror image."""
    return bool(np.linalg.det(copy.matrix[:, :2]) < 0)


def transform_errors(image: GrayImage, copy: Tampered, transform: Transform) -> tuple[float, float, float]:
    """Return the errors of rotation (degrees), scale (percent) and corners (mean, percent of the original's width)."""
    true, told = copy.matrix, transform.matrix
    turn = np.degrees(np.arctan2(told[1, 1], told[0, 1]) - np.arctan2(true[1, 1], true[0, 1]))
    scale = np.sqrt(abs(np.linalg.det(told[:, :2]) / np.linalg.det(true[:, :2])))
    height, width = copy.image.shape
    corners = np.array([(x, y, 1.0) for x in (0, width - 1) for y in (0, height - 1)])
    apart = np.linalg.norm(corners @ (told - true).T, axis=1).mean()
    return float(abs((turn + 180) % 360 - 180)), float(100 * abs(scale - 1)), float(100 * apart / image.shape[1])


def mean(values: Iterable[bool]) -> float | None:
    """Return the share of true values, None of none."""
    values = list(values)
    return float(np.mean(values)) if values else None


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return a percentile, None of none."""
    return float(np.percentile(values, share)) if len(values) else None


def search(features: Sequence[Features], settings: MatchSettings) -> Iterable[Match]:
    """Yield all related pairs among some images."""
    for block in find_pairs(tabulate(features, settings.side), settings):
        yield from block.matches


def measure(images: Sequence[GrayImage], seed: int, sure: bool, settings: MatchSettings) -> Iterable[Row]:
    """Yield the row of every tamper, of neighbouring frames, and of the hard negatives."""
    describe = partial(extract, settings=settings)
    originals = in_threads(describe, images)
    for name, tamper in {**TAMPERS, NEIGHBOUR: neighbour}.items():
        copies = copies_of(images, name, tamper, seed)
        features = [*originals, *in_threads(lambda copy: describe(copy.image), copies)]
        yield score(name, images, copies, search(features, settings), sure)
    # Each image once, so that every pair is one of different scans: what the machine burns in must not tie them.
    marked = [same_machine(image, seed) for image in images]
    lone = score(
        NEGATIVES, marked, [untouched(m) for m in marked], search(in_threads(describe, marked), settings), sure
    )
    yield Row(**{**asdict(lone), "copies": 0, "seen": 0, "recall_seen": None, "precision": None})


def pooled(rows: Sequence[Row]) -> dict[str, float | None]:
    """Return recall of mostly seen single tampers, recall of combinations, and the precision of each."""
    single = [row for row in rows if row.tamper in TAMPERS and row.tamper != list(TAMPERS)[-1]]
    found = sum(round((row.recall_seen or 0) * row.seen) for row in single)
    everything = sum(round(row.recall * row.copies) for row in single)
    wrong = sum(row.wrong for row in single)
    together = next((row for row in rows if row.tamper == list(TAMPERS)[-1]), None)
    return {
        "recall of single tampers, 70 % and more seen": found / max(sum(row.seen for row in single), 1),
        "precision of single tampers": everything / max(everything + wrong, 1),
        "recall of three at once": together.recall if together else None,
        "precision of three at once": together.precision if together else None,
    }


def markdown(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    head = (
        "tamper|copies|recall|seen >= 70 %|recall of these|wrong pairs|precision|relation right|flip right"
        "|rotation off (deg)|scale off (%)|corners off (% of width), median|95 %|overlap off"
    )
    lines = [f"| {head.replace('|', ' | ')} |", "|---" * (head.count("|") + 1) + "|"]
    for row in rows:
        shares = [row.recall_seen, row.wrong, row.precision, row.relation, row.flip]
        errors = [row.rotation, row.scale, row.corners, row.corners_95, row.overlap]
        values = [row.tamper, row.copies, row.recall if row.copies else None, row.seen, *shares, *errors]
        lines.append("| " + " | ".join(cell(value) for value in values) + " |")
    return "\n".join(lines)


def cell(value: object) -> str:
    """Return a value as it stands in a table."""
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Tamper with scans and see which copies curation finds.")
    parser.add_argument("--images", type=int, default=60, help="originals")
    parser.add_argument("--seed", type=int, default=1, help="0 to tune on, 1 to score")
    parser.add_argument("--data", type=Path, help="data set to tamper with, instead of phantoms")
    parser.add_argument("--out", type=Path, help="JSON file for the rows")
    return parser.parse_args()


def main() -> None:
    """Print the table."""
    args = arguments()
    images = half(args.data, args.images, args.seed) if args.data else phantoms(args.images, args.seed)
    started = time.perf_counter()
    rows = list(measure(images, args.seed, sure=args.data is None, settings=MatchSettings()))
    seconds = time.perf_counter() - started
    what = args.data.name if args.data else "phantoms"
    print(f"{len(images)} images ({what}), seed {args.seed}, {seconds:.0f} s with the tampering\n")
    print(markdown(rows))
    for name, value in pooled(rows).items():
        print(f"\n{name}: {cell(value)}", end="")
    print()
    if args.out:
        about = {"images": len(images), "data": what, "seed": args.seed, "seconds": round(seconds, 1)}
        write_json(args.out, {**about, "pooled": pooled(rows), "rows": [asdict(row) for row in rows]})


if __name__ == "__main__":
    main()
