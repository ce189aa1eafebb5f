"""One row a case: what the network answered and how well, and the file that keeps these rows."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from echoduet.errors import ManifestError, ShapeError
from echoduet.evaluation.lesions import SPECK_SHARE, detect
from echoduet.evaluation.overlap import dice, jaccard, joint_box, require_same_shape
from echoduet.evaluation.surface import surface_distances
from echoduet.files import write_csv
from echoduet.records import CLASSES, Label, Mask, Prediction

TOLERANCE = 2.0
"""Tolerance of the normalised surface distance, in pixels of the grid that is scored."""

VARIANTS = ("raw", "refined")
"""Without and with prediction refining; the prefixes of the answer's columns in `cases.csv`."""


@dataclass(frozen=True, slots=True)
class CaseScore:
    """The scores of one answer to one case; None where a score does not apply.

    Attributes:
        case_id: the case.
        label: what the reference says it shows.
        group: copies or images of one patient share it; None stands alone. The unit of resampling.
        fold: the fold in whose test part the case lies.
        height: rows of the grid that was scored.
        width: columns of that grid.
        reference_area: pixels of the reference mask; None without a reference.
        lesions: components of the reference, without specks; see `lesions`.
        predicted_area: pixels of the predicted mask; None without a mask head.
        dice: Dice coefficient. A normal image has 1 when its mask is empty, else 0.
        iou: intersection over union.
        nsd: normalised surface distance; lesion images only, as the next two.
        hd95: 95th-percentile Hausdorff distance in pixels; the image's diagonal when the answer is empty.
        assd: average symmetric surface distance in pixels; likewise.
        lesions_found: reference components that a predicted component matches.
        false_lesions: predicted components that match no reference component.
        predicted: the class answered; None without a class head.
        p_benign: probability of benign.
        p_malignant: probability of malignant.
        p_normal: probability of normal.
    """

    case_id: str
    label: Label
    group: str | None
    fold: int | None
    height: int
    width: int
    reference_area: int | None = None
    lesions: int | None = None
    predicted_area: int | None = None
    dice: float | None = None
    iou: float | None = None
    nsd: float | None = None
    hd95: float | None = None
    assd: float | None = None
    lesions_found: int | None = None
    false_lesions: int | None = None
    predicted: Label | None = None
    p_benign: float | None = None
    p_malignant: float | None = None
    p_normal: float | None = None

    @property
    def has_lesion(self) -> bool:
        """Whether the case is labelled benign or malignant."""
        return self.label is not Label.NORMAL

    @property
    def probabilities(self) -> tuple[float, float, float] | None:
        """Class probabilities in the order of `CLASSES`; None without a class head."""
        if self.p_benign is None or self.p_malignant is None or self.p_normal is None:
            return None
        return (self.p_benign, self.p_malignant, self.p_normal)


_COLUMNS = tuple(field.name for field in fields(CaseScore))
_CASE_COLUMNS = _COLUMNS[: _COLUMNS.index("predicted_area")]
_ANSWER_COLUMNS = _COLUMNS[_COLUMNS.index("predicted_area") :]
_INTEGERS = {"fold", "height", "width", "reference_area", "lesions", "predicted_area", "lesions_found", "false_lesions"}
_LABELS = {"label", "predicted"}
_TEXTS = {"case_id", "group"}
_SHARES = {"dice", "iou", "nsd", "p_benign", "p_malignant", "p_normal"}

ROUNDING = 1e-6
"""How far above one a share may lie that was computed in half precision."""


def score_case(
    case_id: str,
    label: Label,
    group: str | None,
    fold: int | None,
    prediction: Prediction,
    reference: Mask | None,
    tolerance: float = TOLERANCE,
) -> CaseScore:
    """Score one answer.

    Args:
        case_id: the case.
        label: its true class.
        group: duplicate group or patient; None when the case stands alone.
        fold: fold in whose test part it lies; None when there are no folds.
        prediction: the answer; its mask and the reference lie on one grid.
        reference: the true mask, `(H, W)`; None, or empty on a benign or malignant image, means that the lesion was
            never outlined: then no mask score applies.
        tolerance: of the normalised surface distance, in pixels.

    Raises:
        ShapeError: predicted mask and reference differ in shape.
    """
    grid = reference if reference is not None else prediction.mask
    height, width = grid.shape if grid is not None else (0, 0)
    return CaseScore(
        case_id=case_id,
        label=label,
        group=group,
        fold=fold,
        height=height,
        width=width,
        **_mask_scores(case_id, label, prediction.mask, reference, tolerance),
        **_class_scores(prediction),
    )


def _class_scores(prediction: Prediction) -> dict[str, Any]:
    scores: dict[str, Any] = {"predicted": prediction.label}
    if prediction.probabilities is not None:
        scores |= {f"p_{name}": float(p) for name, p in zip(CLASSES, prediction.probabilities, strict=True)}
    return scores


def _mask_scores(
    case_id: str, label: Label, predicted: Mask | None, reference: Mask | None, tolerance: float
) -> dict[str, Any]:
    scores: dict[str, Any] = {}
    if predicted is not None:
        scores["predicted_area"] = int(predicted.sum())
    if reference is not None:
        scores["reference_area"] = int(reference.sum())
    outlined = reference is not None and (label is Label.NORMAL or bool(reference.any()))
    if predicted is None or reference is None or not outlined:
        return scores
    try:
        require_same_shape(predicted, reference)
    except ShapeError as error:
        raise ShapeError(f"{case_id}: {error}") from error
    # Beyond the box of both masks there is only background: cropping changes no score, and saves most of the time.
    box = joint_box(predicted, reference)
    scores |= _overlap_scores(predicted[box], reference[box], SPECK_SHARE * reference.size)
    if label is not Label.NORMAL:
        distances = surface_distances(predicted, reference)
        scores |= {"nsd": distances.nsd(tolerance), "hd95": distances.hd95, "assd": distances.assd}
    return scores


def _overlap_scores(predicted: Mask, reference: Mask, speck: float) -> dict[str, Any]:
    detection = detect(predicted, reference, min_area=speck)
    return {
        "dice": dice(predicted, reference),
        "iou": jaccard(predicted, reference),
        "lesions": detection.lesions,
        "lesions_found": detection.found,
        "false_lesions": detection.false,
    }


def write_cases(path: Path, raw: Sequence[CaseScore], refined: Sequence[CaseScore]) -> None:
    """Write one row a case: what is known of the case, then the raw and the refined answer's columns.

    Numbers are written in full, so that every total recomputes from the file to the last digit.

    Raises:
        ManifestError: the two lists are not of the same cases in the same order.
        OutputError: the file cannot be written.
    """
    if [score.case_id for score in raw] != [score.case_id for score in refined]:
        raise ManifestError(f"{path.name}: raw and refined scores are not of the same cases in the same order.")
    columns = [*_CASE_COLUMNS, *(f"{variant}_{name}" for variant in VARIANTS for name in _ANSWER_COLUMNS)]
    write_csv(path, columns, (_row(*pair) for pair in zip(raw, refined, strict=True)))


def _row(raw: CaseScore, refined: CaseScore) -> dict[str, object]:
    row: dict[str, object] = {name: getattr(raw, name) for name in _CASE_COLUMNS}
    for variant, score in zip(VARIANTS, (raw, refined), strict=True):
        row |= {f"{variant}_{name}": getattr(score, name) for name in _ANSWER_COLUMNS}
    return row


def read_cases(path: Path) -> tuple[tuple[CaseScore, ...], tuple[CaseScore, ...]]:
    """Read what `write_cases` wrote: the raw scores and the refined ones, in the file's order.

    Raises:
        ManifestError: the file is missing, lacks a column, or holds a value that cannot be read or cannot be; names row
            and column.
    """
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path}: cannot be read as a table of case scores ({error}).") from error
    raw, refined = ([_read_score(path, i, row, variant) for i, row in enumerate(rows, 2)] for variant in VARIANTS)
    return tuple(raw), tuple(refined)


def _read_score(path: Path, line: int, row: Mapping[str, str | None], variant: str) -> CaseScore:
    values = {}
    for name in _COLUMNS:
        column = name if name in _CASE_COLUMNS else f"{variant}_{name}"
        cell = row.get(column)
        if cell is None:
            raise ManifestError(f"{path}: row {line} has no column {column}. Write the file again with `evaluate`.")
        try:
            values[name] = _parse(name, cell)
        except ValueError as error:
            raise ManifestError(f"{path}: row {line}, column {column}: {cell!r} cannot be read.") from error
        if not _possible(name, values[name]):
            raise ManifestError(f"{path}: row {line}, column {column}: {cell} cannot be. Write the file again.")
    return CaseScore(**values)


def _parse(name: str, cell: str) -> Any:
    if name == "case_id":
        return cell
    if cell == "":
        return None
    if name in _TEXTS:
        return cell
    if name in _LABELS:
        return Label(cell)
    return int(cell) if name in _INTEGERS else float(cell)


def _possible(name: str, value: Any) -> bool:
    """Tell whether a number can be what its column holds: a share, or a size or distance; no NaN, nothing infinite."""
    if value is None or name in _TEXTS or name in _LABELS:
        return True
    return 0 <= value < math.inf and (name not in _SHARES or value <= 1 + ROUNDING)
