"""Losses on class logits, computed in float32."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def cross_entropy(logits: Tensor, target: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Return the mean cross entropy of `(B, 3)` logits against `(B,)` class indices."""
    return F.cross_entropy(logits.float(), target, label_smoothing=label_smoothing)


def focal_loss(logits: Tensor, target: Tensor, gamma: float = 2.0, label_smoothing: float = 0.0) -> Tensor:
    """Return the mean focal loss, (1 - p)^γ times the cross entropy (Lin et al., 2017, eq. 4, without α).

    Args:
        logits: `(B, 3)`.
        target: class indices, `(B,)`.
        gamma: how much less a well classified image counts; 0 gives cross entropy.
        label_smoothing: share of the target spread evenly over the classes, in the cross entropy only.
    """
    logits = logits.float()
    entropy = F.cross_entropy(logits, target, reduction="none", label_smoothing=label_smoothing)
    probability = logits.softmax(dim=1).gather(1, target[:, None])[:, 0]
    missing = (1.0 - probability).clamp(min=1e-12)  # never 0, where the power has no slope for γ < 1
    return (missing.pow(gamma) * entropy).mean()
