"""Honest times left."""

from __future__ import annotations

import pytest

from echoduet.experiments.grid.attempt import Attempt
from echoduet.experiments.grid.pace import Pace
from echoduet.runs import RunFolder


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def log(path, epochs, first=1):
    path.mkdir(parents=True, exist_ok=True)
    for epoch in range(first, epochs + 1):
        RunFolder(path).log({"epoch": epoch})


def test_nothing_done_means_nothing_known(make_ablation, clock):
    jobs = make_ablation().jobs
    standing = Pace(dict.fromkeys(jobs, 10.0), {}, clock).look()
    assert (standing.cells, standing.finished, standing.running) == (12, 0, 0)
    assert (standing.share, standing.seconds_left) == (0.0, None)


def test_epochs_of_running_cells_count(make_ablation, clock):
    jobs = make_ablation().jobs  # 12 cells of 3 epochs
    pace = Pace(dict.fromkeys(jobs, 10.0), {}, clock)
    log(Attempt.begin(jobs[0].folder).path, 2)
    clock.now = 100.0
    standing = pace.look()
    assert standing.running == 1
    assert standing.share == pytest.approx(2 / 36)
    assert standing.seconds_left == pytest.approx(34 * 50)


def test_what_was_done_before_the_start_does_not_make_it_look_fast(make_ablation, clock):
    jobs = make_ablation().jobs
    finished = dict.fromkeys(jobs[:6], 3)
    log(Attempt.begin(jobs[6].folder).path, 1)
    pace = Pace(dict.fromkeys(jobs, 10.0), finished, clock)
    clock.now = 10.0
    assert pace.look().seconds_left is None
    log(jobs[6].folder, 3)
    pace.finish(jobs[6])
    clock.now = 20.0
    standing = pace.look()
    assert standing.finished == 7
    assert standing.seconds_left == pytest.approx(15 * 10)  # two epochs in 20 s, fifteen are left


def test_early_stopping_is_expected_of_the_others_too(make_ablation, clock):
    jobs = make_ablation().jobs
    pace = Pace(dict.fromkeys(jobs, 10.0), dict.fromkeys(jobs[:6], 1), clock)  # they stopped after a third
    assert pace.look().share == pytest.approx(0.5)


def test_large_images_weigh_more(make_ablation, clock):
    jobs = make_ablation("MT: {}", "MT: {set: {preprocess.size: 192}}").jobs
    pace = Pace(dict.fromkeys(jobs, 10.0), {job: 3 for job in jobs if job.setting != "MT"}, clock)
    assert pace.look().share == pytest.approx(8 / (8 + 4 * 4))


def test_a_failed_cell_is_not_waited_for(make_ablation, clock):
    jobs = make_ablation().jobs
    pace = Pace(dict.fromkeys(jobs, 10.0), dict.fromkeys(jobs[:11], 3), clock)
    pace.fail(jobs[11])
    standing = pace.look()
    assert (standing.failed, standing.share, standing.seconds_left) == (1, 1.0, 0.0)
