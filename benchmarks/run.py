"""Speed and memory, as ratios measured side by side in one run. `make bench` runs this and prints a Markdown table.

    python benchmarks/run.py                         # all of it
    python benchmarks/run.py --only data inference   # some groups

What needs real images is measured on the folder that ECHODUET_BUSI names, else on phantoms, and says so.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import torch

import curation_rivals
import curation_scale
import curation_tampers
import time_to_scores
import utilisation
from echoduet.config.load import load_config
from echoduet.config.presets import shipped
from echoduet.config.schema import ExperimentConfig
from echoduet.curation.matching.settings import MatchSettings
from echoduet.data.cache import CachedSet, load_cached
from echoduet.data.images import read_gray
from echoduet.data.manifest import Manifest, build_manifest, write_manifest
from echoduet.data.masks import read_mask
from echoduet.data.synthetic import PhantomSpec, write_phantoms
from echoduet.data.verification import verify
from echoduet.errors import EchoDuetError
from echoduet.inference.threads import usable_cores
from echoduet.losses.multitask import MultiTaskLoss
from echoduet.models.registry import build_network
from echoduet.runs import processor
from echoduet.training.loop import Trainer
from echoduet.transforms.augment import apply, draw
from echoduet.transforms.preprocess import Preprocess
from inference_rows import REQUESTS, inference_rows
from rows import HEAD, Row, command, papers_manifest, rate
from serving import enough


def loading(config: ExperimentConfig, data: CachedSet, seed: int = 1) -> Callable[[], int]:
    """Return a step that takes a batch from the cache and augments it."""
    generator = torch.Generator().manual_seed(seed)
    batch = config.optim.batch_size

    def step() -> int:
        rows = torch.randint(0, len(data), (batch,), generator=generator)
        apply(draw(config.augment, batch, generator), data.images[rows], data.masks[rows])
        return batch

    return step


def training(config: ExperimentConfig, data: CachedSet) -> Callable[[], int]:
    """Return a step of the real training loop: cache, augmentation, network, optimiser."""
    trainer = Trainer(config, data, data)

    def endless() -> Iterator[object]:
        while True:
            yield from trainer.run_epoch()

    steps = endless()

    def step() -> int:
        next(steps)
        return config.optim.batch_size

    return step


def plain_training(config: ExperimentConfig, manifest: Manifest) -> Callable[[], int]:
    """Return a step of the plain way: decode two files, resize, float32, default memory layout, forward, backward."""
    prepare = Preprocess(config.preprocess)
    network, loss = build_network(config.model), MultiTaskLoss(config.loss)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    generator = torch.Generator().manual_seed(1)

    def step() -> int:
        chosen = [manifest.cases[i] for i in torch.randint(0, len(manifest), (2,), generator=generator).tolist()]
        images = [read_gray(case.image) for case in chosen]
        masks = [read_mask(case.masks, (i.shape[0], i.shape[1])) for case, i in zip(chosen, images, strict=True)]
        x = torch.stack([torch.from_numpy(prepare.image(image)) for image in images])[:, None]
        y = torch.stack([torch.from_numpy(prepare.mask(mask)) for mask in masks])[:, None].to(torch.uint8)
        pixels, lesion = apply(draw(config.augment, 2, generator), x, y)
        parts = loss(network(pixels), lesion, torch.tensor([case.label.position for case in chosen]))
        optimizer.zero_grad()
        parts.total.backward()
        optimizer.step()
        return 2

    return step


def training_rows(manifest: Manifest) -> Iterator[Row]:
    """Measure loading and training."""
    paper = load_config("multi_task_config")
    data = load_cached(manifest.cases, Preprocess(paper.preprocess))
    batched = paper.model_copy(update={"optim": paper.optim.model_copy(update={"batch_size": 16})})
    load, ours = rate(loading(batched, data)), rate(training(paper, data))
    yield Row("cached loading + augmentation, 128 px, batch 16", f"{load:.0f} images/s", ">= 2000", load >= 2000)
    share = ours / rate(loading(paper, data))
    yield Row("its share of the paper's training step, batch 2", f"{share:.1%}", "< 5 %", share < 0.05)
    plain = rate(plain_training(paper, manifest))
    ratio = ours / plain
    name = "paper's UNet++ training step, batch 2, against plain float32 uncached"
    yield Row(name, f"{ratio:.2f}x ({ours:.1f} against {plain:.1f} images/s)", ">= 2x", ratio >= 2)
    large = rate(training(batched, data)) / plain
    yield Row("the same with batch 16 on our side", f"{large:.2f}x", ">= 2x", large >= 2)
    yield from recipe_rows(manifest, ours)


def recipe_rows(manifest: Manifest, paper: float) -> Iterator[Row]:
    """Measure the training step of every shipped recipe beside the paper's, which takes `paper` images a second."""
    peak: float | None = None
    for name in shipped():
        config = load_config(name)
        data = load_cached(manifest.cases, Preprocess(config.preprocess))
        trainer = Trainer(config, data, data)
        device = trainer.stepper.device
        if peak is None:
            peak = utilisation.matrix_peak(device)
            yield Row(f"product of two bfloat16 matrices ({device.type})", f"{peak:.2f} TFLOP/s")
        step = utilisation.measure(trainer)
        size, batch = config.preprocess.size, config.optim.batch_size
        times, share = step.images_per_second / paper, step.tflops / peak
        value = f"{step.images_per_second:.1f} images/s, {times:.1f}x the paper's network, {share:.1%} of that product"
        yield Row(f"`{name}` training step, {size} px, batch {batch}", value)
        yield Row("loading's share of it", f"{step.data_share:.1%}", "< 5 %", step.data_share < 0.05)


def data_rows(root: Path) -> Iterator[Row]:
    """Measure manifest and verification."""
    started = time.perf_counter()
    report = verify(root)
    seconds = time.perf_counter() - started
    n = len(report.usable)
    yield Row(f"manifest + verification of {n} images", f"{seconds:.1f} s", "< 10 s", seconds < 10)


def command_rows(manifest: Manifest, folder: Path) -> Iterator[Row]:
    """Measure whole commands in processes of their own: seconds and peak memory."""
    table = folder / "manifest.csv"
    write_manifest(manifest, table)
    help_seconds = min(command("--help")[0] for _ in range(5))
    yield Row("`echoduet --help`", f"{help_seconds:.2f} s", "< 0.4 s", help_seconds < 0.4)
    seconds, peak = command("curate", table, "--policy", "audit", "--out", folder / "curated")
    name = f"`echoduet curate` on {len(manifest)} images from cold, report included"
    yield Row(name, f"{seconds:.0f} s ({peak:.2f} GB)", "< 30 s", seconds < 30)
    keys = ("--set", "optim.epochs=2", "--set", "split.protocol=clean", "--set", "split.folds=2")
    run = ("train", "--config", "fast", "--data", table, "--fold", 0, "--out", folder / "run", *keys)
    seconds, peak = command(*run)
    yield Row(f"training `fast` on {len(manifest)} images, peak memory", f"{peak:.2f} GB", "< 3 GB", peak < 3)
    chosen = manifest.with_cases(manifest.cases[:450])
    write_manifest(chosen, table)
    model = folder / "run" / "model.safetensors"
    seconds, peak = command("evaluate", "--model", model, "--data", table, "--out", folder / "evaluation")
    name = f"evaluating {len(chosen)} cases, every metric"
    yield Row(name, f"{seconds:.0f} s ({peak:.2f} GB)", "< 60 s", seconds < 60)


def curation_rows(folder: Path) -> Iterator[Row]:
    """Measure curation on tampered phantoms, with other duplicate finders beside it, and its growth."""
    rows = list(curation_tampers.measure(curation_tampers.phantoms(24, 1), 1, sure=True, settings=MatchSettings()))
    goals = (0.99, 0.99, 0.95, 0.99)
    for (name, value), goal in zip(curation_tampers.pooled(rows).items(), goals, strict=True):
        share = value if value is not None else 0.0
        yield Row(f"curation: {name}", f"{share:.3f}", f">= {goal}", share >= goal)
    tables = curation_rivals.write_tampers(folder / "rivals", 8, 1)
    python = curation_rivals.environment()
    for rival in curation_rivals.strongest(curation_rivals.measure(tables, None, python, curation_rivals.QUICK)):
        scores = f"recall {rival.recall:.3f}, precision {rival.precision:.3f}, {rival.images_per_second:.0f} images/s"
        yield Row(f"tampered phantoms: {rival.method}", scores)
    if python is None:
        yield Row("other duplicate finders", "could not be installed")
    yield from growth_rows(folder / "scale")


def growth_rows(folder: Path) -> Iterator[Row]:
    """Measure `echoduet curate` on two sizes."""
    measured = [curation_scale.measure(curation_scale.Plan(folder / str(n), n, phantoms=60)) for n in (250, 1000)]
    for row in measured:
        name = f"curating {row.images} images of 256 px, {row.found} of {row.planted} planted copies found"
        yield Row(name, f"{row.seconds:.0f} s ({row.peak_gb:.2f} GB)")
    growth = curation_scale.exponent(measured) or 0.0
    yield Row("its growth exponent (all sizes: docs/curation-scale.md)", f"{growth:.2f}", "<= 1.15", growth <= 1.15)


def paper_rows(root: Path, folder: Path) -> Iterator[Row]:
    """Measure how long one fold takes to the paper's scores, where its list of images lies beside `root`."""
    papers = papers_manifest(root, folder)
    if papers is None:
        return
    config, keys = time_to_scores.RECIPE
    minutes, scores = time_to_scores.measure(papers, config, 0, folder / "papers-run", keys)
    told = f"{minutes:.1f} minutes (all-image Dice {scores['dsc_all']:.3f}, accuracy {scores['accuracy']:.3f})"
    goal = f"<= {time_to_scores.GOAL_MINUTES:g} minutes"
    yield Row(
        f"to the paper's scores on one fold, `{config}`, 30 epochs", told, goal, time_to_scores.met(minutes, scores)
    )


@contextmanager
def images() -> Iterator[tuple[Path, str]]:
    """Yield a BUSI folder and what it holds: the real one, or phantoms."""
    if real := os.environ.get("ECHODUET_BUSI"):
        yield Path(real), "BUSI"
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "phantoms"
        write_phantoms(root, PhantomSpec(benign=60, malignant=40, normal=20, seed=1))
        yield root, "phantoms"


@dataclass(frozen=True)
class Subject:
    """What is measured on, and how much.

    Attributes:
        root: the data set.
        real: whether its images are real, not phantoms.
        manifest: its cases.
        folder: to write in.
        requests: to each server.
    """

    root: Path
    real: bool
    manifest: Manifest
    folder: Path
    requests: int


GROUPS: dict[str, Callable[[Subject], Iterator[Row]]] = {
    "data": lambda on: data_rows(on.root),
    "commands": lambda on: command_rows(on.manifest, on.folder),
    "curation": lambda on: curation_rows(on.folder),
    "training": lambda on: training_rows(on.manifest),
    "paper": lambda on: paper_rows(on.root, on.folder),
    "inference": lambda on: inference_rows(on.root, on.manifest, on.folder, on.requests, on.real),
}


def main(words: Sequence[str] | None = None) -> None:
    """Measure everything, or the groups asked for, and print each row of the table once it is known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS), help="these groups of rows alone")
    parser.add_argument("--requests", type=enough, default=REQUESTS, help="to each server; %(default)s when left out")
    given = parser.parse_args(words)
    with images() as (root, what), tempfile.TemporaryDirectory() as folder:
        os.environ["ECHODUET_CACHE"] = str(Path(folder) / "cache")
        manifest = build_manifest(root)
        print(f"{processor()}, cores: {usable_cores()}, torch {torch.__version__}, images: {what} ({len(manifest)})\n")
        print(HEAD, flush=True)
        subject = Subject(root, what == "BUSI", manifest, Path(folder), given.requests)
        for row in chain.from_iterable(rows(subject) for name, rows in GROUPS.items() if name in given.only):
            print(row.line(), flush=True)


if __name__ == "__main__":
    try:
        main()
    except EchoDuetError as error:
        sys.exit(f"error: {error}")
