"""Log lines: one JSON object each, and nothing that a client sent."""

from __future__ import annotations

import io
import json
import logging

import pytest

from echoduet.service.logs import LOGGER, describe, event, start_logging


@pytest.fixture
def lines():
    """Start logging into a stream: `lines(quiet=False)` returns how its lines are read."""
    loggers = [logging.getLogger(name) for name in (LOGGER, "uvicorn")]
    before = [(logger.handlers, logger.propagate, logger.level) for logger in loggers]

    def start(quiet=False):
        stream = io.StringIO()
        start_logging(quiet, stream)
        return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]

    yield start
    for logger, (handlers, propagate, level) in zip(loggers, before, strict=True):
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


def test_an_event_is_one_line_with_its_fields(lines):
    read = lines()
    event("request", route="/v1/jobs/{job_id}", status=200, seconds=0.01)
    (line,) = read()
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info",
        "event": "request",
        "route": "/v1/jobs/{job_id}",
        "status": 200,
        "seconds": 0.01,
    }


def test_of_another_librarys_record_nothing_is_quoted(lines):
    read = lines()
    try:
        raise ValueError("Jane Doe, scan.png")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Jane Doe again: %s", "scan.png")
    (line,) = read()
    assert "Jane" not in json.dumps(line)
    assert (line["logger"], line["error"], line["level"]) == ("uvicorn.error", "ValueError", "error")
    assert line["place"].startswith("test_logs.py:")


def test_quiet_leaves_errors_only(lines):
    read = lines(quiet=True)
    event("request")
    event("fault", logging.ERROR)
    assert [line["event"] for line in read()] == ["fault"]


def test_an_error_without_a_trace_has_no_place():
    assert describe(ValueError("x")) == {"error": "ValueError", "place": None}
