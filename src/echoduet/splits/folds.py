"""Folds: the paper's own, and grouped ones that keep copies and patients on one side."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold, train_test_split

from echoduet.config.schema import SplitConfig
from echoduet.errors import SplitError
from echoduet.records import Case, Label
from echoduet.splits.allotment import class_counts, groups_per_class, hand_out, largest_first, ordered_cases
from echoduet.splits.groups import group_numbers
from echoduet.splits.table import SIDES, Part, SplitRow, SplitTable, read_splits, write_splits

__all__ = ["SplitTable", "clean_folds", "make_splits", "paper_folds", "read_splits", "write_splits"]


def make_splits(cases: Sequence[Case], config: SplitConfig) -> SplitTable:
    """Make the folds that `config` asks for.

    Raises:
        SplitError: a class is too small for the folds, or a case id stands twice.
    """
    protocol = paper_folds if config.protocol == "paper" else clean_folds
    return protocol(cases, folds=config.folds, seed=config.seed, train_share=config.train_share)


def paper_folds(cases: Sequence[Case], folds: int = 4, seed: int = 1993, train_share: float = 0.8) -> SplitTable:
    """Make the image-level folds of Aumente-Maestro et al. (2025), with the same membership as their public code.

    The cases are brought into order (class, then number); `StratifiedKFold(shuffle=True)` takes the test part, and
    `train_test_split(stratify=...)` divides the rest, all with the one seed. Groups and patients are not looked at:
    use it on a data set from which copies were dropped.

    Raises:
        SplitError: a class is too small for the folds, or a case id stands twice.
    """
    ordered = ordered_cases(cases)
    labels = np.array([case.label.value for case in ordered])
    _require_enough(Counter(case.label for case in ordered), folds, "images")
    parts = np.empty((folds, len(ordered)), dtype=object)
    splitter = StratifiedKFold(n_splits=folds, shuffle=True, random_state=seed)
    for fold, (rest, test) in enumerate(splitter.split(labels, labels)):
        size = _train_size(len(rest), train_share, len(set(labels)))
        try:
            train, val = train_test_split(rest, train_size=size, random_state=seed, stratify=labels[rest])
        except ValueError as error:  # too few images for the share: scikit-learn says which number is off
            raise SplitError(f"Fold {fold} cannot be divided into train and val: {error}. Give more images.") from error
        for part, members in ((Part.TRAIN, train), (Part.VAL, val), (Part.TEST, test)):
            parts[fold, members] = part
    return _table(ordered, parts)


def clean_folds(cases: Sequence[Case], folds: int = 4, seed: int = 1993, train_share: float = 0.8) -> SplitTable:
    """Make stratified folds that keep every duplicate group, patient and set of equal files in one part.

    The result depends on the cases and the seed alone, not on the order in which the cases come. How whole groups
    are handed out: `allotment.hand_out`.

    Raises:
        SplitError: a class has too few independent groups for the folds, or a case id stands twice.
    """
    ordered = ordered_cases(cases)
    members = group_numbers(ordered)
    _require_enough(groups_per_class(ordered, members), folds, "independent groups of images")
    counts = class_counts(ordered, members)
    order = largest_first(counts, seed)
    test_fold = hand_out(counts, order, [1.0 / folds] * folds)
    parts = np.empty((folds, len(ordered)), dtype=object)
    for fold in range(folds):
        rest = order[test_fold[order] != fold]
        side = hand_out(counts, rest, [train_share, 1.0 - train_share])
        part_of_group = np.array([Part.TRAIN, Part.VAL, Part.TEST], dtype=object)[side]  # -1, not handed out: test
        parts[fold] = part_of_group[members]
        _require_every_class(ordered, parts[fold], fold)
    return _table(ordered, parts)


def _train_size(images: int, train_share: float, classes: int) -> float | int:
    """Return the share of train; in a data set so small that val would hold fewer images than classes, the number."""
    val = images - math.floor(train_share * images)  # as scikit-learn rounds it
    return train_share if val >= classes else images - classes


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
    for part, label in product(SIDES, dict.fromkeys(case.label for case in ordered)):
        if (part, label) not in held:
            raise SplitError(
                f'Fold {fold} gets no image of class "{label}" for {part}: its groups are too few or too large. '
                f"Ask for fewer folds (--folds), or add images of this class."
            )


def _table(ordered: Sequence[Case], parts: NDArray[np.object_]) -> SplitTable:
    return SplitTable(
        tuple(
            SplitRow(case.case_id, fold, part)
            for fold, row in enumerate(parts)
            for case, part in zip(ordered, row, strict=True)
        )
    )
