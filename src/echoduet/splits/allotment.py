"""Handing out whole groups of cases so that every part gets its share of every class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from echoduet.data.ordering import in_order
from echoduet.errors import SplitError
from echoduet.records import CLASSES, Case, Label


def ordered_cases(cases: Sequence[Case]) -> tuple[Case, ...]:
    """Return the cases in their one order, on which the membership of seeded folds depends.

    Raises:
        SplitError: there are none, or a case id stands twice.
    """
    if not cases:
        raise SplitError("There are no cases to split. Give a manifest with at least one case per fold and class.")
    case_id, times = Counter(case.case_id for case in cases).most_common(1)[0]
    if times > 1:
        raise SplitError(f'Case id "{case_id}" stands {times} times. Give every case its own id.')
    return in_order(cases)


def groups_per_class(cases: Sequence[Case], numbers: NDArray[np.intp]) -> Counter[Label]:
    """Return in how many groups each class is present; `numbers` are those of `group_numbers`."""
    together = dict.fromkeys((case.label, int(number)) for case, number in zip(cases, numbers, strict=True))
    return Counter(label for label, _ in together)


def class_counts(cases: Sequence[Case], numbers: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return how many images each group holds of each class present, and in all, `(groups, classes + 1)`."""
    counts = np.zeros((numbers.max() + 1, len(CLASSES)))
    np.add.at(counts, (numbers, np.array([case.label.position for case in cases])), 1)
    present = counts[:, counts.any(axis=0)]
    return np.hstack([present, present.sum(axis=1, keepdims=True)])


def largest_first(counts: NDArray[np.float64], seed: int) -> NDArray[np.intp]:
    """Return the groups from the largest to the smallest, those of one size in seeded order, `(groups,)`."""
    shuffled = np.random.default_rng(seed).permutation(len(counts))
    return shuffled[np.argsort(-counts[shuffled, -1], kind="stable")]


def hand_out(counts: NDArray[np.float64], order: NDArray[np.intp], shares: Sequence[float]) -> NDArray[np.intp]:
    """Return the part of every group in `order`; -1 for the groups that are not in it, `(groups,)`.

    Each group goes where it lowers sum((given - target)^2 / target) most, over the classes and the total; but once
    the groups of a class are only as many as the parts that still lack it, those parts come first.

    Args:
        counts: images per group of each class and in all, as `class_counts` returns them.
        order: the groups to hand out, in turn.
        shares: what each part is meant to get, summing to 1.
    """
    target = np.maximum(np.outer(shares, counts[order].sum(axis=0)), 1e-9)  # a class may be absent from `order`
    given = np.zeros_like(target)
    left = (counts[order] > 0).sum(axis=0)
    part_of = np.full(len(counts), -1)
    for group in order:
        change = ((2 * (given - target) + counts[group]) * counts[group] / target).sum(axis=1)
        lacking = (given == 0) & (counts[group] > 0)
        urgent = (lacking & (lacking.sum(axis=0) >= left)).any(axis=1)
        part_of[group] = int(np.where(urgent | ~urgent.any(), change, np.inf).argmin())
        given[part_of[group]] += counts[group]
        left -= counts[group] > 0
    return part_of
