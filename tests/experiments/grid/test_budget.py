"""What a cell needs, and how many fit."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from echoduet.config.load import load_config
from echoduet.errors import ConfigError
from echoduet.experiments.grid.budget import Budget, cell_memory, own_cores, parse_memory
from echoduet.models.baselines import BASELINES

GIB = 1024**3


@pytest.mark.parametrize(
    ("text", "amount"),
    [("12GB", 12e9), ("800 MB", 8e8), ("1.5g", 1.5e9), ("2GiB", 2 * GIB), ("512Mi", 512 * 1024**2)],
)
def test_amounts_of_memory(text, amount):
    assert parse_memory(text) == amount


@pytest.mark.parametrize("text", ["much", "12", "-1GB", "0GB", "12TB", ""])
def test_what_is_no_amount_is_told(text):
    with pytest.raises(ConfigError, match=r"--memory .*12GB"):
        parse_memory(text)


@pytest.mark.parametrize(
    ("overrides", "measured_mib"),
    [(["preprocess.size=224"], 1664), (["preprocess.size=320"], 2712)],
)
def test_the_estimate_is_on_the_safe_side_of_what_was_measured(overrides, measured_mib):
    estimate = cell_memory(load_config("fast", overrides)) / 1024**2
    assert measured_mib < estimate < 1.4 * measured_mib


def test_the_papers_network_too():
    estimate = cell_memory(load_config("multi_task_config")) / 1024**2
    assert 864 < estimate < 1.4 * 864


@pytest.mark.parametrize("name", BASELINES)
def test_other_peoples_networks_too(name):
    task = BASELINES[name].task
    config = load_config("fast", [f"model.architecture=monai:{name}", f"model.tasks={task}", "preprocess.size=64"])
    state = torch.get_rng_state()
    assert GIB / 4 < cell_memory(config) < 8 * GIB
    assert torch.equal(torch.get_rng_state(), state)


def test_larger_batches_and_images_need_more():
    sizes = [cell_memory(load_config("fast", [f"preprocess.size={size}"])) for size in (64, 128, 256)]
    assert sizes == sorted(sizes)
    assert cell_memory(load_config("fast", ["optim.batch_size=32"])) > cell_memory(load_config("fast"))


def test_cores_are_shared_by_as_many_cells_as_fit(make_ablation):
    jobs = make_ablation().jobs
    need = max(cell_memory(job.experiment) for job in jobs)
    assert Budget(8).threads(jobs) == 1
    assert Budget(8, 2 * need).threads(jobs) == 4
    assert Budget(8, need // 2).threads(jobs) == 8
    assert Budget(8).threads(jobs[:3]) == 2
    assert Budget(1).threads(jobs) == 1
    assert Budget(4).threads(()) == 4


def test_fixed_threads_are_obeyed(make_ablation):
    jobs = make_ablation("set: {", "set: {runtime.threads: 3, ").jobs
    assert Budget(8).threads(jobs) == 3
    assert Budget(8).has_room(jobs[:1], jobs[1], 3)
    assert not Budget(8).has_room(jobs[:2], jobs[2], 3)


@given(st.integers(1, 16), st.integers(1, 8), st.integers(1, 4))
def test_neither_cores_nor_memory_are_overdrawn(cores, cells, threads):
    job = _job()
    budget = Budget(cores, cells * cell_memory(job.experiment))
    running = []
    while budget.has_room(running, job, threads):
        running.append(job)
    assert len(running) == max(1, min(cores // threads, cells))


def _job():
    from echoduet.experiments.grid.jobs import Job

    config = load_config("fast", ["preprocess.size=64"]).model_dump(mode="json")
    return Job("/out", "a", 1, 0, "test", ("native",), config, "", "", "")


def test_there_is_a_core():
    assert own_cores() >= 1
