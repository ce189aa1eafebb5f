"""The schema refuses what no experiment can mean."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from echoduet.config.schema import ExperimentConfig, Section


def test_sections_are_frozen():
    config = ExperimentConfig()
    with pytest.raises(ValidationError, match="frozen"):
        config.seed = 2
    with pytest.raises(ValidationError, match="frozen"):
        config.optim.epochs = 2


@pytest.mark.parametrize("section", Section.__subclasses__())
def test_every_section_refuses_unknown_keys_and_infinities(section):
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        section.model_validate({"no_such_key": 1})
    assert section.model_config["allow_inf_nan"] is False


@pytest.mark.parametrize("key", ["scale", "stretch", "gamma", "gain"])
@pytest.mark.parametrize("pair", [(2.0, 1.0), (0.0, 1.0), (-1.0, 1.0)])
def test_ranges_are_positive_and_ascend(key, pair):
    with pytest.raises(ValidationError, match=f"augment.{key}: needs two positive numbers"):
        ExperimentConfig.model_validate({"augment": {key: pair}})


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, 0.0])
def test_a_learning_rate_is_positive_and_finite(value):
    with pytest.raises(ValidationError):
        ExperimentConfig.model_validate({"optim": {"learning_rate": value}})


def test_defaults_describe_the_papers_recipe():
    config = ExperimentConfig()
    assert (config.seed, config.split.folds, config.loss.segmentation_weight) == (1993, 4, 0.35)


@pytest.mark.parametrize("kind", ["dice", "focal_tversky"])
def test_normal_images_always_count_in_some_mask_loss(kind):
    loss = {"segmentation": kind, "dice_on": "lesions"}
    with pytest.raises(ValidationError, match=r"loss\.dice_on: lesions would leave .* loss\.segmentation"):
        ExperimentConfig.model_validate({"loss": loss})
    assert ExperimentConfig.model_validate({"loss": loss, "model": {"presence": True}}).loss.dice_on == "lesions"
    assert ExperimentConfig.model_validate({"loss": {**loss, "segmentation": "dice_bce"}}).loss.dice_on == "lesions"


@pytest.mark.parametrize("weighting", ["uncertainty", "gradient"])
@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_weights_that_follow_the_training_start_inside_0_and_1(weighting, weight):
    with pytest.raises(ValidationError, match=rf"loss\.segmentation_weight: .* loss\.weighting is {weighting}"):
        ExperimentConfig.model_validate({"loss": {"weighting": weighting, "segmentation_weight": weight}})
    assert ExperimentConfig.model_validate({"loss": {"segmentation_weight": weight}}).loss.weighting == "fixed"
