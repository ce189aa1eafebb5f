"""The log: JSON lines, and nothing in them about a patient."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import threading

from echoduet.dicom.node.journal import Journal, short, silence_pynetdicom


def test_an_event_is_one_line_of_json():
    stream = io.StringIO()
    Journal(stream).tell("stored", "warning", job=3, reason="line\nbreak")
    [line] = stream.getvalue().splitlines()
    entry = json.loads(line)
    assert entry.pop("time").endswith("Z")
    assert entry == {"level": "warning", "event": "stored", "job": 3, "reason": "line\nbreak"}


def test_less_than_asked_for_is_left_out():
    stream = io.StringIO()
    journal = Journal(stream, least="warning")
    journal.tell("one")
    journal.tell("two", "warning")
    journal.tell("three", "error")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["two", "three"]


def test_a_reader_who_has_gone_stops_nothing():
    stream = io.StringIO()
    stream.close()
    Journal(stream).tell("stored")


def test_stderr_is_where_it_goes_by_default(capsys):
    Journal().tell("stored")
    assert json.loads(capsys.readouterr().err)["event"] == "stored"


def test_lines_of_several_threads_do_not_mix():
    stream = io.StringIO()
    journal = Journal(stream)
    threads = [threading.Thread(target=lambda: [journal.tell("x", n=n) for n in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([json.loads(line) for line in stream.getvalue().splitlines()]) == 200


def test_a_uid_is_stood_for_by_the_head_of_its_hash():
    assert short("1.2.3") == hashlib.sha256(b"1.2.3").hexdigest()[:12]


def test_pynetdicom_says_nothing(caplog, capsys):
    silence_pynetdicom()
    for name in ("pynetdicom", "pynetdicom.dul", "pynetdicom.association"):
        logging.getLogger(name).critical("Zyxwv^Qwertz")
    assert caplog.text == ""
    assert capsys.readouterr().err == ""
