"""The one order of cases."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from echoduet.data.ordering import in_order, natural_key
from echoduet.records import CLASSES, Case, Label


def case(case_id, label):
    return Case(case_id, Path(f"{case_id}.png"), (), label)


def test_numbers_are_compared_as_numbers():
    names = ["benign (10)", "benign (2)", "benign (1)", "benign (100)"]
    assert sorted(names, key=natural_key) == ["benign (1)", "benign (2)", "benign (10)", "benign (100)"]


def test_a_case_without_its_number_comes_before_the_numbered():
    assert sorted(["a_mask_1", "a_mask", "a_mask_10", "a_mask_2"], key=natural_key) == [
        "a_mask",
        "a_mask_1",
        "a_mask_2",
        "a_mask_10",
    ]


def test_class_comes_before_number():
    cases = [case("a1", Label.NORMAL), case("z9", Label.BENIGN), case("b2", Label.MALIGNANT), case("b1", Label.BENIGN)]
    assert [one.case_id for one in in_order(cases)] == ["b1", "z9", "b2", "a1"]


@given(st.lists(st.text(max_size=8), unique=True), st.randoms())
def test_the_order_is_total_and_does_not_depend_on_the_start(names, random):
    cases = [case(name, CLASSES[n % 3]) for n, name in enumerate(names)]
    expected = in_order(cases)
    random.shuffle(cases)
    assert in_order(cases) == expected


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_keys_follow_the_numbers(a, b):
    assert (natural_key(f"x ({a})") < natural_key(f"x ({b})")) == (a < b)


def test_equal_numbers_are_told_apart_by_their_text():
    assert natural_key("a01") != natural_key("a1")
    assert natural_key("A1")[0] == natural_key("a1")[0]
