import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoduet.config.schema import ExperimentConfig
from echoduet.errors import DataError, LeakError, ModelError
from echoduet.experiments import thresholds
from echoduet.experiments.evaluate import evaluate, read_images
from echoduet.experiments.thresholds import (
    AREAS,
    MASKS,
    PEAK_SHARES,
    Choice,
    Outcomes,
    candidates,
    choose,
    gather,
    tune,
)
from echoduet.inference.predictor import Predictor
from echoduet.models.bundle import load_bundle, save_bundle
from echoduet.models.info import BundleInfo, read_info
from echoduet.models.refinement import HARD, OFF, Rule, refine
from echoduet.models.registry import build_network
from echoduet.records import CLASSES, Prediction

SHAPE = (len(MASKS), len(PEAK_SHARES), len(AREAS))


def answers_of(predictor, manifest, ids):
    return list(predictor.answers(read_images(manifest.case(case_id) for case_id in ids)))


@pytest.fixture
def gathered(bright, easy):
    ids = [case.case_id for case in easy]
    predictor = bright()
    return predictor, gather(predictor, easy, answers_of(predictor, easy, ids))


def test_outcomes_know_every_case_threshold_and_area(gathered, easy):
    _, outcomes = gathered
    assert outcomes.case_ids == tuple(case.case_id for case in easy)
    assert outcomes.dice.shape == outcomes.empty.shape == (12, *SHAPE)
    normal = np.array([case.label.value == "normal" for case in easy])
    assert outcomes.empty[normal, :, 0].all()
    assert (outcomes.dice[normal, :, 0] == 1).all()
    # At half its own peak nothing is empty, however faint, until the least area takes it.
    assert not outcomes.empty[:, :, 1, 0].any()
    # A square of 30 of some 10,000 pixels outlasts every least area but not the whole image.
    assert not outcomes.empty[~normal].any()
    assert outcomes.dice[~normal].min() > 0.9


@pytest.mark.parametrize(
    "rule", [HARD, OFF, Rule(0.3, 0.1, 0.0025), Rule(None, 0.3, 0.01), Rule(0.9, 0.0, 0.001), Rule(0.3, 0.1, 0.0, 0.5)]
)
@pytest.mark.parametrize("mask", [0.3, 0.7])
def test_the_objective_is_what_scoring_at_network_size_says(bright, easy, rule, mask, monkeypatch, rng):
    """The grid search and the predictor with its refining are two ways to one number."""
    predictor, ids = bright(), [case.case_id for case in easy]
    answers = [
        # Blurred answers, so that thresholds and rules matter.
        dataclasses.replace(
            answer, lesion=rng.random(answer.lesion.shape, dtype=np.float32) ** 4, classes=rng.dirichlet([1, 1, 1])
        )
        for answer in answers_of(predictor, easy, ids)
    ]
    choice = Choice(mask, rule)
    found = gather(predictor, easy, answers).value(choice)

    settings = {"refining": {HARD: "hard", OFF: "none"}.get(rule, "soft")}
    config = predictor.info.config.model_copy(
        update={"inference": predictor.info.config.inference.model_copy(update=settings)}
    )
    info = BundleInfo(config, thresholds=choice.thresholds())
    scoring = Predictor(predictor.runtime, info)
    assert scoring.rule == rule
    monkeypatch.setattr(scoring, "answers", lambda images: iter(answers))
    (scores,) = evaluate(scoring, easy, ids, at_sizes=(96,))
    dice = np.mean([score.dice for score in scores.refined])
    right = np.mean([score.predicted is score.label for score in scores.refined])
    assert found == pytest.approx((dice + right) / 2)


def outcomes_of(classes, truth, dice, empty):
    n = len(truth)
    fill = np.ones((n, *SHAPE))
    return Outcomes(
        case_ids=tuple(map(str, range(n))),
        truth=np.array(truth),
        classes=None if classes is None else np.array(classes),
        dice=np.array(dice)[:, None, None, None] * fill,
        empty=np.array(empty)[:, None, None, None] * fill > 0,
        masks=MASKS,
    )


def test_where_nothing_is_to_be_gained_the_papers_rule_stays():
    outcomes = outcomes_of([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]], [0, 2], [0.9, 0.0], [0, 0])
    choice = choose(outcomes, "soft", 0.5)
    assert (choice.mask, choice.rule) == (0.5, HARD)
    assert choice.value == pytest.approx((0.95 + 1) / 2)
    assert choice.thresholds() == {"mask": 0.5}


def test_a_lesion_lost_to_a_hesitant_normal_moves_the_rule():
    # The hard rule empties a good outline because normal leads by a hair; and calls an unseen lesion normal.
    classes = [[0.4, 0.15, 0.45], [0.7, 0.25, 0.05], [0.05, 0.05, 0.9]]
    outcomes = outcomes_of(classes, [0, 0, 2], [0.9, 0.0, 0.0], [0, 1, 0])
    hard = outcomes.value(Choice(0.5, HARD))
    choice = choose(outcomes, "soft", 0.5)
    assert choice.value > hard
    assert choice.rule.empty_at is not None
    assert 0.45 < choice.rule.empty_at <= 0.9
    assert choice.rule.normal_at > 0.05
    assert choice.rule.min_area == 0
    assert choose(outcomes, "hard", 0.5).rule == HARD
    assert choose(outcomes, "none", 0.5).rule == OFF


def test_a_faint_lesion_that_the_class_vouches_for_is_looked_for():
    outcomes = outcomes_of([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]], [0, 2], [0.0, 1.0], [1, 1])
    outcomes.dice[0, :, 1], outcomes.empty[0, :, 1] = 0.7, False  # at half of its peak it is found
    choice = choose(outcomes, "soft", 0.5)
    assert choice.rule == Rule(peak_share=0.5)
    assert choice.value == pytest.approx((0.85 + 1) / 2)
    assert choice.thresholds()["peak_share"] == 0.5


def test_a_hesitant_normal_asks_for_no_faint_lesion():
    outcomes = outcomes_of([[0.2, 0.2, 0.6]], [2], [1.0], [1])
    outcomes.dice[0, :, 1], outcomes.empty[0, :, 1] = 0.0, False  # half of its peak would outline something
    assert outcomes.value(Choice(0.5, Rule(empty_at=0.9, peak_share=0.5))) == 1.0


def test_nothing_is_chosen_where_nobody_outlined_anything():
    outcomes = outcomes_of([[0.8, 0.1, 0.1]], [0], [np.nan], [0])
    with pytest.raises(DataError, match="None of the cases to choose thresholds on has a reference mask"):
        choose(outcomes, "soft", 0.5)


def test_without_classes_only_dice_counts():
    outcomes = outcomes_of(None, [0, 2], [0.5, 1.0], [0, 1])
    assert choose(outcomes, "soft", 0.5) == Choice(0.5, HARD, 0.75)


def test_a_lesion_that_nobody_outlined_counts_by_its_class_alone():
    outcomes = outcomes_of([[0.8, 0.1, 0.1], [0.8, 0.1, 0.1]], [0, 0], [0.6, np.nan], [0, 0])
    assert outcomes.value(Choice(0.5, HARD)) == pytest.approx((0.6 + 1) / 2)


@given(st.sampled_from(["hard", "soft", "none"]), st.sampled_from(MASKS))
def test_candidates_start_at_what_the_configuration_says(refining, start):
    first, *rest = candidates(refining, start)
    assert first.mask == start
    assert first.rule == (OFF if refining == "none" else HARD)
    assert len({(one.mask, one.rule) for one in rest}) == len(rest)


def test_refining_as_chosen_is_refining_as_loaded():
    rule = Rule(0.5, 0.2, 0.0)
    prediction = Prediction("x", np.ones((4, 4), bool), np.array([0.3, 0.1, 0.6]), CLASSES[2])
    assert not refine(prediction, rule).mask.any()


@pytest.fixture
def bundle(easy, tmp_path):
    config = ExperimentConfig.model_validate(
        {"preprocess": {"size": 32}, "model": {"architecture": "efficientnet_lite0"}, "inference": {"refining": "soft"}}
    )
    ids = [case.case_id for case in easy]
    provenance = {"train_ids": ids[:4], "val_ids": ids[4:9], "test_ids": ids[9:]}
    path = tmp_path / "model.safetensors"
    save_bundle(path, build_network(config.model), BundleInfo(config, provenance=provenance))
    return path


def test_tuning_rewrites_the_thresholds_and_nothing_else(bundle, easy):
    network, before = load_bundle(bundle)
    choice = tune(bundle, easy)
    again, after = load_bundle(bundle)
    assert after.thresholds == choice.thresholds()
    tuning = after.provenance["tuning"]
    assert (tuning["cases"], tuning["chosen_on"]) == (5, "validation part")
    assert tuning["value"] >= tuning["value_before"]
    assert {k: v for k, v in after.provenance.items() if k != "tuning"} == before.provenance
    assert after.config == before.config
    weights = network.state_dict()
    assert all((again.state_dict()[key] == value).all() for key, value in weights.items())


def test_tuning_again_leaves_nothing_of_an_earlier_rule(bundle, easy):
    network, info = load_bundle(bundle)
    earlier = {"temperature": 0.9, "empty_at": 0.9, "peak_share": 0.5}
    save_bundle(bundle, network, dataclasses.replace(info, thresholds=earlier))
    choice = tune(bundle, easy)
    assert {"empty_at", "peak_share"} - choice.thresholds().keys()
    assert read_info(bundle).thresholds == {"temperature": 0.9, **choice.thresholds()}


@pytest.mark.parametrize("part", ["train", "test"])
def test_thresholds_are_never_chosen_on_other_parts(bundle, easy, part):
    met = read_info(bundle).provenance[f"{part}_ids"]
    with pytest.raises(LeakError, match=f"is in its {part} part"):
        tune(bundle, easy, met)
    assert "tuning" not in read_info(bundle).provenance


def test_a_bundle_without_a_validation_part_is_named(bundle, easy):
    network, info = load_bundle(bundle)
    save_bundle(bundle, network, dataclasses.replace(info, provenance={}))
    with pytest.raises(ModelError, match=r"model\.safetensors: names no validation part"):
        tune(bundle, easy)


def test_tuning_is_done_once_and_only_when_asked(bundle, easy, monkeypatch):
    config = read_info(bundle).config
    thresholds.tune_if_asked(config, bundle, easy)
    assert "tuning" not in read_info(bundle).provenance
    asked = config.model_copy(update={"inference": config.inference.model_copy(update={"tune": True})})
    thresholds.tune_if_asked(asked, bundle, easy)
    assert "tuning" in read_info(bundle).provenance
    monkeypatch.setattr(thresholds, "tune", None)  # a second time would call it
    thresholds.tune_if_asked(asked, bundle, easy)
