"""How many images of each class a published data set holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from echoduet.records import Case, Label

SUBSET_BELOW = 0.9
"""A folder with a smaller share of the published images than this is taken for a subset made on purpose."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Images per class, and how ids are numbered where they run from 1 to the count of their class.

    Attributes:
        benign, malignant, normal: number of images.
        numbered: pattern of the ids, such as "{label} ({number})"; None where numbers do not tell what is missing.
    """

    benign: int
    malignant: int
    normal: int
    numbered: str | None = None

    @classmethod
    def of(cls, cases: Iterable[Case]) -> Counts:
        """Count the cases of each class."""
        number = Counter(case.label for case in cases)
        return cls(number[Label.BENIGN], number[Label.MALIGNANT], number[Label.NORMAL])

    @property
    def total(self) -> int:
        """Images of all classes."""
        return self.benign + self.malignant + self.normal

    def of_label(self, label: Label) -> int:
        """Return the number of images of one class."""
        return (self.benign, self.malignant, self.normal)[label.position]

    def missing_ids(self, label: Label, present: Iterable[str]) -> tuple[str, ...]:
        """Return the ids of a numbered class that are not among `present`; none where ids are not numbered."""
        if self.numbered is None:
            return ()
        ids = (self.numbered.format(label=label, number=number + 1) for number in range(self.of_label(label)))
        there = set(present)
        return tuple(case_id for case_id in ids if case_id not in there)

    def __str__(self) -> str:
        return f"{self.benign} benign, {self.malignant} malignant, {self.normal} normal"
