"""What can be wrong with an image or a mask, one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Issue(StrEnum):
    """A kind of trouble. What each score measures: docs/curation-findings.md."""

    CALIPERS = "calipers"
    TEXT = "text"
    PICTOGRAM = "pictogram"
    COLOUR_DOPPLER = "colour-doppler"
    PANELS = "panels"
    INTERFACE_BORDER = "interface-border"
    WEDGE_CORNERS = "wedge-corners"
    NEAR_BLANK = "near-blank"
    SATURATED = "saturated"
    LOW_CONTRAST = "low-contrast"
    ODD_ASPECT = "odd-aspect"
    ODD_SIZE = "odd-size"
    MASK_FRAGMENTS = "mask-fragments"
    MASK_HOLES = "mask-holes"
    MASK_EDGE = "mask-edge"
    MASK_SMALL = "mask-small"
    MASK_RECTANGULAR = "mask-rectangular"


Scores = Mapping[Issue, float]
"""How much there is of each trouble, 0-1."""

OVERLAYS: frozenset[Issue] = frozenset({Issue.CALIPERS, Issue.TEXT, Issue.PICTOGRAM})
"""Graphics that somebody put on the picture."""
