from __future__ import annotations

import pytest

from echoduet.curation.settings import CurationSettings
from echoduet.errors import ConfigError


def test_the_defaults_are_those_of_the_documentation() -> None:
    settings = CurationSettings()
    assert (settings.side, settings.candidate, settings.near, settings.mask_agreement) == (24, 0.80, 0.72, 0.70)


@pytest.mark.parametrize("field", ["candidate", "near", "mask_agreement"])
@pytest.mark.parametrize("value", [-0.1, 1.01, float("nan")])
def test_a_threshold_out_of_range_is_named(field: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"{field}: {value}"):
        CurationSettings(**{field: value})


@pytest.mark.parametrize("side", [7, 513])
def test_a_side_out_of_range_is_named(side: int) -> None:
    with pytest.raises(ConfigError, match=f"side: {side} pixels"):
        CurationSettings(side=side)
