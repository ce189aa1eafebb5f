import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoduet.inference.stream import overlapped, run_ahead


@given(st.lists(st.integers(), max_size=40), st.integers(1, 4), st.integers(1, 10))
def test_run_ahead_is_an_ordered_map(items, workers, ahead):
    assert list(run_ahead(lambda item: item * 2, items, workers=workers, ahead=ahead)) == [item * 2 for item in items]


def test_run_ahead_draws_no_more_than_it_may_hold():
    drawn = []

    def endless():
        number = 0
        while True:
            drawn.append(number)
            yield number
            number += 1

    results = run_ahead(str, endless(), ahead=3)
    assert [next(results), next(results)] == ["0", "1"]
    assert len(drawn) == 4  # three under way when the first was given out, one more for the second
    results.close()


def test_run_ahead_works_in_parallel():
    meeting = threading.Barrier(2, timeout=20)
    # Each item waits for the other: in one thread after another this would never end.
    assert len(list(run_ahead(lambda _: meeting.wait(), range(2), workers=2))) == 2


def test_an_exception_comes_at_its_items_turn():
    def halve(number):
        if number % 2:
            raise ValueError(number)
        return number // 2

    results = run_ahead(halve, [4, 2, 3, 6])
    assert [next(results), next(results)] == [2, 1]
    with pytest.raises(ValueError, match="3"):
        next(results)


def test_what_has_not_started_is_dropped_when_the_caller_stops():
    started = []

    def slow(number):
        started.append(number)
        time.sleep(0.02)
        return number

    results = run_ahead(slow, range(100), workers=1, ahead=50)
    next(results)
    results.close()
    assert len(started) < 50


@given(st.lists(st.lists(st.integers(), max_size=3), max_size=6))
def test_overlapped_yields_all_results_in_order(items):
    assert list(overlapped(iter, items)) == [result for item in items for result in item]


def test_an_item_is_begun_before_the_results_of_the_one_ahead_are_asked_for():
    log = []

    def begin(number):
        log.append(f"begin {number}")

        def results():
            log.append(f"finish {number}")
            yield number

        return results()

    found = overlapped(begin, range(4))
    assert next(found) == 0
    assert log == ["begin 0", "begin 1", "finish 0"]
    assert list(found) == [1, 2, 3]
    assert log[3:] == ["begin 2", "finish 1", "begin 3", "finish 2", "finish 3"]


@pytest.mark.parametrize("where", ["drawing", "beginning", "finishing"])
def test_an_error_comes_behind_the_results_of_the_items_ahead(where):
    def items():
        yield from (1, 2)
        if where == "drawing":
            raise ValueError(3)
        yield from (3, 4)

    def begin(number):
        if where == "beginning" and number == 3:
            raise ValueError(number)
        return results(number)

    def results(number):
        if number == 3:
            raise ValueError(number)
        yield number

    found = overlapped(begin, items())
    assert [next(found), next(found)] == [1, 2]
    with pytest.raises(ValueError, match="3"):
        next(found)
    assert list(found) == []
