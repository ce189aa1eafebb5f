"""The thresholds of matching. On what they were fixed: docs/curation.md."""

from __future__ import annotations

from dataclasses import dataclass

from echoduet.errors import ConfigError

VERSION = 1
"""Counts up when what is kept of an image changes, so that an older index is refused."""

RANGES: dict[str, tuple[float, float]] = {
    "side": (64, 1024),
    "features": (20, 2000),
    "indexed": (20, 2000),
    "neighbours": (1, 100),
    "votes": (2, 100),
    "alike": (0, 100),
    "resemblance": (0, 1),
    "confidence": (0, 1),
    "overlap": (0, 1),
    "same_scan": (0, 1),
    "strain": (0, 3),
}
"""The least and the largest value of each setting."""


@dataclass(frozen=True, slots=True)
class MatchSettings:
    """How images are described, and when two of them count as related.

    Attributes:
        side: longest side of the working pictures, in pixels.
        features: most local features kept of an image, the strongest ones.
        indexed: how many of them, the strongest again, go into the index; the others serve the closer look.
        neighbours: nearest features looked up for each of an image's own.
        votes: least number of features that agree on one turn and scale, for a closer look.
        alike: nearest images by their thumbnails that get a closer look too.
        resemblance: least correlation of those thumbnails.
        confidence: least probability that two images are related.
        overlap: least overlap of two related images, as a share of the larger one.
        same_scan: least correlation of the fine details in two pictures of one recording.
        strain: how far, at most, their common features are from where they should be, the median in pixels of the
            working pictures. Beyond either the two are of one scene only.

    Raises:
        ConfigError: a value is out of range.
    """

    side: int = 192
    features: int = 150
    indexed: int = 100
    neighbours: int = 8
    votes: int = 4
    alike: int = 4
    resemblance: float = 0.9
    confidence: float = 0.5
    overlap: float = 0.15
    same_scan: float = 0.5
    strain: float = 0.3

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f"{name}: {getattr(self, name)}. Choose a value from {low} to {high}.")

    def key(self) -> dict[str, object]:
        """Return what the features of an image depend on; an index made with another key cannot be used."""
        return {"version": VERSION, "side": self.side, "features": self.features}
