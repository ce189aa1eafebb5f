"""The page on refusals says what its rows say, and its rows what the shipped bundles do."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest

from echoduet.config.load import load_config
from echoduet.data.sources import busi
from echoduet.experiments.release.refusals import fit_refusals, see
from echoduet.inference.refusal import threshold_name
from echoduet.models.info import read_info
from echoduet.models.shipped import NAMES, shipped_model
from echoduet.records import Ground
from echoduet.splits.folds import make_splits

GROUNDS = tuple(map(str, Ground))


def table(root, name):
    """Return the rows of one of the published files."""
    with (root / "results" / "refusal" / name).open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def rows(root):
    """A row a picture."""
    return table(root, "rows.csv")


@pytest.fixture(scope="module")
def thresholds(root):
    """Thresholds by fold; those that ship by an empty one."""
    return {row["fold"]: {ground: float(row[ground]) for ground in GROUNDS} for row in table(root, "thresholds.csv")}


@pytest.fixture(params=NAMES)
def info(request):
    """What each shipped bundle says."""
    return read_info(shipped_model(request.param))


def test_the_tables_are_those_of_the_rows(root):
    program = [sys.executable, root / "benchmarks" / "refusal.py", "table"]
    told = subprocess.run(program, capture_output=True, text=True, check=True, cwd=root).stdout.strip()
    page = (root / "docs" / "refusals.md").read_text(encoding="utf-8")
    assert page.split("<!-- tables: begin -->")[1].split("<!-- tables: end -->")[0].strip() == told


def test_what_is_refused_follows_from_scores_and_thresholds(rows, thresholds):
    for row in rows:
        limits = thresholds[row["fold"]]
        # Scores are told to four digits: one that close to its threshold could fall on either side.
        sure = {
            g: float(row[g]) >= limits[g] for g in GROUNDS if abs(float(row[g]) - limits[g]) > 1e-4 or limits[g] == 1
        }
        refused = set(row["refused"].split(";")) - {""}
        assert {ground for ground in refused if ground in sure} == {g for g, reached in sure.items() if reached}, row


def test_the_goal_is_reached(rows):
    busi_rows = [row for row in rows if row["block"] == "BUSI"]
    others = [row for row in rows if row["block"] == "no ultrasound"]
    assert (len(busi_rows), len(others) >= 300) == (780, True)
    assert sum(bool(row["refused"]) for row in busi_rows) <= 0.02 * len(busi_rows)
    assert sum(bool(row["refused"]) for row in others) >= 0.95 * len(others)


def test_the_bundles_ship_the_thresholds_and_counts_of_the_rows(info, rows, thresholds):
    assert {ground: info.thresholds[threshold_name(Ground(ground))] for ground in GROUNDS} == thresholds[""]
    clean = [row for row in rows if row["kind"] == "clean list"]
    counts = Counter(ground for row in clean for ground in row["refused"].split(";") if ground)
    told = info.provenance["refusals"]
    assert told["cases"] == info.appearance.cases == len(clean)
    assert told["refused"] == {ground: counts[ground] for ground in GROUNDS}
    assert told["at_all"] == sum(bool(row["refused"]) for row in clean)


@pytest.mark.busi
@pytest.mark.slow
def test_the_images_of_busi_give_the_reference_that_ships(root, busi_root, info):
    with (root / "data_lists" / "busi_clean.csv").open(newline="") as stream:
        groups = {row["case_id"]: row["group"] or None for row in csv.DictReader(stream) if row["decision"] == "keep"}
    cases = [replace(case, group=groups[case.case_id]) for case in busi.read(busi_root) if case.case_id in groups]
    made = fit_refusals(see(cases), make_splits(cases, load_config("echoduet-base").split))
    assert made.reference.mean == pytest.approx(info.appearance.mean, rel=1e-3, abs=1e-4)
    assert made.summary() == info.provenance["refusals"]
    for name, value in made.thresholds.items():
        assert info.thresholds[name] == pytest.approx(value, rel=1e-3)
