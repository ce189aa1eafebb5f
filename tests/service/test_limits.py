"""Limits: named, set in readable units, refused in one sentence."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoduet.errors import ConfigError
from echoduet.service.limits import Limits, limits_of, limits_table


def test_without_settings_all_are_as_they_come():
    assert limits_of([]) == Limits()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("request_bytes=64M", 64 * 10**6),
        ("request_bytes=64MB", 64 * 10**6),
        ("request_bytes=1.5Gi", 3 * 2**29),
        ("spool_bytes=20k", 20_000),
        ("queue=3", 3),
        ("sync_seconds=0.25", 0.25),
    ],
)
def test_a_limit_is_set_by_its_name(setting, value):
    limits = limits_of([setting])
    assert getattr(limits, setting.partition("=")[0]) == value
    assert type(value) is type(getattr(limits, setting.partition("=")[0]))


@given(st.integers(1, 10**12))
def test_whole_numbers_come_back_as_they_were_given(number):
    assert limits_of([f"result_bytes={number}"]).result_bytes == number


@pytest.mark.parametrize("value", ["0", "-3", "", "many", "3 apples", "0.4", "nan", "1e3"])
def test_what_is_no_positive_number_is_refused(value):
    with pytest.raises(ConfigError, match=r"--limit queue=.* is no positive number, as in queue=128"):
        limits_of([f"queue={value}"])


def test_an_unknown_limit_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"--limit size=3: there is no limit 'size'\. Known: request_bytes, files"):
        limits_of(["size=3"])


def test_the_table_has_a_row_for_each_limit():
    rows = limits_table().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [bound.name for bound in fields(Limits)]
    assert "| `request_bytes` | 256,000,000 bytes | size of a request |" in rows
