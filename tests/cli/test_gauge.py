"""Where a grid stands, in words."""

from __future__ import annotations

import io
import sys

import pytest

from echoduet.cli.gauge import Gauge, duration, standing_line
from echoduet.experiments.grid.pace import Standing

HALF = Standing(cells=24, finished=11, failed=0, running=2, share=0.5, seconds_left=18_600.0)


@pytest.mark.parametrize(
    ("seconds", "read"),
    [(0, "0 s"), (40.4, "40 s"), (600, "10 min"), (18_600, "5 h 10 min"), (7_190, "2 h 0 min"), (266_400, "3 d 2 h")],
)
def test_durations_read_well(seconds, read):
    assert duration(seconds) == read


def test_a_line_tells_all():
    assert standing_line(HALF) == "11/24 cells, 2 begun, 50% of the work, about 5 h 10 min left"
    unknown = Standing(24, 0, 1, 2, 0.0, None)
    assert standing_line(unknown) == "0/24 cells, 2 begun, 1 failed, 0% of the work, time left not known yet"


def test_a_log_gets_a_line_now_and_then(capsys):
    times = iter([0.0, 10.0, 31.0, 31.0, 40.0])
    with Gauge(lambda: next(times)) as gauge:
        for _ in range(3):
            gauge.show(HALF)
    assert capsys.readouterr().err == standing_line(HALF) + "\n"


def test_a_terminal_gets_a_live_line(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    with Gauge() as gauge:
        gauge.show(HALF)
    assert "11/24 cells" in terminal.getvalue()
