"""The policies and thresholds of curation. On what the thresholds were fixed: docs/curation.md."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

from echoduet.curation.matching.settings import MatchSettings
from echoduet.curation.quality.settings import QualitySettings
from echoduet.errors import ConfigError


class Policy(StrEnum):
    """What to do with images of one scan.

    `drop-all`, as the paper, keeps no member of a group; `keep-one` keeps the best one; `keep-all-grouped` keeps all
    and ties them, so that splits hold them together; `audit` drops nothing and judges nothing; `published` follows a
    published list.
    """

    DROP_ALL = "drop-all"
    KEEP_ONE = "keep-one"
    KEEP_ALL_GROUPED = "keep-all-grouped"
    AUDIT = "audit"
    PUBLISHED = "published"


class ConflictRule(StrEnum):
    """What to do with images that contradict each other, where the policy would keep them.

    `review` leaves them to a person, and out of the manifest until then; `drop` drops them; `keep` goes on as if they
    agreed.
    """

    REVIEW = "review"
    DROP = "drop"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class CurationSettings:
    """When images are related, when they contradict each other, and when something is wrong with one.

    Attributes:
        matching: when two images are related.
        quality: from which score on an image is flagged.
        mask_agreement: least Dice of the aligned masks of two images of one scan; below it they contradict each other.
        conflicts: what to do with images that contradict each other.

    Raises:
        ConfigError: a value is out of range.
    """

    matching: MatchSettings = field(default_factory=MatchSettings)
    quality: QualitySettings = field(default_factory=QualitySettings)
    mask_agreement: float = 0.70
    conflicts: ConflictRule = ConflictRule.REVIEW

    def __post_init__(self) -> None:
        if not 0.0 <= self.mask_agreement <= 1.0:
            raise ConfigError(f"mask_agreement: {self.mask_agreement}. Choose a Dice from 0 to 1.")

    def figures(self) -> dict[str, Any]:
        """Return every setting by name, as `summary.json` holds it."""
        return {
            "mask_agreement": self.mask_agreement,
            "conflicts": self.conflicts.value,
            "matching": asdict(self.matching),
            "thresholds": self.quality.key(),
        }


def thresholds_of(words: Sequence[str]) -> QualitySettings:
    """Return the thresholds of findings, but for those given as `name=value`, as in `calipers=0.7`.

    Raises:
        ConfigError: a word is no `name=value`, or there is no such finding.
    """
    return QualitySettings.from_mapping(dict(_pair(word) for word in words))


def matching_of(words: Sequence[str]) -> MatchSettings:
    """Return the settings of matching, but for those given as `name=value`, as in `confidence=0.8`.

    Raises:
        ConfigError: a word is no `name=value`, there is no such setting, or the value is out of range.
    """
    known = {one.name: one.type for one in fields(MatchSettings)}
    values: dict[str, Any] = {}
    for name, value in map(_pair, words):
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(known)}."
            raise ConfigError(f"{name}: no such setting of matching. {hint}")
        if known[name] == "int" and not value.is_integer():
            raise ConfigError(f"{name}: {value} is no whole number. Choose one.")
        values[name] = int(value) if known[name] == "int" else value
    return replace(MatchSettings(), **values)


def _pair(word: str) -> tuple[str, float]:
    name, _, value = word.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise ConfigError(
            f"'{word}': is not of the form name=number. Write it as in confidence=0.8 or calipers=0.7."
        ) from None
