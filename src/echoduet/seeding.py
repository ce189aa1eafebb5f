"""One function seeds everything."""

from __future__ import annotations

import hashlib
import os
import random

import numpy as np
import torch


def seed_everything(seed: int, deterministic: bool = False) -> None:
    """Seed Python, NumPy and PyTorch; in deterministic mode also forbid kernels whose result can vary.

    Args:
        seed: any integer.
        deterministic: make equal runs equal to the bit on one machine with one thread count; a kernel that cannot is
            an error then, not a silent difference.
    """
    random.seed(seed)
    np.random.seed(seed % 2**32)  # third parties draw from the global state
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.benchmark = not deterministic
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def derived_seed(seed: int, *names: object) -> int:
    """Return a seed for one purpose, a function of `seed` and `names` alone.

    An epoch that draws from `derived_seed(seed, "epoch", 7)` is the same whether the run was interrupted before it or
    not: no random state has to be stored.
    """
    text = "/".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
