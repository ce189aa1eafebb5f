"""`echoduet review`: what it says before the page is served, and what it refuses."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.request

import numpy as np
import pytest

from echoduet.data.images import write_png
from echoduet.data.manifest import Manifest, measured, write_manifest
from echoduet.files import write_csv
from echoduet.records import Case, Label

PAIR = ("case_a", "case_b", "relation", "mirrored", "rotation", "scale", "dx", "dy")


@pytest.fixture
def out(tmp_path):
    """The folder of a curation with one pair."""
    cases = []
    for name in ("normal (1)", "normal (2)"):
        path = tmp_path / "data" / f"{name}.png"
        write_png(path, np.full((20, 30), 90, np.uint8))
        cases.append(measured(Case(name, path, (), Label.NORMAL)))
    folder = tmp_path / "curated"
    write_manifest(Manifest(tuple(cases)), folder / "cases.csv")
    pair = dict(zip(PAIR, ("normal (1)", "normal (2)", "copy", 0, 0, 1, 0, 0), strict=True))
    write_csv(folder / "pairs.csv", PAIR, [pair])
    write_csv(folder / "findings.csv", ("kind", "cases", "message"), [])
    write_csv(folder / "issues.csv", ("case_id", "flags"), [])
    write_csv(folder / "decisions.csv", ("case_id", "decision", "reason"), [])
    return folder


@pytest.fixture
def served(monkeypatch):
    """Let the command return at once instead of serving, and keep what it would have served."""
    calls = []
    monkeypatch.setattr("echoduet.service.review_server.serve", lambda *given: calls.append(given) or given[1].close())
    return calls


def test_it_tells_where_the_page_is_and_how_far_one_is(call, out, served):
    told = call("review", out, "--by", "Ada", "--no-open")
    assert told.code == 0
    assert told.out.startswith("review page: http://127.0.0.1:")
    assert "(0 of 1 answered; Ctrl-C ends it)" in told.out
    assert "0 of 1 answered" in told.err
    assert (served[0][0].by, served[0][2]) == ("Ada", False)


def test_the_same_as_json(call, out, served):
    told = call("review", out, "--json").json
    assert told["address"].startswith("http://127.0.0.1:")
    assert (told["items"], told["answered"], told["review"]) == (1, 0, str(out / "review.csv"))
    assert served[0][2] is True


def test_who_answers_is_the_systems_user_unless_named(call, out, served, monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "grace")
    call("review", out)
    assert served[0][0].by == "grace"


def test_a_user_without_a_name_is_unknown(call, out, served, monkeypatch):
    def nameless():
        raise OSError("no name")

    monkeypatch.setattr("getpass.getuser", nameless)
    call("review", out)
    assert served[0][0].by == "unknown"


def test_a_folder_that_is_no_curation_is_told(call, tmp_path):
    told = call("review", tmp_path / "nowhere")
    assert told.code == 2
    assert "cases.csv: is missing" in told.err
    assert "Name the folder that `echoduet curate` was given as --out." in told.err


def test_a_port_in_use_is_told(call, out):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        told = call("review", out, "--port", taken.getsockname()[1])
    assert told.code == 2
    assert "Choose another one, or 0 for any that is free." in told.err


def test_a_torn_line_is_told_and_repaired_on_demand(call, out, served):
    whole = "kind,cases,answer,note,by,when\npair,normal (1);normal (2),copy,,Ada,2026-01-31T12:00:00Z\n"
    (out / "review.csv").write_text(whole + "pair,nor")
    told = call("review", out)
    assert told.code == 2
    assert "review.csv, line 3: the last line was cut short" in told.err
    assert (out / "review.csv").read_text() == whole + "pair,nor"
    told = call("review", out, "--repair")
    assert told.code == 0
    assert "cut off and kept in review.csv.torn: 'pair,nor'" in told.err
    assert "(1 of 1 answered" in told.out
    assert "needs no repair" in call("review", out, "--repair").err


def test_a_damaged_line_is_told(call, out):
    (out / "review.csv").write_text("kind,cases,answer,note,by,when\npair,a;b,perhaps,,Ada,2026-01-31T12:00:00Z\n")
    told = call("review", out)
    assert told.code == 2
    assert "review.csv, line 2: 'perhaps' is no answer to a pair" in told.err


def test_ctrl_c_ends_it_well(out):
    words = [sys.executable, "-m", "echoduet.cli.main", "review", str(out), "--no-open"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        told = process.stdout.readline()
        assert told.startswith("review page: ")
        with urllib.request.urlopen(told.split()[2], timeout=20) as page:
            assert page.status == 200
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 0
    assert told.startswith("0 of 1 answered, in ")


def test_the_next_curation_obeys_and_what_is_answered_can_be_seen_again(call, tmp_path):
    from echoduet.service.review_desk import Desk

    data, folder = tmp_path / "phantoms", tmp_path / "out"
    call("phantom", data, "--count", 6, "--duplicates", 2, "--size", 128, "--seed", 3)
    assert call("curate", data, "--out", folder, "--policy", "keep-all-grouped").code == 0
    desk = Desk(folder, "Ada")
    number, pair = next((n, item) for n, item in enumerate(desk.agenda.items) if item.kind == "pair")
    desk.answer(number, "unrelated")
    again = call("curate", data, "--out", folder, "--policy", "keep-all-grouped")
    assert again.code == 0, again.err
    rows = (folder / "pairs.csv").read_text()
    assert ",".join(pair.cases) not in rows
    after = Desk(folder, "Ada")
    assert after.progress.answered == 1
    assert after.agenda.items[next(iter(after.given))].cases == pair.cases
