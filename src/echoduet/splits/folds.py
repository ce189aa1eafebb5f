"""Folds: the paper's own, and grouped ones that keep copies and patients on one side."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold, train_test_split

from echoduet.config.schema import SplitConfig
from echoduet.errors import SplitError
from echoduet.records import CLASSES, Case, Label, case_order
from echoduet.splits.groups import group_numbers
from echoduet.splits.table import Part, SplitRow, SplitTable, read_splits, write_splits

__all__ = ["Part", "SplitRow", "SplitTable", "clean_folds", "make_splits", "paper_folds", "read_splits", "write_splits"]


def make_splits(cases: Sequence[Case], config: SplitConfig) -> SplitTable:
    """Make the folds that `config` asks for.

    Raises:
        SplitError: a class is too small for the folds, or a case id stands twice.
    """
    protocol = paper_folds if config.protocol == "paper" else clean_folds
    return protocol(cases, folds=config.folds, seed=config.seed, train_share=config.train_share)


def paper_folds(cases: Sequence[Case], folds: int = 4, seed: int = 1993, train_share: float = 0.8) -> SplitTable:
    """Make the image-level folds of Aumente-Maestro et al. (2025), with the same membership as their public code.

    The cases are brought into the order of `case_order`; `StratifiedKFold(shuffle=True)` takes the test part, and
    `train_test_split(stratify=...)` divides the rest, all with the one seed. Groups and patients are not looked at:
    use it on a data set from which copies were dropped.

    Raises:
        SplitError: a class is too small for the folds, or a case id stands twice.
    """
    ordered = _in_order(cases)
    labels = np.array([case.label.value for case in ordered])
    _require_enough(Counter(case.label for case in ordered), folds, "images")
    parts = np.empty((folds, len(ordered)), dtype=object)
    splitter = StratifiedKFold(n_splits=folds, shuffle=True, random_state=seed)
    for fold, (rest, test) in enumerate(splitter.split(labels, labels)):
        try:
            train, val = train_test_split(rest, train_size=train_share, random_state=seed, stratify=labels[rest])
        except ValueError as error:  # too few images for the share: scikit-learn says which number is off
            raise SplitError(f"Fold {fold} cannot be divided into train and val: {error} Give more images.") from error
        for part, members in ((Part.TRAIN, train), (Part.VAL, val), (Part.TEST, test)):
            parts[fold, members] = part
    return _table(ordered, parts)


def clean_folds(cases: Sequence[Case], folds: int = 4, seed: int = 1993, train_share: float = 0.8) -> SplitTable:
    """Make stratified folds that keep every duplicate group, patient and set of equal files in one part.

    Whole groups are handed out, the largest first and those of one size in seeded order, each to the part that is
    furthest below its share of that group's classes. The result depends on the cases and the seed alone, not on
    the order in which the cases come.

    Raises:
        SplitError: a class has too few independent groups for the folds, or a case id stands twice.
    """
    ordered = _in_order(cases)
    members = group_numbers(ordered)
    independent = dict.fromkeys((case.label, int(number)) for case, number in zip(ordered, members, strict=True))
    _require_enough(Counter(label for label, _ in independent), folds, "independent groups of images")
    counts = _class_counts(ordered, members)
    order = _largest_first(counts, seed)
    test_fold = _hand_out(counts, order, np.full(folds, 1.0 / folds))
    parts = np.empty((folds, len(ordered)), dtype=object)
    for fold in range(folds):
        rest = order[test_fold[order] != fold]
        side = _hand_out(counts, rest, np.array([train_share, 1.0 - train_share]))
        part_of_group = np.array([Part.TRAIN, Part.VAL, Part.TEST], dtype=object)[side]  # -1, not handed out: test
        parts[fold] = part_of_group[members]
        _require_every_class(ordered, parts[fold], fold)
    return _table(ordered, parts)


def _in_order(cases: Sequence[Case]) -> list[Case]:
    if not cases:
        raise SplitError("There are no cases to split. Give a manifest with at least one case per fold and class.")
    case_id, times = Counter(case.case_id for case in cases).most_common(1)[0]
    if times > 1:
        raise SplitError(f'Case id "{case_id}" stands {times} times. Give every case its own id.')
    return sorted(cases, key=case_order)


def _require_enough(counts: Mapping[Label, int], folds: int, what: str) -> None:
    """Refuse classes that cannot put one member into each test part and two (train, val) into each rest."""
    for label, count in counts.items():
        if count < folds or count - math.ceil(count / folds) < 2:
            raise SplitError(
                f'Class "{label}" has {count} {what}, too few for {folds} folds. '
                f"Ask for fewer folds (--folds), add images of this class, or leave the class out."
            )


def _require_every_class(ordered: Sequence[Case], parts: NDArray[np.object_], fold: int) -> None:
    """Refuse a fold in which groups are so large or mixed that a part is left without a class."""
    held = {(part, case.label) for case, part in zip(ordered, parts, strict=True)}
    for part, label in product(Part, dict.fromkeys(case.label for case in ordered)):
        if (part, label) not in held:
            raise SplitError(
                f'Fold {fold} gets no image of class "{label}" for {part}: its groups are too few or too large. '
                f"Ask for fewer folds (--folds), or add images of this class."
            )


def _class_counts(ordered: Sequence[Case], members: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return how many images each group holds of each class present, and in all, `(groups, classes + 1)`."""
    counts = np.zeros((members.max() + 1, len(CLASSES)))
    np.add.at(counts, (members, np.array([case.label.index for case in ordered])), 1)
    present = counts[:, counts.any(axis=0)]
    return np.hstack([present, present.sum(axis=1, keepdims=True)])


def _largest_first(counts: NDArray[np.float64], seed: int) -> NDArray[np.intp]:
    shuffled = np.random.default_rng(seed).permutation(len(counts))
    return shuffled[np.argsort(-counts[shuffled, -1], kind="stable")]


def _hand_out(counts: NDArray[np.float64], order: NDArray[np.intp], shares: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the part of every group in `order`; -1 for the groups that are not in it.

    Each group goes where it lowers sum((given - target)^2 / target) most, over the classes and the total; but once
    the groups of a class are only as many as the parts that still lack it, those parts come first.

    Args:
        counts: images per group of each class and in all, `(groups, classes + 1)`.
        order: the groups to hand out, in turn.
        shares: what each part is meant to get, `(parts,)`, summing to 1.
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


def _table(ordered: Sequence[Case], parts: NDArray[np.object_]) -> SplitTable:
    return SplitTable(tuple(_rows(ordered, parts)))


def _rows(ordered: Sequence[Case], parts: NDArray[np.object_]) -> Iterator[SplitRow]:
    for fold, row in enumerate(parts):
        for case, part in zip(ordered, row, strict=True):
            yield SplitRow(case.case_id, fold, part)
