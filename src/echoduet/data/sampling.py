"""Deterministic oversampling: rarer classes are repeated, nothing is random."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from echoduet.records import Label


def repeats(labels: Sequence[Label]) -> dict[Label, int]:
    """Return how often each class is repeated: round(1 / its frequency), at least once.

    Source: the paper's deterministic oversampling (section on class imbalance). A class with factor 1 stays single.
    """
    counts = Counter(labels)
    return {label: max(1, round(len(labels) / count)) for label, count in counts.items()}


def oversample(labels: Sequence[Label]) -> tuple[int, ...]:
    """Return positions in `labels`, each repeated as `repeats` says, in a fixed order."""
    factor = repeats(labels)
    rounds = max(factor.values(), default=0)
    return tuple(i for turn in range(rounds) for i, label in enumerate(labels) if turn < factor[label])
