"""What a cell needs, and how many fit into what a machine may spend."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from echoduet.config.schema import ExperimentConfig, ModelConfig
from echoduet.errors import ConfigError
from echoduet.experiments.grid.jobs import Job
from echoduet.models.registry import build_network

MIB = 1024 * 1024

PROCESS_MIB = 600
"""What a process holds before it has a network: Python, torch and the rooms' libraries."""

COPIES = 6
"""Of the weights, while they are trained: themselves, gradient, two moments of Adam, the best so far, an average."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What all cells at a time may use: cores, memory in bytes (None for any amount)."""

    cores: int
    memory: int | None = None

    def threads(self, jobs: Sequence[Job]) -> int:
        """Return how many threads each of `jobs` gets: the cores, shared by as many cells as fit at a time.

        A configuration that fixes `runtime.threads` is obeyed.
        """
        fixed = max((job.experiment.runtime.threads or 0 for job in jobs), default=0)
        if fixed:
            return fixed
        largest = max((cell_memory(job.experiment) for job in jobs), default=1)
        by_memory = self.cores if self.memory is None else self.memory // largest
        return self.cores // max(1, min(self.cores, by_memory, len(jobs)))

    def has_room(self, running: Sequence[Job], job: Job, threads: int) -> bool:
        """Tell whether `job` may start beside those that run; a cell alone may always."""
        together = [*running, job]
        memory = sum(cell_memory(one.experiment) for one in together)
        fits = len(together) * threads <= self.cores and (self.memory is None or memory <= self.memory)
        return fits or not running


def own_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parse_memory(text: str) -> int:
    """Return the bytes that `12GB`, `800 MB` or `1.5GiB` mean; M is 1000 x 1000, Mi is 1024 x 1024.

    Raises:
        ConfigError: it is no amount of memory.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([MG])(i?)B?\s*", text, re.IGNORECASE)
    if found is None or float(found[1]) == 0:
        raise ConfigError(f'--memory {text}: is no amount of memory. Write it as in "12GB" or "800MB".')
    power = {"M": 2, "G": 3}[found[2].upper()]
    return int(float(found[1]) * (1024 if found[3] else 1000) ** power)


def cell_memory(config: ExperimentConfig) -> int:
    """Estimate the memory, in bytes, that training one cell takes at its peak.

    The process, six copies of the weights, and every layer's output for one batch in float32. Against the measured
    peaks of the shipped configurations it is 10 to 35 % too high, which is the safe side.
    """
    weights, outputs = _sizes(config.model, config.preprocess.size)
    return PROCESS_MIB * MIB + 4 * (COPIES * weights + config.optim.batch_size * outputs)


def require_size(config: ExperimentConfig) -> None:
    """Refuse images that the network does not take, without computing anything.

    Raises:
        ShapeError: `preprocess.size` is too small, or no multiple of the network's stride; says which sizes fit.
    """
    _sizes(config.model, config.preprocess.size)


@cache
def _sizes(model: ModelConfig, side: int) -> tuple[int, int]:
    """Return the number of weights, and of all layers' output values for one image of `side` x `side`."""
    count = 0

    def add(module: nn.Module, given: object, output: object) -> None:
        nonlocal count
        count += sum(value.numel() for value in _tensors(output))

    with torch.random.fork_rng(devices=[]):  # its weights are drawn, and nobody else's must change by it
        network = build_network(model, pretrained=False).to("meta")  # Swin UNETR reads values while it is made
    for module in network.modules():
        if not list(module.children()):
            module.register_forward_hook(add)
    with torch.device("meta"):  # shapes alone: nothing is computed
        network(torch.zeros(2, 1, side, side))  # two: batch norm refuses a single value
    return sum(weight.numel() for weight in network.parameters()), count // 2


def _tensors(output: object) -> list[Tensor]:
    parts = output if isinstance(output, list | tuple) else [output]
    return [part for part in parts if isinstance(part, Tensor)]
