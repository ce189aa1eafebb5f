"""What a graph in eight bits loses, against PyTorch in float32 on the very same images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from echoduet.data.images import read_gray
from echoduet.data.masks import read_mask
from echoduet.evaluation.overlap import dice
from echoduet.export.calibration import Division
from echoduet.export.parity import Parity, Tally, pairs
from echoduet.inference.predictor import Predictor
from echoduet.models.refinement import refine
from echoduet.progress import Progress, silent
from echoduet.records import Case, GrayImage, Label, Prediction
from echoduet.statistics.intervals import Interval
from echoduet.statistics.paired import bootstrap_difference

GOAL = 0.5
"""Points of Dice or accuracy that eight bits may cost."""

MEANING = (
    "Points of refined all-image Dice and of accuracy lost against float32, with 95 % intervals over resampled groups, "
    "on images that were not calibrated on. The network may have been trained on them: a loss, not a score."
)


@dataclass(frozen=True, slots=True)
class Points:
    """A difference float32 minus int8 in points (hundredths), above 0 where int8 is worse; None where not answered."""

    lost: float
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Loss:
    """What eight bits cost.

    Attributes:
        dice: in all-image Dice against the reference masks; None without masks.
        accuracy: in classes; None without classes.
        parity: how far the answers lie apart, whatever is right.
    """

    dice: Points | None
    accuracy: Points | None
    parity: Parity

    def plain(self) -> dict[str, Any]:
        """Return it as JSON can hold it, with what it means."""
        return {**asdict(self), "meaning": MEANING}

    def told(self) -> str:
        """Return it in one line."""
        both = (("Dice", self.dice), ("accuracy", self.accuracy))
        return "points lost to eight bits: " + "; ".join(f"{name} {_told(points)}" for name, points in both if points)

    @property
    def within_goal(self) -> bool:
        """Whether neither loss is above `GOAL`."""
        return all(points.lost <= GOAL for points in (self.dice, self.accuracy) if points)


def _told(points: Points) -> str:
    if points.interval is None:
        return f"{points.lost:+.2f}"
    low, high = points.interval
    return f"{points.lost:+.2f} ({low:+.2f} to {high:+.2f})"


def measure_loss(reference: Predictor, candidate: Predictor, division: Division, progress: Progress = silent) -> Loss:
    """Compare two predictors' refined answers with each other and with the truth.

    Args:
        reference: the float32 one.
        candidate: the int8 one.
        division: what to measure on.
        progress: told about each image.

    Raises:
        ImageError: an image or mask cannot be read.
    """
    tally, rows = Tally(), []
    cases = list(division.measured)
    answers = pairs(reference, candidate, _images(progress(cases, label="measuring the loss", total=len(cases))))
    for case, (expected, got) in zip(cases, answers, strict=True):
        both = refine(expected, reference.rule), refine(got, candidate.rule)
        tally.add(*both)
        rows.append([_score(case, answer) for answer in both])
    return Loss(_points(rows, division.groups, 0), _points(rows, division.groups, 1), tally.result())


def _images(cases: Iterator[Case]) -> Iterator[tuple[str, GrayImage]]:
    return ((case.case_id, read_gray(case.image)) for case in cases)


def _score(case: Case, answer: Prediction) -> tuple[float | None, float | None]:
    """Return the Dice and whether the class is right; None where there is nothing to score."""
    right = None if answer.label is None else float(answer.label is case.label)
    if answer.mask is None or (not case.masks and case.label is not Label.NORMAL):
        return None, right
    return dice(answer.mask, read_mask(case.masks, (answer.mask.shape[0], answer.mask.shape[1]))), right


def _points(rows: Sequence[Sequence[tuple[float | None, ...]]], groups: Sequence[int], which: int) -> Points | None:
    scored = [(a[which], b[which], group) for (a, b), group in zip(rows, groups, strict=True)]
    known = [(100 * a, 100 * b, group) for a, b, group in scored if a is not None and b is not None]
    if not known:
        return None
    first, second, numbers = zip(*known, strict=True)
    lost = (sum(first) - sum(second)) / len(known)
    return Points(lost, bootstrap_difference(first, second, numbers))
