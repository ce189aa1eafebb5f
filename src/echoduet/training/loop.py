"""The training loop on one page.

The order within an epoch: draw -> augment -> rate -> step -> average; then validate -> schedule -> keep the best ->
log -> checkpoint. All randomness of an epoch is a function of the seed and the number of the epoch, so a resumed run
draws what an uninterrupted one would have drawn.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from echoduet.config.schema import ExperimentConfig
from echoduet.data.cache import CachedSet
from echoduet.data.sampling import oversample
from echoduet.errors import TrainingError
from echoduet.losses.multitask import LossParts
from echoduet.models.network import Network
from echoduet.models.registry import build_network
from echoduet.progress import Progress, silent
from echoduet.records import CLASSES
from echoduet.runs import RunFolder
from echoduet.seeding import derived_seed, seed_everything
from echoduet.training.board import open_board
from echoduet.training.checkpoint import load_checkpoint, save_checkpoint
from echoduet.training.optim import Schedule, build_optimizer
from echoduet.training.step import Stepper, choose_device, losses_of, place, require_finite
from echoduet.transforms.augment import apply, draw

Weights = dict[str, Tensor]


@dataclass(slots=True)
class Best:
    """The epoch with the lowest validation loss so far, and how long ago it was."""

    epoch: int = 0
    loss: float = math.inf
    weights: Weights = field(default_factory=dict)


class Trainer:
    """Everything that changes while a network is trained."""

    def __init__(self, config: ExperimentConfig, train: CachedSet, validation: CachedSet) -> None:
        """Seed everything and build the network.

        Args:
            config: the experiment.
            train: what to learn from.
            validation: what to stop and choose by; never the test part.

        Raises:
            TrainingError: a part is empty, or there is no such device.
            ModelError: there is no such architecture, or it has no pretrained weights.
        """
        _require_cases(train, validation)
        seed_everything(config.seed, config.runtime.deterministic)
        device = choose_device(config.runtime)
        network = build_network(config.model).to(device)
        if config.runtime.channels_last:
            network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.config, self.network = config, network
        self.train, self.validation = place(train, device), place(validation, device)
        self.order = torch.tensor(_positions(config, train), dtype=torch.int64)
        self.stepper = Stepper.build(network, build_optimizer(network, config.optim), config, device)
        self.schedule = Schedule(self.stepper.optimizer, config.optim, config.optim.epochs * self.steps_per_epoch)
        self.average = _averaged(network, config.optim.ema_decay)
        self.best, self.epoch = Best(), 0

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch; a last batch of a single image is left out, since batch norm cannot use it."""
        full, rest = divmod(len(self.order), self.config.optim.batch_size)
        return full + (rest > 1 or full == 0)

    @property
    def answering(self) -> Network:
        """The network that is validated and shipped: the averaged one where there is one."""
        return self.network if self.average is None else cast("Network", self.average.module)

    def run_epoch(self) -> Iterator[LossParts]:
        """Take every step of the next epoch, yielding the losses."""
        generator = torch.Generator().manual_seed(derived_seed(self.config.seed, "epoch", self.epoch))
        torch.manual_seed(derived_seed(self.config.seed, "dropout", self.epoch))
        shuffled = self.order[torch.randperm(len(self.order), generator=generator)]
        for number in range(self.steps_per_epoch):
            rows = shuffled[number * self.config.optim.batch_size :][: self.config.optim.batch_size]
            images, masks, labels = self._batch(rows, generator)
            self.schedule.before_step(self.epoch * self.steps_per_epoch + number)
            parts = self.stepper.train(images, masks, labels)
            if self.average is not None:
                self.average.update_parameters(self.network)
            yield parts
        self.epoch += 1

    def _batch(self, rows: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        device = self.stepper.device
        drawn = draw(self.config.augment, len(rows), generator).to(device)
        rows = rows.to(self.train.images.device)  # the set is kept elsewhere where it would not fit
        data = (self.train.images, self.train.masks, self.train.labels)
        images, masks, labels = (tensor[rows].to(device) for tensor in data)
        return *apply(drawn, images, masks), labels

    def finish_epoch(self) -> dict[str, float]:
        """Validate, tell the schedule, keep the best weights; return the validation scores."""
        scores = self.stepper.validate(self.answering, self.validation)
        require_finite("validation", scores["loss"])
        self.schedule.after_epoch(scores["loss"])
        if scores["loss"] < self.best.loss:
            self.best = Best(self.epoch, scores["loss"], _copy(self.answering.state_dict()))
        return scores

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or the validation loss has not fallen for `early_stop` epochs."""
        patience = self.config.optim.early_stop
        stale = patience is not None and self.epoch - self.best.epoch >= patience
        return self.epoch >= self.config.optim.epochs or stale

    def chosen_weights(self) -> Weights:
        """Return the weights to ship: the best epoch's, or the last epoch's."""
        return self.best.weights if self.config.optim.select == "best" else _copy(self.answering.state_dict())

    def state_dict(self) -> dict[str, Any]:
        """Return all that `load_state_dict` needs to go on."""
        return {
            "epoch": self.epoch,
            "network": self.network.state_dict(),
            "average": self.average.state_dict() if self.average is not None else None,
            "loss": self.stepper.loss.state_dict(),
            "optimizer": self.stepper.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "best": {"epoch": self.best.epoch, "loss": self.best.loss, "weights": self.best.weights},
        }

    def resume(self, run: RunFolder) -> None:
        """Go on from the run's checkpoint, where there is one; rows logged after it are dropped."""
        if state := load_checkpoint(run.checkpoint):
            self.load_state_dict(state)
        run.keep_rows(self.epoch)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a stored state."""
        self.network.load_state_dict(state["network"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.stepper.loss.load_state_dict(state["loss"])
        self.stepper.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.best, self.epoch = Best(**state["best"]), state["epoch"]


def fit(trainer: Trainer, run: RunFolder, resume: bool = False, progress: Progress = silent) -> Network:
    """Train a network; log every epoch, checkpoint after it.

    Args:
        trainer: the experiment, ready to start.
        run: where metrics and checkpoint go.
        resume: continue from the checkpoint when there is one.
        progress: told about each step.

    Returns:
        The network with the chosen weights, in evaluation mode, on the CPU.

    Raises:
        TrainingError: the loss is not finite, or the checkpoint is damaged.
        OutputError: log or checkpoint cannot be written.
    """
    if resume:
        trainer.resume(run)
    total = (trainer.config.optim.epochs - trainer.epoch) * trainer.steps_per_epoch
    for _ in progress(_epochs(trainer, run), label="training", total=total):
        continue
    network = trainer.network
    network.load_state_dict(trainer.chosen_weights())
    return network.cpu().eval()


def _epochs(trainer: Trainer, run: RunFolder) -> Iterator[LossParts]:
    board = open_board(run.path / "tensorboard", trainer.config.runtime.tensorboard)
    while not trainer.finished:
        started, parts = time.perf_counter(), []
        for step in trainer.run_epoch():
            parts.append(step)
            yield step
        scores = trainer.finish_epoch()
        row = _row(trainer, parts, scores, time.perf_counter() - started)
        run.log(row)
        board(row)
        save_checkpoint(run.checkpoint, trainer.state_dict())


def _row(trainer: Trainer, parts: Sequence[LossParts], scores: dict[str, float], seconds: float) -> dict[str, Any]:
    losses = [losses_of(part) for part in parts]
    means = {name: sum(loss[name] for loss in losses) / len(losses) for name in losses[0]}
    weights = trainer.stepper.loss.task_weights()
    return {
        "epoch": trainer.epoch,
        "learning_rate": max(group["lr"] for group in trainer.stepper.optimizer.param_groups),
        "train": means,
        "validation": scores,
        "best_epoch": trainer.best.epoch,
        "seconds": round(seconds, 3),
    } | ({"task_weights": weights} if weights else {})


def _positions(config: ExperimentConfig, train: CachedSet) -> tuple[int, ...]:
    if config.oversampling == "none":
        return tuple(range(len(train)))
    return oversample([CLASSES[i] for i in train.labels.tolist()])


def _averaged(network: Network, decay: float | None) -> AveragedModel | None:
    # Buffers too: averaged weights need the batch-norm statistics of their own past, not those of the newest weights.
    if decay is None:
        return None
    return AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)  # type: ignore[no-untyped-call]


def _copy(weights: Weights) -> Weights:
    return {name: tensor.detach().cpu().clone() for name, tensor in weights.items()}


def _require_cases(train: CachedSet, validation: CachedSet) -> None:
    for name, part in (("train", train), ("val", validation)):
        if len(part) == 0:
            raise TrainingError(f"The {name} part of the split is empty. Use more cases, or fewer folds.")
