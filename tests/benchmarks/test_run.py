"""What the rows of `make bench` measure; the clock aside."""

from __future__ import annotations

import run
import time_to_scores
from echoduet.data.manifest import build_manifest, read_manifest


def test_every_shipped_bundle_predicts_all_images(miniature_busi, monkeypatch):
    manifest = build_manifest(miniature_busi)
    monkeypatch.setattr(run, "rate", lambda step: float(step()))
    rows = list(run.prediction_rows(manifest))
    assert [row.name.split("`")[1] for row in rows] == ["echoduet-base", "echoduet-small"]
    assert "(3 networks)" in rows[0].name
    assert "(1 network)" in rows[1].name
    assert {row.value for row in rows} == {f"{min(len(manifest), 64):.1f} images/s"}


def test_the_time_to_the_papers_scores_is_of_its_images_alone(miniature_busi, tmp_path, monkeypatch):
    assert list(run.paper_rows(miniature_busi, tmp_path)) == []  # its list is not there
    (tmp_path / "mapping_curated_BUSI.csv").write_text("class;id\nbenign;1\nmalignant;1\nnormal;1\n")
    asked = []

    def measure(manifest, config, fold, out, keys):
        asked.append(([case.case_id for case in read_manifest(manifest)], config, fold, keys))
        return 11.5, {"dsc_all": 0.76, "accuracy": 0.9}

    monkeypatch.setattr(time_to_scores, "measure", measure)
    (row,) = run.paper_rows(miniature_busi, tmp_path)
    assert asked == [
        (["benign (1)", "malignant (1)", "normal (1)"], *time_to_scores.RECIPE[:1], 0, time_to_scores.RECIPE[1])
    ]
    assert (row.value, row.met) == ("11.5 minutes (all-image Dice 0.760, accuracy 0.900)", True)


def test_late_or_low_scores_do_not_meet_the_goal():
    good = {"dsc_all": 0.76, "accuracy": 0.9}
    assert time_to_scores.met(12.0, good)
    assert not time_to_scores.met(12.1, good)
    assert not time_to_scores.met(3.0, good | {"accuracy": 0.8})
