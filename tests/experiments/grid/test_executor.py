"""The seam, and the engine that needs nothing."""

from __future__ import annotations

import time

from echoduet.experiments.grid import executor as room
from echoduet.experiments.grid.ablation import claimed
from echoduet.experiments.grid.executor import Serial, beating


def test_serial_runs_in_order_and_tells_failures(make_ablation, trained):
    ablation = make_ablation()
    trained.failing = frozenset({"Cls"})
    with claimed(ablation):
        reports = list(Serial().run(ablation.jobs[:6], lambda: None))
    assert [report.job for report in reports] == list(ablation.jobs[:6])
    assert [report.failure is None for report in reports] == [True, True, False, False, True, True]


def test_serial_starts_a_cell_only_when_the_last_was_taken(make_ablation, trained):
    ablation = make_ablation()
    with claimed(ablation):
        reports = Serial().run(ablation.jobs, lambda: None)
        next(reports)
        assert len(trained) == 1
        reports.close()
    assert len(trained) == 1


def test_a_beat_comes_with_the_steps(monkeypatch):
    monkeypatch.setattr(room, "BEAT_S", 0.01)
    beats = []
    for _ in beating(lambda: beats.append(1))(range(5), label="training"):
        time.sleep(0.015)
    assert 3 <= len(beats) <= 5
