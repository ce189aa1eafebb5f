"""The loss of both tasks together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from echoduet.config.schema import LossConfig
from echoduet.losses.classification import cross_entropy, focal_loss
from echoduet.losses.segmentation import (
    bce_loss,
    contour_bce_loss,
    dice_loss,
    focal_mask_loss,
    focal_tversky_loss,
    has_lesion,
    presence_loss,
)
from echoduet.losses.weighting import WEIGHTINGS, FixedWeighting


class Answer(Protocol):
    """What a network returned: `echoduet.models.outputs.Output`, named here so that the rooms stay apart."""

    @property
    def mask_logits(self) -> tuple[Tensor, ...]:
        """Lesion logits, finest first, each `(B, 1, H, W)`."""
        ...

    @property
    def shared(self) -> Tensor | None:
        """The deepest map that both tasks read, `(B, C, h, w)`."""
        ...

    @property
    def presence_logit(self) -> Tensor | None:
        """Logits of "the image shows a lesion", `(B,)`."""
        ...

    @property
    def class_logits(self) -> Tensor | None:
        """Class logits `(B, 3)`."""
        ...


@dataclass(frozen=True, slots=True)
class LossParts:
    """The loss to minimise and those it is made of; what the network does not answer has None."""

    total: Tensor
    segmentation: Tensor | None
    classification: Tensor | None
    presence: Tensor | None = None


class MultiTaskLoss(nn.Module):
    """`a` * segmentation + (1 - `a`) * classification, with `a` the key `loss.segmentation_weight`.

    A network with one task alone is trained on that task's loss, unweighted. Where a network says whether there is a
    lesion at all, `loss.presence_weight` times that answer's loss belongs to the segmentation.

    With `loss.weighting` other than `fixed` the two weights follow the training; in evaluation mode they are always the
    fixed ones, so that the losses of two epochs compare. What the weighting learns are this module's parameters and
    buffers: an optimiser must have the former, a checkpoint both, a shipped network neither.
    """

    def __init__(self, config: LossConfig) -> None:
        super().__init__()
        self.config = config
        self.fixed = FixedWeighting(config.segmentation_weight)
        self.weighting = WEIGHTINGS[config.weighting](config.segmentation_weight)

    def forward(self, output: Answer, masks: Tensor, labels: Tensor) -> LossParts:
        """Return the loss of a batch, in float32.

        Args:
            output: what the network returned.
            masks: `(B, 1, H, W)`, 0 or 1.
            labels: class indices, `(B,)`.
        """
        segmentation = self.segmentation(output.mask_logits, masks) if output.mask_logits else None
        classification = self.classification(output.class_logits, labels) if output.class_logits is not None else None
        presence = presence_loss(output.presence_logit, masks) if output.presence_logit is not None else None
        masking = segmentation
        if segmentation is not None and presence is not None:
            masking = segmentation + self.config.presence_weight * presence
        total = self._weigh(masking, classification, output.shared)
        return LossParts(total, segmentation, classification, presence)

    def task_weights(self) -> dict[str, float]:
        """Return the present weight of each task where weights follow the training, else nothing."""
        if isinstance(self.weighting, FixedWeighting):
            return {}
        return dict(zip(("segmentation", "classification"), self.weighting.weights().tolist(), strict=True))

    def segmentation(self, mask_logits: Sequence[Tensor], masks: Tensor) -> Tensor:
        """Return the segmentation losses of all scales, summed with weights 1/(n+1) from the finest."""
        if self.config.masks_on == "lesions":
            lesion = has_lesion(masks)
            if not lesion.any():  # nothing to learn, and no slope
                return torch.stack([logits.float().sum() * 0.0 for logits in mask_logits]).sum()
            mask_logits, masks = [logits[lesion] for logits in mask_logits], masks[lesion]
        return torch.stack([self._mask_loss(logits, masks) / (n + 1) for n, logits in enumerate(mask_logits)]).sum()

    def classification(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the classification loss of `(B, 3)` logits."""
        if self.config.classification == "focal":
            return focal_loss(logits, labels, self.config.focal_gamma, self.config.label_smoothing)
        return cross_entropy(logits, labels, self.config.label_smoothing)

    def _mask_loss(self, logits: Tensor, masks: Tensor) -> Tensor:
        overlap, pixelwise = self._overlap(logits, masks), self._pixelwise(logits, masks)
        return overlap if pixelwise is None else overlap + pixelwise

    def _overlap(self, logits: Tensor, masks: Tensor) -> Tensor:
        if self.config.dice_on == "all":
            return self._dice(logits, masks)
        lesion = has_lesion(masks)
        # An empty answer to an empty mask costs nothing in either loss, and has no slope.
        loss = self._dice(logits.float().masked_fill(~lesion[:, None, None, None], -1e4), masks)
        return loss * len(masks) / lesion.sum().clamp(min=1) if self.config.dice_per == "image" else loss

    def _dice(self, logits: Tensor, masks: Tensor) -> Tensor:
        keys = self.config
        if keys.segmentation == "focal_tversky":
            return focal_tversky_loss(
                logits,
                masks,
                keys.tversky_miss_weight,
                keys.tversky_power,
                smoothing=keys.dice_smoothing,
                per=keys.dice_per,
            )
        return dice_loss(logits, masks, keys.dice_smoothing, keys.dice_per)

    def _pixelwise(self, logits: Tensor, masks: Tensor) -> Tensor | None:
        keys = self.config
        if keys.segmentation == "dice_bce":
            return bce_loss(logits, masks)
        if keys.segmentation == "dice_bce_boundary":
            return contour_bce_loss(logits, masks, keys.boundary_radius, keys.boundary_weight)
        if keys.segmentation == "dice_focal":
            return focal_mask_loss(logits, masks, keys.focal_gamma)
        return None

    def _weigh(self, segmentation: Tensor | None, classification: Tensor | None, shared: Tensor | None) -> Tensor:
        if segmentation is not None and classification is not None:
            weighting = self.weighting if self.training else self.fixed
            both: Tensor = weighting(segmentation, classification, shared)
            return both
        total = segmentation if segmentation is not None else classification
        if total is None:
            raise ValueError("the network returned neither masks nor classes")
        return total
