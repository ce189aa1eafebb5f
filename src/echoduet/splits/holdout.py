"""One division into train and validation, without a test part: for a model that is to be used, not scored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from echoduet.config.schema import SplitConfig
from echoduet.errors import SplitError
from echoduet.records import Case, case_order
from echoduet.splits.groups import group_numbers
from echoduet.splits.table import Part, SplitRow, SplitTable


def hold_out(cases: Sequence[Case], config: SplitConfig) -> SplitTable:
    """Divide all cases into train and val, stratified by class, copies and patients kept together.

    The val part is one fold of `round(1 / (1 - train_share))`; the table has the single fold 0 and no test part.

    Raises:
        SplitError: a class has too few groups to stand on both sides.
    """
    ordered = sorted(cases, key=case_order)
    labels, groups = np.array([case.label.value for case in ordered]), group_numbers(ordered)
    parts = max(2, round(1 / (1 - config.train_share)))
    for label in sorted(set(labels.tolist())):
        if (count := len(set(groups[labels == label].tolist()))) < parts:
            raise SplitError(
                f'Class "{label}" has {count} independent images, too few to hold out one of {parts} parts. '
                "Add images of this class, or lower split.train_share."
            )
    splitter = StratifiedGroupKFold(n_splits=parts, shuffle=True, random_state=config.seed)
    _, held = next(splitter.split(labels, labels, groups))
    chosen = set(held.tolist())
    return SplitTable(
        tuple(SplitRow(case.case_id, 0, Part.VAL if i in chosen else Part.TRAIN) for i, case in enumerate(ordered))
    )
