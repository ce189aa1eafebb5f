"""How the losses of the two tasks are added up while a network is trained."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class FixedWeighting(nn.Module):
    """a * segmentation + (1 - a) * classification."""

    def __init__(self, share: float) -> None:
        """Args: `share`, the a of the formula, in [0, 1]."""
        super().__init__()
        self.share = share

    def forward(self, segmentation: Tensor, classification: Tensor, shared: Tensor | None) -> Tensor:
        """Return the weighted sum; `shared` does not matter."""
        return self.share * segmentation + (1.0 - self.share) * classification


class UncertaintyWeighting(nn.Module):
    """Sum of exp(-s) L + s / 2 over the tasks, each s = log sigma^2 learned (Kendall et al., 2018, eq. 10).

    The weights exp(-s) start at a and 1 - a, and are drawn to 1 / (2 L): the task that is done worse counts less.
    """

    def __init__(self, share: float) -> None:
        """Args: `share`, the first weight of the segmentation, inside (0, 1)."""
        super().__init__()
        self.log_variances = nn.Parameter(-torch.tensor([share, 1.0 - share]).log())

    def weights(self) -> Tensor:
        """Return the weights of segmentation and classification, `(2,)`."""
        return (-self.log_variances.detach()).exp()

    def forward(self, segmentation: Tensor, classification: Tensor, shared: Tensor | None) -> Tensor:
        """Return the weighted sum with its penalty, which may be negative; `shared` does not matter."""
        losses = torch.stack([segmentation, classification])
        return ((-self.log_variances).exp() * losses + self.log_variances / 2).sum()


class GradientWeighting(nn.Module):
    """Weights under which the two tasks pull at the shared encoder with forces in a set ratio.

    This is the aim of GradNorm (Chen et al., 2018, eqs. 1 and 2, exponent 1), reached at once instead of by descent:
    w = target / G, scaled to the sum 1, where G is the norm of a task's gradient and its target is its share times
    L / L(first step). The second factor calms a task that learns faster; without it a task that is solved, whose
    gradient fades with its loss, would take all the weight.

    The gradient is that at the deepest map which both tasks read, not at weights (the bound of Sener and Koltun,
    2018): no backward pass through the encoder is needed. Norms and losses are running means, so that one odd batch
    does not decide.
    """

    norms: Tensor
    losses: Tensor
    first: Tensor

    def __init__(self, share: float, momentum: float = 0.9) -> None:
        """Args: `share` of the segmentation in the force at equal progress, inside (0, 1); `momentum` of the means."""
        super().__init__()
        self.shares = (share, 1.0 - share)
        self.momentum = momentum
        for name in ("norms", "losses", "first"):
            self.register_buffer(name, torch.zeros(2))  # 0: nothing was measured yet

    def weights(self) -> Tensor:
        """Return the weights of segmentation and classification, `(2,)`; before the first step they are the shares."""
        shares = torch.tensor(self.shares, device=self.norms.device)
        progress = torch.where(self.first > 0, self.losses / self.first.clamp(min=1e-12), 1.0)
        force = torch.where(self.norms > 0, self.norms, 1.0)
        wanted = shares * progress / force
        return wanted / wanted.sum()

    def forward(self, segmentation: Tensor, classification: Tensor, shared: Tensor | None) -> Tensor:
        """Measure both gradients at `shared`, `(B, C, h, w)`, and return the weighted sum.

        Raises:
            ValueError: there is no map that both tasks read.
        """
        if shared is None:
            raise ValueError("the network did not hand out the map that both tasks read")
        tasks = (segmentation, classification)
        if shared.requires_grad:  # nothing is to be balanced in an encoder that is wholly frozen
            self._note(torch.stack([_gradient_norm(loss, shared) for loss in tasks]), torch.stack(tasks).detach())
        return (self.weights() * torch.stack(tasks)).sum()

    def _note(self, norms: Tensor, losses: Tensor) -> None:
        started = self.first > 0
        for mean, new in ((self.norms, norms), (self.losses, losses)):
            mean.copy_(torch.where(started, torch.lerp(new, mean, self.momentum), new))
        self.first.copy_(torch.where(started, self.first, losses))


def _gradient_norm(loss: Tensor, shared: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(loss, shared, retain_graph=True)
    norm: Tensor = gradient.float().norm()
    return norm


Weighting = FixedWeighting | UncertaintyWeighting | GradientWeighting
WEIGHTINGS: dict[str, type[Weighting]] = {
    "fixed": FixedWeighting,
    "uncertainty": UncertaintyWeighting,
    "gradient": GradientWeighting,
}
