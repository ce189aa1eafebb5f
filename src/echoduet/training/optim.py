"""Optimiser and learning-rate schedule."""

from __future__ import annotations

import math
from typing import Any

from torch import nn, optim
from torch.optim import Optimizer

from echoduet.config.schema import OptimConfig
from echoduet.models.network import Network


def build_optimizer(network: Network, config: OptimConfig) -> Optimizer:
    """Return Adam or AdamW over what is not frozen.

    The encoder learns at `encoder_scale` of the rate; norms and biases do not decay.
    """
    groups = [
        {"params": parameters, "lr": config.learning_rate * scale, "weight_decay": decay}
        for parameters, scale, decay in _groups(network, config)
        if parameters
    ]
    kind = optim.AdamW if config.optimizer == "adamw" else optim.Adam
    # One pass over the weights instead of six: at batch 2 the optimiser was a tenth of the paper's training step.
    return kind(groups, lr=config.learning_rate, eps=config.eps, fused=True)


def _groups(network: Network, config: OptimConfig) -> list[tuple[list[nn.Parameter], float, float]]:
    groups = []
    for part in network.parameter_groups():
        own, scale = part["params"], config.encoder_scale if part["name"] == "encoder" else 1.0
        own = [parameter for parameter in own if parameter.requires_grad]
        groups.append(([p for p in own if p.ndim > 1], scale, config.weight_decay))
        groups.append(([p for p in own if p.ndim <= 1], scale, 0.0))
    return groups


class Schedule:
    """The learning rate over time, as a factor on each group's own rate.

    `one_cycle` is a function of the step alone (linear warm-up, cosine to zero); `plateau` lowers the rate when the
    validation loss has not fallen for a while, as the paper does.
    """

    def __init__(self, optimizer: Optimizer, config: OptimConfig, steps: int) -> None:
        """Args: the optimiser to steer, its keys, and the steps of the whole run."""
        self.optimizer = optimizer
        self.config = config
        self.steps = steps
        self.base = [float(group["lr"]) for group in optimizer.param_groups]
        self.factor, self.best, self.waited = 1.0, math.inf, 0

    def before_step(self, step: int) -> None:
        """Set the rates for step number `step`, counted from 0."""
        factor = self.factor if self.config.schedule == "plateau" else self._one_cycle(step)
        for group, rate in zip(self.optimizer.param_groups, self.base, strict=True):
            floor = min(rate, self.config.min_learning_rate)
            group["lr"] = max(rate * factor, floor)

    def after_epoch(self, loss: float) -> None:
        """Take note of the epoch's validation loss; only `plateau` minds."""
        if loss < self.best:
            self.best, self.waited = loss, 0
            return
        self.waited += 1
        if self.waited > self.config.plateau_patience:
            self.factor, self.waited = self.factor * self.config.plateau_factor, 0

    def _one_cycle(self, step: int) -> float:
        warm = max(1, round(self.steps * self.config.warmup_share))
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, self.steps - warm)))

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` needs."""
        return {"factor": self.factor, "best": self.best, "waited": self.waited}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a stored state."""
        self.factor, self.best, self.waited = state["factor"], state["best"], state["waited"]
