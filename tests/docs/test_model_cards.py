"""Every number of a published model card recomputes from the rows that are published with it."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from echoduet.evaluation.cases import read_cases
from echoduet.experiments.release.calibration import malignant_calibration
from echoduet.experiments.release.outoffold import release_metrics
from echoduet.models.info import read_info
from echoduet.reporting.model_card import render_card

ROOT = Path(__file__).resolve().parents[2]
CARDS = sorted(ROOT.glob("models/echoduet-*.md")) or [
    pytest.param(None, marks=pytest.mark.skip(reason="no model card is published yet"))
]


def rows_of(card):
    return ROOT / "results" / card.stem / "oof.csv"


@pytest.fixture(params=CARDS, ids=lambda card: getattr(card, "stem", "none"))
def card(request):
    """Each published card."""
    return request.param


def test_the_card_is_what_its_rows_and_its_bundle_say(card):
    made = render_card(card.with_suffix(".safetensors"), rows_of(card))
    assert card.read_text(encoding="utf-8") == made, "python benchmarks/model_card.py writes it anew"


def test_the_bundle_tells_the_scores_of_the_rows(card):
    told = read_info(card.with_suffix(".safetensors")).provenance["out_of_fold"]
    metrics = release_metrics(*read_cases(rows_of(card)))
    assert told["rows_sha256"] == hashlib.sha256(rows_of(card).read_bytes()).hexdigest()
    for variant in ("raw", "refined"):
        for entries in metrics[variant].values():
            for name, entry in entries.items():
                assert told[variant][name]["mean"] == pytest.approx(entry["mean"], abs=1e-9), name
    assert told["malignant_calibration"] == json.loads(json.dumps(metrics["malignant_calibration"]["refined"]))


def test_the_probability_of_malignant_is_calibrated_out_of_fold(card):
    assert malignant_calibration(read_cases(rows_of(card))[1])["ece"] <= 0.05


def test_the_totals_recompute_from_the_rows(card):
    stored = json.loads((rows_of(card).parent / "metrics.json").read_text())
    metrics = json.loads(json.dumps(release_metrics(*read_cases(rows_of(card)))))
    for key in ("counts", "confusion", "reliability", "working_points"):
        assert stored[key] == metrics[key]


def test_nothing_published_names_a_machine(card):
    places = re.compile(r"/work/|/tmp/|/home/|/root/|localhost")
    said = json.dumps(read_info(card.with_suffix(".safetensors")).provenance)
    for text in (card.read_text(), said, (rows_of(card).parent / "metrics.json").read_text()):
        assert places.search(text) is None


def test_the_command_on_the_card_writes_it(card, tmp_path):
    for path in (card, card.with_suffix(".safetensors")):
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / card.name).unlink()
    program = ROOT / "benchmarks" / "model_card.py"
    subprocess.run([sys.executable, program, tmp_path / card.name, rows_of(card)], check=True, capture_output=True)
    assert (tmp_path / card.name).read_bytes() == card.read_bytes()
