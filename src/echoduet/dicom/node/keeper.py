"""The clock of the node: what is done is removed, what waits too long has failed."""

from __future__ import annotations

import time

from echoduet.dicom.node.cleaning import Cleaning
from echoduet.dicom.node.deliveries import Deliveries
from echoduet.dicom.node.journal import Journal
from echoduet.dicom.node.loop import Loop
from echoduet.dicom.node.settings import Keeping, Patience


class Keeper(Loop):
    """Removes files and rows when their time has come, and gives deliveries up."""

    def __init__(
        self, cleaning: Cleaning, deliveries: Deliveries, keeping: Keeping, patience: Patience, journal: Journal
    ) -> None:
        super().__init__("keeper", journal)
        self._cleaning = cleaning
        self._deliveries = deliveries
        self._keeping = keeping
        self._patience = patience

    def step(self) -> bool:
        """Do what is due; there is never more to do at once."""
        now = time.time()
        self._cleaning.files_of_done(now - self._keeping.files)
        self._cleaning.rows_of_done(now - self._keeping.rows)
        if self._patience.give_up is not None and (given := self._deliveries.give_up(now - self._patience.give_up)):
            self.journal.tell("given_up", "error", deliveries=given)
        return False
