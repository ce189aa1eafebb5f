"""One system of a comparison: what it answered to every case, once per seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from echoduet.evaluation.cases import CaseScore


@dataclass(frozen=True, slots=True)
class Arm:
    """The per-case scores of one system.

    Attributes:
        name: what the system is called in tables, as `MT+PR+DO`.
        rows: per seed, one row a case, in the same order for every seed; each row knows the fold that tested it.
    """

    name: str
    rows: Mapping[int, tuple[CaseScore, ...]]
