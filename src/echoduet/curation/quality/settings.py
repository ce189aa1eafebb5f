"""From which score on an image is flagged. On what the thresholds were fixed: docs/curation-findings.md."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from echoduet.curation.quality.issues import Issue
from echoduet.errors import ConfigError

THRESHOLDS: Mapping[Issue, float] = MappingProxyType(
    {
        Issue.CALIPERS: 0.6,
        Issue.TEXT: 0.4,
        Issue.PICTOGRAM: 0.5,
        Issue.COLOUR_DOPPLER: 0.5,
        Issue.PANELS: 0.7,
        Issue.INTERFACE_BORDER: 0.5,
        Issue.WEDGE_CORNERS: 0.4,
        Issue.NEAR_BLANK: 0.75,
        Issue.SATURATED: 0.02,
        Issue.LOW_CONTRAST: 0.35,
        Issue.ODD_ASPECT: 0.6,
        Issue.ODD_SIZE: 0.55,
        Issue.MASK_FRAGMENTS: 0.5,
        Issue.MASK_HOLES: 0.0005,
        Issue.MASK_EDGE: 0.05,
        Issue.MASK_SMALL: 0.35,
        Issue.MASK_RECTANGULAR: 0.75,
    }
)
"""The thresholds that apply when none is given."""


@dataclass(frozen=True, slots=True)
class QualitySettings:
    """One threshold for each issue: a case is flagged from this score on.

    Raises:
        ConfigError: a threshold is not from 0 to 1, or one is missing.
    """

    thresholds: Mapping[Issue, float] = field(default_factory=lambda: THRESHOLDS)

    def __post_init__(self) -> None:
        for issue in Issue:
            value = self.thresholds.get(issue)
            if value is None or not 0.0 <= value <= 1.0:
                raise ConfigError(f"threshold {issue}: {value}. Choose a number from 0 to 1.")

    @classmethod
    def from_mapping(cls, values: Mapping[str, float]) -> QualitySettings:
        """Return the shipped thresholds, but for those given by the issue's name.

        Raises:
            ConfigError: there is no such issue, or its threshold is not a number from 0 to 1.
        """
        return cls().with_thresholds(values)

    def with_thresholds(self, values: Mapping[str, float]) -> QualitySettings:
        """Return these settings, but for the thresholds given by the issue's name.

        Raises:
            ConfigError: there is no such issue, or its threshold is not a number from 0 to 1.
        """
        changed = {issue_named(name): _number(name, value) for name, value in values.items()}
        return QualitySettings(MappingProxyType({**self.thresholds, **changed}))

    def key(self) -> dict[str, float]:
        """Return the thresholds by name, in the order of the issues."""
        return {issue.value: self.thresholds[issue] for issue in Issue}


def issue_named(name: str) -> Issue:
    """Return the issue of that name.

    Raises:
        ConfigError: there is none; the sentence tells the nearest name.
    """
    known = [issue.value for issue in Issue]
    if name in known:
        return Issue(name)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"Did you mean {close[0]}?" if close else f"Known are {', '.join(known)}."
    raise ConfigError(f"threshold {name}: no such issue. {hint}")


def _number(name: str, value: float) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ConfigError(f"threshold {name}: {value!r} is not a number. Choose one from 0 to 1.") from None
