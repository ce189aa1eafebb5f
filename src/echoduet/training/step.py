"""One training step and one validation pass. Mixed precision lives here and in the predictor alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.optim import Optimizer

from echoduet.config.schema import ExperimentConfig, RuntimeConfig
from echoduet.data.cache import CachedSet
from echoduet.errors import TrainingError
from echoduet.losses.multitask import LossParts, MultiTaskLoss
from echoduet.models.network import Network
from echoduet.models.outputs import Output
from echoduet.transforms.augment import to_input

VALIDATION_BATCH = 16


def choose_device(config: RuntimeConfig) -> torch.device:
    """Return the device asked for; `auto` takes a GPU when there is one.

    Raises:
        TrainingError: `cuda` is asked for and there is none.
    """
    if config.device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("runtime.device=cuda: no GPU is available. Use --set runtime.device=cpu.")
    wanted = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(wanted if config.device == "auto" else config.device)


def choose_precision(config: RuntimeConfig, device: torch.device) -> torch.dtype:
    """Return bfloat16 where the device computes it natively, else float32; an explicit choice is obeyed."""
    if config.precision != "auto":
        return torch.bfloat16 if config.precision == "bfloat16" else torch.float32
    native = torch.cuda.is_bf16_supported(including_emulation=False) if device.type == "cuda" else _cpu_has_bf16()
    return torch.bfloat16 if native else torch.float32


def _cpu_has_bf16() -> bool:
    # oneDNN also emulates bfloat16, slower than float32, on CPUs without these instructions.
    listing = Path("/proc/cpuinfo")
    flags = listing.read_text(encoding="utf-8", errors="replace") if listing.exists() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags


def place(data: CachedSet, device: torch.device, share: float = 0.5) -> CachedSet:
    """Return the set on `device` where it takes at most `share` of the free memory there, else where it is."""
    if device.type != "cuda":
        return data.to(device)
    free, _ = torch.cuda.mem_get_info(device)
    return data.to(device) if data.images.nbytes + data.masks.nbytes <= share * free else data


@dataclass(slots=True)
class Stepper:
    """Computes losses and gradients for one network on one device."""

    network: Network
    loss: MultiTaskLoss
    optimizer: Optimizer
    device: torch.device
    dtype: torch.dtype
    clip_norm: float | None
    memory_format: torch.memory_format

    @classmethod
    def build(cls, network: Network, optimizer: Optimizer, config: ExperimentConfig, device: torch.device) -> Stepper:
        """Return a stepper as `config` says; the optimiser gets what the loss itself learns, never decayed."""
        loss = MultiTaskLoss(config.loss).to(device)
        if learned := list(loss.parameters()):
            optimizer.add_param_group({"params": learned, "lr": config.optim.learning_rate, "weight_decay": 0.0})
        return cls(
            network=network,
            loss=loss,
            optimizer=optimizer,
            device=device,
            dtype=choose_precision(config.runtime, device),
            clip_norm=config.optim.clip_norm,
            memory_format=torch.channels_last if config.runtime.channels_last else torch.contiguous_format,
        )

    def autocast(self) -> AbstractContextManager[None]:
        """Return the mixed-precision context; losses inside compute in float32."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.dtype is torch.bfloat16)

    def train(self, images: Tensor, masks: Tensor, labels: Tensor) -> LossParts:
        """Take one step on a batch; images `(B, 1, S, S)` in [0, 1], masks `(B, 1, S, S)`, labels `(B,)`.

        Raises:
            TrainingError: the loss is not a finite number; the weights are as before the step.
        """
        self.network.train()
        self.loss.train()
        parts = self._losses(images, masks, labels)
        require_finite("training", parts.total.item())
        self.optimizer.zero_grad(set_to_none=True)
        parts.total.backward()  # type: ignore[no-untyped-call]
        if self.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.clip_norm)
        self.optimizer.step()
        return _detached(parts)

    def _losses(self, images: Tensor, masks: Tensor, labels: Tensor) -> LossParts:
        with self.autocast():
            output = self.network(images.contiguous(memory_format=self.memory_format))
        parts: LossParts = self.loss(output, masks, labels)
        return parts

    @torch.no_grad()
    def validate(self, network: Network, data: CachedSet) -> dict[str, float]:
        """Return the mean losses, the lesion Dice at network size and the accuracy of `network` on `data`."""
        network.eval()
        self.loss.eval()
        sums: dict[str, float] = {}
        for images, masks, labels in _batches(data):
            with self.autocast():
                output = network(images.to(self.device).contiguous(memory_format=self.memory_format))
            parts = self.loss(output, masks.to(self.device), labels.to(self.device))
            losses = {name: value * len(labels) for name, value in losses_of(parts).items()}
            for name, value in (losses | _score_sums(output, masks, labels)).items():
                sums[name] = sums.get(name, 0.0) + value
        return _means(sums, len(data))


def _detached(parts: LossParts) -> LossParts:
    # The losses outlive the step; the graph that made them must not.
    segmentation, classification, presence = (
        None if x is None else x.detach() for x in (parts.segmentation, parts.classification, parts.presence)
    )
    return LossParts(parts.total.detach(), segmentation, classification, presence)


def _batches(data: CachedSet) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    for start in range(0, len(data), VALIDATION_BATCH):
        rows = slice(start, start + VALIDATION_BATCH)
        images, masks = to_input(data.images[rows], data.masks[rows])
        yield images, masks, data.labels[rows]


def require_finite(kind: str, loss: float) -> None:
    """Refuse a loss that is not a number.

    Raises:
        TrainingError: it is NaN or infinite; says what to change.
    """
    if not math.isfinite(loss):
        raise TrainingError(
            f"The {kind} loss is not a finite number. Lower optim.learning_rate, set optim.clip_norm=1, "
            "or use --set runtime.precision=float32."
        )


def losses_of(parts: LossParts) -> dict[str, float]:
    """Return the losses as plain numbers; what the network does not answer is left out."""
    named = {
        "loss": parts.total,
        "segmentation_loss": parts.segmentation,
        "classification_loss": parts.classification,
        "presence_loss": parts.presence,
    }
    return {name: float(value.detach()) for name, value in named.items() if value is not None}


def _score_sums(output: Output, masks: Tensor, labels: Tensor) -> dict[str, float]:
    sums: dict[str, float] = {}
    if output.mask_logits:
        lesion = masks.flatten(1).amax(1) > 0
        dice = _dice(output.mask_logits[0].float().cpu() > 0, masks.cpu() > 0)
        sums |= {"lesions": float(lesion.sum()), "lesion_dice": float(dice[lesion.cpu()].sum())}
    if output.class_logits is not None:
        sums["accuracy"] = float((output.class_logits.argmax(1).cpu() == labels.cpu()).sum())
    return sums


def _dice(predicted: Tensor, reference: Tensor) -> Tensor:
    overlap = (predicted & reference).flatten(1).sum(1)
    total = predicted.flatten(1).sum(1) + reference.flatten(1).sum(1)
    return 2 * overlap / total.clamp_min(1)


def _means(sums: dict[str, float], n: int) -> dict[str, float]:
    lesions = sums.pop("lesions", 0.0)
    dice = {"lesion_dice": sums.pop("lesion_dice") / lesions} if lesions else {}
    sums.pop("lesion_dice", None)
    return {name: value / n for name, value in sums.items()} | dice
