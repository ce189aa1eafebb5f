"""Run grids on one GPU with many networks in training at a time, from a packed set.

python benchmarks/fleet_pack.py paper=curated/manifest.csv clean=clean/manifest.csv --sizes 128 192 --out pack
python benchmarks/fleet.py pack ablation_ours:paper duet_clean:clean --out runs/fleet --processes 2 --lanes 12

Every `GRID:DATA` is a shipped grid, or a file, on a packed manifest; its folder below `--out` is one of `echoduet
ablate`, and so are the rows that end there. Finished cells are skipped. `GRID:DATA:test` has a grid of validation parts
scored on the test parts too, in a folder beside it: to be opened when the choice is made. After `--seconds` no cell is
begun, and what runs is ended: where the best epoch counts, that so far is scored (`curves.csv` tells how many epochs
there were); the others are left out.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from echoduet.config.load_grid import load_grid
from echoduet.config.schema import ExperimentConfig, PreprocessConfig, RuntimeConfig
from echoduet.data.cache import CachedSet
from echoduet.data.manifest import Manifest
from echoduet.errors import ConfigError, EchoDuetError
from echoduet.evaluation.cases import write_cases
from echoduet.experiments.evaluate import score_answers
from echoduet.experiments.grid.ablation import Ablation, claimed
from echoduet.experiments.grid.attempt import Attempt
from echoduet.experiments.grid.cell import epoch_images
from echoduet.experiments.grid.jobs import Job
from echoduet.experiments.grid.joint import join_members, made_of
from echoduet.experiments.grid.outcome import KEPT, write_outcome
from echoduet.experiments.grid.provenance import ended, surroundings
from echoduet.experiments.grid.reported import write_rows
from echoduet.experiments.thresholds import choose, gather, store
from echoduet.inference.answers import Answer
from echoduet.inference.predictor import Predictor
from echoduet.models.bundle import save_bundle
from echoduet.models.info import BundleInfo, read_info
from echoduet.records import CLASSES
from echoduet.runs import RunFolder
from echoduet.splits.folds import make_splits
from echoduet.splits.table import SIDES, Part
from fleet_pack import Pack
from fleet_training import Lane, require_trainable

SCORED_AT_ONCE = 3
"""Finished networks that may wait for a scorer, for each of the scorers."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A grid and the packed data it is run on."""

    ablation: Ablation
    pack: Pack
    data: str
    held_back: bool = False

    def tested(self) -> Plan:
        """Return the plan of the same networks scored on their test parts, in a folder of its own."""
        grid = self.ablation.grid.model_copy(update={"part": "test"})
        out = self.ablation.out.with_name(f"{grid.name}-test")
        return replace(self, ablation=replace(self.ablation, grid=grid, out=out), held_back=False)

    @classmethod
    def read(cls, spec: str, pack: Pack, out: Path, changes: Sequence[str] = ()) -> Plan:
        """Return the plan of `GRID:DATA` or `GRID:DATA:test`.

        Raises:
            ConfigError: it is neither, or there is no such grid.
            DataError: the pack has no such data.
        """
        match spec.split(":"):
            case [name, data] | [name, data, "test"]:
                held_back = spec.count(":") == 2
            case _:
                raise ConfigError(f"{spec}: is not GRID:DATA or GRID:DATA:test, as in ablation_ours:paper.")
        grid, manifest = load_grid(name, list(changes)), pack.manifest(data)
        split = next(iter(grid.settings.values())).config.split
        ablation = Ablation(grid, manifest, make_splits(manifest.cases, split), out / grid.name)
        return cls(ablation, pack, data, held_back)

    def part(self, job: Job, part: Part | str) -> tuple[str, ...]:
        """Return the cases of one part of the job's fold."""
        return self.ablation.splits.ids(job.fold, Part(part))


@cache
def tensors(folder: Path, data: str, wanted: PreprocessConfig) -> CachedSet:
    """Return a packed manifest's images and masks."""
    pack = Pack.open(folder)
    return pack.tensors(pack.manifest(data), wanted)


class Running:
    """A cell in training."""

    def __init__(self, plan: Plan, job: Job, graphs: bool = True) -> None:
        """Build its network."""
        self.plan, self.job, self.started = plan, job, time.perf_counter()
        config = job.experiment
        data = tensors(plan.pack.folder, plan.data, config.preprocess)
        parts = {side: plan.part(job, side) for side in SIDES}
        self.attempt = Attempt.begin(job.folder)
        self.folder = RunFolder.create(self.attempt.path, config.model_dump(mode="json"), resume=True)
        self.folder.keep_rows(0)
        self.lane = Lane(config, data.select(parts[Part.TRAIN]), data.select(parts[Part.VAL]), graphs)
        self.steps = self.lane.run(self.folder)
        self.failure: str | None = None
        self.parts = parts

    @property
    def scorable(self) -> bool:
        """Whether the epochs so far are worth an answer: those of a schedule that is cut short are not."""
        return self.lane.trainer.finished or (self.job.experiment.optim.select == "best" and bool(self.lane.best))

    def bundle(self) -> Path:
        """Write the trained network; return its file."""
        network = self.lane.network()
        if self.lane.stream is not None:
            self.lane.stream.synchronize()
        config = self.job.experiment
        provenance = {f"{side}_ids": list(ids) for side, ids in self.parts.items()} | {"fold": self.job.fold}
        thresholds = {"mask": config.inference.mask_threshold}
        info = BundleInfo(config, tuple(label.value for label in CLASSES), thresholds, provenance)
        save_bundle(self.folder.model, network, info)
        return self.folder.model

    def facts(self, lanes: int) -> dict[str, Any]:
        """Return what to keep of how it went."""
        rows = self.lane.history
        seconds = sum(row["seconds"] for row in rows)
        images = epoch_images(self.job, self.plan.ablation.manifest, self.plan.ablation.splits) * len(rows)
        return {
            "epochs": len(rows),
            "images": images,
            "training_seconds": round(seconds, 3),
            "images_per_second": round(images / max(seconds, 1e-9), 3),
            "attempt_seconds": round(time.perf_counter() - self.started, 3),
            "side_by_side": lanes,
        }


def answers_of(model: Path, plan: Plan, case_ids: Sequence[str]) -> list[Answer]:
    """Return what a bundle answers about packed cases, each as of an image of its own size."""
    predictor = Predictor.load(model)
    data = tensors(plan.pack.folder, plan.data, predictor.info.config.preprocess).select(case_ids)
    shapes = {case.case_id: (case.height, case.width) for case in plan.ablation.manifest}
    images = ((case_id, image[0].numpy()) for case_id, image in zip(data.case_ids, data.images, strict=True))
    return [replace(answer, shape=shapes[answer.case_id]) for answer in predictor.answers(images)]


@cache
def _manifest(folder: Path, data: str) -> Manifest:
    return Pack.open(folder).manifest(data)


def score(job: Job, model: Path, folder: Path, data: str, tested: list[Answer], tuned: list[Answer]) -> float:
    """Choose the rule where that is asked, score the answers and write the rows; return the seconds. For a worker."""
    started = time.perf_counter()
    torch.set_num_threads(1)
    manifest, predictor = _manifest(folder, data), Predictor.load(model, "cpu")
    if tuned and (outcomes := gather(predictor, manifest, tuned)) is not None:
        settings = job.experiment.inference
        store(model, predictor.info, choose(outcomes, settings.refining, settings.mask_threshold), outcomes)
        predictor = Predictor.load(model, "cpu")
    folds = dict.fromkeys((answer.case_id for answer in tested), job.fold)
    scored = score_answers(predictor, manifest, tested, folds, tuple(job.case_files))
    for name, scores in zip(job.case_files.values(), scored, strict=True):
        write_cases(model.parent / name, scores.raw, scores.refined)
    return time.perf_counter() - started


class Scorers:
    """Processes that score what networks answered, while others train."""

    def __init__(self, workers: int) -> None:
        """Start them."""
        self.pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
        self.limit = workers * SCORED_AT_ONCE
        self.where = surroundings(RuntimeConfig())  # once: a process trains on one device, by one revision
        self.waiting: deque[tuple[Future[float], Attempt, Job, dict[str, Any]]] = deque()

    def add(self, plan: Plan, job: Job, attempt: Attempt, model: Path, facts: dict[str, Any]) -> None:
        """Have the network of `model` answer, and its answers scored."""
        config: ExperimentConfig = job.experiment
        tuned = config.inference.tune and config.model.tasks != "classification"
        chosen_on = answers_of(model, plan, plan.part(job, Part.VAL)) if tuned else []
        tested = answers_of(model, plan, plan.part(job, job.part))
        future = self.pool.submit(score, job, model, plan.pack.folder, plan.data, tested, chosen_on)
        self.waiting.append((future, attempt, job, facts))
        self.collect(self.limit)

    def collect(self, left: int) -> None:
        """Seal cells whose rows are there; wait until at most `left` are not."""
        while self.waiting and (self.waiting[0][0].done() or len(self.waiting) > left):
            future, attempt, job, facts = self.waiting.popleft()
            seconds = future.result()
            model = attempt.path / "model.safetensors"
            if job.members:
                facts |= {"thresholds": dict(read_info(model).thresholds)}
                model.unlink()
            facts |= {"scoring_seconds": round(seconds, 2)}
            write_outcome(attempt.path, job, facts | self.where | ended())
            attempt.publish()


def train_all(
    cells: Sequence[tuple[Plan, Job]], lanes: int, scorers: Scorers, deadline: float, graphs: bool = True
) -> int:
    """Train the cells, `lanes` at a time, and have each scored when it ends; return how many failed."""
    waiting, running, failed = deque(cells), list[Running](), 0
    while waiting or running:
        while waiting and len(running) < lanes and time.perf_counter() < deadline:
            running.append(Running(*waiting.popleft(), graphs))
        for one in list(running):
            if _advance(one):
                continue
            running.remove(one)
            if one.failure is None:
                _end(one, lanes, scorers)
            else:
                failed += 1
        if time.perf_counter() >= deadline:
            for one in running:
                if one.scorable:
                    _end(one, lanes, scorers)
            print(f"stopped by the clock: {len(running)} in training, {len(waiting)} not begun", flush=True)
            break
    return failed


def _advance(one: Running) -> bool:
    """Take a step; return whether there may be another."""
    try:
        return next(one.steps, one) is not one
    except Exception:  # noqa: BLE001 - whatever it is, it is this cell's, and the others go on
        one.failure = traceback.format_exc()
        print(f"{one.job.name}: failed\n{one.failure}", flush=True)
        return False


def _end(one: Running, lanes: int, scorers: Scorers) -> None:
    facts = one.facts(lanes)
    print(f"{one.job.name}: {facts['epochs']} epochs, {facts['attempt_seconds']:.0f} s", flush=True)
    model = one.bundle()
    scorers.add(one.plan, one.job, one.attempt, model, dict(facts))
    if one.plan.held_back:
        other = one.plan.tested()
        job = next(job for job in other.ablation.jobs if job.key == one.job.key)
        attempt = Attempt.begin(job.folder)
        for name in KEPT:
            shutil.copyfile(model.parent / name, attempt.path / name)
        scorers.add(other, job, attempt, attempt.path / model.name, facts)


def join_all(plan: Plan, scorers: Scorers) -> None:
    """Answer in the cells that train nothing."""
    for job in plan.ablation.joining:
        if job.folder.exists() or not all(member.folder.exists() for member in job.joined):
            continue
        attempt = Attempt.begin(job.folder)
        scorers.add(plan, job, attempt, join_members(job, attempt.path), made_of(job))


def sharded(plans: Sequence[Plan], shard: str) -> Iterator[tuple[Plan, Job]]:
    """Yield the unfinished cells that train, every N-th from the I-th for "I/N"."""
    number, of = map(int, shard.split("/"))
    cells = [(plan, job) for plan in plans for job in plan.ablation.jobs]
    yield from (cell for cell in cells[number::of] if not cell[1].folder.exists())


def main() -> None:
    """Train, or gather, what is asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("grids", nargs="+", metavar="GRID:DATA")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[], dest="changes")
    parser.add_argument("--lanes", type=int, default=8, help="networks in training at a time")
    parser.add_argument("--scorers", type=int, default=2, help="processes that score")
    parser.add_argument("--processes", type=int, default=1, help="that train beside each other")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin nothing after so many")
    parser.add_argument("--launch-singly", action="store_true", help="capture no graphs")
    parser.add_argument("--shard", help=argparse.SUPPRESS)  # I/N: train every N-th cell from the I-th
    given = parser.parse_args()
    pack, out = Pack.open(given.pack.absolute()), given.out.absolute()
    plans = [Plan.read(spec, pack, out, given.changes) for spec in given.grids]
    for plan in plans:
        for setting in plan.ablation.grid.settings.values():
            pack.require(setting.config.preprocess)
            require_trainable(setting.config)
    if given.shard is not None:
        scorers, deadline = Scorers(given.scorers), time.perf_counter() + given.seconds
        failed = train_all(list(sharded(plans, given.shard)), given.lanes, scorers, deadline, not given.launch_singly)
        scorers.collect(0)
        sys.exit(f"{failed} cells failed." if failed else 0)
    plans += [plan.tested() for plan in plans if plan.held_back]
    for plan in plans:
        with claimed(plan.ablation):
            pass
    failed = _in_processes(given.processes)
    finish(plans, Scorers(given.scorers))
    sys.exit(1 if failed else 0)


def _in_processes(count: int) -> int:
    """Run this command again, a shard in each process; return in how many a cell failed."""
    shards = [subprocess.Popen([sys.executable, *sys.argv, "--shard", f"{number}/{count}"]) for number in range(count)]
    return sum(shard.wait() != 0 for shard in shards)


def finish(plans: Sequence[Plan], scorers: Scorers) -> None:
    """Answer with joined networks, and write the rows of every grid."""
    for plan in plans:
        join_all(plan, scorers)
    scorers.collect(0)
    for plan in plans:
        done = plan.ablation.finished()
        print(plan.ablation.grid.name, len(done), "of", len(plan.ablation.cells), "cells", flush=True)
        write_rows(plan.ablation, done)


if __name__ == "__main__":
    try:
        main()
    except EchoDuetError as error:
        sys.exit(f"error: {error}")
