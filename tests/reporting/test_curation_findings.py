from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoduet.curation.conflicts import Finding, FindingKind
from echoduet.curation.decisions import Decision, Verdict
from echoduet.curation.pipeline import Curation
from echoduet.curation.quality.issues import Issue
from echoduet.records import Case, Label
from echoduet.reporting.curation_findings import (
    FAINTEST,
    NAMES,
    STRONGEST,
    _general,
    further_findings,
    lonely_conflicts,
    reasons,
    shelves,
)


def test_every_kind_of_trouble_has_a_name_and_a_sentence() -> None:
    assert set(NAMES) == set(Issue)
    assert all(note.endswith(".") for _, note in NAMES.values())


def test_a_shelf_holds_the_clearest_and_the_faintest(curation: Curation) -> None:
    ids = list(curation.cases)
    scores = {case_id: {Issue.TEXT: i / 10} for i, case_id in enumerate(ids)}
    flags = dict.fromkeys(ids, (Issue.TEXT,))
    (shelf,) = shelves(replace(curation, scores=scores, flags=flags))
    assert (shelf.issue, shelf.total) == (Issue.TEXT, len(ids))
    assert [example.score for example in shelf.examples] == [0.9, 0.8, 0.7, 0.6, 0.1, 0.0]
    assert len(shelf.examples) == STRONGEST + FAINTEST


def test_few_examples_are_shown_once(curation: Curation) -> None:
    flags = {"benign (1)": (Issue.PANELS, Issue.TEXT), "benign (2)": (Issue.TEXT,)}
    scores = {case_id: dict.fromkeys(found, 0.5) for case_id, found in flags.items()}
    found = {shelf.issue: shelf for shelf in shelves(replace(curation, scores=scores, flags=flags))}
    assert list(found) == [Issue.TEXT, Issue.PANELS]
    assert [example.case.case_id for example in found[Issue.TEXT].examples] == ["benign (1)", "benign (2)"]


def test_conflicts_of_an_image_with_itself_are_told_once_each(curation: Curation) -> None:
    bare = Finding(FindingKind.LESION_WITHOUT_MASK, ("benign (4)",), "No mask.")
    full = Finding(FindingKind.NORMAL_WITH_MASK, ("normal (1)",), "A mask.")
    gone = Finding(FindingKind.NORMAL_WITH_MASK, ("normal (9)",), "Not usable.")
    found = lonely_conflicts(replace(curation, findings=(*curation.findings, bare, full, gone)))
    assert [(finding.kind, case.case_id) for finding, case in found] == [
        (FindingKind.LESION_WITHOUT_MASK, "benign (4)"),
        (FindingKind.NORMAL_WITH_MASK, "normal (1)"),
    ]


def test_further_findings_are_those_without_a_chapter(curation: Curation) -> None:
    kinds = {finding.kind for finding in curation.findings}
    assert further_findings(curation, tuple(kinds)) == []
    assert {one.kind for one in further_findings(curation, ())} == kinds


def decided(curation: Curation, *rows: tuple[str, Verdict, str]) -> Curation:
    return replace(curation, decisions=tuple(Decision(*row) for row in rows))


def test_reasons_are_counted_without_the_names_in_them(curation: Curation) -> None:
    found = reasons(
        decided(
            curation,
            ("benign (1)", Verdict.DROP, "same scan as benign (3)"),
            ("benign (2)", Verdict.DROP, "same scan as malignant (1)"),
            ("benign (3)", Verdict.KEEP, "kept of 2 copies: largest"),
            ("malignant (1)", Verdict.KEEP, "kept of 14 copies: largest"),
            ("benign (4)", Verdict.KEEP, "no copy found"),
            ("normal (1)", Verdict.REVIEW, "one scan in different classes"),
        )
    )
    assert [(one.verdict.value, one.text, one.count) for one in found] == [
        ("keep", "kept of n copies: largest", 2),
        ("keep", "no copy found", 1),
        ("drop", "same scan as another image", 2),
        ("review", "one scan in different classes", 1),
    ]


def test_reasons_add_up_to_all_decisions(curation: Curation) -> None:
    assert sum(one.count for one in reasons(curation)) == len(curation.decisions)


@pytest.mark.parametrize("reason", ["decided by Ada on 2026-01-31", "no copy found", "x", "copy of nobody"])
def test_a_reason_that_names_no_image_stays(curation: Curation, reason: str) -> None:
    assert _general(Decision("benign (1)", Verdict.KEEP, reason), curation.cases) == reason


@given(st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=12))
def test_any_name_is_left_out(tmp_path_factory, name: str) -> None:
    case = Case(name, tmp_path_factory.getbasetemp() / "x.png", (), Label.BENIGN)
    text = _general(Decision("other", Verdict.DROP, f"same scan as {name}"), {name: case})
    assert text == "same scan as another image"
