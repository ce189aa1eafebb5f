"""Serving: on this machine only, on a port that is free."""

from __future__ import annotations

import threading
import time
import urllib.request
import webbrowser

import pytest

from echoduet.errors import ConfigError
from echoduet.service import review_server
from echoduet.service.listening import address, bound
from echoduet.service.review_desk import Desk
from echoduet.service.review_server import serve


def test_a_free_port_of_this_machine_is_taken():
    with bound(0) as listener:
        host, port = listener.getsockname()
        assert host == "127.0.0.1"
        assert address(listener) == f"http://127.0.0.1:{port}/"


def test_a_port_in_use_is_told_in_one_sentence():
    with bound(0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(
            ConfigError, match=rf"--port {port}: cannot be used \(Address already in use\)\. Choose another"
        ):
            bound(port)


def test_the_page_is_served_and_opened_and_ctrl_c_ends_it(curated, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    servers = []

    class Server(review_server.uvicorn.Server):
        def run(self, sockets):
            servers.append(self)
            super().run(sockets)
            raise KeyboardInterrupt  # as uvicorn does once it has ended because of it

    monkeypatch.setattr(review_server.uvicorn, "Server", Server)
    listener = bound(0)
    page_at = address(listener)
    work = threading.Thread(target=serve, args=[Desk(curated.path, "Ada"), listener, True])
    work.start()
    with urllib.request.urlopen(page_at, timeout=20) as page:
        assert b"EchoDuet review" in page.read()
        assert page.headers["server"] is None
    servers[0].should_exit = True
    work.join(20)
    assert not work.is_alive()
    deadline = time.monotonic() + 5
    while not opened and time.monotonic() < deadline:
        time.sleep(0.01)
    assert opened == [page_at]
