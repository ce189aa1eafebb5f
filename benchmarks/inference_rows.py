"""The rows of `make bench` on inference: each goal of speed, service, agreement, eight bits, refusal and calibration.

The goals of speed are for two cores. What needs images is measured on those of the paper's list where it is at hand,
else on as many of what there is.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import refusal_tables
import runtimes
import serving
from echoduet.data.images import read_gray
from echoduet.data.manifest import Manifest, read_manifest
from echoduet.evaluation.cases import read_cases
from echoduet.experiments.release.calibration import malignant_calibration
from echoduet.export.loss import GOAL as POINTS
from echoduet.export.parity import ALIKE, Parity, Tally
from echoduet.inference.predictor import Predictor
from echoduet.models.refinement import refine
from echoduet.models.shipped import NAMES
from echoduet.records import GrayImage
from rows import Row, papers_manifest, rate
from runtimes import Measured, Way

RESULTS = Path(__file__).resolve().parents[1] / "results"
IMAGES = 450
REQUESTS = 2000
SIDE = 256
"""The goals of speed are for networks that see images of this side; those that ship see smaller ones."""


@dataclass(frozen=True)
class Goals:
    """What we want of a shipped bundle on two cores.

    Attributes:
        latency_ms: at most, from file to analysis, by the fastest runtime.
        times_torch: at least as many times as fast as PyTorch in float32.
        images_per_second: at least, in batches.
        cold_s: `echoduet predict` on one file takes less, by any runtime.
        p99_over_median: of the server's times to answer, less.
        growth: of the server's memory, at most.
    """

    latency_ms: float = 25
    times_torch: float = 3
    images_per_second: float = 60
    cold_s: float = 2.5
    p99_over_median: float = 4
    growth: float = 0.02


GOALS = Goals()
CALIBRATED, REFUSED, BUSI_REFUSED = 0.05, 0.95, 0.02


def inference_rows(
    root: Path, manifest: Manifest, folder: Path, requests: int = REQUESTS, real: bool = True
) -> Iterator[Row]:
    """Yield every row, what takes no time first; graphs are left in `folder`.

    Args:
        root: the data set.
        manifest: its cases.
        folder: to write in.
        requests: to each server.
        real: whether the images are; how many points eight bits may cost is said of real ones alone.
    """
    yield from refusal_rows(RESULTS / "refusal" / "rows.csv")
    yield from calibration_rows({f"echoduet-{name}": RESULTS / f"echoduet-{name}" / "oof.csv" for name in NAMES})
    yield from prediction_rows(manifest)
    papers = papers_manifest(root, folder)
    listed = read_manifest(papers) if papers else runtimes.some(manifest, IMAGES)
    for name in NAMES:
        yield from bundle_rows(name, listed, folder, requests, real)


def bundle_rows(name: str, listed: Manifest, folder: Path, requests: int, real: bool) -> Iterator[Row]:
    """Export a shipped bundle for every runtime, and yield what is measured of them."""
    served = runtimes.ways(name, listed, folder)
    yield from loss_rows(name, served, real)
    yield from runtime_rows(name, served, listed, folder)
    larger = folder / f"{name}-{SIDE}"
    larger.mkdir()
    resized = runtimes.ways(name, runtimes.some(listed, runtimes.IMAGES), larger, SIDE)
    yield from runtime_rows(f"{name} at {SIDE}x{SIDE}", resized, listed, larger)
    yield from parity_rows(name, served, listed)
    yield from server_rows(name, next(way for way in served if way.name == "onnx"), requests)


def prediction_rows(manifest: Manifest) -> Iterator[Row]:
    """Measure the shipped bundles from decoded image to refined mask and class."""
    scans = [(case.case_id, read_gray(case.image)) for case in manifest.cases[:64]]
    for name in NAMES:
        predictor = Predictor.load(name)
        members = predictor.info.config.model.members
        networks = f"{members} network{'s' if members > 1 else ''}"
        speed = rate(predicting(predictor, scans))
        yield Row(f"predicting with `echoduet-{name}` ({networks}), image to mask", f"{speed:.1f} images/s")


def predicting(predictor: Predictor, scans: list[tuple[str, GrayImage]]) -> Callable[[], int]:
    """Return a step that answers about all of `scans`, masks at their own sizes and refined."""
    return lambda: sum(1 for image in predictor.predict(scans) if refine(image, predictor.rule))


def runtime_rows(name: str, served: Sequence[Way], listed: Manifest, folder: Path) -> Iterator[Row]:
    """Measure a bundle by every runtime, from file to analysis, and hold the best against the goals."""
    files, found = [case.image for case in runtimes.some(listed, runtimes.IMAGES)], []
    for measured in runtimes.measure_ways(name, served, files, folder):
        found.append(measured)
        what = f"`echoduet-{name}` by {measured.way}"
        times = found[0].latency_ms / measured.latency_ms
        told = f"{measured.latency_ms:.1f} ms ({times:.2f}x torch), {measured.images_per_second:.1f} images/s"
        yield Row(f"{what}, file to analysis", told)
        yield Row(f"{what}, `echoduet predict` on one file", f"{measured.cold_s:.2f} s")
    yield from best_rows(name, found)


def best_rows(name: str, found: Sequence[Measured]) -> Iterator[Row]:
    """Hold what the runtimes reached, PyTorch first, against the goals."""
    fastest = min(found, key=lambda one: one.latency_ms)
    most = max(found, key=lambda one: one.images_per_second)
    coldest = max(found, key=lambda one: one.cold_s)
    latency, times = fastest.latency_ms, found[0].latency_ms / fastest.latency_ms
    what, goal = f"`echoduet-{name}`, best runtime", GOALS
    yield Row(
        f"{what} ({fastest.way}), median from file to analysis",
        f"{latency:.1f} ms",
        f"<= {goal.latency_ms:g} ms",
        latency <= goal.latency_ms,
    )
    yield Row(
        f"{what} ({fastest.way}), against PyTorch in float32",
        f"{times:.2f}x",
        f">= {goal.times_torch:g}x",
        times >= goal.times_torch,
    )
    yield Row(
        f"{what} ({most.way}), in batches",
        f"{most.images_per_second:.1f} images/s",
        f">= {goal.images_per_second:g} images/s",
        most.images_per_second >= goal.images_per_second,
    )
    yield Row(
        f"`echoduet-{name}`, slowest runtime ({coldest.way}), `echoduet predict` on one file",
        f"{coldest.cold_s:.2f} s",
        f"< {goal.cold_s:g} s",
        coldest.cold_s < goal.cold_s,
    )


def loss_rows(name: str, served: Iterable[Way], real: bool) -> Iterator[Row]:
    """Tell what each graph in eight bits loses against PyTorch in float32; the goal is about `real` images."""
    for way in served:
        if way.loss is not None:
            what = f"`echoduet-{name}` by {way.name}, on {way.loss.parity.images} images not calibrated on"
            yield Row(what, way.loss.told(), f"<= {POINTS:g} points each" if real else "", way.loss.within_goal)


def parity_rows(name: str, served: Iterable[Way], listed: Manifest) -> Iterator[Row]:
    """Compare the refined answers of each float32 graph with PyTorch's."""
    float32 = [way for way in served if not way.int8]
    predictors = {way.name: Predictor.load(way.model, "cpu", runtime=way.runtime) for way in float32}
    images = ((case.case_id, read_gray(case.image)) for case in listed)
    for way, parity in agreement(predictors.pop("torch"), predictors, images).items():
        met = (parity.dice_least or 0) >= ALIKE and not parity.changed
        yield Row(f"`echoduet-{name}` by {way} against PyTorch", parity.told(), f"Dice >= {ALIKE}, no other class", met)


def agreement(
    reference: Predictor, candidates: Mapping[str, Predictor], images: Iterable[tuple[str, GrayImage]]
) -> dict[str, Parity]:
    """Return how far each predictor's refined answers lie from the reference's, which answers each image once."""
    tallies = {name: Tally() for name in candidates}
    everyone = (reference, *candidates.values())
    streams = itertools.tee(images, len(everyone))
    answers = (one.predict(stream) for one, stream in zip(everyone, streams, strict=True))
    for expected, *others in zip(*answers, strict=True):
        right = refine(expected, reference.rule)
        for tally, got, candidate in zip(tallies.values(), others, candidates.values(), strict=True):
            tally.add(right, refine(got, candidate.rule))
    return {name: tally.result() for name, tally in tallies.items()}


def server_rows(name: str, way: Way, requests: int) -> Iterator[Row]:
    """Measure a server of its own, asked by this process."""
    with serving.served(str(way.model), way.runtime) as (told, _):
        found = asyncio.run(serving.measure(told["address"], requests))
    what = f"server with `echoduet-{name}` by {way.name}, {requests} requests"
    yield Row(f"{what}: answers at most", f"{found.capacity:.1f} a second")
    yield Row(
        f"{what}: 99th percentile at {serving.LOAD:.0%} of that",
        f"{found.p99_ms:.0f} ms, {found.p99_over_median:.2f} times the median of {found.median_ms:.0f} ms; "
        f"{found.refused} refused",
        f"< {GOALS.p99_over_median:g} times, none refused",
        found.p99_over_median < GOALS.p99_over_median and not found.refused,
    )
    early, late = found.settled
    yield Row(
        f"{what}: memory after {early} and after {late}",
        f"{found.resident[early]:.1f} and {found.resident[late]:.1f} MB ({found.growth:+.1%})",
        f"<= {GOALS.growth:+.0%}",
        found.growth <= GOALS.growth,
    )


def refusal_rows(path: Path) -> Iterator[Row]:
    """Count anew the committed rows of what is refused; the pictures themselves are scored by another script."""
    for name, counted in refusal_tables.shares(refusal_tables.read_rows(path)).items():
        share = counted.refused / counted.pictures
        goal, met = (f"<= {BUSI_REFUSED:.0%}", share <= BUSI_REFUSED)
        if not counted.busi:
            goal, met = f">= {REFUSED:.0%}", share >= REFUSED
        what = f"{name} (committed rows; `benchmarks/refusal.py report` scores anew)"
        yield Row(what, f"{share:.1%} refused, {counted.refused} of {counted.pictures}", goal, met)


def calibration_rows(scored: Mapping[str, Path]) -> Iterator[Row]:
    """Compute the calibration error of each bundle's malignant probability from the committed rows of its release."""
    for name, path in scored.items():
        found = malignant_calibration(read_cases(path)[1])
        if found is not None:
            what = f"calibration error of `{name}`'s malignant probability, out of fold (committed rows)"
            interval = "" if found["ci95"] is None else " ({:.3f} to {:.3f})".format(*found["ci95"])
            told = f"{found['ece']:.3f}{interval}, {found['n']} images"
            yield Row(what, told, f"<= {CALIBRATED}", found["ece"] <= CALIBRATED)
