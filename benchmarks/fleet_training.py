"""Several networks trained side by side on one GPU, each on a stream of its own, its steps captured as CUDA graphs.

At the batch sizes of these recipes a step is many small kernels: a GPU waits for the processor to launch them, and one
kernel fills a fraction of it. A graph launches them all at once, and the streams fill the gaps of each other.

What is learnt is what `echoduet.training.loop` would learn, but for the random draws: an epoch's augmentation is drawn
and applied at once instead of batch by batch. Without a GPU the same steps run one by one, which the tests compare with
the trainer's own.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from echoduet.config.schema import ExperimentConfig
from echoduet.data.cache import CachedSet
from echoduet.errors import ConfigError
from echoduet.losses.multitask import LossParts, MultiTaskLoss
from echoduet.losses.segmentation import has_lesion
from echoduet.models.network import Network
from echoduet.runs import RunFolder
from echoduet.seeding import derived_seed
from echoduet.training.loop import Best, Trainer
from echoduet.training.step import VALIDATION_BATCH, require_finite
from echoduet.transforms.augment import apply, draw, to_input

WARM_UP = 3
"""Steps taken before a graph is captured: libraries choose their kernels in the first."""


class FixedShapeLoss(MultiTaskLoss):
    """The loss without shapes that depend on the data, which a graph cannot have: images are weighted, not left out."""

    def segmentation(self, mask_logits: Any, masks: Tensor) -> Tensor:
        """Return what `MultiTaskLoss.segmentation` returns for `masks_on: lesions` with Dice and cross entropy."""
        if self.config.masks_on == "all":
            return super().segmentation(mask_logits, masks)
        lesion = has_lesion(masks).float()
        share = lesion / lesion.sum().clamp(min=1)
        each = [self._each(logits.float(), masks.float()) for logits in mask_logits]
        return torch.stack([(share * loss).sum() / (n + 1) for n, loss in enumerate(each)]).sum()

    def _each(self, logits: Tensor, masks: Tensor) -> Tensor:
        """Return Dice loss plus cross entropy of every image, `(B,)`."""
        probability, axes, smoothing = logits.sigmoid(), (1, 2, 3), self.config.dice_smoothing
        overlap = (probability * masks).sum(dim=axes)
        total = probability.square().sum(dim=axes) + masks.square().sum(dim=axes)
        dice = 1.0 - (2.0 * overlap + smoothing) / (total + smoothing)
        return dice + F.binary_cross_entropy_with_logits(logits, masks, reduction="none").mean(dim=axes)


def require_trainable(config: ExperimentConfig) -> None:
    """Refuse what has no form that a graph can have.

    Raises:
        ConfigError: the loss is such; names the key.
    """
    keys = config.loss
    if keys.weighting != "fixed":
        raise ConfigError(f"loss.weighting: {keys.weighting} cannot be trained side by side. Use `echoduet ablate`.")
    plain = (keys.segmentation, keys.dice_per, keys.dice_on) == ("dice_bce", "image", "all")
    if keys.masks_on == "lesions" and not plain:
        raise ConfigError(
            "loss.masks_on: lesions is trained side by side with segmentation: dice_bce, dice_per: image and "
            "dice_on: all alone. Use `echoduet ablate`."
        )


class Lane:
    """One network in training. `run` takes a step whenever it is asked for the next item."""

    def __init__(self, config: ExperimentConfig, train: CachedSet, validation: CachedSet, graphs: bool = True) -> None:
        """Build the trainer, and all that a graph needs to lie still; without `graphs` steps are launched singly."""
        require_trainable(config)
        gpu = torch.cuda.is_available() and config.runtime.device != "cpu"
        self.stream = torch.cuda.Stream() if gpu else None  # type: ignore[no-untyped-call]
        self.capturing = gpu and graphs
        with self.on_stream():
            self._build(config, train, validation)

    def _build(self, config: ExperimentConfig, train: CachedSet, validation: CachedSet) -> None:
        self.trainer = trainer = Trainer(config, train, validation)
        # No search for the fastest convolutions: many processes would each search anew, while they share the GPU.
        torch.backends.cudnn.benchmark = False
        self.config, self.device = config, trainer.stepper.device
        trainer.stepper.loss = FixedShapeLoss(config.loss).to(self.device)
        self.batch, self.steps = config.optim.batch_size, trainer.steps_per_epoch
        self.used = min(len(trainer.order), self.steps * self.batch)
        side = train.images.shape[-1]
        self.images = torch.zeros(self.used, 1, side, side, device=self.device)
        self.masks = torch.zeros_like(self.images)
        self.labels = torch.zeros(self.used, dtype=torch.int64, device=self.device)
        self.cursor = torch.zeros(1, dtype=torch.int64, device=self.device)
        self.places = torch.arange(self.batch, device=self.device)
        groups = trainer.stepper.optimizer.param_groups
        self.rates = torch.zeros(self.steps, len(groups), device=self.device)
        self.rate = torch.zeros(len(groups), device=self.device)
        if self.stream is not None:
            for place, group in enumerate(groups):
                group["capturable"] = True
                group["lr"] = self.rate[place]
        self.sums = torch.zeros(3, device=self.device)  # total, segmentation, classification
        self.scores: dict[str, Tensor] = {}
        self.graphs: dict[str, torch.cuda.CUDAGraph] = {}
        self.seen: dict[str, int] = {}
        self.best: dict[str, Tensor] = {}
        self.averaging = False
        self.history: list[dict[str, Any]] = []

    def on_stream(self) -> contextlib.AbstractContextManager[Any]:
        """Return the context in which this network's work is launched."""
        return torch.cuda.stream(self.stream) if self.stream is not None else contextlib.nullcontext()

    def run(self, run: RunFolder | None = None) -> Iterator[None]:
        """Train to the end, a step at a time; the caller lets others have their turn in between."""
        trainer = self.trainer
        while not trainer.finished:
            started = time.perf_counter()
            with self.on_stream():
                self._fill()
            for number in range(self.steps):
                with self.on_stream():
                    self._step(number)
                yield
            with self.on_stream():
                self._do("validate", self._validate)
                host = self._to_host()
            yield from self._wait()
            trainer.epoch += 1
            with self.on_stream():
                row = self._finish_epoch(host, time.perf_counter() - started)
            self.history.append(row)
            if run is not None:
                run.log(row)
            yield

    def _fill(self) -> None:
        """Draw and augment an epoch, and lay it out in the order of its steps."""
        trainer, epoch = self.trainer, self.trainer.epoch
        generator = torch.Generator().manual_seed(derived_seed(self.config.seed, "epoch", epoch))
        shuffled = trainer.order[torch.randperm(len(trainer.order), generator=generator)][: self.used]
        drawn = draw(self.config.augment, self.used, generator).to(self.device)
        rows = shuffled.to(trainer.train.images.device)
        data = trainer.train
        images, masks = apply(drawn, data.images[rows].to(self.device), data.masks[rows].to(self.device))
        self.images.copy_(images)
        self.masks.copy_(masks)
        self.labels.copy_(data.labels[rows])
        self.rates.copy_(self._rates(epoch))
        self.cursor.zero_()
        self.sums.zero_()

    def _rates(self, epoch: int) -> Tensor:
        groups, table = self.trainer.stepper.optimizer.param_groups, []
        for number in range(self.steps):
            self.trainer.schedule.before_step(epoch * self.steps + number)
            table.append([float(group["lr"]) for group in groups])
        if self.stream is not None:
            for place, group in enumerate(groups):
                group["lr"] = self.rate[place]
        self.last_rate = max(table[-1])
        return torch.tensor(table)

    def _step(self, number: int) -> None:
        count = min(self.batch, self.used - number * self.batch)
        if self.stream is None:
            for place, group in enumerate(self.trainer.stepper.optimizer.param_groups):
                group["lr"] = float(self.rates[number, place])
        self._do(f"train {count}", lambda: self._train(count))

    def _do(self, name: str, work: Callable[[], None]) -> None:
        """Do `work`: as it is the first times, as a graph from then on."""
        if not self.capturing:
            work()
            return
        if name not in self.graphs and self.seen.get(name, 0) >= (1 if name == "validate" else WARM_UP):
            self.trainer.stepper.optimizer.zero_grad(set_to_none=True)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, stream=self.stream):
                work()
            self.graphs[name] = graph
        if name in self.graphs:
            self.graphs[name].replay()
            return
        self.seen[name] = self.seen.get(name, 0) + 1
        work()

    def _train(self, count: int) -> None:
        stepper = self.trainer.stepper
        at = self.cursor * self.batch + self.places[:count]
        images, masks, labels = (tensor.index_select(0, at) for tensor in (self.images, self.masks, self.labels))
        self.rate.copy_(self.rates.index_select(0, self.cursor)[0])
        stepper.network.train()
        stepper.loss.train()
        parts = stepper._losses(images, masks, labels)
        stepper.optimizer.zero_grad(set_to_none=True)
        parts.total.backward()  # type: ignore[no-untyped-call]
        if stepper.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(stepper.network.parameters(), stepper.clip_norm)
        stepper.optimizer.step()
        self._average()
        self.sums.add_(_parts(parts))
        self.cursor.add_(1)

    def _average(self) -> None:
        """Take the weights into the moving average as `AveragedModel` does: as they are at first, then by the decay."""
        decay = self.config.optim.ema_decay
        if self.trainer.average is None or decay is None:
            return
        ours, theirs = _tensors(self.trainer.average.module), _tensors(self.trainer.network)
        if self.averaging:
            torch._foreach_lerp_(ours, theirs, 1.0 - decay)
        else:
            torch._foreach_copy_(ours, theirs)
        self.averaging = True

    @torch.no_grad()
    def _validate(self) -> None:
        stepper, network = self.trainer.stepper, self.trainer.answering
        network.eval()
        stepper.loss.eval()
        totals: dict[str, Tensor] = {}
        data = self.trainer.validation
        for start in range(0, len(data), VALIDATION_BATCH):
            rows = slice(start, start + VALIDATION_BATCH)
            images, masks = to_input(data.images[rows], data.masks[rows])
            labels = data.labels[rows]
            with stepper.autocast():
                output = network(images.contiguous(memory_format=stepper.memory_format))
            parts = stepper.loss(output, masks, labels)
            sums = {name: value * len(labels) for name, value in zip(_NAMES, _parts(parts).unbind(), strict=True)}
            for name, value in (sums | _score_sums(output, masks, labels)).items():
                totals[name] = totals.get(name, torch.zeros((), device=self.device)) + value
        for name, value in totals.items():
            self.scores.setdefault(name, torch.zeros((), device=self.device)).copy_(value)

    def _to_host(self) -> dict[str, Tensor]:
        """Start copying what the epoch told; it is there when `_wait` ends."""
        told = {**self.scores, "train": self.sums}
        if self.stream is None:
            return {name: value.clone() for name, value in told.items()}
        host = {name: torch.empty(value.shape, pin_memory=True) for name, value in told.items()}
        for name, value in told.items():
            host[name].copy_(value, non_blocking=True)
        self.event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        self.event.record(self.stream)
        return host

    def _wait(self) -> Iterator[None]:
        while self.stream is not None and not self.event.query():  # type: ignore[no-untyped-call]
            yield

    def _finish_epoch(self, host: dict[str, Tensor], seconds: float) -> dict[str, Any]:
        trainer = self.trainer
        train = dict(zip(_NAMES, (host.pop("train") / self.steps).tolist(), strict=True))
        lesions = float(host.pop("lesions", torch.tensor(0.0)))
        validation = {name: float(value) / len(trainer.validation) for name, value in host.items()}
        if "lesion_dice" in validation:
            validation["lesion_dice"] *= len(trainer.validation) / max(lesions, 1.0)
        told = self._tasks()
        train, validation = (_told(row, told) for row in (train, validation))
        require_finite("training", train["loss"])
        require_finite("validation", validation["loss"])
        trainer.schedule.after_epoch(validation["loss"])
        if validation["loss"] < trainer.best.loss:
            trainer.best = Best(trainer.epoch, validation["loss"], {})
            if self.config.optim.select == "best":
                self._keep()
        return {
            "epoch": trainer.epoch,
            "learning_rate": self.last_rate,
            "train": train,
            "validation": validation,
            "best_epoch": trainer.best.epoch,
            "seconds": round(seconds, 3),
        }

    def _tasks(self) -> set[str]:
        tasks = self.config.model.tasks
        both = {"loss", "segmentation_loss", "classification_loss"}
        return both if tasks == "both" else {"loss", f"{tasks}_loss"}

    def _keep(self) -> None:
        now = self.trainer.answering.state_dict()
        if not self.best:
            self.best = {name: torch.empty_like(value) for name, value in now.items()}
        for name, value in now.items():
            self.best[name].copy_(value)

    def network(self) -> Network:
        """Return the trained network, on the device, to answer with."""
        with self.on_stream():
            answering = self.trainer.answering
            if self.best:
                answering.load_state_dict(self.best)
            self.graphs.clear()
            return answering.eval()


def _told(row: dict[str, float], losses: set[str]) -> dict[str, float]:
    """Return the row without the losses that the network does not have."""
    return {name: value for name, value in row.items() if name in losses or name not in _NAMES}


_NAMES = ("loss", "segmentation_loss", "classification_loss")


def _parts(parts: LossParts) -> Tensor:
    zero = torch.zeros_like(parts.total.detach())
    three = (parts.total, parts.segmentation, parts.classification)
    return torch.stack([zero if part is None else part.detach().float() for part in three])


def _tensors(network: Any) -> list[Tensor]:
    """Return weights and running statistics; counts of batches have no mean."""
    everything = [parameter.data for parameter in network.parameters()] + list(network.buffers())
    return [tensor for tensor in everything if tensor.is_floating_point()]


def _score_sums(output: Any, masks: Tensor, labels: Tensor) -> dict[str, Tensor]:
    sums: dict[str, Tensor] = {}
    if output.mask_logits:
        predicted, reference = output.mask_logits[0].float() > 0, masks > 0
        lesion = has_lesion(masks)
        overlap = (predicted & reference).flatten(1).sum(1)
        total = predicted.flatten(1).sum(1) + reference.flatten(1).sum(1)
        dice = 2 * overlap / total.clamp_min(1)
        sums |= {"lesions": lesion.sum().float(), "lesion_dice": (dice * lesion).sum()}
    if output.class_logits is not None:
        sums["accuracy"] = (output.class_logits.argmax(1) == labels).sum().float()
    return sums
