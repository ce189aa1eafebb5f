"""What is shown, where, and when it is not."""

from __future__ import annotations

import io
import json
import os
import re
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console
from rich.progress import Task

from echoduet.cli import console
from echoduet.progress import silent
from echoduet.records import Label


@pytest.fixture(autouse=True)
def plain_mode(monkeypatch):
    """Every test starts with nothing hushed."""
    monkeypatch.setattr(console, "mode", console.Mode())


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        """Say so."""
        return True


@pytest.fixture
def terminal(monkeypatch):
    """Stand a terminal in for stderr; return it."""
    stream = Terminal()
    monkeypatch.setattr(console, "sys", SimpleNamespace(stderr=stream, stdout=sys.stdout))  # pytest holds sys.stderr
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    return stream


def test_text_goes_to_stdout(capsys):
    console.emit({"n": 1}, "one\n")
    assert capsys.readouterr() == ("one\n", "")


def test_a_file_name_that_is_no_text_is_shown_all_the_same(capsys):
    name = os.fsdecode(b"sc\xffn.png")
    console.emit({}, name)
    console.mode.json = True
    console.emit({"file": Path(name)}, "")
    shown, _, found = capsys.readouterr().out.partition("\n")
    assert shown == "sc\\udcffn.png"
    assert json.loads(found) == {"file": name}


def test_json_is_one_object_on_stdout(capsys):
    console.mode.json = True
    console.note("hidden")
    console.emit(
        {"path": Path("a/b"), "score": np.float32(0.5), "row": np.arange(2), "label": Label.BENIGN, "name": "größer"},
        "",
    )
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"path": "a/b", "score": 0.5, "row": [0, 1], "label": "benign", "name": "größer"}
    assert shown.err == ""


def test_json_has_no_room_for_nan_or_for_objects():
    console.mode.json = True
    with pytest.raises(ValueError, match="not JSON compliant"):
        console.emit({"x": float("nan")}, "")
    with pytest.raises(TypeError, match="object has no place in a result"):
        console.emit({"x": object()}, "")


def test_quiet_leaves_errors_only(capsys):
    console.mode.quiet = True
    console.emit({}, "result")
    console.note("note")
    console.warn("warning")
    console.fail("broken.")
    assert capsys.readouterr() == ("", "error: broken.\n")


def test_quiet_json_still_answers(capsys):
    console.mode.quiet = console.mode.json = True
    console.emit({"n": 1}, "one")
    assert json.loads(capsys.readouterr().out) == {"n": 1}


def test_notes_and_warnings_go_to_stderr(capsys):
    console.note("reading")
    console.warn("a.png: odd.")
    assert capsys.readouterr() == ("", "reading\nwarning: a.png: odd.\n")


def test_colour_is_for_terminals(terminal):
    console.fail("broken.")
    assert terminal.getvalue() == "\x1b[1;31merror:\x1b[0m broken.\n"


@pytest.mark.parametrize("hush", ["quiet", "json"])
def test_hushed_progress_is_silent(hush):
    setattr(console.mode, hush, True)
    assert console.console_progress() is silent


def test_progress_passes_items_through_and_says_nothing_about_short_jobs(capsys):
    assert list(console.console_progress()(range(5), label="count")) == [0, 1, 2, 3, 4]
    assert capsys.readouterr() == ("", "")


def test_in_a_log_long_jobs_get_a_line_now_and_then(capsys, monkeypatch):
    ticks = iter(range(0, 1000, 10))
    monkeypatch.setattr(console.time, "monotonic", lambda: float(next(ticks)))
    assert len(list(console.console_progress()(range(9), label="train"))) == 9
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["train: 3/9 (0.1/s, 80 s left)", "train: 7/9 (0.1/s, 23 s left)"]


def test_a_job_of_unknown_length_has_no_time_left(capsys, monkeypatch):
    ticks = iter(range(0, 1000, 31))
    monkeypatch.setattr(console.time, "monotonic", lambda: float(next(ticks)))
    list(console.console_progress()((letter for letter in "abc"), label="read"))
    assert capsys.readouterr().err.splitlines() == ["read: 1 (0.0/s)", "read: 2 (0.0/s)"]


def bars_on(stream, monkeypatch, patience):
    """Return bars that draw on `stream` after `patience` seconds."""
    monkeypatch.setattr(console, "PATIENCE_S", patience)
    bars = console.Bars()
    bars._display.live.console = Console(file=stream, force_terminal=True, width=120)
    return bars


def visible(text):
    """Return `text` without terminal codes."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_a_short_job_has_no_bar(terminal, monkeypatch):
    bars = bars_on(terminal, monkeypatch, patience=60)
    assert list(bars.track(range(3), label="short")) == [0, 1, 2]
    assert terminal.getvalue() == ""
    assert bars._display.task_ids == []


def test_a_long_job_has_a_bar_with_rate_and_time_left(terminal, monkeypatch):
    bars = bars_on(terminal, monkeypatch, patience=0)
    shown = threading.Event()
    show = bars._show
    monkeypatch.setattr(bars, "_show", lambda task: (show(task), shown.set()))
    for item in bars.track(range(400), label="long job [a]", total=400):
        if item == 0:
            assert shown.wait(5)
        if item == 300:
            bars._display.refresh()
            middle = visible(terminal.getvalue())
    assert "long job [a]" in middle
    assert "300/400" in middle
    assert re.search(r"\d/s", middle)
    assert re.search(r"\d+:\d\d", middle)
    assert bars._display.task_ids == []
    assert not bars._display.live.is_started


def test_a_loop_inside_a_loop_has_its_own_bar(terminal, monkeypatch):
    bars = bars_on(terminal, monkeypatch, patience=60)
    counts = []
    for _ in bars.track(range(2), label="outer"):
        counts += [len(bars._display.tasks) for _ in bars.track(range(2), label="inner")]
    assert counts == [2, 2, 2, 2]
    assert bars._display.tasks == []


def test_a_job_that_fails_takes_its_bar_along(terminal, monkeypatch):
    bars = bars_on(terminal, monkeypatch, patience=60)
    with pytest.raises(ZeroDivisionError):
        for item in bars.track(range(3), label="fails"):
            1 / item
    # The generator is closed when the loop's frame is gone.
    assert bars._display.tasks == []


def test_a_terminal_gets_bars(terminal):
    assert console.console_progress() == console._bars().track


def test_the_rate_of_a_job_not_begun_is_unknown(terminal):
    column = console._new_display().columns[3]
    task = Task(id=0, description="", total=1, completed=0, _get_time=lambda: 0.0)
    assert str(column.render(task)) == "-/s"
