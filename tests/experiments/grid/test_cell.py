"""One cell: what it leaves, what a kill leaves for the next attempt, and what a failure leaves."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from echoduet.errors import OutputError
from echoduet.evaluation.cases import read_cases
from echoduet.experiments.grid import cell as room
from echoduet.experiments.grid.ablation import claimed
from echoduet.experiments.grid.attempt import Attempt
from echoduet.experiments.grid.cell import attempt_cell, epoch_images, peak_memory_mb, run_cell
from echoduet.experiments.grid.failure import failure_file, log_file
from echoduet.experiments.grid.outcome import read_outcome
from echoduet.splits.table import Part


@pytest.fixture
def ablation(make_ablation, trained):
    made = make_ablation()
    with claimed(made):
        yield made


def test_a_cell_is_a_run_folder_with_its_rows(ablation):
    job = ablation.jobs[-1]
    run_cell(job)
    files = {path.name for path in job.folder.iterdir()}
    assert files >= {"config.json", "environment.json", "metrics.jsonl", "model.safetensors", "outcome.json"}
    assert "checkpoint.pt" not in files
    for name, width in (("cases.csv", {64}), ("cases_native.csv", {112, 128, 144, 160})):
        raw, _ = read_cases(job.folder / name)
        assert {score.width for score in raw} == width
        assert [score.case_id for score in raw] == list(ablation.splits.ids(job.fold, Part.TEST))
        assert {score.fold for score in raw} == {job.fold}
    outcome = read_outcome(job.folder, job)
    assert (outcome["epochs"], outcome["training_seconds"]) == (3, 1.5)
    assert outcome["images"] == 3 * epoch_images(job, ablation.manifest, ablation.splits)
    assert outcome["images_per_second"] == pytest.approx(outcome["images"] / 1.5)


def test_the_validation_part_can_be_scored_instead(make_ablation, trained):
    ablation = make_ablation("seeds:", "part: val\nseeds:")
    with claimed(ablation):
        run_cell(ablation.jobs[0])
    raw, _ = read_cases(ablation.jobs[0].folder / "cases.csv")
    assert [score.case_id for score in raw] == list(ablation.splits.ids(0, Part.VAL))


def test_what_a_killed_attempt_left_goes_on(ablation, trained):
    job = ablation.jobs[0]
    left = Attempt.begin(job.folder)
    (left.path / "config.json").write_text(json.dumps(job.config))
    (left.path / "metrics.jsonl").write_text('{"epoch": 1, "seconds": 9.0}\n')
    run_cell(job)
    assert read_outcome(job.folder, job)["training_seconds"] == 10.0
    assert len(list(job.folder.parent.iterdir())) == 1


def test_an_attempt_killed_before_its_renaming_is_only_renamed(ablation, trained, monkeypatch):
    job = ablation.jobs[0]
    with monkeypatch.context() as patch:
        patch.setattr(Attempt, "publish", lambda attempt: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run_cell(job)
    assert not job.folder.exists()
    run_cell(job)
    assert trained == ["Seg 1 0"]
    assert read_outcome(job.folder, job)["epochs"] == 3


def test_a_cell_that_is_finished_is_left_alone(ablation, trained):
    job = ablation.jobs[0]
    run_cell(job)
    run_cell(job)
    assert trained == ["Seg 1 0"]
    (job.folder / "cases.csv").write_text("better")
    assert "was changed after it was written" in attempt_cell(job)


def test_a_failure_is_a_sentence_and_a_log_and_the_next_attempt_clears_it(ablation, trained):
    job = ablation.jobs[0]
    trained.failing = frozenset({"Seg"})
    told = attempt_cell(job)
    assert told == "Unexpected ValueError: no Seg today (fold_0.log shows where)"
    assert json.loads(failure_file(job).read_text())["failure"] == told
    assert "Traceback" in log_file(job).read_text()
    assert not job.folder.exists()
    trained.failing = frozenset()
    assert attempt_cell(job) is None
    assert not failure_file(job).exists()
    assert not log_file(job).exists()


def test_a_cells_threads_are_its_own(ablation, monkeypatch):
    def train_fold(*given, **named):
        torch.set_num_threads(before + 1)  # as runtime.threads asks for
        raise OutputError("enough")

    monkeypatch.setattr(room, "train_fold", train_fold)
    before = torch.get_num_threads()
    assert attempt_cell(ablation.jobs[0]) == "enough"
    assert torch.get_num_threads() == before


def test_our_own_errors_are_told_as_they_are(ablation, monkeypatch):
    def refuse(*given, **named):
        raise OutputError("metrics.jsonl: cannot be written. Free space.")

    monkeypatch.setattr(room, "train_fold", refuse)
    assert attempt_cell(ablation.jobs[0]) == "metrics.jsonl: cannot be written. Free space."


def test_memory_that_ran_out_is_told_with_what_to_do(ablation, monkeypatch):
    def too_large(*given, **named):
        raise MemoryError

    monkeypatch.setattr(room, "train_fold", too_large)
    assert "optim.batch_size" in attempt_cell(ablation.jobs[0])


def test_another_version_on_a_node_is_refused(ablation):
    with pytest.raises(OutputError, match=r"the grid was started by 9\.9"):
        run_cell(replace(ablation.jobs[0], version="9.9"))


def test_data_changed_while_the_grid_runs_are_refused(ablation):
    (ablation.out / "splits.csv").write_text((ablation.out / "splits.csv").read_text().replace("val", "train", 1))
    with pytest.raises(OutputError, match="was changed while the grid ran"):
        run_cell(ablation.jobs[0])


def test_the_process_knows_its_peak_memory():
    assert peak_memory_mb() > 50
