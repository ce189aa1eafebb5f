"""One division into train and validation, without a test part: for a model that is to be used, not scored."""

from __future__ import annotations

from collections.abc import Sequence

from echoduet.config.schema import SplitConfig
from echoduet.errors import SplitError
from echoduet.records import Case
from echoduet.splits.allotment import class_counts, groups_per_class, hand_out, largest_first, ordered_cases
from echoduet.splits.groups import group_numbers
from echoduet.splits.table import Part, SplitRow, SplitTable


def hold_out(cases: Sequence[Case], config: SplitConfig) -> SplitTable:
    """Divide all cases into train and val, stratified by class, copies and patients kept together.

    The table has the single fold 0 and no test part.

    Raises:
        SplitError: a class has too few groups to stand on both sides.
    """
    ordered = ordered_cases(cases)
    members = group_numbers(ordered)
    for label, count in groups_per_class(ordered, members).items():
        if count < 2:
            raise SplitError(
                f'Class "{label}" has {count} independent group of images, too few to stand in both train and val. '
                "Add images of this class, or leave the class out."
            )
    counts = class_counts(ordered, members)
    side = hand_out(counts, largest_first(counts, config.seed), [config.train_share, 1.0 - config.train_share])
    parts = [(Part.TRAIN, Part.VAL)[part] for part in side[members]]
    return SplitTable(tuple(SplitRow(case.case_id, 0, part) for case, part in zip(ordered, parts, strict=True)))
