from __future__ import annotations

import json
from dataclasses import fields

import pytest

from echoduet.curation.matching.settings import MatchSettings
from echoduet.curation.quality.issues import Issue
from echoduet.curation.settings import ConflictRule, CurationSettings, matching_of, thresholds_of
from echoduet.errors import ConfigError


def test_the_defaults_are_those_of_the_documentation() -> None:
    settings = CurationSettings()
    assert (settings.mask_agreement, settings.conflicts) == (0.70, ConflictRule.REVIEW)
    assert settings.matching == MatchSettings()


@pytest.mark.parametrize("value", [-0.1, 1.01, float("nan")])
def test_a_dice_out_of_range_is_named(value: float) -> None:
    with pytest.raises(ConfigError, match=f"mask_agreement: {value}"):
        CurationSettings(mask_agreement=value)


def test_every_setting_is_told_as_plain_figures() -> None:
    figures = json.loads(json.dumps(CurationSettings().figures()))
    assert figures["matching"].keys() == {field.name for field in fields(MatchSettings)}
    assert figures["thresholds"].keys() == {issue.value for issue in Issue}
    assert figures["conflicts"] == "review"


def test_words_become_settings() -> None:
    assert matching_of(["side=256", "confidence=0.8"]) == MatchSettings(side=256, confidence=0.8)
    assert thresholds_of(["calipers=0.7"]).thresholds[Issue.CALIPERS] == 0.7
    assert matching_of([]) == MatchSettings()


@pytest.mark.parametrize(
    ("read", "word", "message"),
    [
        (matching_of, "confidenc=0.8", "confidenc: no such setting of matching. Did you mean confidence?"),
        (matching_of, "xyz=1", "xyz: no such setting of matching. Known are side, "),
        (matching_of, "side=200.5", "side: 200.5 is no whole number"),
        (matching_of, "confidence=2", "confidence: 2.0. Choose a value from 0 to 1"),
        (matching_of, "side", "'side': is not of the form name=number"),
        (thresholds_of, "caliper=0.5", "Did you mean calipers?"),
        (thresholds_of, "calipers=high", "'calipers=high': is not of the form name=number"),
        (thresholds_of, "calipers=1.5", "threshold calipers: 1.5"),
    ],
)
def test_a_wrong_word_is_named(read, word: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read([word])
    assert message in str(caught.value)
