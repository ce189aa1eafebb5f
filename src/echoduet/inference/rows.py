"""An analysis as rows: what the tables of `predict` and the server's answers say about a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from echoduet.records import CLASSES, Analysis, Lesion, Prediction, Uncertainty

NOTICE = "Research use only. A score is no diagnosis and no BI-RADS category."
"""Said wherever a score is shown."""

_UNCERTAINTY = ("readings", "uncertainty_outline", *(f"uncertainty_{label}" for label in CLASSES))
COLUMNS = (
    "name", "file", "frame", "width", "height", "refused", "label", "label_raw",
    *(f"probability_{label}" for label in CLASSES),
    "lesion_area", "lesion_area_raw", "lesion_share", "lesions", *_UNCERTAINTY,
    "spacing_row", "spacing_column", "mask", "overlay",
)  # fmt: skip
"""Of predictions.csv. Areas in pixels; spacings in millimetres a pixel; uncertainties are standard deviations."""

LESION_COLUMNS = (
    "name", "number", "unit", "area", "longest", "shortest", "width", "height", "width_height_ratio", "orientation",
    "circularity", "probability", "centre_row", "centre_column", "box_top", "box_left", "box_height", "box_width",
)  # fmt: skip
"""Of lesions.csv. Lengths in `unit`, areas in its square, centre and box in pixels of the image."""

_NESTED = ("probabilities", "lesions", "uncertainty", "checks", "spacing", "region")


def record(analysis: Analysis, shown: Prediction | None, lesions: Sequence[Lesion]) -> dict[str, Any]:
    """Return what is answered about one picture, as JSON can hold it; pictures and maps are left to others.

    Args:
        analysis: the answer.
        shown: the answer that counts, refined or raw; None where the picture was refused.
        lesions: of the mask shown.
    """
    scan = analysis.scan
    area = _area(shown)
    return {
        "name": scan.name,
        "frame": scan.frame,
        "width": scan.shape[1],
        "height": scan.shape[0],
        "region": scan.region and {key: getattr(scan.region, key) for key in ("top", "left", "height", "width")},
        "spacing": scan.spacing and {"row": scan.spacing.row, "column": scan.spacing.column},
        "refused": [check.ground.value for check in analysis.refused],
        "checks": [
            {"ground": c.ground.value, "score": rounded(c.score), "threshold": rounded(c.threshold)}
            for c in analysis.checks
        ],
        "label": shown and shown.label and shown.label.value,
        "label_raw": analysis.raw and analysis.raw.label and analysis.raw.label.value,
        "probabilities": None if shown is None else by_class(shown.probabilities),
        "lesion_area": area,
        "lesion_area_raw": _area(analysis.raw),
        "lesion_share": None if area is None else rounded(area / scan.image.size),
        "lesions": [lesion_record(lesion) for lesion in lesions],
        "uncertainty": analysis.uncertainty and _uncertainty_record(analysis.uncertainty),
    }


def lesion_record(lesion: Lesion) -> dict[str, Any]:
    """Return one lesion's measurements, as JSON can hold them."""
    lengths = ("area", "longest", "shortest", "width", "height", "orientation", "circularity")
    return {
        "number": lesion.number,
        "unit": lesion.unit,
        **{key: rounded(getattr(lesion, key)) for key in lengths},
        "width_height_ratio": rounded(lesion.width / lesion.height),
        "probability": rounded(lesion.probability),
        "centre": {"row": rounded(lesion.centre[0]), "column": rounded(lesion.centre[1])},
        "box": {key: getattr(lesion.box, key) for key in ("top", "left", "height", "width")},
    }


def _uncertainty_record(uncertainty: Uncertainty) -> dict[str, Any]:
    return {
        "readings": uncertainty.readings,
        "outline": rounded(uncertainty.outline),
        "classes": by_class(uncertainty.classes),
    }


def by_class(values: Sequence[float] | Any | None) -> dict[str, float] | None:
    """Return numbers `(3,)` under the names of their classes, rounded; None for None."""
    if values is None:
        return None
    return {label.value: round(float(value), 6) for label, value in zip(CLASSES, values, strict=True)}


def rounded(value: float | None) -> float | None:
    """Return a number with six decimals, which is more than any of ours means; None for None."""
    return None if value is None else round(float(value), 6)


def _area(prediction: Prediction | None) -> int | None:
    return None if prediction is None or prediction.mask is None else int(prediction.mask.sum())


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record as a row of predictions.csv: one cell a number."""
    probabilities, uncertainty, spacing = row["probabilities"] or {}, row["uncertainty"] or {}, row["spacing"] or {}
    classes = uncertainty.get("classes") or {}
    return {key: value for key, value in row.items() if key not in _NESTED} | {
        "refused": " ".join(row["refused"]),
        "lesions": None if row["lesion_area"] is None else len(row["lesions"]),
        "readings": uncertainty.get("readings"),
        "uncertainty_outline": uncertainty.get("outline"),
        "spacing_row": spacing.get("row"),
        "spacing_column": spacing.get("column"),
        **{f"probability_{label}": probabilities.get(label) for label in CLASSES},
        **{f"uncertainty_{label}": classes.get(label) for label in CLASSES},
    }


def flat_lesions(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of lesions.csv that a record makes."""
    return [
        {key: value for key, value in lesion.items() if key not in ("centre", "box")}
        | {"name": row["name"]}
        | {f"{noun}_{key}": value for noun in ("centre", "box") for key, value in lesion[noun].items()}
        for lesion in row["lesions"]
    ]
