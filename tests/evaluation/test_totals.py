from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from echoduet.evaluation.cases import CaseScore
from echoduet.evaluation.totals import all_totals, average, classification_totals, difference, segmentation_totals
from echoduet.records import CLASSES, Label


def row(i, label, **kwargs):
    return CaseScore(f"c{i}", label, None, kwargs.pop("fold", None), 10, 20, **kwargs)


def lesion(i, label, dice, found=1, lesions=1, false=0):
    return row(
        i, label, dice=dice, iou=dice / 2, nsd=dice / 3, hd95=9.0, assd=3.0, predicted_area=50 if dice else 0,
        lesions=lesions, lesions_found=found, false_lesions=false,
    )  # fmt: skip


def normal(i, area):
    return row(
        i, Label.NORMAL, dice=float(area == 0), iou=float(area == 0), predicted_area=area, lesions=0, lesions_found=0,
        false_lesions=int(area > 0),
    )  # fmt: skip


MASKS = [
    lesion(0, Label.BENIGN, 0.9),
    lesion(1, Label.BENIGN, 0.0, found=0),
    lesion(2, Label.MALIGNANT, 0.6, found=1, lesions=2, false=2),
    normal(3, 0),
    normal(4, 0),
    normal(5, 40),
    row(6, Label.MALIGNANT, predicted_area=9),  # never outlined: has no part in any total
]


def values(totals, n):
    return {name: float(total.value(np.ones(n))) for name, total in totals.items()}


def test_mask_totals_are_the_means_that_their_names_say():
    totals = segmentation_totals(MASKS)
    assert values(totals, len(MASKS)) == pytest.approx(
        {
            "dsc_all": (0.9 + 0 + 0.6 + 1 + 1 + 0) / 6,
            "dsc_lesion": 0.5,
            "dsc_benign": 0.45,
            "dsc_malignant": 0.6,
            "dsc_normal": 2 / 3,
            "iou_lesion": 0.25,
            "nsd_lesion": 0.5 / 3,
            "hd95_lesion": 9.0,
            "assd_lesion": 3.0,
            "lesion_missed_share": 1 / 3,
            "normal_empty_share": 2 / 3,
            "normal_false_area": 40 / 200 / 3,
            "lesion_detection": 2 / 4,
            "lesion_precision": 2 / 5,
            "lesion_false_per_image": 3 / 6,
        }
    )
    assert {name: (total.n, total.unit) for name, total in totals.items()} == {
        "dsc_all": (6, "images"),
        **{f"{name}_lesion": (3, "lesion images") for name in ("dsc", "iou", "nsd", "hd95", "assd")},
        "dsc_benign": (2, "benign images"),
        "dsc_malignant": (1, "malignant images"),
        "dsc_normal": (3, "normal images"),
        "lesion_missed_share": (3, "lesion images"),
        "normal_empty_share": (3, "normal images"),
        "normal_false_area": (3, "normal images"),
        "lesion_detection": (4, "lesions"),
        "lesion_precision": (5, "predicted lesions"),
        "lesion_false_per_image": (6, "images"),
    }


def test_totals_without_their_cases_are_undefined_and_the_others_stand():
    totals = values(segmentation_totals(MASKS[:2]), 2)
    assert {name for name, value in totals.items() if np.isnan(value)} == {
        "dsc_malignant", "dsc_normal", "normal_empty_share", "normal_false_area"
    }  # fmt: skip
    assert totals["dsc_all"] == totals["dsc_lesion"] == pytest.approx(0.45)


def answered(rng, n=120, folds=3):
    scores = []
    for i in range(n):
        label = CLASSES[i % 3]
        p = rng.dirichlet(1 + 2.0 * (np.arange(3) == label.position))
        scores.append(
            row(
                i, label, fold=i % folds if folds else None, predicted=CLASSES[int(p.argmax())],
                p_benign=float(p[0]), p_malignant=float(p[1]), p_normal=float(p[2]),
            )
        )  # fmt: skip
    return scores


def test_class_totals_are_those_of_scikit_learn(rng):
    scores = answered(rng)
    truth = np.array([s.label.position for s in scores])
    answer = np.array([s.predicted.position for s in scores])
    probabilities = np.array([s.probabilities for s in scores])
    malignant, p = truth == 1, probabilities[:, 1]
    totals = values(classification_totals(scores), len(scores))
    per_class = sk.f1_score(truth, answer, average=None)
    expected = {
        "accuracy": sk.accuracy_score(truth, answer),
        "f1_weighted": sk.f1_score(truth, answer, average="weighted"),
        "f1_macro": sk.f1_score(truth, answer, average="macro"),
        "balanced_accuracy": sk.balanced_accuracy_score(truth, answer),
        "mcc": sk.matthews_corrcoef(truth, answer),
        **{f"f1_{label}": per_class[label.position] for label in CLASSES},
        "recall_malignant": sk.recall_score(malignant, answer == 1),
        "auc_macro": sk.roc_auc_score(truth, probabilities, multi_class="ovr"),
        "auroc_malignant": sk.roc_auc_score(malignant, p),
        "auprc_malignant": sk.average_precision_score(malignant, p),
        "brier": sk.brier_score_loss(truth, probabilities),
    }
    assert {name: totals[name] for name in expected} == pytest.approx(expected)
    assert totals.keys() - expected.keys() == {
        "recall_benign", "recall_normal", "ece", "sensitivity_at_specificity_90", "specificity_at_sensitivity_95"
    }  # fmt: skip


def test_working_points_use_thresholds_of_the_other_folds(rng):
    scores = answered(rng)
    totals = classification_totals(scores)
    point = totals["sensitivity_at_specificity_90"]
    assert point.facts["chosen"] == "out of fold"
    assert len(point.facts["thresholds"]) == 3
    hits = [s.p_malignant >= point.facts["thresholds"][s.fold] for s in scores if s.label is Label.MALIGNANT]
    assert float(point.value(np.ones(120))) == pytest.approx(np.mean(hits))
    spared = [s.p_malignant < point.facts["thresholds"][s.fold] for s in scores if s.label is not Label.MALIGNANT]
    assert point.facts["reached"] == pytest.approx(np.mean(spared))
    assert (point.n, point.unit) == (40, "malignant images")
    assert totals["specificity_at_sensitivity_95"].n == 80


def test_working_points_without_folds_reach_their_target_on_the_cases_they_were_set_on(rng):
    totals = classification_totals(answered(rng, folds=0))
    assert totals["sensitivity_at_specificity_90"].facts["chosen"] == "on the same cases"
    assert totals["sensitivity_at_specificity_90"].facts["reached"] >= 0.9
    assert totals["specificity_at_sensitivity_95"].facts["reached"] >= 0.95


def test_a_task_that_was_not_answered_has_no_totals(rng):
    assert segmentation_totals(answered(rng)) == {}
    assert classification_totals(MASKS) == {}


def test_answers_without_probabilities_have_only_the_totals_of_answers(rng):
    scores = [row(s.case_id, s.label, predicted=s.predicted) for s in answered(rng)]
    totals = classification_totals(scores)
    assert "accuracy" in totals
    assert totals.keys().isdisjoint({"brier", "auc_macro", "ece", "sensitivity_at_specificity_90"})


def test_cases_without_an_answer_do_not_enter(rng):
    scores = answered(rng, 30)
    mixed = [*scores[:15], row(99, Label.BENIGN), *scores[15:]]
    alone, together = values(classification_totals(scores), 30), values(classification_totals(mixed), 31)
    assert together == pytest.approx(alone)


def test_many_weights_at_once_are_the_same_as_one_by_one(rng):
    scores = [*answered(rng, 60), *MASKS]
    weights = rng.integers(0, 3, (4, len(scores))).astype(float)
    for name, total in (segmentation_totals(scores) | classification_totals(scores)).items():
        np.testing.assert_allclose(total.value(weights), [total.value(w) for w in weights], err_msg=name)


def test_the_average_of_totals_leaves_out_what_is_undefined_and_a_difference_does_not():
    whole, without_lesions = segmentation_totals(MASKS)["dsc_lesion"], segmentation_totals(MASKS[3:6])["dsc_lesion"]
    weights = np.array([[1.0, 1, 1, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1, 0]])
    mean = average([whole, segmentation_totals(MASKS)["dsc_benign"]])
    assert mean.value(weights)[0] == pytest.approx((0.5 + 0.45) / 2)
    assert np.isnan(mean.value(weights)[1])
    assert (mean.n, mean.unit) == (3, "lesion images")
    padded = type(whole)(lambda w: without_lesions.value(w[..., 3:6]), 0, "lesion images")
    assert average([whole, padded]).value(weights)[0] == pytest.approx(0.5)
    assert np.isnan(difference(whole, padded).value(weights)).all()
    assert difference(whole, whole).value(weights)[0] == 0


def test_all_totals_are_those_of_the_mask_and_of_the_class():
    assert all_totals(MASKS).keys() == segmentation_totals(MASKS).keys()
