"""The table of docs/curation-findings.md follows from the verdicts that are kept."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path

import pytest

from echoduet.curation.quality.issues import Issue

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("findings_precision", ROOT / "benchmarks" / "findings_precision.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def rows(script):
    with script.CHECKED.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_verdicts_are_well_formed_and_all_of_the_scoring_half(script, rows) -> None:
    assert {row["issue"] for row in rows} <= {issue.value for issue in Issue}
    assert {row["flagged"] for row in rows} == {"yes", "no"}
    assert {row["verdict"] for row in rows} == {"present", "absent"}
    assert len({(row["issue"], row["case_id"]) for row in rows}) == len(rows)
    assert all(script.scoring_half(row["case_id"]) for row in rows)


def test_the_docs_hold_the_table(script, rows) -> None:
    page = (ROOT / "docs" / "curation-findings.md").read_text()
    assert script.table(rows) in page


def test_the_table_counts_what_was_right_and_what_was_missed(script) -> None:
    rows = [
        {"issue": "text", "case_id": str(n), "flagged": flagged, "verdict": verdict}
        for n, (flagged, verdict) in enumerate(
            [("yes", "present"), ("yes", "present"), ("yes", "absent"), ("no", "present"), ("no", "absent")]
        )
    ]
    assert "| text | 3 | 2 | 0.67 | 0.21-0.94 | 2 | 1 |" in script.table(rows)


def test_wilson_agrees_with_scipy(script) -> None:
    from scipy.stats import binomtest

    for right, total in ((0, 5), (5, 5), (19, 20), (6, 10)):
        interval = binomtest(right, total).proportion_ci(method="wilson")
        assert script.wilson(right, total) == pytest.approx((interval.low, interval.high), abs=1e-4)


def test_draws_are_of_the_scoring_half_and_always_the_same(script) -> None:
    flagged = [f"benign ({n})" for n in range(200)]
    drawn = script.drawn(Issue.TEXT, flagged)
    assert len(set(drawn)) == script.MOST
    assert drawn == script.drawn(Issue.TEXT, flagged[::-1])
    assert all(map(script.scoring_half, drawn))


@pytest.mark.busi
def test_what_was_looked_at_is_what_is_flagged_today(script, rows, busi_root) -> None:
    from echoduet.curation.quality.flags import flags
    from echoduet.curation.quality.settings import QualitySettings
    from echoduet.data.manifest import open_data

    scores = script.score_all(open_data(busi_root).cases)
    found = {case_id: flags(one, QualitySettings()) for case_id, one in scores.items()}
    assert script.flagged_now(rows, found) == rows
    for issue in Issue:
        checked = {row["case_id"] for row in rows if row["issue"] == issue}
        assert set(script.drawn(issue, [case_id for case_id, issues in found.items() if issue in issues])) <= checked
