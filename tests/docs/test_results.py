"""Every published number recomputes from the per-case rows that are published with it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from echoduet.evaluation.cases import read_cases
from echoduet.experiments.collect import metrics_json

ROOT = Path(__file__).parents[2]
RESULTS = sorted((ROOT / "results").glob("*/cases.csv"))


def test_there_are_results():
    assert {path.parent.name for path in RESULTS} >= {"fast-paper-128", "fast-paper-native"}


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.parent.name)
def test_the_totals_recompute_from_the_rows(path):
    stored = json.loads((path.parent / "metrics.json").read_text())
    recomputed = metrics_json(*read_cases(path), {})
    for variant in ("raw", "refined"):
        for block, metrics in stored[variant].items():
            for name, value in metrics.items():
                assert recomputed[variant][block][name]["mean"] == pytest.approx(value["mean"], abs=1e-6), name


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.parent.name)
def test_every_row_of_the_table_stands_in_the_docs(path):
    program = ROOT / "benchmarks" / "results_table.py"
    done = subprocess.run([sys.executable, program, path], capture_output=True, text=True, check=True)
    page = (ROOT / "docs" / "results.md").read_text().splitlines()
    missing = [line for line in done.stdout.splitlines() if line not in page]
    assert not missing
