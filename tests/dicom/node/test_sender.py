"""Sending to archives: DCMTK's storescp, also one that is dead, refuses, or knows other classes."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import ComprehensiveSRStorage
from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity

from echoduet.dicom.node.overview import look
from echoduet.dicom.node.peers import Destination
from echoduet.dicom.node.sender import pause
from echoduet.dicom.node.settings import Patience


@given(st.integers(1, 10_000), st.floats(0.1, 100), st.floats(1, 1e5))
def test_pauses_double_up_to_a_cap(failures, first, longest):
    random.seed(0)
    seconds = pause(Patience(first=first, longest=longest), failures)
    assert 0 < seconds <= longest
    if failures <= 30 and first * 2 ** (failures - 1) <= longest:
        assert 0.5 <= seconds / (first * 2 ** (failures - 1)) <= 1


def test_pauses_are_not_the_same_for_all():
    assert len({pause(Patience(), 3) for _ in range(10)}) > 1


class Picky:
    """An archive that answers each C-STORE with the next of these statuses, then with success."""

    def __init__(self, *statuses, classes=()):
        self.statuses, self.got = list(statuses), []
        ae = ApplicationEntity("PACS")
        for sop_class in classes or ("1.2.840.10008.5.1.4.1.1.66.4", ComprehensiveSRStorage):
            ae.add_supported_context(sop_class)
        self.server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, self.store)])
        self.destination = Destination("PACS", "127.0.0.1", self.server.server_address[1])

    def store(self, event):
        status = self.statuses.pop(0) if self.statuses else 0x0000
        self.got.append((str(event.request.AffectedSOPInstanceUID), status))
        if status is None:
            event.assoc.abort()
            return 0x0000
        return status


@pytest.fixture
def picky():
    """Make such an archive."""
    made = []

    def make(*statuses, **options):
        made.append(Picky(*statuses, **options))
        return made[-1]

    yield make
    for archive in made:
        archive.server.shutdown()


def test_a_dead_archive_delays_nobody_and_gets_all_when_it_comes(start_node, archive, silent_archive, phantoms, until):
    node = start_node(archive.destination, silent_archive.destination)
    node.send(phantoms(seed=40, frames=2))
    until(lambda: "SR" in archive.modalities())
    until(lambda: len(node.told("destination_unreachable")) >= 2)
    assert node.states() == {"delivering": 1}
    silent_archive.start()
    until(lambda: node.states() == {"done": 1})
    same = [sorted(dataset.SOPInstanceUID for dataset in peer.received()) for peer in (archive, silent_archive)]
    assert same[0] == same[1]
    assert {event["reason"] for event in node.told("destination_unreachable")} == {"connection refused"}


def test_what_was_refused_is_sent_again_and_what_was_taken_is_not(start_node, picky, phantoms, until):
    peer = picky(0xA700, 0xC000)
    node = start_node(peer.destination)
    node.send(phantoms(seed=40, frames=2))
    until(lambda: node.states() == {"done": 1})
    taken = [uid for uid, status in peer.got if status == 0]
    assert len(taken) == len(set(taken))
    assert {uid for uid, status in peer.got if status} <= set(taken)
    assert [event["reason"] for event in node.told("delivery_refused")] == ["status 0xA700", "status 0xC000"]


@pytest.mark.parametrize("status", [0xB000, 0xB007, 0x0111])
def test_a_warning_and_a_duplicate_count_as_taken(start_node, picky, phantoms, until, status):
    peer = picky(*[status] * 9)
    node = start_node(peer.destination)
    node.send(phantoms(seed=41))
    until(lambda: node.states() == {"done": 1})
    assert node.told("delivery_refused") == []


def test_an_association_that_ends_under_way_is_taken_up_again(start_node, picky, phantoms, until):
    peer = picky(0x0000, None)
    node = start_node(peer.destination)
    node.send(phantoms(seed=40, frames=2))
    until(lambda: node.states() == {"done": 1})
    assert peer.got[0][0] not in [uid for uid, _ in peer.got[1:]]
    assert node.told("destination_unreachable")[0]["reason"] == "the archive ended the association"


def test_a_kind_that_an_archive_does_not_take_is_told(start_node, picky, phantoms, until):
    peer = picky(classes=[ComprehensiveSRStorage])
    node = start_node(peer.destination)
    node.send(phantoms(seed=40, frames=2))
    until(lambda: peer.got)
    until(lambda: node.told("delivery_refused"))
    [shown] = look(node.settings.spool).destinations
    assert shown.error == "the archive does not take this kind of instance"
    assert shown.pending


def test_an_archive_that_rejects_and_one_that_nobody_knows_are_told(start_node, archive, phantoms, until):
    archive.stop()
    archive.start("--refuse")
    nowhere = Destination("PACS", "no-such-host.invalid", 104)
    node = start_node(archive.destination, nowhere)
    node.send(phantoms(seed=41))
    until(lambda: len({event["destination"] for event in node.told("destination_unreachable")}) == 2)
    reasons = {event["destination"]: event["reason"] for event in node.told("destination_unreachable")}
    assert reasons[archive.destination.name].startswith("rejected")
    assert "name" in reasons[nowhere.name].lower()


def test_what_waits_too_long_has_failed_and_can_be_tried_again(start_node, silent_archive, phantoms, until, tmp_path):
    node = start_node(silent_archive.destination, patience=Patience(first=0.2, longest=0.4, give_up=1.0))
    node.send(phantoms(seed=41))
    until(lambda: node.states() == {"failed": 1})
    assert len(list(node.settings.spool.rglob("*.dcm"))) >= 2
    from echoduet.dicom.node.cleaning import opened

    silent_archive.start()
    with opened(node.settings.spool) as cleaning:
        assert cleaning.retry() == 1
    until(lambda: node.states() == {"done": 1})


def test_the_overlay_is_sent_on_request(start_node, archive, phantoms, until):
    from echoduet.dicom.identity import Kind

    node = start_node(archive.destination, kinds=frozenset(Kind))
    node.send(phantoms(seed=41))
    until(lambda: node.states() == {"done": 1})
    assert archive.modalities() == ["OT", "SEG", "SR"]


def test_files_of_what_is_done_are_gone_soon(start_node, archive, phantoms, until):
    node = start_node(archive.destination)
    node.send(phantoms(seed=41))
    until(lambda: node.states() == {"done": 1})
    until(lambda: not list(node.settings.spool.rglob("*.dcm")))
    time.sleep(0.1)
    assert node.states() == {"done": 1}
