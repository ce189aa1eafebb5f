"""The thresholds of matching. On what they were fixed: docs/curation.md."""

from __future__ import annotations

from dataclasses import dataclass

VERSION = 1
"""Counts up when what is kept of an image changes, so that an older index is refused."""


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
        inliers: least number of features that an alignment puts in their places.
        overlap: least overlap of two related images, as a share of the larger one.
        same_scan: least correlation of fine details in two pictures of one recording.
        same_scene: the same for two frames of one view.
        in_place: the same, also for the larger structures, for pictures with too little texture to be aligned.
        in_place_overlap: least overlap of those.
    """

    side: int = 192
    features: int = 150
    indexed: int = 100
    neighbours: int = 8
    votes: int = 3
    alike: int = 4
    resemblance: float = 0.8
    inliers: int = 8
    overlap: float = 0.15
    same_scan: float = 0.75
    same_scene: float = 0.25
    in_place: float = 0.9
    in_place_overlap: float = 0.7

    def key(self) -> dict[str, object]:
        """Return what the features of an image depend on; an index made with another key cannot be used."""
        return {"version": VERSION, "side": self.side, "features": self.features}
