"""Thresholds by name, and what is said about wrong ones."""

from __future__ import annotations

import pytest

from echoduet.curation.quality.issues import Issue
from echoduet.curation.quality.settings import THRESHOLDS, QualitySettings, issue_named
from echoduet.errors import ConfigError


def test_every_issue_has_a_threshold() -> None:
    assert set(THRESHOLDS) == set(Issue)
    assert QualitySettings().key() == {issue.value: THRESHOLDS[issue] for issue in Issue}


def test_a_threshold_is_changed_by_name_and_the_others_stay() -> None:
    settings = QualitySettings().with_thresholds({"calipers": 0.9}).with_thresholds({"mask-holes": "0.25"})
    changed = {Issue.CALIPERS: 0.9, Issue.MASK_HOLES: 0.25}
    assert dict(settings.thresholds) == dict(THRESHOLDS) | changed
    assert QualitySettings.from_mapping({"calipers": 0.9}).thresholds[Issue.CALIPERS] == 0.9
    assert QualitySettings().thresholds[Issue.CALIPERS] == THRESHOLDS[Issue.CALIPERS]


@pytest.mark.parametrize("name", list(Issue))
def test_every_name_is_known(name) -> None:
    assert issue_named(name.value) is name


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"caliper": 0.5}, "threshold caliper: no such issue. Did you mean calipers?"),
        ({"xyz": 0.5}, "threshold xyz: no such issue. Known are calipers, text"),
        ({"text": 1.5}, "threshold text: 1.5. Choose a number from 0 to 1."),
        ({"text": float("nan")}, "threshold text: nan. Choose"),
        ({"text": "much"}, "threshold text: 'much' is not a number."),
    ],
)
def test_a_wrong_threshold_is_refused_in_a_sentence(values, sentence) -> None:
    with pytest.raises(ConfigError) as caught:
        QualitySettings.from_mapping(values)
    assert sentence in str(caught.value)


def test_a_missing_threshold_is_refused() -> None:
    with pytest.raises(ConfigError, match="threshold calipers: None"):
        QualitySettings({issue: 0.5 for issue in Issue if issue is not Issue.CALIPERS})
