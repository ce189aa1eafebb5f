"""Private folders: adopted by the next attempt, taken from ghosts, put in place whole."""

from __future__ import annotations

import pytest

from echoduet.errors import OutputError
from echoduet.experiments.grid import attempt as room
from echoduet.experiments.grid.attempt import Attempt, epochs_done
from echoduet.progress import silent
from echoduet.runs import RunFolder


@pytest.fixture
def place(tmp_path):
    return tmp_path / "cells" / "fold_0"


def log(path, epochs):
    for epoch in range(1, epochs + 1):
        RunFolder(path).log({"epoch": epoch})


def test_a_finished_attempt_is_renamed_into_place(place):
    attempt = Attempt.begin(place)
    (attempt.path / "file").touch()
    assert not place.exists()
    attempt.publish()
    assert [path.name for path in place.parent.rglob("*")] == ["fold_0", "file"]


def test_the_furthest_earlier_attempt_is_adopted_and_the_others_go(place):
    for name, epochs in (("aaaa", 1), ("bbbb", 3), ("cccc", 0)):
        left = place.with_name(f".fold_0-{name}")
        left.mkdir(parents=True)
        log(left, epochs)
    attempt = Attempt.begin(place)
    assert epochs_done(attempt.path) == 3
    assert list(place.parent.iterdir()) == [attempt.path]


def test_a_ghost_finds_its_folder_gone_and_cannot_finish(place):
    ghost = Attempt.begin(place)
    log(ghost.path, 2)
    living = Attempt.begin(place)
    assert epochs_done(living.path) == 2
    with pytest.raises(OutputError, match="another attempt has taken this cell over"):
        ghost.require_ours()
    log_of_living = (living.path / "metrics.jsonl").read_text()
    ghost.path.mkdir()  # as an atomic write of the ghost would
    log(ghost.path, 3)
    with pytest.raises(OutputError, match="another attempt"):
        ghost.publish()
    assert (living.path / "metrics.jsonl").read_text() == log_of_living
    living.publish()
    assert epochs_done(place) == 2


def test_the_second_to_finish_is_told(place):
    attempt = Attempt.begin(place)
    place.mkdir()
    (place / "outcome.json").touch()
    with pytest.raises(OutputError, match=r"fold_0: cannot be put in place"):
        attempt.publish()


def test_a_running_ghost_notices(place, monkeypatch):
    monkeypatch.setattr(room, "LOOK_EVERY_S", 0.0)
    ghost = Attempt.begin(place)
    items = ghost.watch(silent)(range(10), label="training", total=10)
    assert next(items) == 0
    Attempt.begin(place)
    with pytest.raises(OutputError, match="another attempt"):
        list(items)


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "cells").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        Attempt.begin(tmp_path / "cells" / "fold_0")


def test_epochs_of_nothing_are_none(tmp_path):
    assert epochs_done(tmp_path / "gone") == 0
