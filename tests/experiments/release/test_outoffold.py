import dataclasses

import numpy as np
import pytest

from echoduet.evaluation.cases import CaseScore, read_cases, write_cases
from echoduet.evaluation.temperature import tempered
from echoduet.experiments.evaluate import read_images
from echoduet.experiments.release import outoffold
from echoduet.experiments.release.outoffold import (
    FoldAnswers,
    decision,
    release_metrics,
    reliability_rows,
    score_out_of_fold,
    working_points,
)
from echoduet.inference.predictor import Predictor
from echoduet.records import CLASSES, Label

SOFT = {"preprocess": {"size": 96, "interpolation": "nearest"}, "inference": {"refining": "soft"}}


@pytest.fixture
def folds(bright, easy, rng):
    """Two folds of hesitant answers: right contours at odd heights, unsure classes."""
    config = bright().info.config.model_validate(SOFT)
    predictor = Predictor(bright().runtime, dataclasses.replace(bright().info, config=config))
    ids = [case.case_id for case in easy]
    answers = {
        answer.case_id: dataclasses.replace(answer, lesion=0.62 * answer.lesion, classes=rng.dirichlet([2, 2, 2]))
        for answer in predictor.answers(read_images(easy))
    }
    return [FoldAnswers(k, predictor, tuple(answers[case_id] for case_id in ids[k::2])) for k in (0, 1)]


def test_every_case_is_scored_once_in_the_order_of_the_manifest(folds, easy):
    found = score_out_of_fold(folds, easy)
    ids = [case.case_id for case in easy]
    assert [score.case_id for score in found.scores.raw] == ids
    assert [score.case_id for score in found.scores.refined] == ids
    fold_of = {answer.case_id: part.fold for part in folds for answer in part.answers}
    assert {score.case_id: score.fold for score in found.scores.refined} == fold_of


def test_a_folds_choices_do_not_know_its_answers(folds, easy):
    before = score_out_of_fold(folds, easy)
    spoilt = tuple(
        dataclasses.replace(answer, lesion=1 - answer.lesion, classes=answer.classes[::-1])
        for answer in folds[0].answers
    )
    after = score_out_of_fold([dataclasses.replace(folds[0], answers=spoilt), folds[1]], easy)
    assert after.per_fold[0] == before.per_fold[0]
    assert after.per_fold[1] != before.per_fold[1]
    assert after.final != before.final


def test_raw_is_the_network_and_refined_the_bundle(folds, easy):
    found = score_out_of_fold(folds, easy)
    answers = {answer.case_id: answer for part in folds for answer in part.answers}
    for raw, refined in zip(found.scores.raw, found.scores.refined, strict=True):
        chosen = found.per_fold[raw.fold]
        given = answers[raw.case_id].classes
        assert raw.probabilities == pytest.approx(given)
        assert refined.probabilities == pytest.approx(tempered(given, chosen.temperature))
        assert raw.predicted is CLASSES[int(given.argmax())]
    for part in folds:
        thresholds = found.per_fold[part.fold].thresholds()
        assert {"mask", "temperature", "malignant_at_sensitivity_90"} <= set(thresholds)
        assert part.predictor.with_thresholds(thresholds).threshold == thresholds["mask"]


def test_what_ships_is_chosen_on_all(folds, easy):
    found = score_out_of_fold(folds, easy)
    answers = [answer for part in folds for answer in part.answers]
    outcomes = outoffold.gather(folds[0].predictor, easy, answers)
    assert found.final == decision(outcomes, folds[0].predictor)
    # The working points are meant on the cases they were chosen on.
    malignant = outcomes.truth == Label.MALIGNANT.position
    p = tempered(outcomes.classes, found.final.temperature)[:, Label.MALIGNANT.position]
    points = found.final.points
    assert (p[malignant] >= points["malignant_at_sensitivity_90"]).mean() >= 0.9
    assert (p[~malignant] < points["malignant_at_specificity_90"]).mean() >= 0.9


def scored(rng, n=120):
    """Rows of two folds with probabilities that lean the right way."""
    rows = []
    for i in range(n):
        label = CLASSES[i % 3]
        p = rng.dirichlet(np.eye(3)[label.position] * 3 + 1)
        answer = CLASSES[int(p.argmax())]
        rows.append(
            CaseScore(
                f"{i}",
                label,
                f"g{i // 2}",
                i % 2,
                10,
                10,
                predicted=answer,
                p_benign=p[0],
                p_malignant=p[1],
                p_normal=p[2],
            )
        )
    return rows


def test_working_points_are_reached_on_the_other_folds(rng):
    rows = scored(rng)
    points = working_points(rows)
    sensitive = points["malignant_at_sensitivity_90"]
    assert sensitive["chosen"] == "out of fold"
    for fold in (0, 1):
        others = np.array([r.p_malignant for r in rows if r.fold != fold and r.label is Label.MALIGNANT])
        assert (others >= sensitive["thresholds"][fold]).mean() >= 0.9
    right = [(r.p_malignant >= sensitive["thresholds"][r.fold]) for r in rows if r.label is Label.MALIGNANT]
    assert sensitive["sensitivity"]["mean"] == pytest.approx(np.mean(right))
    assert sensitive["sensitivity"]["n"] == 40
    low, high = sensitive["sensitivity"]["ci95"]
    assert low <= sensitive["sensitivity"]["mean"] <= high
    specific = points["malignant_at_specificity_90"]
    spared = [r.p_malignant < specific["thresholds"][r.fold] for r in rows if r.label is not Label.MALIGNANT]
    assert specific["specificity"]["mean"] == pytest.approx(np.mean(spared))
    assert specific["specificity"]["n"] == 80
    without = working_points([r for r in rows if r.label is not Label.MALIGNANT])
    assert without["malignant_at_sensitivity_90"]["sensitivity"] == {"mean": None, "n": 0}


def test_reliability_rows_hold_every_case_once(rng):
    rows = scored(rng)
    table = reliability_rows(rows)
    assert sum(row["n"] for row in table) == len(rows)
    for row in table:
        inside = [r for r in rows if row["from"] < max(r.probabilities) <= row["to"]]
        assert row["n"] == len(inside)
        assert row["accuracy"] == pytest.approx(np.mean([r.predicted is r.label for r in inside]))
        assert row["confidence"] == pytest.approx(np.mean([max(r.probabilities) for r in inside]))


def test_the_totals_recompute_from_the_file(folds, easy, tmp_path):
    scores = score_out_of_fold(folds, easy).scores
    write_cases(tmp_path / "oof.csv", scores.raw, scores.refined)
    metrics = release_metrics(scores.raw, scores.refined)
    assert release_metrics(*read_cases(tmp_path / "oof.csv")) == metrics
    assert "chosen on the other folds" in metrics["conventions"]["refined"]
