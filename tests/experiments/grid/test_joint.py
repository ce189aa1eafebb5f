"""Ensembles of a grid: made of its cells' networks, and of no others."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from echoduet.config.schema import ExperimentConfig
from echoduet.errors import OutputError
from echoduet.experiments.grid.jobs import Job
from echoduet.experiments.grid.joint import join_members, made_of, require_same_members
from echoduet.files import file_sha256
from echoduet.models.bundle import load_bundle, save_bundle
from echoduet.models.ensemble import Ensemble
from echoduet.models.info import BundleInfo
from echoduet.models.registry import build_network

CONFIG = ExperimentConfig.model_validate({"preprocess": {"size": 64}, "model": {"architecture": "efficientnet_lite0"}})


@pytest.fixture
def ensemble(tmp_path):
    """Return the cell that joins two trained ones."""
    config = CONFIG.model_dump(mode="json")
    job = Job(str(tmp_path), "MT", 3, 0, "test", (64,), config, "c", "s", "0", members=(3, 4))
    for one in job.joined:
        torch.manual_seed(one.seed)
        path = one.folder / "model.safetensors"
        save_bundle(path, build_network(one.experiment.model, pretrained=False), BundleInfo(one.experiment))
    return job


def test_the_members_networks_answer_as_one(ensemble, tmp_path):
    network, info = load_bundle(join_members(ensemble, tmp_path))
    assert (type(network), info.config.model.members) == (Ensemble, 2)
    image = torch.rand(1, 1, 64, 64)
    alone = [load_bundle(one.folder / "model.safetensors")[0].eval() for one in ensemble.joined]
    with torch.inference_mode():
        mean = sum(member(image).class_logits.softmax(1) for member in alone) / 2
        torch.testing.assert_close(network.eval()(image).class_logits.softmax(1), mean.double())


def test_it_knows_what_it_is_made_of(ensemble):
    outcomes = {one: {"files": {"model.safetensors": file_sha256(one.folder / "model.safetensors")}}
                for one in ensemble.joined}  # fmt: skip
    outcomes[ensemble] = made_of(ensemble)
    require_same_members([ensemble], outcomes)
    first = ensemble.joined[0]
    with pytest.raises(OutputError, match="Move it away to have it made again"):
        require_same_members([ensemble], outcomes | {first: {"files": {"model.safetensors": "another"}}})
    with pytest.raises(OutputError, match="was answered by networks that are not those of their cells"):
        require_same_members([ensemble], {job: value for job, value in outcomes.items() if job != first})


def test_a_member_is_the_cell_that_trains_with_its_seed(ensemble):
    assert [one.seed for one in ensemble.joined] == [one.experiment.seed for one in ensemble.joined] == [3, 4]
    assert ensemble.joined[0] == replace(ensemble, members=(), config=ensemble.config | {"seed": 3})
    assert Job.from_json(ensemble.to_json()) == ensemble


def test_another_settings_networks_answer_as_this_setting_says(ensemble, tmp_path):
    inference = CONFIG.inference.model_copy(update={"flip": True})
    config = CONFIG.model_copy(update={"name": "soft", "inference": inference}).model_dump(mode="json")
    trained_as = {"setting": "MT", "config": ensemble.config}
    soft = replace(ensemble, setting="soft", seed=4, config=config, members=(4,), trained_as=trained_as)
    assert soft.joined == ensemble.joined[1:]
    assert (soft.name, soft.folder.parent.name, soft.key["networks_of"]) == ("soft, seed 4, fold 0", "seed_4", "MT")
    assert Job.from_json(soft.to_json()) == soft
    network, info = load_bundle(join_members(soft, tmp_path))
    assert (info.config.name, info.config.inference.flip, info.config.model.members) == ("soft", True, 1)
    theirs = load_bundle(ensemble.joined[1].folder / "model.safetensors")[0].state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in network.state_dict().items())
