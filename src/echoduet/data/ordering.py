"""The one order of cases: class, then number, so that "benign (2)" comes before "benign (10)"."""

from __future__ import annotations

import re
from collections.abc import Iterable

from echoduet.records import Case

NaturalKey = tuple[tuple[tuple[int, int, str], ...], str]

_DIGITS = re.compile(r"([0-9]+)")


def natural_key(text: str) -> NaturalKey:
    """Return a sort key that compares runs of digits as numbers; the text itself breaks ties ("a1", "a01")."""
    parts = (part for part in _DIGITS.split(text) if part)
    key = tuple((0, int(part), "") if part[0] in "0123456789" else (1, 0, part.casefold()) for part in parts)
    return key, text


def in_order(cases: Iterable[Case]) -> tuple[Case, ...]:
    """Return the cases by class (benign, malignant, normal), then in the natural order of their ids."""
    return tuple(sorted(cases, key=lambda case: (case.label.position, natural_key(case.case_id))))
