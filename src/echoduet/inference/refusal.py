"""The right to refuse: what a picture is tested for before the network is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from echoduet.curation.quality.colour import FLOW, doppler_score
from echoduet.curation.quality.frame import panel_score
from echoduet.curation.quality.issues import Issue
from echoduet.curation.quality.settings import THRESHOLDS
from echoduet.errors import ModelError
from echoduet.inference.appearance import GRAIN, NAMES, SIDE, features, reduced
from echoduet.models.info import BundleInfo
from echoduet.models.reference import Reference
from echoduet.records import Check, ColourImage, Ground, Scan

FloatArray = NDArray[np.float64]

LARGEST = 1200
"""Colour and seams are looked for in a picture of at most so many pixels a side; no image of BUSI is larger."""

SMALL = 96
"""A picture with a shorter side than this is refused: half of what the network sees, half of BUSI's smallest (190)."""

COLOURED = 5.0
"""What a picture that is coloured all over counts as, on the scale of the distance: two fifths coloured are 2."""

PLAIN_THRESHOLDS: Mapping[Ground, float] = {
    Ground.COLOUR_DOPPLER: THRESHOLDS[Issue.COLOUR_DOPPLER],
    Ground.MULTI_PANEL: THRESHOLDS[Issue.PANELS],
    Ground.TOO_SMALL: 1.0,
}
"""From which score on a released bundle refuses on the grounds that need no reference: curation's own, and size."""


def threshold_name(ground: Ground) -> str:
    """Return the name of a ground's threshold among those of a bundle."""
    return f"refuse_{ground}"


@dataclass(frozen=True, slots=True, eq=False)
class Signs:
    """What is seen in a picture, whatever it is compared with.

    Attributes:
        features: its appearance, `(F,)` in the order of `appearance.NAMES`.
        coloured: share of it that is coloured, 0-1.
        doppler: how sure it is that it was taken in colour Doppler mode, 0-1; 1 where its file says so.
        panels: how much of a line across it separates two panels, 0-1; 1 where its file says that there are several.
        smallness: `SMALL` over its shorter side.
    """

    features: FloatArray
    coloured: float
    doppler: float
    panels: float
    smallness: float

    @classmethod
    def of(cls, scan: Scan) -> Signs:
        """Look at a scan, inside its region only, and at what its file says of it."""
        gray, colour = scan.inside, scan.colour_inside
        return cls(
            features=features(gray),
            coloured=0.0 if colour is None else coloured_share(colour),
            doppler=1.0 if scan.colour_flow else _doppler(colour),
            panels=1.0 if scan.panels > 1 else panel_score(reduced(gray, LARGEST)),
            smallness=SMALL / min(gray.shape),
        )


def _doppler(colour: ColourImage | None) -> float:
    return 0.0 if colour is None else doppler_score(reduced(colour, LARGEST))


def coloured_share(colour: ColourImage) -> float:
    """Return the share of a picture whose red, green and blue differ as much as where blood flows."""
    red, green, blue = cv2.split(reduced(colour, SIDE))
    spread = cv2.subtract(cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue))
    return float(np.mean(np.asarray(spread) >= FLOW))


class Gatekeeper:
    """Tests pictures by what a bundle knows of those that its network learnt from."""

    def __init__(self, info: BundleInfo) -> None:
        """Take reference and thresholds from a bundle; a ground for which it has none is not tested.

        Raises:
            ModelError: the reference is of other features than this version's.
        """
        given = {ground: info.thresholds.get(threshold_name(ground)) for ground in Ground}
        self._judge = None if info.appearance is None else Judge(info.appearance)
        testable = list(Ground) if self._judge else list(PLAIN_THRESHOLDS)
        self.thresholds = {g: value for g, value in given.items() if value is not None and g in testable}

    def check(self, scan: Scan) -> tuple[Check, ...]:
        """Return what each test of a picture found, in the order of `Ground`."""
        if not self.thresholds:
            return ()
        signs = Signs.of(scan)
        found = plain_scores(signs) if self._judge is None else self._judge.scores(signs)
        return tuple(Check(ground, found[ground], threshold) for ground, threshold in self.thresholds.items())


class Judge:
    """Scores pictures on every ground, two of them by a reference."""

    def __init__(self, reference: Reference) -> None:
        """Compare with `reference`.

        Raises:
            ModelError: it is of other features than this version's.
        """
        if reference.names != NAMES:
            raise ModelError(
                "The bundle's reference of appearance is of other features than this version computes. Use the version "
                "that wrote it."
            )
        self._grain, self._whole = reference.distance(GRAIN), reference.distance()

    def scores(self, signs: Signs) -> dict[Ground, float]:
        """Return the score on each ground."""
        row = signs.features[None]
        return plain_scores(signs) | {
            Ground.NOT_ULTRASOUND: max(float(self._grain(row)[0]), COLOURED * signs.coloured),
            Ground.OUT_OF_DISTRIBUTION: float(self._whole(row)[0]),
        }


def plain_scores(signs: Signs) -> dict[Ground, float]:
    """Return the scores on the grounds that need no reference."""
    return {
        Ground.COLOUR_DOPPLER: signs.doppler,
        Ground.MULTI_PANEL: signs.panels,
        Ground.TOO_SMALL: signs.smallness,
    }
