"""Token buckets: never more than what was promised, each client for itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from echoduet.service.rates import MOST_CLIENTS, Rates


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.floats(0, 3), max_size=60), st.floats(0.5, 20), st.integers(1, 10))
def test_no_more_pass_than_the_burst_and_what_the_time_allows(pauses, rate, burst):
    clock = Clock()
    rates, passed = Rates(rate, burst, clock), 0
    for pause in pauses:
        clock.now += pause
        passed += rates.wait("a") == 0
        assert passed <= burst + rate * clock.now + 1e-6


@given(st.floats(0.2, 50), st.integers(1, 5))
def test_after_the_time_that_was_told_a_request_passes(rate, burst):
    clock = Clock()
    rates = Rates(rate, burst, clock)
    assert [rates.wait("a") for _ in range(burst)] == [0] * burst
    wait = rates.wait("a")
    assert wait >= 1
    clock.now += wait
    assert rates.wait("a") == 0


def test_clients_do_not_slow_each_other():
    rates = Rates(1, 1, Clock())
    assert [rates.wait(client) for client in ("10.0.0.1", "10.0.0.2", "", "unix")] == [0, 0, 0, 0]
    assert rates.wait("10.0.0.1") == 1


def test_all_addresses_of_a_network_of_ipv6_are_one_client():
    rates = Rates(1, 1, Clock())
    assert rates.wait("2001:db8::1") == 0
    assert rates.wait("2001:db8::ffff:2") == 1
    assert rates.wait("2001:db8:0:1::1") == 0


def test_the_number_of_clients_that_are_known_is_bounded():
    rates = Rates(1, 1, Clock())
    for number in range(MOST_CLIENTS + 500):
        rates.wait(f"client {number}")
    assert len(rates._buckets) == MOST_CLIENTS
