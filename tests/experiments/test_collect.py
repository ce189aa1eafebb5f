from __future__ import annotations

import json
import time

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score

from echoduet.evaluation.cases import CaseScore, read_cases, score_case, write_cases
from echoduet.experiments.collect import metrics_json, summarise
from echoduet.records import CLASSES, Label, Prediction
from echoduet.statistics.intervals import group_bootstrap

SEGMENTATION_KEYS = {
    "dsc_all", "dsc_lesion", "dsc_benign", "dsc_malignant", "dsc_normal", "iou_lesion", "nsd_lesion", "hd95_lesion",
    "assd_lesion", "normal_empty_share",
}  # fmt: skip
CLASSIFICATION_KEYS = {
    "accuracy", "f1_weighted", "f1_macro", "f1_benign", "f1_malignant", "f1_normal", "balanced_accuracy", "mcc",
    "auc_macro", "auroc_malignant", "auprc_malignant", "brier", "ece",
}  # fmt: skip


def make_scores(rng, n=48, folds=4, groups=False, masks=True, classes=True, labels=CLASSES):
    """Rows as `score_case` would write them, without the cost of masks."""
    scores = []
    for i in range(n):
        label = labels[i % len(labels)]
        values = {}
        if masks and label is Label.NORMAL:
            area = int(rng.integers(0, 2)) * 30
            values = {"dice": float(not area), "iou": float(not area), "predicted_area": area, "lesions": 0}
            values |= {"lesions_found": 0, "false_lesions": int(area > 0)}
        elif masks:
            dice = float(rng.random() ** 0.4)
            values = {"dice": dice, "iou": dice / (2 - dice), "nsd": dice**2, "hd95": 30 * (1 - dice), "assd": 9 - dice}
            values |= {"predicted_area": 60, "lesions": 1, "lesions_found": int(dice > 0.3), "false_lesions": 0}
        if classes:
            p = rng.dirichlet(1 + 2.0 * (np.arange(3) == label.position))
            values |= {f"p_{name}": float(value) for name, value in zip(CLASSES, p, strict=True)}
            values["predicted"] = CLASSES[int(p.argmax())]
        group, fold = f"g{i // 3}" if groups else None, (i // 3) % folds if folds else None
        scores.append(CaseScore(f"c{i}", label, group, fold, 10, 10, reference_area=50, **values))
    return scores


def test_every_figure_that_is_promised_is_there_under_its_name(rng):
    metrics = metrics_json(make_scores(rng), make_scores(rng), {"model": "m"}, n_boot=20)
    for variant in ("raw", "refined"):
        assert metrics[variant]["segmentation"].keys() >= SEGMENTATION_KEYS
        assert metrics[variant]["classification"].keys() >= CLASSIFICATION_KEYS
        for block in metrics[variant].values():
            for entry in block.values():
                assert entry.keys() >= {"mean", "sd_folds", "ci95", "n", "unit"}
    assert metrics["n"] == 48
    assert metrics["counts"]["classes"] == {"benign": 16, "malignant": 16, "normal": 16}
    assert metrics["provenance"] == {"model": "m"}


def test_with_folds_the_mean_is_that_over_folds_and_the_pooled_one_stands_beside(rng):
    scores = make_scores(rng, n=50)  # folds of unequal size, so that both differ
    entry = summarise(scores, n_boot=10)["segmentation"]["dsc_lesion"]
    by_fold = [np.mean([s.dice for s in scores if s.fold == k and s.has_lesion]) for k in range(4)]
    assert entry["folds"] == pytest.approx(by_fold)
    assert entry["mean"] == pytest.approx(np.mean(by_fold))
    assert entry["sd_folds"] == pytest.approx(np.std(by_fold, ddof=1))
    assert entry["pooled"] == pytest.approx(np.mean([s.dice for s in scores if s.has_lesion]))
    assert entry["mean"] != entry["pooled"]


def test_f1_with_folds_is_the_mean_of_the_folds_f1(rng):
    scores = make_scores(rng)
    by_fold = [
        f1_score(*zip(*((s.label, s.predicted) for s in scores if s.fold == k), strict=True), average="weighted")
        for k in range(4)
    ]
    assert summarise(scores, n_boot=0)["classification"]["f1_weighted"]["mean"] == pytest.approx(np.mean(by_fold))


@pytest.mark.parametrize("folds", [0, 1])
def test_without_two_folds_the_mean_is_over_all_cases(rng, folds):
    scores = make_scores(rng, folds=folds)
    entry = summarise(scores, n_boot=10)["segmentation"]["dsc_all"]
    assert entry["mean"] == pytest.approx(np.mean([s.dice for s in scores]))
    assert entry.keys() == {"mean", "n", "unit", "ci95"}


@pytest.mark.parametrize("groups", [False, True])
def test_intervals_are_those_of_the_group_bootstrap(rng, groups):
    scores = make_scores(rng, folds=0, groups=groups)
    entry = summarise(scores, n_boot=300, seed=5)["segmentation"]["dsc_all"]
    expected = group_bootstrap([s.dice for s in scores], [s.group for s in scores], 300, 5)
    assert entry["ci95"] == pytest.approx(expected)
    assert entry["ci95"][0] < entry["mean"] < entry["ci95"][1]


def test_the_interval_with_folds_belongs_to_the_mean_over_folds(rng):
    scores = make_scores(rng, n=50)
    fold = np.array([s.fold for s in scores])
    dice = np.array([s.dice for s in scores])

    def mean_over_folds(weights):
        parts = [weights * (fold == k) for k in range(4)]
        return np.mean([part @ dice / part.sum(axis=-1) for part in parts], axis=0)

    entry = summarise(scores, n_boot=200, seed=3)["segmentation"]["dsc_all"]
    assert entry["ci95"] == pytest.approx(group_bootstrap(mean_over_folds, [None] * 50, 200, 3))


def test_one_group_leaves_nothing_to_resample(rng):
    scores = make_scores(rng, n=3, folds=0, groups=True)
    assert "ci95" not in summarise(scores)["segmentation"]["dsc_all"]


def test_what_is_undefined_is_null_with_the_reason_and_never_nan(rng):
    scores = make_scores(rng, labels=(Label.BENIGN,))
    metrics = metrics_json(scores, scores, n_boot=20)
    entry = metrics["raw"]["segmentation"]["dsc_malignant"]
    assert entry["mean"] is None
    assert entry["reason"] == "undefined for these 0 malignant images"
    assert metrics["raw"]["classification"]["auroc_malignant"]["mean"] is None
    assert metrics["raw"]["segmentation"]["dsc_benign"]["mean"] == pytest.approx(
        metrics["raw"]["segmentation"]["dsc_all"]["mean"]
    )
    json.dumps(metrics, allow_nan=False)


def test_a_fold_without_normals_leaves_their_mean_over_folds(rng):
    scores = [s for s in make_scores(rng) if s.label is not Label.NORMAL or s.fold != 2]
    entry = summarise(scores, n_boot=20)["segmentation"]["normal_empty_share"]
    assert entry["folds"][2] is None
    assert entry["mean"] == pytest.approx(np.mean([value for value in entry["folds"] if value is not None]))


@pytest.mark.parametrize(
    ("kwargs", "blocks"), [({"masks": False}, {"classification"}), ({"classes": False}, {"segmentation"})]
)
def test_a_task_that_the_model_lacks_has_no_block(rng, kwargs, blocks):
    scores = make_scores(rng, **kwargs)
    metrics = metrics_json(scores, scores, n_boot=10)
    assert metrics["raw"].keys() == blocks
    assert (metrics["confusion"]["raw"] is None) == ("classification" not in blocks)


def test_no_cases_give_no_figures():
    metrics = metrics_json([], [])
    assert metrics["raw"] == metrics["refined"] == {}
    assert metrics["n"] == 0
    json.dumps(metrics, allow_nan=False)


def test_the_confusion_matrix_has_what_it_is_in_rows(rng):
    scores = make_scores(rng)
    expected = confusion_matrix([s.label for s in scores], [s.predicted for s in scores], labels=CLASSES)
    metrics = metrics_json(scores, scores, n_boot=1)
    assert metrics["confusion"]["refined"] == expected.tolist()
    assert metrics["confusion"]["classes"] == ["benign", "malignant", "normal"]


def test_counts_say_what_was_there(rng):
    scores = make_scores(rng, n=12, groups=True)
    bare = CaseScore("bare", Label.BENIGN, None, 0, 10, 10)
    counts = metrics_json([*scores, bare], [*scores, bare], n_boot=1)["counts"]
    assert counts["groups"] == 5
    assert counts["folds"] == {"0": 4, "1": 3, "2": 3, "3": 3}
    assert counts["lesions"] == 8
    assert counts["lesion_images_without_outline"] == 1


def test_conventions_state_the_numbers_that_were_used(rng):
    scores = make_scores(rng)
    conventions = metrics_json(scores, scores, n_boot=77, seed=8, tolerance=3.5)["conventions"]
    assert "77 bootstrap resamples (seed 8)" in conventions["ci95"]
    assert "3.5 px" in conventions["distances"]


def test_every_figure_recomputes_from_the_rows_on_disk(tmp_path, rng):
    raw, refined = make_scores(rng), make_scores(rng)
    metrics = metrics_json(raw, refined, n_boot=50)
    write_cases(tmp_path / "cases.csv", raw, [*refined])
    assert metrics_json(*read_cases(tmp_path / "cases.csv"), n_boot=50) == metrics


def test_raw_and_refined_are_resampled_alike(rng):
    scores = make_scores(rng)
    metrics = metrics_json(scores, scores, n_boot=50)
    assert metrics["raw"] == metrics["refined"]


def test_a_missed_lesion_stays_in_every_mean():
    lesion = np.zeros((30, 40), dtype=bool)
    lesion[5:15, 5:15] = True
    hit, miss = (Prediction("c", mask, None, None) for mask in (lesion, np.zeros_like(lesion)))
    scores = [score_case(f"c{i}", Label.BENIGN, None, None, p, lesion) for i, p in enumerate((hit, miss))]
    block = summarise(scores, n_boot=0)["segmentation"]
    assert {name: block[name]["mean"] for name in ("dsc_lesion", "nsd_lesion", "hd95_lesion", "assd_lesion")} == {
        "dsc_lesion": 0.5, "nsd_lesion": 0.5, "hd95_lesion": 25.0, "assd_lesion": 25.0
    }  # fmt: skip


def test_450_cases_with_a_thousand_resamples_take_seconds(rng):
    raw, refined = make_scores(rng, n=450), make_scores(rng, n=450)
    start = time.process_time()
    metrics_json(raw, refined)
    assert time.process_time() - start < 15
