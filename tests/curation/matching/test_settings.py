from __future__ import annotations

from dataclasses import fields

import pytest

from echoduet.curation.matching.settings import RANGES, MatchSettings
from echoduet.errors import ConfigError


def test_every_setting_has_a_range_and_its_default_lies_in_it():
    assert {field.name for field in fields(MatchSettings)} == set(RANGES)


@pytest.mark.parametrize(("name", "value"), [("side", 10), ("votes", 1), ("confidence", 1.2), ("overlap", -0.1)])
def test_a_value_out_of_range_is_refused_by_name(name, value):
    with pytest.raises(ConfigError, match=rf"^{name}: {value}"):
        MatchSettings(**{name: value})


def test_the_key_changes_with_what_the_features_depend_on_and_with_nothing_else():
    assert MatchSettings(side=128).key() != MatchSettings().key()
    assert MatchSettings(features=99).key() != MatchSettings().key()
    assert MatchSettings(votes=9, confidence=0.7).key() == MatchSettings().key()
