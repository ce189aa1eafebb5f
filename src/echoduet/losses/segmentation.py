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
    axes = _axes(per)
    overlap = (probability * target).sum(dim=axes)
    total = probability.square().sum(dim=axes) + target.square().sum(dim=axes)
    return (1.0 - (2.0 * overlap + smoothing) / (total + smoothing)).mean()


def has_lesion(target: Tensor) -> Tensor:
    """Return which masks of `(B, 1, H, W)` mark anything: `(B,)`, boolean."""
    return target.flatten(1).amax(dim=1) > 0


def presence_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Return the mean binary cross entropy of `(B,)` logits of "a lesion is there" against masks `(B, 1, H, W)`."""
    return F.binary_cross_entropy_with_logits(logits.float(), has_lesion(target).float())


def _axes(per: Per) -> tuple[int, ...]:
    return (1, 2, 3) if per == "image" else (0, 1, 2, 3)


def bce_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Return the mean binary cross entropy of `(B, 1, H, W)` logits."""
    return F.binary_cross_entropy_with_logits(logits.float(), target.float())


def contour_weights(target: Tensor, radius: int = 7, weight: float = 5.0) -> Tensor:
    """Return how much each pixel counts, 1 + β |mean of t in the square around it - t| (F3Net, Wei et al., 2020).

    The mean differs from the pixel only near a contour, by up to one half on a straight one and more at tips and in
    small lesions: an image without a lesion weighs 1 everywhere. What lies beyond the border counts as no lesion.

    Args:
        target: `(B, 1, H, W)`, 0 or 1.
        radius: of the square, in pixels; its side is 2 `radius` + 1.
        weight: β; 0 lets every pixel count alike.
    """
    target, side = target.float(), 2 * radius + 1
    # Rows, then columns: the same sums as a square window's, in 2 sides instead of side² additions a pixel.
    mean = F.avg_pool2d(target, (side, 1), stride=1, padding=(radius, 0))
    mean = F.avg_pool2d(mean, (1, side), stride=1, padding=(0, radius))
    return 1.0 + weight * (mean - target).abs()


def contour_bce_loss(logits: Tensor, target: Tensor, radius: int = 7, weight: float = 5.0) -> Tensor:
    """Return the binary cross entropy weighted towards the contour, Σwb / Σw per image, then the mean.

    That is the pixel position aware BCE of F3Net (Wei et al., 2020); it is the plain one for `weight` 0.

    Args:
        logits: `(B, 1, H, W)`.
        target: `(B, 1, H, W)`, 0 or 1.
        radius: how far from the contour pixels count more, in pixels.
        weight: how much more they count; see `contour_weights`.
    """
    logits, target = logits.float(), target.float()
    weights = contour_weights(target, radius, weight)
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return ((weights * entropy).sum(dim=(1, 2, 3)) / weights.sum(dim=(1, 2, 3))).mean()


def focal_tversky_loss(
    logits: Tensor,
    target: Tensor,
    miss_weight: float = 0.7,
    power: float = 0.75,
    *,
    smoothing: float = 1.0,
    per: Per = "image",
) -> Tensor:
    """Return (1 - T)^`power` with Tversky's index T = (TP + s) / (TP + α FN + (1 - α) FP + s) (Abraham and Khan, 2019).

    With α = 1/2 and power 1 it is the Dice loss with a plain denominator and smoothing 2 s.

    Args:
        logits: `(B, 1, H, W)`.
        target: `(B, 1, H, W)`, 0 or 1.
        miss_weight: α, what a missed pixel costs; a false alarm costs 1 - α.
        power: below 1 the pull on nearly right outlines grows, above 1 that on wrong ones; the paper's 1/γ, 3/4.
        smoothing: s, added to numerator and denominator, in pixels.
        per: one index per image, then the mean; or one index over the whole batch.
    """
    probability, target = logits.float().sigmoid(), target.float()
    axes = _axes(per)
    hit = (probability * target).sum(dim=axes)
    missed = ((1.0 - probability) * target).sum(dim=axes)
    false = (probability * (1.0 - target)).sum(dim=axes)
    index = (hit + smoothing) / (hit + miss_weight * missed + (1.0 - miss_weight) * false + smoothing)
    lost = (1.0 - index).clamp(min=1e-6)  # never 0, where the power has no slope
    return lost.pow(power).mean()


def focal_mask_loss(logits: Tensor, target: Tensor, gamma: float = 2.0) -> Tensor:
    """Return the mean binary focal loss, -(1 - p_t)^γ log p_t (Lin et al., 2017, eq. 4), of `(B, 1, H, W)` logits."""
    logits, target = logits.float(), target.float()
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    # 1 - p_t without cancellation: the sigmoid of the logit that speaks against the target. Never 0, where the power
    # has no slope for γ < 1.
    missing = (logits * (1.0 - 2.0 * target)).sigmoid().clamp(min=1e-12)
    return (missing.pow(gamma) * entropy).mean()
