"""Serving the review page on this machine, until it is interrupted."""

from __future__ import annotations

import socket
import threading
import webbrowser
from contextlib import suppress

import uvicorn

from echoduet.service.listening import address
from echoduet.service.review_app import build_app
from echoduet.service.review_desk import Desk


def server_of(desk: Desk, port: int) -> uvicorn.Server:
    """Return the server that shows a desk on a port that is listened to."""
    # h11, asyncio and no web sockets: whatever else is installed, the page is served in the same way.
    return uvicorn.Server(
        uvicorn.Config(
            build_app(desk, port),
            http="h11",
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
        )
    )


def serve(desk: Desk, listener: socket.socket, open_browser: bool) -> None:
    """Show the desk until the process is interrupted (Ctrl-C) or ended.

    Args:
        desk: the curation under review.
        listener: from `bound`.
        open_browser: whether the page is opened in the user's browser.
    """
    with suppress(KeyboardInterrupt):  # the way in which a review is ended
        server = server_of(desk, listener.getsockname()[1])
        if open_browser:
            # In a thread of its own: some browsers return only when they are closed.
            threading.Thread(target=webbrowser.open, args=[address(listener)], daemon=True).start()
        server.run(sockets=[listener])
