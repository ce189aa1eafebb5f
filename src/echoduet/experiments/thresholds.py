"""Thresholds chosen on cases the network did not learn from: which pixels are lesion, and when an answer gives way.

The network runs once. For every case and every mask threshold the components of its map are scored on the network's own
grid; a rule then only picks among these numbers, so that a grid of rules over hundreds of cases takes a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from echoduet.config.schema import ExperimentConfig
from echoduet.data.manifest import Manifest
from echoduet.errors import DataError, LeakError, ModelError
from echoduet.evaluation.classification import defined_mean
from echoduet.experiments.evaluate import read_images, read_reference
from echoduet.inference.answers import Answer
from echoduet.inference.predictor import Predictor
from echoduet.inference.stream import run_ahead
from echoduet.models.bundle import rewrite_info
from echoduet.models.info import BundleInfo, read_info
from echoduet.models.refinement import HARD, OFF, Rule, read_rule
from echoduet.progress import Progress, silent
from echoduet.records import Case, Label, Mask
from echoduet.transforms.preprocess import Preprocess

FloatArray = NDArray[np.float64]

MASKS = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7)
AREAS = (0.0, 0.001, 0.0025, 0.005, 0.01)
EMPTY_AT = (None, 0.3, 0.5, 0.7, 0.9)
NORMAL_AT = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)
PEAK_SHARES = (0.0, 0.5)
"""Off, and the outline at half its own height, as widths of a peak are told."""

OBJECTIVE = "mean of all-image Dice (network size) and accuracy; ties go to what is nearest to the paper's rule"

_NORMAL = Label.NORMAL.position
_EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True, slots=True)
class Choice:
    """A mask threshold and a rule of refining, with the objective they reach; NaN before it is measured."""

    mask: float
    rule: Rule
    value: float = float("nan")

    def thresholds(self) -> dict[str, float]:
        """Return both as a bundle keeps them; a rule that the configuration names in full is not repeated."""
        return {"mask": self.mask, **({} if self.rule in (HARD, OFF) else self.rule.thresholds())}


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What each mask threshold, share of the peak and least area would give on each case, before refining.

    Attributes:
        case_ids: the cases, N of them.
        truth: class indices, `(N,)`.
        classes: class probabilities of the network, `(N, 3)`; None without a class head.
        dice: Dice at each of `masks`, `PEAK_SHARES` and `AREAS`, `(N, M, P, A)`; NaN where the lesion was never
            outlined.
        empty: whether nothing is left of the mask, `(N, M, P, A)`.
        masks: the mask thresholds, M of them.
    """

    case_ids: tuple[str, ...]
    truth: NDArray[np.int64]
    classes: FloatArray | None
    dice: FloatArray
    empty: NDArray[np.bool_]
    masks: tuple[float, ...]

    def select(self, members: NDArray[np.bool_]) -> Outcomes:
        """Return the outcomes of some cases, `members` `(N,)`."""
        kept = tuple(case_id for case_id, member in zip(self.case_ids, members, strict=True) if member)
        classes = None if self.classes is None else self.classes[members]
        return Outcomes(kept, self.truth[members], classes, self.dice[members], self.empty[members], self.masks)

    def with_classes(self, classes: FloatArray) -> Outcomes:
        """Return the outcomes with other class probabilities, `(N, 3)`, as after calibration."""
        return replace(self, classes=classes)

    def value(self, choice: Choice) -> float:
        """Return the objective that a choice reaches: the mean of all-image Dice and accuracy."""
        mask, area = self.masks.index(choice.mask), AREAS.index(choice.rule.min_area)
        if self.classes is None:  # nobody says that there is a lesion, so that none is looked for
            return float(defined_mean(self.dice[:, mask, 0, area]))
        rule = choice.rule
        answer, p_normal = self.classes.argmax(axis=1), self.classes[:, _NORMAL]
        share = np.where(answer == _NORMAL, 0, PEAK_SHARES.index(rule.peak_share))  # normal asks for no lesion
        at = np.arange(len(answer)), mask, share, area
        dice, empty = self.dice[at], self.empty[at]
        emptied = answer == _NORMAL if rule.empty_at is None else p_normal >= rule.empty_at
        without = np.where(np.isnan(dice), np.nan, (self.truth == _NORMAL).astype(np.float64))
        label = np.where((emptied | empty) & (p_normal >= rule.normal_at), _NORMAL, answer)
        right = float((label == self.truth).mean())
        return (float(defined_mean(np.where(emptied, without, dice))) + right) / 2


def gather(predictor: Predictor, manifest: Manifest, answers: Iterable[Answer]) -> Outcomes | None:
    """Score what every mask threshold would give on each answered case; None where the network draws no mask."""
    kept = [answer for answer in answers if answer.lesion is not None]
    if not kept:
        return None
    masks = tuple(sorted({*MASKS, predictor.info.config.inference.mask_threshold}))
    rows = list(run_ahead(_Sweep(predictor.preprocess, manifest, masks), kept))
    classes = [answer.classes for answer in kept if answer.classes is not None]
    return Outcomes(
        case_ids=tuple(answer.case_id for answer in kept),
        truth=np.array([manifest.case(answer.case_id).label.position for answer in kept], dtype=np.int64),
        classes=np.array(classes) if classes else None,
        dice=np.array([dice for dice, _ in rows]),
        empty=np.array([empty for _, empty in rows], dtype=bool),
        masks=masks,
    )


@dataclass(frozen=True, slots=True)
class _Sweep:
    """Scores one answer at every mask threshold, share of the peak and least area; called in threads."""

    preprocess: Preprocess
    manifest: Manifest
    masks: tuple[float, ...]

    def __call__(self, answer: Answer) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Return Dice and emptiness, `(M, P, A)` each."""
        reference = self._reference(self.manifest.case(answer.case_id), answer.shape)
        # Least areas are shares of the image, not of the black around it.
        lesion = self.preprocess.inside(np.asarray(answer.lesion), answer.shape)
        inside = np.zeros_like(lesion, dtype=bool)
        if reference is not None:
            inside = self.preprocess.inside(reference, answer.shape)
        pairs = [_at_areas(lesion >= level, inside) for level in self._levels(float(lesion.max()))]
        dice, empty = (
            np.array(part).reshape(len(self.masks), len(PEAK_SHARES), -1) for part in zip(*pairs, strict=True)
        )
        return np.full_like(dice, np.nan) if reference is None else dice, empty

    def _levels(self, peak: float) -> Iterator[float]:
        """Yield where a map is cut at each mask threshold and share of its peak."""
        for threshold, share in product(self.masks, PEAK_SHARES):
            yield Rule(peak_share=share).level(peak, threshold)

    def _reference(self, case: Case, shape: tuple[int, int]) -> Mask | None:
        """Return the reference on the network's grid; None for a lesion that nobody outlined: no mask score applies."""
        reference = read_reference(case, shape)
        if reference is None or not (reference.any() or case.label is Label.NORMAL):
            return None
        return self.preprocess.mask(reference)


def _at_areas(mask: Mask, reference: Mask) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return Dice and emptiness of a mask without its components below each of `AREAS`, `(A,)` each."""
    numbered, count = ndimage.label(mask, structure=_EIGHT_NEIGHBOURS)
    area = np.bincount(numbered.ravel(), minlength=count + 1)[1:]
    overlap = np.bincount(numbered[reference], minlength=count + 1)[1:]
    kept = area >= np.array(AREAS)[:, None] * mask.size
    total = kept @ area + int(reference.sum())
    dice = np.where(total == 0, 1.0, 2 * (kept @ overlap) / np.maximum(total, 1))
    return dice, np.asarray(~kept.any(axis=1))


def candidates(refining: str, start: float, masks: Sequence[float] = MASKS) -> list[Choice]:
    """Return every choice of the grid, those nearest to the paper's rule at the mask threshold `start` first.

    Args:
        refining: as in the configuration; only `soft` has rules to choose among.
        start: the configuration's mask threshold.
        masks: the mask thresholds to try.
    """
    soft = [Rule(*parts) for parts in product(EMPTY_AT, NORMAL_AT, AREAS, PEAK_SHARES)]
    rules = soft if refining == "soft" else [read_rule(refining, {})]
    return sorted((Choice(mask, rule) for mask in masks for rule in rules), key=lambda one: _distance(one, start))


def _distance(choice: Choice, start: float) -> tuple[int, float]:
    rule = choice.rule
    emptying = 0.0 if rule.empty_at is None else 1.0 + abs(rule.empty_at - 0.5)
    steps = (abs(choice.mask - start), emptying, rule.normal_at, rule.min_area, rule.peak_share)
    return sum(step > 0 for step in steps), float(sum(steps))


def choose(outcomes: Outcomes, refining: str, start: float) -> Choice:
    """Return the choice that reaches the most on these cases; of several, the nearest to the paper's rule.

    Raises:
        DataError: no case has a mask to be scored by.
    """
    grid = candidates(refining, start, outcomes.masks)
    # Rounded, so that a difference in the last bit is a tie.
    values = [round(outcomes.value(choice), 9) for choice in grid]
    if np.isnan(values).all():
        raise DataError(
            "None of the cases to choose thresholds on has a reference mask. Add masks, or set inference.tune=false."
        )
    best = int(np.nanargmax(values))
    return replace(grid[best], value=values[best])


def tune(model: Path, manifest: Manifest, case_ids: Sequence[str] | None = None, progress: Progress = silent) -> Choice:
    """Choose mask threshold and rule for a trained bundle, and write them into it; its weights are not touched.

    Args:
        model: the bundle.
        manifest: the cases it was made from.
        case_ids: those to choose on; the validation part that its provenance names when left out.
        progress: told about each case.

    Raises:
        DataError: none of the cases has a mask to be scored by.
        LeakError: one of the cases is in the bundle's training or test part.
        ModelError: the bundle cannot be read, draws no mask, or does not say what its validation part is.
    """
    predictor = Predictor.load(model, read_info(model).config.runtime.device, runtime="torch")
    chosen_on = _allowed(model, predictor.info, case_ids)
    cases = [manifest.case(case_id) for case_id in chosen_on]
    images = read_images(progress(cases, label="tuning", total=len(cases)))
    outcomes = gather(predictor, manifest, predictor.answers(images))
    if outcomes is None:
        raise ModelError(f"{model}: draws no mask, so that there is no threshold to choose. Set inference.tune=false.")
    settings = predictor.info.config.inference
    choice = choose(outcomes, settings.refining, settings.mask_threshold)
    store(model, predictor.info, choice, outcomes)
    return choice


def tune_if_asked(config: ExperimentConfig, model: Path, manifest: Manifest, progress: Progress = silent) -> None:
    """Tune a bundle once, where its experiment asks for it with `inference.tune`."""
    wanted = config.inference.tune and config.model.tasks != "classification"
    if wanted and "tuning" not in read_info(model).provenance:
        tune(model, manifest, progress=progress)


def _allowed(model: Path, info: BundleInfo, case_ids: Sequence[str] | None) -> tuple[str, ...]:
    chosen = tuple(info.provenance.get("val_ids", ()) if case_ids is None else case_ids)
    if not chosen:
        raise ModelError(f"{model}: names no validation part to choose thresholds on. Train it again.")
    for part in ("test", "train"):
        if met := sorted(set(chosen) & set(info.provenance.get(f"{part}_ids", ()))):
            raise LeakError(
                f'{model}: "{met[0]}" is in its {part} part, and thresholds must not be chosen there. Choose them on '
                "its validation part."
            )
    return chosen


def store(model: Path, info: BundleInfo, choice: Choice, outcomes: Outcomes) -> None:
    """Write a choice into a bundle, with the cases and the objective it was made by; its weights are not touched."""
    settings = info.config.inference
    before = Choice(settings.mask_threshold, read_rule(settings.refining, {}))
    tuning: dict[str, Any] = {
        "chosen_on": "validation part",
        "cases": len(outcomes.case_ids),
        "objective": OBJECTIVE,
        "value": choice.value,
        "value_before": round(outcomes.value(before), 9),
    }
    rule = {field.name for field in fields(Rule)}  # what the chosen rule leaves out is off, whatever stood there
    kept = {name: value for name, value in info.thresholds.items() if name not in rule}
    thresholds = {**kept, **choice.thresholds()}
    rewrite_info(model, replace(info, thresholds=thresholds, provenance={**info.provenance, "tuning": tuning}))
