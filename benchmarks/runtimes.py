"""What each runtime makes of a bundle: latency from file to analysis, images a second in batches, cold start.

python benchmarks/runtimes.py curated/manifest.csv --model small --model base

Every bundle is exported first, and in eight bits too where the data have enough cases to calibrate on. Each runtime
then has processes of its own, so that none spins while another works; they take turns, `--rounds` times. Latency is the
median of a batch of one: the file is decoded, checked, answered with both views, refined and measured. Images a second
are those of a stream that shows every file three times, in batches of 16, decoded in two threads beside. Cold start is
`echoduet predict` on one file, from the start of the process to its end, the least of `--rounds` runs.

With `--size 256` every bundle is given images of so many pixels a side, for which it was not trained: only its speed
says something then.

With `--one-thread` latency is processor time in one thread, which other work on the machine hardly changes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from echoduet.data.manifest import Manifest, open_data
from echoduet.data.scans import read_scans
from echoduet.errors import DataError
from echoduet.inference.predictor import Predictor
from echoduet.inference.runtimes import RuntimeName
from echoduet.inference.stream import run_ahead
from echoduet.records import Scan
from echoduet.runs import processor

if TYPE_CHECKING:
    from echoduet.export.loss import Loss

Clock = Callable[[], float]

IMAGES = 48
ROUNDS = 3
WARM_UP = 4

TIMES = 3
"""How often a stream shows every file: at its beginning and at its end one core has nothing to do."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to serve a bundle.

    Attributes:
        name: of the way.
        model: what is opened: the bundle or a graph.
        runtime: what opens it.
        int8: whether it counts in eight bits.
        loss: what those lose, measured on the cases that were not calibrated on.
    """

    name: str
    model: Path
    runtime: RuntimeName
    int8: bool = False
    loss: Loss | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """What one way reached.

    Attributes:
        bundle: name of the bundle.
        way: name of the runtime.
        latency_ms: median of a batch of one, milliseconds.
        images_per_second: in batches of 16.
        cold_s: `echoduet predict` on one file, seconds.
    """

    bundle: str
    way: str
    latency_ms: float
    images_per_second: float
    cold_s: float


def ways(model: str, manifest: Manifest, folder: Path, size: int | None = None) -> list[Way]:
    """Export a bundle for every runtime into `folder`, and return the ways to serve it, PyTorch first.

    Args:
        model: a shipped bundle.
        manifest: what eight bits are calibrated and measured on.
        folder: to write in.
        size: of the network's input; None is the bundle's own.
    """
    # Not above: that imports torch, and the processes that serve a graph are to do without.
    from echoduet.export.make import export, export_int8, find_bundle

    bundle = find_bundle(model) if size is None else of_size(find_bundle(model), size, folder / f"{model}.safetensors")
    found = [Way("torch", bundle, "torch")]
    found += [
        Way("onnx", export(bundle, "onnx", folder / f"{model}.onnx"), "onnx"),
        Way("openvino", export(bundle, "openvino", folder / f"{model}.xml"), "openvino"),
    ]
    try:
        eight, loss = export_int8(bundle, "onnx", manifest, folder / f"{model}-int8.onnx")
        found.append(Way("onnx int8", eight, "onnx", True, loss))
        eight, loss = export_int8(bundle, "openvino", manifest, folder / f"{model}-int8.xml")
        found.append(Way("openvino int8", eight, "openvino", True, loss))
    except DataError:  # too few cases to calibrate on
        pass
    return found


def of_size(bundle: Path, size: int, path: Path) -> Path:
    """Write a bundle whose network is given images of another size than it was trained with; return `path`."""
    from echoduet.models.bundle import load_bundle, save_bundle

    network, info = load_bundle(bundle)
    settings = info.config.model_dump()
    settings["preprocess"]["size"] = size
    save_bundle(path, network, replace(info, config=type(info.config).model_validate(settings)))
    return path


def measure(
    models: Sequence[str],
    manifest: Manifest,
    folder: Path,
    images: int = IMAGES,
    rounds: int = ROUNDS,
    one_thread: bool = False,
    size: int | None = None,
) -> Iterator[Measured]:
    """Yield what every way of every bundle reaches on some of the manifest's images."""
    chosen = some(manifest, images)
    files = [case.image for case in chosen]
    for model in models:
        yield from measure_ways(model, ways(model, chosen, folder, size), files, folder, rounds, one_thread)


def some(manifest: Manifest, number: int) -> Manifest:
    """Return so many cases of a manifest, from its whole length: data sets are often sorted by class."""
    number = min(number, len(manifest))
    return manifest.with_cases([manifest.cases[i * len(manifest) // number] for i in range(number)])


def measure_ways(
    model: str,
    served: Sequence[Way],
    files: Sequence[Path],
    folder: Path,
    rounds: int = ROUNDS,
    one_thread: bool = False,
) -> Iterator[Measured]:
    """Yield what each way of one bundle reaches; the ways take turns."""
    found: dict[str, list[tuple[float, float]]] = {way.name: [] for way in served}
    for _ in range(rounds):
        for way in served:
            found[way.name].append(in_own_process(way, files, one_thread))
    for way in served:
        latencies, rates = zip(*found[way.name], strict=True)
        cold = min(cold_start(way, files[0], folder) for _ in range(rounds))
        yield Measured(model, way.name, statistics.median(latencies), statistics.median(rates), cold)


def in_own_process(way: Way, files: Sequence[Path], one_thread: bool = False) -> tuple[float, float]:
    """Return latency, milliseconds, and images a second of one way, measured in a process of its own."""
    plain = {"model": str(way.model), "runtime": way.runtime, "files": [str(file) for file in files]}
    asked = json.dumps(plain | {"one_thread": one_thread})
    words = [sys.executable, __file__, "--child"]
    done = subprocess.run(words, input=asked, capture_output=True, text=True, check=True, env=_environment(one_thread))
    latency, rate = json.loads(done.stdout)
    return latency, rate


def _environment(one_thread: bool) -> dict[str, str]:
    # What the command line sets before torch is imported (echoduet.cli.main).
    return {"GOMP_SPINCOUNT": "1000", **os.environ, **({"OMP_NUM_THREADS": "1"} if one_thread else {})}


def _child() -> None:
    asked = json.load(sys.stdin)
    files = [Path(file) for file in asked["files"]]
    predictor = Predictor.load(asked["model"], "cpu", runtime=asked["runtime"])
    clock = time.process_time if asked["one_thread"] else time.perf_counter
    print(json.dumps([latency(predictor, files, clock), rate(predictor, files)]))


def latency(predictor: Predictor, files: Sequence[Path], clock: Clock = time.perf_counter) -> float:
    """Return the median milliseconds from a file to its analysis, in batches of one."""
    times = [_seconds(predictor, file, clock) for file in [*files[:WARM_UP], *files]]
    return 1000 * statistics.median(times[WARM_UP:])


def _seconds(predictor: Predictor, file: Path, clock: Clock) -> float:
    started = clock()
    for _ in predictor.analyse(read_scans(file), refuse=False):
        pass
    return clock() - started


def rate(predictor: Predictor, files: Sequence[Path]) -> float:
    """Return the images a second from files to analyses, each three times, in batches, files decoded in threads."""
    for _ in predictor.analyse(_scans(files[: predictor.batch_size]), refuse=False):
        pass
    started = time.perf_counter()
    count = sum(1 for _ in predictor.analyse(_scans([*files] * TIMES), refuse=False))
    return count / (time.perf_counter() - started)


def _scans(files: Iterable[Path]) -> Iterator[Scan]:
    return (scan for scans in run_ahead(lambda file: list(read_scans(file)), files) for scan in scans)


def cold_start(way: Way, file: Path, folder: Path) -> float:
    """Return the seconds of `echoduet predict` on one file, from the start of the process to its end."""
    out = folder / "cold"
    words = ["predict", file, "--model", way.model, "--runtime", way.runtime, "--no-refuse", "--out", out, "--quiet"]
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "echoduet.cli.main", *map(str, words)], check=True, capture_output=True)
    return time.perf_counter() - started


def lines(rows: Iterable[Measured]) -> Iterator[str]:
    """Yield a Markdown table, the times of PyTorch's latency that each way needs beside it."""
    yield "| bundle | runtime | latency, ms | times as fast as torch | images/s | `echoduet predict`, one file, s |"
    yield "|---|---|---|---|---|---|"
    eager: dict[str, float] = {}
    for row in rows:
        first = eager.setdefault(row.bundle, row.latency_ms)
        yield (
            f"| `{row.bundle}` | {row.way} | {row.latency_ms:.1f} | {first / row.latency_ms:.2f} | "
            f"{row.images_per_second:.1f} | {row.cold_s:.2f} |"
        )


def side(text: str) -> int:
    """Return the side of a network's input that is asked for.

    Raises:
        argparse.ArgumentTypeError: no network can have it.
    """
    if not text.isdecimal() or int(text) < 32 or int(text) % 32:
        raise argparse.ArgumentTypeError(f"{text}: is no side of an input. Give a multiple of 32.")
    return int(text)


def main() -> None:
    """Measure the bundles named, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", action="append", help="a shipped bundle; small and base when left out")
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--one-thread", action="store_true")
    parser.add_argument("--size", type=side, help="side of the networks' input, pixels; the bundles' own when left out")
    given = parser.parse_args()
    print(f"{processor()}, {os.cpu_count()} cores\n")
    with tempfile.TemporaryDirectory() as folder:
        models, manifest = given.model or ["small", "base"], open_data(given.data)
        found = measure(models, manifest, Path(folder), given.images, given.rounds, given.one_thread, given.size)
        for line in lines(found):
            print(line, flush=True)


if __name__ == "__main__":
    _child() if sys.argv[1:] == ["--child"] else main()
