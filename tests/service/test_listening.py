"""Taking a port, on this machine or beyond."""

from __future__ import annotations

import socket

import pytest

from echoduet.errors import ConfigError
from echoduet.service.listening import address, bound


def test_a_free_port_is_taken_and_the_address_told():
    with bound(0) as listener:
        port = listener.getsockname()[1]
        assert address(listener) == f"http://127.0.0.1:{port}/"
        assert address(listener, "/echo") == f"http://127.0.0.1:{port}/echo/"
        with socket.create_connection(("127.0.0.1", port), 5):
            pass


def test_the_address_of_ipv6_has_brackets():
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        listener = bound(0, "::1")
    except ConfigError:
        pytest.skip("this machine has no IPv6 loopback")
    with listener:
        assert address(listener) == f"http://[::1]:{listener.getsockname()[1]}/"


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_that_is_not_of_this_machine_is_refused(host):
    with pytest.raises(ConfigError, match=rf"--host {host} --port 0: cannot be used"):
        bound(0, host)
