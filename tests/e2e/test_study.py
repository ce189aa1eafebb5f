"""The way from a data-set folder to predictions, by the real command line."""

from __future__ import annotations

import csv
import json
import re

import numpy as np
import pytest
from PIL import Image

from echoduet.data.images import read_gray
from echoduet.data.manifest import read_manifest
from echoduet.evaluation.cases import read_cases
from echoduet.experiments.collect import summarise
from echoduet.inference.predictor import Predictor
from echoduet.models.info import read_info
from echoduet.models.refinement import refine


def rows(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_nothing_but_what_was_meant_is_said(study):
    for name, done in study.done.items():
        assert "Traceback" not in done.stderr
        assert "Warning" not in done.stderr, (name, done.stderr)


def test_every_step_leaves_what_it_promises(study):
    promised = (
        "manifest.csv",
        *(
            f"curated/{name}"
            for name in ("pairs.csv", "groups.csv", "findings.csv", "decisions.csv", "manifest.csv", "report.html")
        ),
        "splits.csv",
        *(
            f"run/{name}"
            for name in ("model.safetensors", "config.json", "environment.json", "metrics.jsonl", "curves.png")
        ),
        *(f"evaluation/{name}" for name in ("cases.csv", "metrics.json", "report.html")),
        *(f"predictions/{name}" for name in ("predictions.csv", "predictions.jsonl", "skipped.csv")),
    )
    assert [name for name in promised if not (study.root / name).is_file()] == []
    assert [path for path in study.root.rglob(".*") if path.is_file()] == []  # no temporary file stays


def test_the_test_part_was_never_trained_on(study):
    scored = {score.case_id for score in read_cases(study.root / "evaluation" / "cases.csv")[0]}
    provenance = read_info(study.model).provenance
    assert scored == set(provenance["test_ids"])
    assert scored.isdisjoint(provenance["train_ids"] + provenance["val_ids"])
    assert "flatter" not in study.done["evaluate"].stderr


def test_totals_recompute_from_the_rows(study):
    metrics = json.loads((study.root / "evaluation" / "metrics.json").read_text())
    assert json.loads(study.done["evaluate"].stdout) == metrics
    raw, refined = read_cases(study.root / "evaluation" / "cases.csv")
    assert metrics["raw"] == json.loads(json.dumps(summarise(raw)))
    assert metrics["refined"] == json.loads(json.dumps(summarise(refined)))


def test_the_report_is_one_page_that_needs_nothing_else(study):
    page = (study.root / "evaluation" / "report.html").read_text(encoding="utf-8")
    outside = re.findall(r"""(?:src|href)=["'](?!data:|#)([^"']+)""", page)
    assert outside == []
    assert re.search(r"@import|url\((?!['\"]?(?:data:|#))", page) is None


def test_predictions_are_those_of_the_package(study):
    predictor = Predictor.load(study.model)
    manifest = read_manifest(study.root / "manifest.csv")
    for row in rows(study.root / "predictions" / "predictions.csv"):
        image = read_gray(manifest.case(row["name"]).image)
        (raw,) = predictor.predict([(row["name"], image)])
        answer = refine(raw)
        with Image.open(study.root / "predictions" / row["mask"]) as mask:
            np.testing.assert_array_equal(np.asarray(mask) > 0, answer.mask)
        assert row["label"] == answer.label.value
        assert float(row["probability_malignant"]) == pytest.approx(raw.probabilities[1], abs=2e-6)


def test_the_study_moves_with_its_folder(study, cli, tmp_path):
    moved = study.root.rename(tmp_path / "elsewhere")
    try:
        done = cli(
            "evaluate", "--model", moved / "run" / "model.safetensors", "--data", moved / "curated" / "manifest.csv",
            "--splits", moved / "splits.csv", "--fold", "0", "--out", tmp_path / "again", "--quiet",
        )  # fmt: skip
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert (tmp_path / "again" / "cases.csv").read_bytes() == (moved / "evaluation" / "cases.csv").read_bytes()
    finally:
        moved.rename(study.root)


@pytest.mark.slow
def test_the_demo_goes_the_whole_way(cli, tmp_path):
    done = cli("demo", "--out", tmp_path / "demo", "--quick")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    report = done.stdout.splitlines()[-1].removeprefix("Report: ")
    assert (tmp_path / "demo" / "evaluation" / "report.html").samefile(report)
    assert len(rows(tmp_path / "demo" / "predictions" / "predictions.csv")) == 6
    assert len(list((tmp_path / "demo" / "predictions" / "overlays").iterdir())) == 6
