"""The server that scanners and archives send to (storage SCP, verification SCP)."""

from __future__ import annotations

import socket
import socketserver
import sqlite3
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from echoduet.dicom.node.contexts import receiving_contexts
from echoduet.dicom.node.entity import entity
from echoduet.dicom.node.intake import Intake
from echoduet.dicom.node.reception import Reception
from echoduet.dicom.node.settings import Settings
from echoduet.dicom.node.tls import receiving_tls
from echoduet.errors import ConfigError

if TYPE_CHECKING:
    import queue

_POLL_S = 0.1


class _Handler(RequestHandler):
    """Leads one connection from its first byte to its last."""

    server: _Server

    def handle(self) -> None:
        association = self._create_association()
        reception = Reception(association, self.server.intake, self.server.limits)
        connection = association.dul.socket
        assert connection is not None
        # pynetdicom reads a PDU of any length into memory, and a data set too: it reads through the meter instead.
        setattr(connection, "recv", reception.meter(connection.recv))  # noqa: B010 - mypy forbids the plain assignment
        setattr(association.dimse, "receive_primitive", reception.part(association.dimse.receive_primitive))  # noqa: B010
        association.bind(evt.EVT_C_STORE, reception.store)
        association.start()
        _await_end(association)
        self.request.close()  # pynetdicom leaves it open where the peer was quicker
        self.server.ended(association, reception)


def _await_end(association: Association) -> None:
    """Wait until an association has ended, also one that never came about."""
    while association.is_alive():
        association.join(_POLL_S)
        if association.dul.ident is not None and not association.dul.is_alive():
            # The connection is gone. Who still waits for the first request is told that its time is over.
            cast("queue.Queue[object]", association.dul.to_user_queue).put(None)


class _Server(ThreadedAssociationServer):
    """A listening socket, and a thread for each connection."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self, *placed: Any, intake: Intake, settings: Settings, wake: Callable[[], None], evt_handlers: Any
    ) -> None:
        self.intake = intake
        self.limits = settings.limits
        self._timeout = settings.timeouts.network
        self._wake = wake
        self._unsettled: list[Reception] = []
        self._settling = threading.Lock()
        super().__init__(*placed, evt_handlers=evt_handlers, request_handler=_Handler)  # type: ignore[misc]

    def get_request(self) -> tuple[socket.socket, Any]:
        assert self.socket is not None
        connection, address = self.socket.accept()
        # Else a peer that falls silent within a PDU would hold its thread for ever.
        connection.settimeout(self._timeout)
        return connection, address

    def verify_request(self, request: Any, client_address: Any) -> bool:
        # Beyond the limit an association is rejected, which takes a thread; beyond twice the limit nothing is answered.
        return len(self.active_associations) < 2 * self.limits.associations

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands in the connection's own thread, so that no slow peer keeps others waiting."""
        if self.ssl_context is not None:
            try:
                request = self.ssl_context.wrap_socket(request, server_side=True)
            except OSError as error:
                reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror or str(error)
                self.intake.journal.tell("tls_failed", "warning", address=client_address[0], reason=reason)
                request.close()
                return
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        self.intake.journal.tell("connection_failed", "error", address=client_address[0])

    def ended(self, association: Association, reception: Reception) -> None:
        """Let what came on an association be predicted."""
        calling = (association.requestor.ae_title or "").strip()
        how = "rejected" if association.is_rejected else "released" if association.is_released else "aborted"
        where = association.requestor.address_info
        address = "" if where is None else where.address
        self.intake.journal.tell(
            "association_ended", association=reception.name, calling=calling, address=address, how=how
        )
        self._unsettled.append(reception)
        self._settle()

    def service_actions(self) -> None:
        """Called again and again by the listening thread."""
        super().service_actions()
        self._settle()

    def _settle(self) -> None:
        """Enter in the queue which associations have ended; a full disk may make this wait."""
        with self._settling:
            for reception in self._unsettled[:]:
                with suppress(sqlite3.Error, OSError):
                    reception.end()
                    self._unsettled.remove(reception)
                    self._wake()


class Receiver:
    """Listens, from when it is made until it is stopped.

    Attributes:
        port: the port that it listens on.
    """

    def __init__(self, settings: Settings, intake: Intake, wake: Callable[[], None]) -> None:
        """Listen as `settings` say; `wake` is called whenever there may be something to predict.

        Raises:
            ConfigError: the port cannot be used, or a file of TLS.
        """
        self._entity = entity(settings)
        self._entity.supported_contexts = receiving_contexts()
        self._entity.require_called_aet = True
        self._entity.require_calling_aet = list(settings.allow)
        context = receiving_tls(settings.security)
        try:
            self._server = self._entity.make_server(
                _address(settings),
                ssl_context=context,
                server_class=_Server,
                intake=intake,
                settings=settings,
                wake=wake,
            )
        except OSError as error:
            raise ConfigError(
                f"--bind {settings.bind} --port {settings.port}: cannot be listened on ({error.strerror}). "
                "Choose another address or port."
            ) from error
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=[_POLL_S], name="receiver", daemon=True)
        self._thread.start()

    @property
    def associations(self) -> int:
        """How many associations last."""
        return len(self._server.active_associations)

    def close(self) -> None:
        """Take no new associations; those that last go on."""
        if self._thread.is_alive():
            # Not its own `shutdown`, which expects to have been started by `start_server`.
            socketserver.BaseServer.shutdown(self._server)
            self._thread.join()
            self._server.server_close()

    def abort(self) -> None:
        """Abort the associations that last."""
        for association in self._server.active_associations:
            association.abort()
        for association in self._server.active_associations:
            association.join(1.0)


def _address(settings: Settings) -> Any:
    return (settings.bind, settings.port, 0, 0) if ":" in settings.bind else (settings.bind, settings.port)
