"""A cell as plain data."""

from __future__ import annotations

from dataclasses import replace

from echoduet.experiments.grid.jobs import Job, attempts_at, case_file


def test_a_job_survives_its_json(make_ablation):
    for job in make_ablation().jobs:
        again = Job.from_json(job.to_json())
        assert again == job
        assert hash(again) == hash(job)
        assert again.experiment == job.experiment


def test_threads_do_not_make_another_cell(make_ablation):
    job = make_ablation().jobs[0]
    assert replace(job, threads=4) == job
    assert Job.from_json(replace(job, threads=4).to_json()).threads == 4


def test_the_seed_and_the_name_are_in_the_configuration(make_ablation):
    for job in make_ablation().jobs:
        assert (job.experiment.seed, job.experiment.name) == (job.seed, job.setting)


def test_a_cell_lies_where_its_name_says(make_ablation):
    ablation = make_ablation()
    job = ablation.jobs[-1]
    assert job.folder == ablation.out / "cells" / "mt" / "seed_2" / "fold_1"
    assert job.name == "MT, seed 2, fold 1"


def test_the_first_size_has_the_plain_name(make_ablation):
    assert make_ablation().jobs[0].case_files == {64: "cases.csv", None: "cases_native.csv"}
    assert make_ablation("[64, native]", "[native, 64]").jobs[0].case_files == {None: "cases.csv", 64: "cases_64.csv"}
    assert case_file(64, first=False, stem="rows") == "rows_64.csv"


def test_attempts_of_another_fold_are_not_mistaken(tmp_path):
    for name in (".fold_1-aaaa", ".fold_10-bbbb", "fold_1.log"):
        (tmp_path / name).mkdir()
    assert [path.name for path in attempts_at(tmp_path / "fold_1")] == [".fold_1-aaaa"]
