"""What a grid costs: the images that its cells process, and how fast this machine does it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from echoduet.config.schema import ExperimentConfig
from echoduet.data.cache import CachedSet
from echoduet.experiments.grid.ablation import Ablation
from echoduet.experiments.grid.cell import epoch_images
from echoduet.experiments.grid.jobs import Job
from echoduet.splits.table import Part
from echoduet.training.loop import Trainer

VALIDATION_COST = 1 / 3
"""What a validated image costs of a trained one: the forward pass alone."""

MEASURE_S = 2.0
"""How long the speed of a setting is measured, where no finished cell tells it."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Trained images a second, a validated one counted as its share, and where the figure is from."""

    images_per_second: float
    source: str


@dataclass(frozen=True, slots=True)
class SettingCost:
    """What is left to do of one setting.

    Attributes:
        cells: how many there are.
        finished: how many of them are finished.
        epochs: at most, per cell; early stopping ends sooner.
        images_per_epoch: trained, oversampling included; the mean over the cells.
        images: left to train, over all unfinished cells, at most.
        speed: of one cell at a time.
        hours: of one cell at a time, validation included, at most.
    """

    cells: int
    finished: int
    epochs: int
    images_per_epoch: float
    images: int
    speed: Speed
    hours: float


def epoch_cost(job: Job, ablation: Ablation) -> float:
    """Return the cost of one epoch in trained images: those trained, and the validated ones at their share.

    What joins networks has no epochs: their answers to the scored part are spread over those of its configuration.
    """
    if job.members:
        answers = len(job.members) * len(ablation.splits.ids(job.fold, Part(job.part)))
        return VALIDATION_COST * answers / job.experiment.optim.epochs
    validated = len(ablation.splits.ids(job.fold, Part.VAL))
    return epoch_images(job, ablation.manifest, ablation.splits) + VALIDATION_COST * validated


def estimate(
    ablation: Ablation, finished: Mapping[Job, Mapping[str, Any]], threads: int | None = None
) -> dict[str, SettingCost]:
    """Return what is left of every setting that trains, at the speed of its finished cells, or as measured now.

    Args:
        ablation: the grid and its data.
        finished: the outcomes of finished cells.
        threads: of a measurement, where the configuration leaves them open.
    """
    measured: dict[str, Speed] = {}
    return {name: _setting_cost(ablation, name, finished, threads, measured) for name in ablation.grid.trained}


def _setting_cost(
    ablation: Ablation,
    name: str,
    finished: Mapping[Job, Mapping[str, Any]],
    threads: int | None,
    measured: dict[str, Speed],
) -> SettingCost:
    config = ablation.grid.settings[name].config
    cells = [job for job in ablation.jobs if job.setting == name]
    left = [job for job in cells if job not in finished]
    per_epoch = [epoch_images(job, ablation.manifest, ablation.splits) for job in cells]
    seen = {job: finished[job] for job in cells if job in finished}
    speed = _recorded(ablation, seen) or _measured(config, threads, measured)
    cost = sum(epoch_cost(job, ablation) for job in left) * config.optim.epochs
    return SettingCost(
        cells=len(cells),
        finished=len(cells) - len(left),
        epochs=config.optim.epochs,
        images_per_epoch=statistics.fmean(per_epoch),
        images=sum(epoch_images(job, ablation.manifest, ablation.splits) for job in left) * config.optim.epochs,
        speed=speed,
        hours=cost / speed.images_per_second / 3600,
    )


def _recorded(ablation: Ablation, outcomes: Mapping[Job, Mapping[str, Any]]) -> Speed | None:
    if not outcomes:
        return None
    done = sum(epoch_cost(job, ablation) * outcome["epochs"] for job, outcome in outcomes.items())
    seconds = sum(outcome["training_seconds"] for outcome in outcomes.values())
    return Speed(done / max(seconds, 1e-9), f"recorded, {len(outcomes)} cells")


def _measured(config: ExperimentConfig, threads: int | None, known: dict[str, Speed]) -> Speed:
    # Oversampling and the length of training change how many images there are, not what one costs.
    same = config.model_copy(update={"name": "", "description": "", "oversampling": "none"})
    key = same.model_dump_json(exclude={"optim": {"epochs", "early_stop"}})
    if key not in known:
        known[key] = Speed(measure_speed(same, threads), f"measured, {MEASURE_S:g} s")
    return known[key]


def measure_speed(config: ExperimentConfig, threads: int | None = None, seconds: float = MEASURE_S) -> float:
    """Return trained images a second of `config` on this machine, on made-up images.

    Args:
        config: the experiment.
        threads: of the measurement, where the configuration leaves them open.
        seconds: how long to measure, after a first step that warms up.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(config.runtime.threads or threads or before)
    try:
        return _timed(config, seconds)
    finally:
        torch.set_num_threads(before)


def _timed(config: ExperimentConfig, seconds: float) -> float:
    batch = config.optim.batch_size
    made_up = _made_up(4 * batch, config.preprocess.size)
    trainer = Trainer(config, made_up, made_up)
    steps = (step for _ in iter(int, 1) for step in trainer.run_epoch())
    next(steps)
    started, taken = time.perf_counter(), 0
    while time.perf_counter() - started < seconds or not taken:
        next(steps)
        taken += 1
    return taken * batch / (time.perf_counter() - started)


def _made_up(n: int, side: int) -> CachedSet:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (n, 1, side, side), dtype=torch.uint8, generator=generator)
    masks = torch.zeros_like(images)
    masks[:, :, side // 4 : side // 2, side // 4 : side // 2] = 1
    return CachedSet(tuple(map(str, range(n))), images, masks, torch.arange(n) % 3)
