"""A grid from start to end: skipped, resumed, failed, edited by hand."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from echoduet.errors import OutputError
from echoduet.experiments.grid.conduct import conduct
from echoduet.experiments.grid.executor import Report, Serial
from echoduet.experiments.grid.failure import failure_file
from echoduet.experiments.grid.outcome import read_outcome
from echoduet.experiments.grid.reported import read_arms


@pytest.fixture
def go():
    """Run a grid; return its summary, with what was told after each cell."""

    def run(ablation, executor=None):
        told, standings = [], []
        summary = conduct(ablation, executor or Serial(), standings.append, told.append)
        return summary, told, standings

    return run


def test_everything_runs_once(make_ablation, trained, go):
    ablation = make_ablation()
    summary, told, standings = go(ablation)
    assert (summary.before, summary.now, summary.failures) == (0, 12, ())
    assert trained == [f"{job.setting} {job.seed} {job.fold}" for job in ablation.jobs]
    assert [report.job for report in told] == list(ablation.jobs)
    assert (standings[-1].finished, standings[-1].share, standings[-1].seconds_left) == (12, 1.0, 0.0)
    rows = (ablation.out / "rows.csv").read_bytes()

    trained.clear()
    again, told, _ = go(make_ablation())
    assert (again.before, again.now, told, trained) == (12, 0, [], [])
    assert (ablation.out / "rows.csv").read_bytes() == rows


def test_a_failure_is_listed_the_rest_finishes_and_the_next_start_tries_again(make_ablation, trained, go):
    trained.failing = frozenset({"Cls"})
    ablation = make_ablation()
    summary, _, standings = go(ablation)
    assert [report.job.setting for report in summary.failures] == ["Cls"] * 4
    assert summary.now == 8
    assert (standings[-1].failed, standings[-1].seconds_left) == (4, 0.0)
    assert failure_file(summary.failures[0].job).exists()
    trained.failing = frozenset()
    again, _, _ = go(make_ablation())
    assert (again.before, again.now, again.failures) == (8, 4, ())
    assert not failure_file(summary.failures[0].job).exists()


ENSEMBLE = ("MT+PR: {from: MT, refined: true}", "MT+PR+E: {from: MT, refined: true, ensemble: true}")


def test_ensembles_come_last_and_once(make_ablation, trained, go):
    ablation = make_ablation(*ENSEMBLE)
    summary, told, standings = go(ablation)
    assert (summary.now, summary.failures) == (14, ())
    assert trained[-2:] == [f"MT 1 {fold} + MT 2 {fold}" for fold in (0, 1)]
    assert [report.job.name for report in told[-2:]] == [f"MT, seeds 1+2, fold {fold}" for fold in (0, 1)]
    assert (standings[-1].finished, standings[-1].share) == (14, 1.0)
    assert [standing.share < 1 for standing in standings[-3:]] == [True, True, False]  # they take time too
    places = [job.folder for job in ablation.joining]
    assert [sorted(path.name for path in place.iterdir()) for place in places] == [
        ["cases.csv", "cases_native.csv", "outcome.json"]
    ] * 2
    trained.clear()
    assert go(make_ablation(*ENSEMBLE))[0].before == 14
    assert trained == []


def test_an_ensemble_waits_for_its_members(make_ablation, trained, go):
    trained.failing = frozenset({"MT"})
    summary, _, standings = go(make_ablation(*ENSEMBLE))
    assert [report.job.members for report in summary.failures] == [()] * 4
    assert (standings[-1].share, standings[-1].seconds_left) == (1.0, 0.0)  # nothing is waited for any more
    trained.failing = frozenset()
    again, _, _ = go(make_ablation(*ENSEMBLE))
    assert (again.before, again.now) == (8, 6)


def test_another_seed_makes_another_ensemble(make_ablation, trained, go):
    go(make_ablation(*ENSEMBLE))
    trained.clear()
    wider = make_ablation(*ENSEMBLE)
    wider = replace(wider, grid=wider.grid.model_copy(update={"seeds": (1, 2, 3)}))
    summary, _, _ = go(wider)
    assert (summary.before, summary.now) == (12, 8)
    assert trained[-1] == "MT 1 1 + MT 2 1 + MT 3 1"
    (arm,) = [arm for arm in read_arms(wider.out) if arm.name == "MT+PR+E"]
    assert list(arm.rows) == [1, 2, 3]


BORROWED = (
    "rows:\n",
    "  soft: {networks_of: MT, set: {inference.refining: soft}}\nrows:\n  soft: {from: soft, refined: true}\n"
    "  soft+E: {from: soft, refined: true, ensemble: true}\n",
)


def test_a_setting_answers_with_the_networks_of_another(make_ablation, trained, go):
    ablation = make_ablation(*BORROWED)
    summary, told, _ = go(ablation)
    assert (summary.now, summary.failures) == (12 + 4 + 2, ())
    assert trained[12:] == ["MT 1 0", "MT 1 1", "MT 2 0", "MT 2 1", "MT 1 0 + MT 2 0", "MT 1 1 + MT 2 1"]
    assert [report.job.name for report in told[-3:]] == [
        "soft, seed 2, fold 1",
        "soft, seeds 1+2, fold 0",
        "soft, seeds 1+2, fold 1",
    ]
    first = next(job for job in ablation.joining if job.setting == "soft")
    assert first.folder == ablation.out / "cells" / "soft" / "seed_1" / "fold_0"
    outcome = read_outcome(first.folder, first)
    assert (outcome["networks_of"], outcome["thresholds"], list(outcome["made_of"])) == ("MT", {"mask": 0.4}, ["1"])
    assert [arm.name for arm in read_arms(ablation.out)][:2] == ["soft", "soft+E"]
    assert go(make_ablation(*BORROWED))[0].before == 18


def test_an_ensemble_of_networks_trained_anew_is_named(make_ablation, trained, go):
    ablation = make_ablation(*ENSEMBLE)
    go(ablation)
    member = next(job for job in ablation.jobs if job.setting == "MT")
    shutil.rmtree(member.folder)
    with pytest.raises(
        OutputError, match=r"mt/seeds_1_2/fold_0: was answered by networks that are not those of their cells"
    ):
        go(make_ablation(*ENSEMBLE))


def test_results_edited_by_hand_are_named_and_nothing_is_overwritten(make_ablation, trained, go):
    ablation = make_ablation()
    go(ablation)
    edited = ablation.jobs[3].folder / "cases.csv"
    edited.write_text(edited.read_text().replace("benign", "malignant"))
    rows = (ablation.out / "rows.csv").read_bytes()
    with pytest.raises(OutputError, match=r"cls/seed_1/fold_1/cases\.csv: was changed after it was written"):
        go(make_ablation())
    assert (ablation.out / "rows.csv").read_bytes() == rows


@pytest.mark.parametrize("name", ["rows.csv", "curves.csv", "cells.csv"])
def test_rows_edited_by_hand_are_named_and_not_overwritten(make_ablation, trained, go, name):
    ablation = make_ablation()
    go(ablation)
    (ablation.out / name).write_text("better")
    with pytest.raises(OutputError, match=rf"{name}: was changed after it was written"):
        go(make_ablation())
    assert (ablation.out / name).read_text() == "better"


def test_a_cell_that_is_said_to_be_finished_must_be_there(make_ablation, trained, go):
    class Boastful:
        def run(self, jobs, beat):
            for job in jobs:
                yield Report(job)

    summary, _, _ = go(make_ablation(), Boastful())
    assert len(summary.failures) == 12
    assert "outcome.json" in summary.failures[0].failure


def test_the_executor_is_told_to_stop_when_the_caller_breaks(make_ablation, trained):
    stopped = []

    class Endless:
        def run(self, jobs, beat):
            try:
                while True:
                    yield Report(jobs[0], "no")
            finally:
                stopped.append(True)

    def interrupt(report):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        conduct(make_ablation(), Endless(), lambda standing: None, interrupt)
    assert stopped == [True]
