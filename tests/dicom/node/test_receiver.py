"""Other people's programs call the node: DCMTK's echoscu, storescu and dcmsend, and peers that misbehave."""

from __future__ import annotations

import socket
import struct
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian

from echoduet.data.dicom.header import read_header
from echoduet.data.dicom.objects import Syntax, encode
from echoduet.data.phantom_dicom import PhantomExam, make_phantom
from echoduet.dicom.node.contexts import TAKEN
from echoduet.dicom.node.entity import ClosingEntity
from echoduet.dicom.node.peers import Destination
from echoduet.dicom.node.reception import Reception
from echoduet.dicom.node.settings import Limits, Timeouts
from echoduet.errors import ConfigError

NOBODY = Destination("PACS", "127.0.0.1", 9)


@pytest.fixture
def node(start_node):
    """A node whose archive does not answer."""
    return start_node(NOBODY)


def test_it_answers_an_echo(node):
    assert "Received Echo Response (Success)" in node.send(tool="echoscu")


def test_it_takes_every_transfer_syntax_from_dcmsend(node, phantoms):
    files = [phantoms(syntax=syntax, seed=n, photometric="RGB") for n, syntax in enumerate(Syntax)]
    said = node.send(*files, tool="dcmsend", options=("--decompress-never",))
    assert "with status SUCCESS  : 10" in said, said
    kept = (node.settings.spool / "objects").glob("*.dcm")
    plain = (Syntax.IMPLICIT, Syntax.BIG_ENDIAN)  # which DCMTK turns into the explicit one, offered together with them
    expected = {syntax.uid for syntax in Syntax if syntax not in plain}
    assert expected <= {read_header(path, "x").syntax for path in kept}


def test_frames_arrive_as_they_were_sent(node, phantoms):
    path = phantoms(syntax=Syntax.JPEG_LS, seed=30)
    node.send(path, tool="dcmsend", options=("--decompress-never",))
    [kept] = (node.settings.spool / "objects").glob("*.dcm")
    ours, theirs = dcmread(kept), dcmread(path)
    assert ours.PixelData == theirs.PixelData
    assert ours.PatientName == theirs.PatientName


def test_predictions_wait_for_the_end_of_the_association(node, phantoms, until):
    ae = ClosingEntity("SCANNER")
    ae.add_requested_context(TAKEN[0], ExplicitVRLittleEndian)
    association = ae.associate("127.0.0.1", node.node.port, ae_title="ECHODUET")
    assert association.send_c_store(dcmread(phantoms(seed=1))).Status == 0x0000
    time.sleep(0.8)
    assert node.states() == {"received": 1}
    association.release()
    until(lambda: node.told("predicted"))


def test_an_aborted_association_leaves_what_was_acknowledged(node, phantoms, until):
    ae = ClosingEntity("SCANNER")
    ae.add_requested_context(TAKEN[0], ExplicitVRLittleEndian)
    association = ae.associate("127.0.0.1", node.node.port, ae_title="ECHODUET")
    association.send_c_store(dcmread(phantoms(seed=2)))
    association.abort()
    until(lambda: node.told("predicted"))
    assert [event["how"] for event in node.told("association_ended")] == ["aborted"]


def test_an_instance_that_was_cut_short_leaves_nothing(node, phantoms, until, program):
    """A proxy lets the first 40,000 bytes through and then closes the connection."""
    path = phantoms(seed=3, width=400)
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(3) as pool:
        sending = pool.submit(
            subprocess.run,
            [program("storescu"), "-aec", "ECHODUET", "127.0.0.1", str(listener.getsockname()[1]), str(path)],
            capture_output=True,
            check=False,
        )
        client, _ = listener.accept()
        with client, socket.create_connection(("127.0.0.1", node.node.port)) as server:
            back = pool.submit(_pass_on, server, client, 1 << 30)
            _pass_on(client, server, 40_000)
            until(lambda: list((node.settings.spool / "incoming").iterdir()))  # it had begun to arrive
            server.shutdown(socket.SHUT_RDWR)
            client.shutdown(socket.SHUT_RDWR)
            back.result()
        assert sending.result().returncode != 0
    until(lambda: node.told("association_ended"))
    until(lambda: not list(node.settings.spool.rglob("*.dcm")))
    assert node.states() == {}
    assert "Received Echo" in node.send(tool="echoscu")


def _pass_on(source, target, most):
    """Copy bytes from one connection to the other, no more than so many."""
    while most > 0:
        try:
            content = source.recv(min(4096, most))
        except OSError:
            return
        if not content:
            return
        most -= len(content)
        target.sendall(content)


def test_twenty_at_a_time(node, phantoms, until):
    files = [phantoms(seed=100 + n) for n in range(20)]
    with ThreadPoolExecutor(20) as pool:
        said = list(pool.map(node.send, files))
    assert all("(Success)" in one for one in said), said
    assert len(node.told("received")) == 20
    assert sum(node.states().values()) == 20


def test_more_associations_than_allowed_are_rejected(start_node):
    node = start_node(NOBODY, limits=Limits(associations=1, free=0))
    ae = ClosingEntity("SCANNER")
    ae.add_requested_context(TAKEN[0])
    first = ae.associate("127.0.0.1", node.node.port, ae_title="ECHODUET")
    assert first.is_established
    second = ae.associate("127.0.0.1", node.node.port, ae_title="ECHODUET")
    assert second.is_rejected
    first.release()


def test_who_may_call_and_how_is_checked(start_node, until):
    node = start_node(NOBODY, allow=("SCANNER",))
    assert "(Success)" in node.send(tool="echoscu", options=("-aet", "SCANNER"))
    assert "Calling AE Title Not Recognized" in node.send(tool="echoscu", options=("-aet", "STRANGER"))
    wrong = node.send(tool="echoscu", options=("-aet", "SCANNER", "-aec", "OTHER"))
    assert "Called AE Title Not Recognized" in wrong
    until(lambda: len(node.told("association_ended")) == 3)
    assert [event["how"] for event in node.told("association_ended")] == ["released", "rejected", "rejected"]


def test_other_classes_are_not_negotiated(node, phantoms, tmp_path):
    dataset = make_phantom(PhantomExam(width=32))
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    path = tmp_path / "sc.dcm"
    path.write_bytes(encode(dataset, Syntax.EXPLICIT))
    assert "No Acceptable Presentation Contexts" in node.send(path, options=("-R",))
    assert node.states() == {}


def test_another_modality_is_refused_with_a_reason(node, tmp_path):
    dataset = make_phantom(PhantomExam(width=32))
    dataset.Modality = "MR"
    path = tmp_path / "mr.dcm"
    path.write_bytes(encode(dataset, Syntax.EXPLICIT))
    said = node.send(path, options=("-d",))
    assert "0xa900" in said
    assert "modality not US" in said  # the Error Comment
    assert node.states() == {}


def test_the_same_instance_twice_is_predicted_once(node, phantoms, until):
    path = phantoms(seed=6)
    for _ in range(2):
        assert "(Success)" in node.send(path)
    assert [event["receipt"] for event in node.told("received")] == ["new", "known"]
    assert sum(node.states().values()) == 1


def test_a_large_data_set_is_never_whole_in_memory(node, phantoms, monkeypatch):
    sizes, whole = [], Reception._whole

    def measured(reception, content, context):
        sizes.append(len(content.getvalue()))
        return whole(reception, content, context)

    monkeypatch.setattr(Reception, "_whole", measured)
    path = phantoms(seed=90, width=400, frames=8)
    assert path.stat().st_size > 1_000_000
    assert "(Success)" in node.send(path)
    assert sizes[-1] == 0  # when the request is answered, its data set is a draft
    assert max(sizes) <= node.settings.limits.pdu


def test_without_room_nothing_is_acknowledged(start_node, phantoms):
    node = start_node(NOBODY, limits=Limits(free=1 << 60))
    said = node.send(phantoms(seed=7), options=("-d",))
    assert "0xa700" in said
    assert "no room on the disk" in said
    assert list(node.settings.spool.rglob("*.dcm")) == []


def test_a_disk_that_refuses_the_bytes_loses_nothing(start_node, phantoms, limit_file_size, until):
    node = start_node(NOBODY)
    small, large = phantoms(seed=8, width=32), phantoms(seed=8, width=800)
    assert "(Success)" in node.send(small)
    until(lambda: node.told("predicted"))
    with limit_file_size(200_000):
        said = node.send(large, options=("-d",))
    assert "0xa700" in said
    assert "(Success)" in node.send(large)
    until(lambda: len(node.told("predicted")) == 2)


def test_too_large_an_instance_is_refused_and_the_association_goes_on(start_node, phantoms, until):
    node = start_node(NOBODY, limits=Limits(free=0, instance=100_000))
    said = node.send(phantoms(seed=9, width=400), phantoms(seed=9), options=("-d", "--no-halt"))
    assert "instance larger than is taken" in said
    assert [event["event"] for event in node.events[1:3]] == ["refused", "received"]


RQ = struct.Struct(">BxI")


@pytest.mark.parametrize(
    "content",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x01\x00\x00\x00\x10\x00",  # a request that is said to be longer than is taken
        b"\x01\x00\xff\xff\xff\xff" + b"\0" * 70000,  # the same, at the very end of what can be said
        RQ.pack(1, 68) + b"\xff" * 68,
        RQ.pack(4, 4) + b"\0" * 4,  # data before an association
        b"\x01",
    ],
)
def test_rubbish_ends_its_own_connection_and_nothing_else(node, content, until):
    with socket.create_connection(("127.0.0.1", node.node.port), timeout=10) as peer:
        peer.sendall(content)
        peer.shutdown(socket.SHUT_WR)
        while True:
            try:
                if not peer.recv(4096):
                    break
            except ConnectionResetError:
                break
    until(lambda: node.told("association_ended"))
    assert "(Success)" in node.send(tool="echoscu")


@pytest.mark.parametrize(
    "pdv",
    [
        struct.pack(">IBB", 6, 1, 3) + b"\xff\xff\xff\xff",  # a command that is none
        struct.pack(">IBB", 6, 99, 3) + b"\0\0\0\0",  # of a context that was not agreed upon
        struct.pack(">IBB", 6, 1, 2) + b"data",  # a data set without a command
        struct.pack(">IBB", 1 << 20, 1, 3),  # longer than its PDU
    ],
)
def test_rubbish_within_an_association_ends_it(node, pdv, until):
    ae = ClosingEntity("SCANNER")
    ae.add_requested_context(TAKEN[0], ExplicitVRLittleEndian)
    association = ae.associate("127.0.0.1", node.node.port, ae_title="ECHODUET")
    association.dul.socket.send(RQ.pack(4, len(pdv)) + pdv)
    until(lambda: node.told("association_ended"))
    association.abort()
    assert "(Success)" in node.send(tool="echoscu")
    assert list(node.settings.spool.rglob("*.dcm")) == []


def test_a_command_without_end_is_not_collected(node, until):
    ae = ClosingEntity("SCANNER")
    ae.add_requested_context(TAKEN[0], ExplicitVRLittleEndian)
    association = ae.associate("127.0.0.1", node.node.port, ae_title="ECHODUET")
    part = struct.pack(">IBB", 2 + 30_000, 1, 1) + b"\0" * 30_000
    for _ in range(5):
        association.dul.socket.send(RQ.pack(4, len(part)) + part)
    until(lambda: node.told("association_ended"))
    association.abort()


def test_a_peer_that_falls_silent_is_given_up(start_node, until):
    node = start_node(NOBODY, timeouts=Timeouts(acse=1, network=1, stop=1))
    with socket.create_connection(("127.0.0.1", node.node.port)) as peer:
        peer.sendall(b"\x01\x00\x00")
        until(lambda: node.told("association_ended"), 10)


def test_a_port_in_use_is_told(start_node):
    node = start_node(NOBODY)
    with pytest.raises(ConfigError, match="cannot be listened on"):
        start_node(NOBODY, port=node.node.port, spool=node.settings.spool.parent / "other")
