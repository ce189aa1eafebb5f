"""`echoduet evaluate` as its user meets it."""

from __future__ import annotations

import json

import pytest

from echoduet.evaluation.cases import read_cases

SEGMENTATION = {"dsc_all", "dsc_lesion", "dsc_benign", "dsc_malignant", "dsc_normal", "iou_lesion", "nsd_lesion"}
SEGMENTATION |= {"hd95_lesion", "assd_lesion", "normal_empty_share"}
CLASSIFICATION = {"accuracy", "f1_weighted", "f1_macro", "f1_benign", "f1_malignant", "f1_normal", "balanced_accuracy"}
CLASSIFICATION |= {"mcc", "auc_macro", "auroc_malignant", "auprc_malignant", "brier", "ece"}


@pytest.fixture
def evaluate(call, untrained, miniature_busi, tmp_path):
    def run(*options):
        return call("evaluate", "--model", untrained, "--data", miniature_busi, "--out", tmp_path / "out", *options)

    return run


def test_every_case_and_every_metric(evaluate, tmp_path):
    done = evaluate()
    assert done.code == 0, done.err
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["n"] == 14
    for variant in ("raw", "refined"):
        assert set(metrics[variant]["segmentation"]) >= SEGMENTATION
        assert set(metrics[variant]["classification"]) >= CLASSIFICATION
        assert all("mean" in value for block in metrics[variant].values() for value in block.values())
    raw, refined = read_cases(tmp_path / "out" / "cases.csv")
    assert len(raw) == len(refined) == 14
    assert "lesion Dice" in done.out
    assert "report.html" in done.out


def test_cases_that_the_model_met_are_told_everywhere(evaluate, tmp_path):
    done = evaluate()
    told = "2 of the evaluated cases were in the model's training part (first: benign (1))"
    assert told in done.err
    assert any(
        told in warning
        for warning in json.loads((tmp_path / "out" / "metrics.json").read_text())["provenance"]["warnings"]
    )
    page = (tmp_path / "out" / "report.html").read_text()
    assert "2 of the evaluated cases were in the model&#39;s training part" in page


def test_the_test_part_of_a_fold_by_the_models_own_protocol(evaluate, tmp_path):
    done = evaluate("--fold", "1", "--json")
    assert done.code == 0, done.err
    raw, _ = read_cases(tmp_path / "out" / "cases.csv")
    assert done.json["n"] == len(raw) == 7
    assert {score.fold for score in raw} == {1}


def test_a_splits_file_comes_before_the_protocol(call, evaluate, miniature_busi, tmp_path):
    split = ("split", miniature_busi, "--protocol", "clean", "--folds", "2", "--train-share", "0.5", "--seed", "5")
    assert call(*split, "--out", tmp_path / "splits.csv").code == 0
    assert evaluate("--fold", "0", "--splits", tmp_path / "splits.csv").code == 0
    rows = [line.split(",") for line in (tmp_path / "splits.csv").read_text().splitlines()]
    expected = {case_id for case_id, fold, part in rows if (fold, part) == ("0", "test")}
    assert {score.case_id for score in read_cases(tmp_path / "out" / "cases.csv")[0]} == expected


def test_at_size_scores_on_that_grid(evaluate, tmp_path):
    assert evaluate("--at-size", "32").code == 0
    raw, _ = read_cases(tmp_path / "out" / "cases.csv")
    assert {(score.height, score.width) for score in raw} == {(32, 32)}
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["provenance"]["scored_at"].startswith("32x32")


def test_without_it_on_each_images_own(evaluate, tmp_path):
    evaluate()
    assert len({score.width for score in read_cases(tmp_path / "out" / "cases.csv")[0]}) > 1


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--fold", "9"), "Fold 9 does not exist"),
        (("--splits", "splits.csv"), "name the fold with --fold"),
        (("--fold", "0", "--splits", "gone.csv"), "gone.csv"),
        (("--format", "bussi"), "busi"),
        (("--at-size", "0"), "--at-size"),
    ],
)
def test_wrong_options_are_one_sentence(evaluate, tmp_path, options, named):
    done = evaluate(*options)
    assert done.code == 2
    assert named in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "out").exists()


def test_a_damaged_image_stops_it_with_its_name_and_nothing_written(evaluate, miniature_busi, tmp_path):
    path = miniature_busi / "malignant" / "malignant (2).png"
    path.write_bytes(path.read_bytes()[:-200])
    done = evaluate()
    assert done.code == 2
    assert "malignant (2).png" in done.err
    assert not (tmp_path / "out").exists()
