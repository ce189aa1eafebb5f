"""Prediction refining (PR): the two answers are made to agree, by the paper's rule or by a softer one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np

from echoduet.records import Label, Mask, Prediction


@dataclass(frozen=True, slots=True)
class Rule:
    """When one answer gives way to the other. The defaults are the paper's hard rule.

    Attributes:
        empty_at: least probability of normal at which the mask is emptied; None empties it where the class answered is
            normal, however sure the network is.
        normal_at: least probability of normal at which an empty mask makes the class normal; below it the class stays.
        min_area: smallest component of a mask that is kept, as a share of the image.
        peak_share: a mask that is not emptied is cut at this share of its map's peak, where that lies below the mask
            threshold: a class with a lesion asks for one to be outlined. 0 leaves the mask as it is.
    """

    empty_at: float | None = None
    normal_at: float = 0.0
    min_area: float = 0.0
    peak_share: float = 0.0

    def thresholds(self) -> dict[str, float]:
        """Return the rule as a bundle's `thresholds` keep it; `read_rule` reads it again."""
        emptying = {} if self.empty_at is None else {"empty_at": self.empty_at}
        fainter = {"peak_share": self.peak_share} if self.peak_share else {}
        return {**emptying, "normal_at": self.normal_at, "min_area": self.min_area, **fainter}

    def empties(self, label: Label, p_normal: float) -> bool:
        """Tell whether an answer of this class, with this probability of normal, empties the mask."""
        return label is Label.NORMAL if self.empty_at is None else p_normal >= self.empty_at

    def level(self, peak: float, threshold: float) -> float:
        """Return the probability at which a map that peaks at `peak` is cut: the mask threshold, or less if faint."""
        own = self.peak_share * peak
        return min(threshold, own) if own > 0 else threshold


HARD = Rule()
"""The paper's: normal empties the mask, then an empty mask makes the class normal."""

OFF = Rule(empty_at=math.inf, normal_at=math.inf)
"""Never changes anything."""


def read_rule(refining: str, thresholds: Mapping[str, float]) -> Rule:
    """Return the rule that a configuration's `inference.refining` names.

    Args:
        refining: `hard`, `soft` or `none`.
        thresholds: those of the bundle; what the soft rule does not find there is as in the hard rule.
    """
    if refining == "none":
        return OFF
    if refining == "hard":
        return HARD
    return Rule(
        empty_at=thresholds.get("empty_at"),
        normal_at=thresholds.get("normal_at", HARD.normal_at),
        min_area=thresholds.get("min_area", HARD.min_area),
        peak_share=thresholds.get("peak_share", HARD.peak_share),
    )


def refine(prediction: Prediction, rule: Rule = HARD) -> Prediction:
    """Return `prediction` with mask and class in agreement, as far as `rule` asks for it.

    A class that is sure enough to be normal empties the mask; any other lets a faint lesion be outlined. Then small
    components go, and an empty mask makes the class normal, unless normal is too improbable. The probabilities stay as
    they were: they are the network's, and a ranking metric must not see the rule. A prediction that lacks a mask or a
    class has nothing to agree with.
    """
    if prediction.mask is None:
        return prediction
    if prediction.label is None:
        cleaned = drop_specks(prediction.mask, rule.min_area)
        return prediction if cleaned is prediction.mask else replace(prediction, mask=cleaned)
    return _agreed(prediction, prediction.mask, prediction.label, rule)


def _agreed(prediction: Prediction, mask: Mask, label: Label, rule: Rule) -> Prediction:
    p_normal = _probability_of_normal(prediction)
    if rule.empties(label, p_normal):
        mask = np.zeros_like(mask)
    else:
        faint = prediction.faint if rule.peak_share and label is not Label.NORMAL else None
        mask = drop_specks(mask if faint is None else faint, rule.min_area)
    if not mask.any() and p_normal >= rule.normal_at:
        label = Label.NORMAL
    unchanged = mask is prediction.mask and label is prediction.label
    return prediction if unchanged else replace(prediction, mask=mask, label=label, faint=None)


def _probability_of_normal(prediction: Prediction) -> float:
    if prediction.probabilities is None:  # a class without probabilities is sure of itself
        return float(prediction.label is Label.NORMAL)
    return float(prediction.probabilities[Label.NORMAL.position])


def drop_specks(mask: Mask, min_area: float) -> Mask:
    """Return a mask `(H, W)` without its 8-connected components below `min_area`, a share of the image.

    The very same array where nothing is dropped.
    """
    least = min_area * mask.size
    if least <= 1 or not mask.any():
        return mask
    pixels = np.ascontiguousarray(mask).view(np.uint8)
    left, top, width, height = cv2.boundingRect(pixels)
    place = slice(top, top + height), slice(left, left + width)
    count, numbered = cv2.connectedComponents(pixels[place], connectivity=8)
    kept = np.bincount(numbered.ravel(), minlength=count) >= least
    kept[0] = False
    if kept[1:].all():
        return mask
    cleaned = np.zeros_like(mask)
    cleaned[place] = kept[numbered]
    return cleaned
