"""One association that a peer has opened: what it sends, and when it ends."""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from pydicom.dataset import Dataset
from pydicom.uid import UID

from echoduet.dicom.node.draft import Draft, Trouble
from echoduet.dicom.node.inspection import Status
from echoduet.dicom.node.intake import Intake, Request
from echoduet.dicom.node.settings import Limits

if TYPE_CHECKING:
    from pynetdicom.association import Association
    from pynetdicom.dimse_primitives import C_STORE
    from pynetdicom.events import Event
    from pynetdicom.pdu_primitives import P_DATA

Receive = Callable[[int], bytearray]

_LONGEST_PDU = 1 << 20
"""Of a peer that does not heed the node's maximum, or asks for an association by a long list of contexts; bytes."""

_LONGEST_COMMAND = 64 << 10
"""A command is some hundred bytes."""


@dataclass(frozen=True, slots=True)
class Meter:
    """Stands before a connection's bytes, and ends it where there are too many of a kind."""

    receive: Receive
    longest: int
    before: Callable[[], None]

    def __call__(self, count: int) -> bytearray:
        """Read `count` bytes.

        Raises:
            OSError: it is more than a PDU has, which ends the connection.
        """
        if count > self.longest:
            raise OSError("the PDU is too long")
        self.before()
        return self.receive(count)


class Reception:
    """An association with a peer that stores instances; its data sets go to the spool as they come."""

    def __init__(self, association: Association, intake: Intake, limits: Limits) -> None:
        """Take in what arrives on `association`."""
        self.name = secrets.token_hex(8)
        self._association = association
        self._intake = intake
        self._limits = limits
        self._drafts: list[Draft] = []

    def meter(self, receive: Receive) -> Meter:
        """Return what the connection is to be read through."""
        return Meter(receive, max(_LONGEST_PDU, self._limits.pdu), self._divert)

    def part(self, receive: Callable[[P_DATA], None]) -> Callable[[P_DATA], None]:
        """Return what parts of a message are to be received through: one that makes no sense ends the association.

        pynetdicom would end only its own thread, with a traceback.
        """

        def receive_part(part: P_DATA) -> None:
            try:
                receive(part)
            except Exception as error:  # noqa: BLE001 - whatever a peer's bytes cause
                self._intake.journal.tell(
                    "message_damaged", "warning", association=self.name, reason=type(error).__name__
                )
                self._association.dul.event_queue.put("Evt19")  # "unrecognized or invalid PDU" (DICOM PS3.8, 9.2)

        return receive_part

    def _divert(self) -> None:
        """Let the data set that is arriving go to the spool, not to memory; called before each PDU is read.

        Raises:
            OSError: the command is too long, or the spool cannot be written.
        """
        message = self._association.dimse.message
        if message is None:
            return
        if message.encoded_command_set.tell() > _LONGEST_COMMAND:
            raise OSError("the command is too long")
        if message.context_id is not None and not isinstance(message.data_set, Draft):
            # Nothing but the first PDU's part is in memory here.
            message.data_set = self._whole(message.data_set, message.context_id)

    def _draft(self, context: int) -> Draft:
        syntaxes = {cx.context_id: cx.transfer_syntax[0] for cx in self._association.accepted_contexts}
        draft = Draft(self._intake.spool, self._limits, UID(syntaxes.get(context, "")))
        self._drafts.append(draft)
        return draft

    def store(self, event: Event) -> Dataset:
        """Answer a C-STORE request."""
        request = cast("C_STORE", event.request)
        try:
            draft = self._whole(request.DataSet, event.context.context_id)
        except OSError:
            return _answer(Status.OUT_OF_RESOURCES, Trouble.NO_ROOM)
        try:
            return _answer(*self._intake.take(draft, self._told(request)))
        finally:
            draft.close()
            self._drafts.remove(draft)

    def _whole(self, content: io.BytesIO | None, context: int) -> Draft:
        """Return the data set as a draft; one that came within a single PDU is none yet."""
        if isinstance(content, Draft):
            return content
        draft = self._draft(context)
        draft.write(b"" if content is None else content.getvalue())
        return draft

    def _told(self, request: C_STORE) -> Request:
        calling = (self._association.requestor.ae_title or "").strip()
        return Request(str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID), self.name, calling)

    def end(self) -> None:
        """Let what was stored be predicted, and remove what was not finished.

        Raises:
            sqlite3.Error: the queue cannot be written.
        """
        for draft in self._drafts:
            draft.close()
        self._intake.jobs.end_association(self.name)


def _answer(status: Status, reason: str) -> Dataset:
    answer = Dataset()
    answer.Status = int(status)
    if reason:
        answer.ErrorComment = reason
    return answer
