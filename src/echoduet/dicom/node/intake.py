"""The decision about a data set that has arrived: on the disk and in the queue before it is acknowledged."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from echoduet.data.uploads import Upload
from echoduet.dicom.node.draft import Draft
from echoduet.dicom.node.inspection import NotTakenError, Status, inspect
from echoduet.dicom.node.jobs import Jobs, Received
from echoduet.dicom.node.journal import Journal, short
from echoduet.dicom.node.spool import Spool


@dataclass(frozen=True, slots=True)
class Request:
    """What a C-STORE request says of its data set.

    Attributes:
        sop_class: SOP Class UID.
        instance: SOP Instance UID.
        association: on which it came.
        calling: AE title that sent it.
    """

    sop_class: str
    instance: str
    association: str
    calling: str


@dataclass(frozen=True, slots=True)
class Intake:
    """Takes data sets in: into the spool, and into the queue."""

    spool: Spool
    jobs: Jobs
    journal: Journal

    def take(self, draft: Draft, request: Request) -> tuple[Status, str]:
        """Keep a data set, or refuse it; return the status to answer with, and the reason where it is refused."""
        try:
            self._check(draft, request)
            self._keep(draft, request)
        except NotTakenError as refusal:
            self._tell("refused", request, "warning", status=f"0x{refusal.status:04X}", reason=refusal.reason)
            return refusal.status, refusal.reason
        return Status.SUCCESS, ""

    def _check(self, draft: Draft, request: Request) -> None:
        if draft.trouble is not None:
            raise NotTakenError(Status.OUT_OF_RESOURCES, draft.trouble)
        try:
            inspect(Upload(draft.writing.reading(), "the instance"), request.sop_class, request.instance)
        except OSError as error:
            raise NotTakenError(Status.OUT_OF_RESOURCES, "no room on the disk") from error

    def _keep(self, draft: Draft, request: Request) -> None:
        writing = draft.writing
        try:
            file = writing.keep()
            received = Received(
                request.instance, writing.digest, request.association, request.calling, file, writing.size
            )
            receipt, number, spare = self.jobs.add(received)
        except (OSError, sqlite3.Error) as error:
            # A file that was kept without a row is swept at the next start.
            raise NotTakenError(Status.OUT_OF_RESOURCES, "the queue cannot be written") from error
        if spare is not None:
            self.spool.remove([spare])
        self._tell("received", request, job=number, receipt=receipt, bytes=writing.size)

    def _tell(self, event: str, request: Request, level: str = "info", **fields: object) -> None:
        known = {"association": request.association, "calling": request.calling, "instance": short(request.instance)}
        self.journal.tell(event, "warning" if level == "warning" else "info", **known, **fields)
