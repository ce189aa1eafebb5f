"""The evaluation report: one self-contained page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from echoduet import __version__
from echoduet.evaluation.cases import CaseScore
from echoduet.files import write_text
from echoduet.records import CLASSES
from echoduet.reporting import figures, tables
from echoduet.reporting.gallery import GalleryItem, Section, examples, failures
from echoduet.reporting.pictures import picture

LISTED_CASES = 5000
"""Rows of the page's table of cases; more would make the page slow, and `cases.csv` has them all."""


def render(template: str, **values: Any) -> str:
    """Fill one of the package's templates; every value is escaped unless it is `Markup`."""
    environment = Environment(
        loader=PackageLoader("echoduet.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = _code
    return environment.get_template(template).render(version=__version__, **values)


def _code(text: str) -> Markup:
    """Set what stands between backticks as code; all else is escaped."""
    parts = text.split("`")
    return Markup().join(Markup("<code>{}</code>").format(part) if i % 2 else part for i, part in enumerate(parts))


def write_evaluation_report(
    out: Path,
    metrics: Mapping[str, Any],
    raw_scores: Sequence[CaseScore],
    refined_scores: Sequence[CaseScore],
    gallery: Sequence[GalleryItem] = (),
    title: str = "Evaluation",
    meta: Mapping[str, Any] | None = None,
) -> Path:
    """Write the report and return its path.

    Args:
        out: the HTML file, or the folder to hold `report.html`.
        metrics: the content of `metrics.json`, from `experiments.collect.metrics_json`.
        raw_scores: per-case scores without prediction refining.
        refined_scores: those with it, of the same cases in the same order.
        gallery: pictures of the cases that `reporting.gallery.gallery_cases` names; other cases are only named.
        title: the page's heading.
        meta: provenance for the foot of the page, the metrics' own when left out. Sentences under the key `warnings`
            stand at the head.

    Raises:
        OutputError: the file cannot be written.
    """
    path = out if out.suffix.lower() in (".html", ".htm") else out / "report.html"
    provenance = dict(metrics.get("provenance", {}) if meta is None else meta)
    write_text(
        path, render("evaluation.html", title=title, **_view(metrics, raw_scores, refined_scores, gallery, provenance))
    )
    return path


def _view(
    metrics: Mapping[str, Any],
    raw: Sequence[CaseScore],
    refined: Sequence[CaseScore],
    gallery: Sequence[GalleryItem],
    provenance: dict[str, Any],
) -> dict[str, Any]:
    pictures = {item.case_id: picture(item) for item in gallery}
    before = {score.case_id: score for score in raw}
    warnings = provenance.pop("warnings", ())
    return {
        "classes": CLASSES,
        "metrics": metrics,
        "warnings": [warnings] if isinstance(warnings, str) else list(warnings),
        "headlines": tables.headline_rows(metrics),
        "table5": tables.table5(metrics),
        "rows": {block: tables.metric_rows(metrics, block) for block in tables.METRICS},
        "folds": tables.fold_rows(metrics),
        "failures": [_shelf(section, pictures, before) for section in failures(refined) if _applies(section, metrics)],
        "examples": [_shelf(section, pictures, before) for section in examples(refined)],
        "figures": _figures(metrics, raw, refined),
        "cases": sorted(refined, key=_worst_first)[:LISTED_CASES],
        "unlisted": max(0, len(refined) - LISTED_CASES),
        "provenance": list(tables.flatten(provenance)),
    }


def _applies(section: Section, metrics: Mapping[str, Any]) -> bool:
    return ("classification" if section.key == "wrong" else "segmentation") in metrics["refined"]


def _worst_first(score: CaseScore) -> tuple[bool, float, str]:
    return (score.predicted in (None, score.label), -1.0 if score.dice is None else score.dice, score.case_id)


@dataclass(frozen=True, slots=True)
class Card:
    """One case of a shelf: its scores, its picture where there is one, and what refining did to it."""

    score: CaseScore
    picture: Markup | None
    note: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """A row of cases with something in common."""

    section: Section
    cards: tuple[Card, ...]


def _shelf(section: Section, pictures: Mapping[str, Markup], before: Mapping[str, CaseScore]) -> Shelf:
    cards = (Card(s, pictures.get(s.case_id), _effect(before[s.case_id], s)) for s in section.scores)
    return Shelf(section, tuple(cards))


def _effect(raw: CaseScore, refined: CaseScore) -> str:
    if raw.predicted_area and not refined.predicted_area:
        score = f" (raw Dice {raw.dice:.3f})" if raw.has_lesion and raw.dice is not None else ""
        return f"outline removed by refining{score}"
    return "" if raw.predicted is refined.predicted else f"{raw.predicted} before refining"


def _figures(metrics: Mapping[str, Any], raw: Sequence[CaseScore], refined: Sequence[CaseScore]) -> dict[str, Markup]:
    drawn = {}
    if "segmentation" in metrics["raw"]:
        drawn["dice"] = figures.dice_by_class(raw, refined)
    if "brier" in metrics["raw"].get("classification", {}):
        if len({score.label for score in raw if score.probabilities}) > 1:  # one class alone cannot be told from others
            drawn["roc"] = figures.roc_curves(raw, refined)
        drawn["reliability"] = figures.reliability_diagram(refined)
    return drawn
