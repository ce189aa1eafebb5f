"""How time and memory of `echoduet curate` grow with the number of images, and whether it still finds the copies.

    python benchmarks/curation_scale.py --folder /somewhere/with/10/GB --sizes 1000 10000 100000 --out rows.json

Images are made first, 256 pixels wide, and stay in the folder: a second run uses them, and one that was stopped goes
on. Every twentieth is a copy of another one, tampered with in one way. All others are scenes of their own: two
simulated phantoms, each turned, cut and bent at random, grown into one another, under speckle drawn anew. A scene
depends on the seed and its number alone. Then each size is curated by a process of its own; a size whose row is in the
JSON already is not measured again.
"""

from __future__ import annotations

import argparse
import csv
import json
import multiprocessing
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from curation_tampers import MOSTLY_SEEN, cell
from echoduet.data.phantom_scan import scan_phantom
from echoduet.files import write_csv, write_json
from echoduet.records import CLASSES, GrayImage
from tampers import STEPS, Tampered, tampered

WIDTH = 256
COPY_EVERY = 20
"""One image in so many is a planted copy."""

PHANTOM_WIDTH = 512
CHUNK = 250
"""Images that a worker makes at a time."""

# Streams of random numbers beside each other.
_PHANTOM, _SCENE, _PLAN, _COPY = range(4)
PLANTED = ("copy", "original", "tamper", "overlap")


@dataclass(frozen=True, slots=True)
class Plan:
    """What lies in a folder: `count` images, of which every twentieth is a copy; equal seeds give equal pixels.

    The phantoms lie beside the folder, for all sizes: a smaller size is the beginning of a larger one.
    """

    folder: Path
    count: int
    seed: int = 1
    phantoms: int = 1500

    @property
    def store(self) -> Path:
        """Where the phantoms lie that the scenes are made of."""
        return self.folder.parent / f"phantoms-{self.seed}-{self.phantoms}"

    def image(self, number: int) -> Path:
        """Return where an image lies."""
        return self.folder / "images" / "normal" / f"{case_id(number)}.png"


@dataclass(frozen=True, slots=True)
class Row:
    """One size, measured.

    Attributes:
        images: how many.
        seconds: of the whole command.
        peak_gb: the most memory it held.
        planted, found: copies that show at least 70 % of their original, and those found as a copy or the same scan.
        others: pairs found that are not planted.
        search: seconds from the last image read to the last pair found; learning the index's cells is among them.
    """

    images: int
    seconds: float
    peak_gb: float
    planted: int
    found: int
    others: int
    search: float


def case_id(number: int) -> str:
    """Return the name of an image."""
    return f"scan_{number:07d}"


def is_copy(number: int) -> bool:
    """Tell whether an image is a planted copy."""
    return number % COPY_EVERY == COPY_EVERY - 1


def smooth(size: tuple[int, int], sigma: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return smooth noise `(H, W)` of unit spread; `sigma` is a share of the width."""
    cells = max(3, round(1.5 / sigma))
    coarse = rng.standard_normal((cells, cells)).astype(np.float32)
    noise = cv2.resize(coarse, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray(noise / max(float(noise.std()), 1e-6), dtype=np.float32)


def window(phantom: GrayImage, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a part of a phantom, `size`: turned by up to 20 degrees, at any place, bent by a tenth of the width."""
    share = rng.uniform(0.45, 0.8) * phantom.shape[1] / size[1]
    turn = np.radians(rng.uniform(-20, 20))
    across, down = share * rng.choice((-1, 1)) * rng.uniform(0.8, 1.25), share
    rows, columns = np.indices(size, dtype=np.float32) - np.array(size, dtype=np.float32)[:, None, None] / 2
    rows, columns = (rows + WIDTH * rng.uniform(0.06, 0.1) * smooth(size, 0.2, rng) for rows in (rows, columns))
    x = across * np.cos(turn) * columns - down * np.sin(turn) * rows + rng.uniform(0.3, 0.7) * phantom.shape[1]
    y = across * np.sin(turn) * columns + down * np.cos(turn) * rows + rng.uniform(0.35, 0.65) * phantom.shape[0]
    places = (x.astype(np.float32), y.astype(np.float32))
    return cv2.remap(phantom, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101).astype(np.float32)


def scene(phantoms: NDArray[np.uint8], heights: NDArray[np.int64], seed: int, number: int) -> GrayImage:
    """Return scene `number`, `(192-240, 256)`: two phantoms grown into one another, under speckle of its own."""
    rng = np.random.default_rng([seed, _SCENE, number])
    size = (int(rng.integers(192, 241)), WIDTH)
    first, second = rng.choice(len(phantoms), 2, replace=False)
    a, b = (window(phantoms[n, : heights[n]], size, rng) for n in (first, second))
    share = 1 / (1 + np.exp(-4 * smooth(size, 0.3, rng)))
    tissue = cv2.GaussianBlur(share * a + (1 - share) * b, (0, 0), 1.3)
    grain = cv2.GaussianBlur(rng.standard_normal(size, dtype=np.float32), (0, 0), rng.uniform(1.0, 1.6), sigmaY=0.8)
    # Log compression makes speckle additive: its spread does not depend on the gray value, but in the dark.
    speckle = grain / grain.std() * rng.uniform(11, 17) * np.minimum(1, tissue / 40)
    return np.clip(tissue + speckle, 0, 255).astype(np.uint8)


def planted_copy(
    phantoms: NDArray[np.uint8], heights: NDArray[np.int64], plan: Plan, number: int
) -> tuple[int, Tampered]:
    """Return copy `number` and the number of its original, which is any scene of the folder."""
    original = original_of(plan, number)
    rng = np.random.default_rng([plan.seed, _COPY, number])
    step = str(rng.choice(list(STEPS)))
    return original, tampered(scene(phantoms, heights, plan.seed, original), rng, (step,))


def original_of(plan: Plan, number: int) -> int:
    """Return the scene that a planted copy shows: one before it, so that a smaller size holds it too."""
    drawn = int(np.random.default_rng([plan.seed, _PLAN, number]).integers(number))
    return drawn - 1 if is_copy(drawn) else drawn


def prepare(plan: Plan) -> None:
    """Simulate the phantoms once, into two arrays on disk."""
    if (plan.store / "heights.npy").exists():
        return
    plan.store.mkdir(parents=True, exist_ok=True)
    heights = np.zeros(plan.phantoms, dtype=np.int64)
    shape = (plan.phantoms, PHANTOM_WIDTH, PHANTOM_WIDTH)
    stack = np.lib.format.open_memmap(plan.store / "pictures.npy", "w+", np.uint8, shape)
    with _workers() as pool:
        for n, image in enumerate(pool.map(partial(phantom, plan.seed), range(plan.phantoms), chunksize=16)):
            heights[n] = image.shape[0]
            stack[n, : image.shape[0]] = image
    stack.flush()
    np.save(plan.store / "heights.npy", heights)  # last: it says that the other one is whole


def _workers() -> ProcessPoolExecutor:
    # Started afresh: a fork of a process with threads, such as OpenCV's, may hang.
    return ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"))


def phantom(seed: int, number: int) -> GrayImage:
    """Return the phantom of a number, at most as high as wide."""
    rng = np.random.default_rng([seed, _PHANTOM, number])
    return scan_phantom(CLASSES[number % 3], rng, PHANTOM_WIDTH).image[:PHANTOM_WIDTH]


def write_chunk(plan: Plan, start: int) -> list[Mapping[str, object]]:
    """Write up to `CHUNK` images from `start` on, those that are there already left as they are; return the copies."""
    cv2.setNumThreads(1)
    phantoms = np.load(plan.store / "pictures.npy", mmap_mode="r")
    heights = np.load(plan.store / "heights.npy")
    return [
        row
        for number in range(start, min(start + CHUNK, plan.count))
        if (row := write_image(plan, phantoms, heights, number))
    ]


def write_image(
    plan: Plan, phantoms: NDArray[np.uint8], heights: NDArray[np.int64], number: int
) -> Mapping[str, object] | None:
    """Write one image where it is not there, and return what is planted where it is a copy."""
    path = plan.image(number)
    if not is_copy(number):
        if not path.exists():
            save(path, scene(phantoms, heights, plan.seed, number))
        return None
    original, copy = planted_copy(phantoms, heights, plan, number)
    if not path.exists():
        save(path, copy.image)
    values = (case_id(number), case_id(original), copy.steps[0], round(copy.overlap, 4))
    return dict(zip(PLANTED, values, strict=True))


def save(path: Path, image: GrayImage) -> None:
    """Write a PNG that appears whole; unlike data that matters, it is not forced to disk, which takes long."""
    temporary = path.with_suffix(".part")
    temporary.write_bytes(cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes())
    temporary.replace(path)


def write_images(plan: Plan) -> None:
    """Write all images and `planted.csv`."""
    prepare(plan)
    plan.image(0).parent.mkdir(parents=True, exist_ok=True)
    copies: list[Mapping[str, object]] = []
    started = time.perf_counter()
    with _workers() as pool:
        for n, rows in enumerate(pool.map(partial(write_chunk, plan), range(0, plan.count, CHUNK)), start=1):
            copies.extend(rows)
            done = min(n * CHUNK, plan.count)
            print(f"\r{done} of {plan.count} images, {time.perf_counter() - started:.0f} s", end="", file=sys.stderr)
    print(file=sys.stderr)
    write_csv(plan.folder / "planted.csv", PLANTED, copies)


def curated(plan: Plan) -> tuple[float, float]:
    """Run `echoduet curate` from cold and return its seconds and peak memory in GB."""
    out = plan.folder / f"curated-{time.time_ns()}"
    words = ["curate", plan.folder / "images", "--out", out, "--policy", "audit", "--quiet"]
    program = "import resource, sys; from echoduet.cli.main import main; code = main(sys.argv[1:]);" + _PEAK
    started = time.perf_counter()
    command = [sys.executable, "-c", program, *map(str, words)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"curate ended with {done.returncode}")
    (plan.folder / "curated").unlink(missing_ok=True)
    (plan.folder / "curated").symlink_to(out.name)
    return seconds, float(done.stdout.split()[-1]) / 1e6


def search_seconds(out: Path) -> float:
    """Return how long the search took, by when the last image and the last block of pairs were saved."""
    read, found = (
        max(file.stat().st_mtime for file in (out / "index").glob(pattern)) for pattern in ("shards/*", "found-*/*")
    )
    return found - read


_PEAK = "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss); sys.exit(code)"


def found_pairs(path: Path) -> Iterator[tuple[frozenset[str], bool]]:
    """Yield the pairs of a `pairs.csv`, and whether they are more than the same scene."""
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            yield frozenset((row["case_a"], row["case_b"])), row["relation"] != "same-scene"


def planted_pairs(path: Path) -> tuple[set[frozenset[str]], set[frozenset[str]]]:
    """Return all planted pairs, and those of which at least 70 % is seen; copies of one scene are pairs too."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    of: dict[str, list[str]] = {}
    for row in rows:
        of.setdefault(row["original"], [row["original"]]).append(row["copy"])
    every = {frozenset((a, b)) for family in of.values() for a in family for b in family if a != b}
    seen = {frozenset((row["copy"], row["original"])) for row in rows if float(row["overlap"]) >= MOSTLY_SEEN}
    return every, seen


def measure(plan: Plan) -> Row:
    """Make the images, curate them, and compare what is found with what was planted."""
    write_images(plan)
    seconds, peak = curated(plan)
    every, seen = planted_pairs(plan.folder / "planted.csv")
    pairs = dict(found_pairs(plan.folder / "curated" / "pairs.csv"))
    found = sum(pairs.get(pair, False) for pair in seen)
    search = round(search_seconds(plan.folder / "curated"), 1)
    return Row(plan.count, round(seconds, 1), round(peak, 2), len(seen), found, len(pairs.keys() - every), search)


def exponent(rows: Sequence[Row]) -> float | None:
    """Return e of seconds = c * images ** e, by least squares on the logarithms; None of fewer than two sizes."""
    if len(rows) < 2:
        return None
    images, seconds = np.log([(row.images, row.seconds) for row in rows]).T
    return float(np.polyfit(images, seconds, 1)[0])


def markdown(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table, with the exponent under it."""
    head = (
        "images",
        "seconds",
        "of these search",
        "ms an image",
        "peak GB",
        "planted copies",
        "found",
        "recall",
        "pairs not planted",
    )
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for row in rows:
        each, recall = f"{1000 * row.seconds / row.images:.1f}", row.found / max(row.planted, 1)
        planted = (cell(row.planted), cell(row.found), cell(recall), cell(row.others))
        values = (cell(row.images), str(row.seconds), str(row.search), each, str(row.peak_gb), *planted)
        lines.append(f"| {' | '.join(values)} |")
    growth = exponent(rows)
    return "\n".join([*lines, *([f"\nGrowth exponent: {growth:.2f}."] if growth is not None else [])])


def kept(path: Path | None) -> list[Row]:
    """Return the rows measured before."""
    if path is None or not path.exists():
        return []
    return [Row(**row) for row in json.loads(path.read_text(encoding="utf-8"))]


def sizes_measured(folder: Path, sizes: Iterable[int], seed: int, out: Path | None) -> list[Row]:
    """Measure the sizes that `out` does not hold yet, the smallest first; each row is kept as soon as it is there."""
    rows = kept(out)
    for count in sorted(set(sizes) - {row.images for row in rows}):
        rows = sorted([*rows, measure(Plan(folder / str(count), count, seed))], key=lambda row: row.images)
        if out:
            write_json(out, [asdict(row) for row in rows])
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure how curation grows with the number of images.")
    parser.add_argument("--folder", type=Path, required=True, help="where the images are made (50 KB each) and kept")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000], help="numbers of images")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON file for the rows")
    parser.add_argument("--only-make", action="store_true", help="make the images, curate nothing")
    args = parser.parse_args()
    if args.only_make:
        for count in args.sizes:
            write_images(Plan(args.folder / str(count), count, args.seed))
        return
    print(markdown(sizes_measured(args.folder, args.sizes, args.seed, args.out)))


if __name__ == "__main__":
    main()
