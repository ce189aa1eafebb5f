"""Sending results to one archive (storage SCU). Each archive has a thread, so that a dead one delays no other."""

from __future__ import annotations

import random
import socket
import ssl
import time
from collections.abc import Callable, Sequence

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.status import code_to_category

from echoduet.dicom.node.contexts import sending_contexts
from echoduet.dicom.node.deliveries import Deliveries, Delivery
from echoduet.dicom.node.journal import Journal, short
from echoduet.dicom.node.loop import Loop
from echoduet.dicom.node.peers import Destination
from echoduet.dicom.node.settings import Patience
from echoduet.dicom.node.spool import Spool

DUPLICATE = 0x0111
"""The archive has the instance: as results have UIDs that follow from their content, it has this one."""


_ENDED = "the archive ended the association"


class _EndedError(Exception):
    """The association has ended before an answer came."""


def pause(patience: Patience, failures: int) -> float:
    """Return how long to wait after so many failures in a row: it doubles up to a cap, and a random part is taken off.

    The random part keeps nodes that lost an archive together from coming back to it together.
    """
    longest = min(patience.longest, patience.first * 2.0 ** min(failures - 1, 40))
    return longest * random.uniform(0.5, 1.0)


class Sender(Loop):
    """Delivers what is due at one destination."""

    def __init__(
        self,
        destination: Destination,
        entity: ApplicationEntity,
        tls: ssl.SSLContext | None,
        deliveries: Deliveries,
        spool: Spool,
        patience: Patience,
        journal: Journal,
        delivered: Callable[[], None],
    ) -> None:
        """Send to `destination` as `entity`; `delivered` is called when something was taken."""
        super().__init__(f"sender {destination.name}", journal)
        self._to = destination
        self._entity = entity
        self._tls = tls
        self._deliveries = deliveries
        self._spool = spool
        self._patience = patience
        self._delivered = delivered

    def step(self) -> bool:
        """Send what is due, by one association."""
        due = self._deliveries.due(self._to.name)
        if not due:
            return False
        self._deliveries.begin(due)
        association = self._associate(due)
        if association is None:
            return False
        try:
            self._send_all(association, due)
        finally:
            association.release() if association.is_established else association.abort()
            self._delivered()
        return True

    def _associate(self, due: Sequence[Delivery]) -> Association | None:
        """Open an association; where that fails, note why, and wait."""
        contexts = sending_contexts(delivery.sop_class for delivery in due)
        try:
            association = self._entity.associate(
                self._to.host,
                self._to.port,
                contexts=contexts,
                ae_title=self._to.aet,
                tls_args=None if self._tls is None else (self._tls, self._to.host),
            )
        except OSError as error:  # a name that nobody knows
            self._unreachable(error.strerror or "unknown host")
            return None
        if association.is_established:
            return association
        self._unreachable(self._why_not(association))
        return None

    def _why_not(self, association: Association) -> str:
        """Return why no association came about, in words of the standard, of the system, and of this module."""
        if association.is_rejected:
            primitive = association.acceptor.primitive
            return "rejected" if primitive is None else f"rejected: {primitive.reason_str}"
        try:
            socket.create_connection((self._to.host, self._to.port), self._entity.connection_timeout).close()
        except OSError as error:
            return (error.strerror or "no connection").lower()
        return "connected, but no association"

    def _unreachable(self, why: str) -> None:
        failures = self._deliveries.failures(self._to.name) + 1
        seconds = pause(self._patience, failures)
        self._deliveries.unreachable(self._to.name, why, time.time() + seconds)
        self.journal.tell(
            "destination_unreachable",
            "warning",
            destination=self._to.name,
            reason=why,
            failures=failures,
            again_in=round(seconds, 1),
        )

    def _send_all(self, association: Association, due: Sequence[Delivery]) -> None:
        for number, delivery in enumerate(due, start=1):
            if self.stopping:
                return
            try:
                self._deliver(association, delivery, number)
            except _EndedError:
                # It waits longer than the others: should it be what the archive cannot bear, they get through.
                self._refuse(delivery, _ENDED)
                self._unreachable(_ENDED)
                return

    def _deliver(self, association: Association, delivery: Delivery, number: int) -> None:
        """Send one output, and note what came of it.

        Raises:
            _EndedError: the association has ended.
        """
        if delivery.sop_class not in {context.abstract_syntax for context in association.accepted_contexts}:
            self._refuse(delivery, "the archive does not take this kind of instance")
            return
        try:
            dataset = dcmread(self._spool.path(delivery.file))
        except (OSError, InvalidDicomError):
            self._refuse(delivery, "its file in the spool cannot be read")
            return
        try:
            status = _stored(association, dataset, number)
        except ValueError:
            self._refuse(delivery, "it cannot be written in a transfer syntax that the archive takes")
            return
        if status != DUPLICATE and code_to_category(status) not in ("Success", "Warning"):
            self._refuse(delivery, f"status 0x{status:04X}")
            return
        self._deliveries.sent(delivery, self._to.name)
        self.journal.tell(
            "delivered",
            destination=self._to.name,
            job=delivery.job,
            instance=short(delivery.instance),
            status=f"0x{status:04X}",
        )

    def _refuse(self, delivery: Delivery, why: str) -> None:
        seconds = pause(self._patience, delivery.attempts + 1)
        self._deliveries.refused(delivery, self._to.name, why, time.time() + seconds)
        self.journal.tell(
            "delivery_refused",
            "warning",
            destination=self._to.name,
            job=delivery.job,
            reason=why,
            again_in=round(seconds, 1),
        )


def _stored(association: Association, dataset: Dataset, number: int) -> int:
    """Send an instance, and return the status of the answer.

    Raises:
        _EndedError: there was none.
    """
    try:
        answer = association.send_c_store(dataset, msg_id=number)
    except RuntimeError as error:
        raise _EndedError from error
    if "Status" not in answer:
        raise _EndedError
    return int(answer.Status)
