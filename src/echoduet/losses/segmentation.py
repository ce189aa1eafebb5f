"""Losses on lesion masks, computed in float32 from logits."""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn import functional as F

Per = Literal["image", "batch"]


def dice_loss(logits: Tensor, target: Tensor, smoothing: float = 1.0, per: Per = "image") -> Tensor:
    """Return the soft Dice loss with squared denominator, 1 - (2 Σpt + s) / (Σp² + Σt² + s) (Milletari et al., 2016).

    An empty prediction of an empty target costs nothing, thanks to the smoothing `s`.

    Args:
        logits: `(B, 1, H, W)`.
        target: `(B, 1, H, W)`, 0 or 1.
        smoothing: added to numerator and denominator, in pixels.
        per: one quotient per image, then the mean; or one quotient over the whole batch.
    """
    probability, target = logits.float().sigmoid(), target.float()
    axes = (1, 2, 3) if per == "image" else (0, 1, 2, 3)
    overlap = (probability * target).sum(dim=axes)
    total = probability.square().sum(dim=axes) + target.square().sum(dim=axes)
    return (1.0 - (2.0 * overlap + smoothing) / (total + smoothing)).mean()


def bce_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Return the mean binary cross entropy of `(B, 1, H, W)` logits."""
    return F.binary_cross_entropy_with_logits(logits.float(), target.float())


def focal_mask_loss(logits: Tensor, target: Tensor, gamma: float = 2.0) -> Tensor:
    """Return the mean binary focal loss, -(1 - p_t)^γ log p_t (Lin et al., 2017, eq. 4), of `(B, 1, H, W)` logits."""
    logits, target = logits.float(), target.float()
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    # 1 - p_t without cancellation: the sigmoid of the logit that speaks against the target. Never 0, where the power
    # has no slope for γ < 1.
    missing = (logits * (1.0 - 2.0 * target)).sigmoid().clamp(min=1e-12)
    return (missing.pow(gamma) * entropy).mean()
