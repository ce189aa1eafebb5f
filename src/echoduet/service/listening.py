"""Taking the port that a server is to answer on."""

from __future__ import annotations

import socket

from echoduet.errors import ConfigError

LOCAL = "127.0.0.1"
"""This machine only."""


def bound(port: int, host: str = LOCAL) -> socket.socket:
    """Return a socket that listens on `port` of an address of this machine; 0 takes a free one.

    Raises:
        ConfigError: the port is in use, or may not be used, or the address is not one of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        where = f"--port {port}" if host == LOCAL else f"--host {host} --port {port}"
        raise ConfigError(
            f"{where}: cannot be used ({error.strerror or error}). Choose another one, or 0 for any that is free."
        ) from error
    return listener


def address(listener: socket.socket, root_path: str = "") -> str:
    """Return where the server is found."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}{root_path}/" if ":" in host else f"http://{host}:{port}{root_path}/"
