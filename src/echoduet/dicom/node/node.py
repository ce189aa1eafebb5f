"""The node: the receiver, the worker, a sender for each archive, and the keeper, about one spool."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import IO, Self

from echoduet.dicom.identity import Algorithm
from echoduet.dicom.node.cleaning import Cleaning
from echoduet.dicom.node.deliveries import Deliveries
from echoduet.dicom.node.entity import entity
from echoduet.dicom.node.intake import Intake
from echoduet.dicom.node.jobs import Jobs
from echoduet.dicom.node.journal import Journal, silence_pynetdicom
from echoduet.dicom.node.keeper import Keeper
from echoduet.dicom.node.ledger import Ledger, damage_told
from echoduet.dicom.node.loop import Loop
from echoduet.dicom.node.peers import Destination
from echoduet.dicom.node.receiver import Receiver
from echoduet.dicom.node.sender import Sender
from echoduet.dicom.node.settings import Settings
from echoduet.dicom.node.spool import Spool
from echoduet.dicom.node.tls import sending_tls
from echoduet.dicom.node.worker import Analyses, Worker
from echoduet.errors import OutputError
from echoduet.lock import hold

_LOCK_PATIENCE_S = 2.0
_LEAVE_S = 2.0


class Node:
    """A running node. It is at work from when it is made until it is closed.

    Attributes:
        port: the port that it listens on.
    """

    def __init__(self, settings: Settings, predictor: Analyses, algorithm: Algorithm, journal: Journal) -> None:
        """Take up what an earlier run left in the spool, and listen.

        Args:
            settings: how to behave.
            predictor: what answers.
            algorithm: what the results say about it.
            journal: is told what happens.

        Raises:
            ConfigError: the settings do not fit together, or the port or a file of TLS cannot be used.
            OutputError: the spool cannot be used, or another node uses it.
        """
        settings.check()
        silence_pynetdicom()
        self._settings = settings
        self._journal = journal
        with ExitStack() as opened:
            spool, ledger = self._open(opened)
            deliveries = Deliveries(ledger)
            jobs = Jobs(ledger, algorithm.key)
            cleaning = Cleaning(ledger, spool)
            with damage_told(spool.folder):
                self._recover(jobs, deliveries, cleaning)
            self._keeper = Keeper(cleaning, deliveries, settings.keeping, settings.patience, journal)
            self._senders = self._make_senders(deliveries, spool)
            self._worker = Worker(predictor, algorithm, jobs, spool, settings, journal, self._wake_senders)
            self._receiver = Receiver(settings, Intake(spool, jobs, journal), self._worker.wake)
            self._opened = opened.pop_all()
        self.port = self._receiver.port
        for loop in self._loops:
            loop.start()
        self._journal.tell("started", aet=settings.aet, address=settings.bind, port=self.port)

    def _open(self, opened: ExitStack) -> tuple[Spool, Ledger]:
        spool = Spool.prepare(self._settings.spool)
        opened.enter_context(_locked(spool))
        spool.clear()
        ledger = Ledger.open(spool.folder)
        opened.callback(ledger.close)
        return spool, ledger

    def _recover(self, jobs: Jobs, deliveries: Deliveries, cleaning: Cleaning) -> None:
        jobs.recover(self._settings.patience.attempts)
        names = [peer.name for peer in self._settings.send_to]
        deliveries.meet(names)
        for name, waiting in deliveries.elsewhere(names).items():
            self._journal.tell("destination_not_named", "warning", destination=name, pending=waiting)
        if swept := cleaning.sweep():
            self._journal.tell("swept", files=swept)

    def _make_senders(self, deliveries: Deliveries, spool: Spool) -> Sequence[Sender]:
        tls = sending_tls(self._settings.security)

        def sender(peer: Destination) -> Sender:
            own = entity(self._settings)
            patience = self._settings.patience
            return Sender(peer, own, tls, deliveries, spool, patience, self._journal, self._keeper.wake)

        return [sender(peer) for peer in self._settings.send_to]

    def _wake_senders(self) -> None:
        for sender in self._senders:
            sender.wake()

    @property
    def _loops(self) -> list[Loop]:
        return [self._worker, *self._senders, self._keeper]

    def close(self) -> None:
        """Take no new associations, end the work at hand within the deadline, and leave the rest in the spool."""
        self._journal.tell("stopping")
        deadline = time.monotonic() + self._settings.timeouts.stop
        self._receiver.close()
        for loop in self._loops:
            loop.stop()
        while self._receiver.associations and time.monotonic() < deadline:
            time.sleep(0.05)
        self._receiver.abort()
        for loop in self._loops:
            loop.join(max(0.0, deadline - time.monotonic()))
        self._worker.abandon()
        for loop in self._loops:
            loop.join(_LEAVE_S)
        self._opened.close()
        self._journal.tell("stopped")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _locked(spool: Spool) -> IO[bytes]:
    """Keep other nodes out of the spool; `status` holds the lock for a moment, and an ending node a little longer."""
    deadline = time.monotonic() + _LOCK_PATIENCE_S
    while True:
        try:
            return hold(spool.folder, "--spool")
        except OutputError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
