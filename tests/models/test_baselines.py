"""Other people's networks: they compute what MONAI computes, and are refused where they cannot be used."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest
import torch
import yaml
from torch import nn

from echoduet.config.schema import ModelConfig
from echoduet.errors import ModelError
from echoduet.models.baselines import BASELINES, PREFIX, FinestFirst, UnrolledDynUNet, WholeNet
from echoduet.models.blocks import MOMENTUM
from echoduet.models.ensemble import Ensemble
from echoduet.models.joining import members_of
from echoduet.models.registry import ARCHITECTURES, build_network

BY_TASK = {
    task: [name for name, baseline in BASELINES.items() if baseline.task == task]
    for task in ("segmentation", "classification")
}


def config_of(name: str, **more: object) -> ModelConfig:
    return ModelConfig(architecture=PREFIX + name, tasks=BASELINES[name].task, **more)


def made(name: str, **more: object) -> WholeNet:
    network = build_network(config_of(name, **more))
    assert isinstance(network, WholeNet)
    return network


def test_the_names_promised() -> None:
    masks = {"attention_unet", "segresnet", "dynunet", "swinunetr", "basicunetplusplus"}
    assert set(BY_TASK["segmentation"]) == masks
    assert set(BY_TASK["classification"]) == {"densenet121", "efficientnet_b0", "resnet18", "resnet50"}


@pytest.mark.parametrize("name", BASELINES)
def test_the_summary_tells_the_millions_of_parameters(name: str) -> None:
    network = made(name, deep_supervision=False)
    millions = sum(parameter.numel() for parameter in network.parameters()) / 1e6
    assert ARCHITECTURES[PREFIX + name].summary.endswith(f", {millions:.1f} M")


@pytest.mark.parametrize("name", BASELINES)
def test_running_statistics_follow_as_fast_as_in_our_own_networks(name: str) -> None:
    norms = [layer for layer in made(name).modules() if isinstance(layer, nn.BatchNorm2d)]
    assert {layer.momentum for layer in norms} <= {MOMENTUM}


@pytest.mark.parametrize("deep", [True, False])
def test_dynunet_unrolled_is_monais(deep: bool) -> None:
    from monai.networks.nets import DynUNet

    plan = {"kernel_size": [3] * 4, "strides": [1, 2, 2, 2], "upsample_kernel_size": [2] * 3}
    theirs = DynUNet(
        spatial_dims=2,
        in_channels=1,
        out_channels=1,
        **plan,
        filters=(4, 8, 8, 8),
        deep_supervision=deep,
        deep_supr_num=2,
    )
    ours = UnrolledDynUNet(theirs)
    image = torch.rand(2, 1, 32, 48)
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in theirs.parameters())
    expected = theirs.train()(image)  # its deeper levels are given in training only
    expected = expected.unbind(1) if deep else [expected]
    got = ours(image)
    assert len(got) == len(expected) == (3 if deep else 1)
    assert all(torch.equal(a, b) for a, b in zip(got, expected, strict=True))
    assert torch.equal(ours.eval()(image)[0], theirs.eval()(image))


def test_no_weight_of_a_baseline_has_two_names() -> None:
    for name in ("dynunet", "basicunetplusplus", "resnet18"):
        state = build_network(config_of(name)).state_dict()
        assert len({value.data_ptr() for value in state.values() if value.numel()}) == len(state)


def test_unetpp_levels_come_best_informed_first() -> None:
    class Levels(nn.Module):
        def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
            return [image + level for level in (1, 2, 3, 4)]

    assert [int(level) for level in FinestFirst(Levels())(torch.zeros(()))] == [4, 3, 2, 1]


@pytest.mark.parametrize("name", BASELINES)
def test_the_other_task_is_refused_by_the_name_of_its_key(name: str) -> None:
    task = BASELINES[name].task
    for tasks in {"both", "segmentation", "classification"} - {task}:
        with pytest.raises(ModelError, match=rf"monai:{name}: does {task} only\. Set model\.tasks={task}\."):
            build_network(ModelConfig(architecture=PREFIX + name, tasks=tasks))


@pytest.mark.parametrize("name", BASELINES)
def test_pretrained_weights_are_refused(name: str) -> None:
    with pytest.raises(ModelError, match=r"no pretrained weights\. Set model\.pretrained=false"):
        build_network(config_of(name, pretrained=True))


def test_an_unknown_baseline_is_told_the_nearest() -> None:
    with pytest.raises(ModelError, match="nearest is 'monai:segresnet'"):
        build_network(ModelConfig(architecture="monai:segresnett", tasks="segmentation"))


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "efficientnet_b0", "segresnet"])
def test_nothing_is_downloaded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    build_network(config_of(name))


@pytest.mark.parametrize("name", BY_TASK["classification"])
def test_dropout_stands_before_the_last_layer(name: str) -> None:
    network = build_network(config_of(name, dropout=0.3))
    assert [module.p for module in network.modules() if isinstance(module, nn.Dropout)] == [0.3]


def test_a_whole_network_is_one_group_for_the_optimiser() -> None:
    network = build_network(config_of("segresnet"))
    (group,) = network.parameter_groups()
    assert group["name"] == "whole"
    assert [id(p) for p in group["params"]] == [id(p) for p in network.parameters()]


def test_a_missing_monai_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "monai.networks.nets", None)
    with pytest.raises(ModelError, match=r'pip install "echoduet\[baselines\]"'):
        build_network(config_of("segresnet"))


def test_a_missing_einops_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "einops", None)
    with pytest.raises(ModelError, match=r"monai:swinunetr: MONAI cannot make it \(.*einops.*\)\. Run .*baselines.*`"):
        build_network(config_of("swinunetr"))


def test_the_shipped_grid_names_networks_that_exist_for_the_tasks_they_do() -> None:
    grid = yaml.safe_load((Path(__file__).parents[2] / "configs" / "baselines.yaml").read_text(encoding="utf-8"))
    chosen = [setting.get("set", {}) for setting in grid["settings"].values()]
    named = {keys["model.architecture"]: keys["model.tasks"] for keys in chosen if "model.architecture" in keys}
    assert {name: ARCHITECTURES[name].only for name in named} == named
    assert set(named) == {PREFIX + name for name in BASELINES} - {"monai:resnet50"}


def test_several_of_them_answer_as_one() -> None:
    config = config_of("segresnet")
    ensemble = Ensemble([build_network(config).eval(), build_network(config).eval()])
    image = torch.rand(2, 1, 32, 32)
    assert (ensemble.stride, ensemble.min_side) == (8, 16)
    assert members_of(ensemble) == list(ensemble.members)
    with torch.no_grad():
        (answer,) = ensemble(image).mask_logits
        parts = [member(image).mask_logits[0].sigmoid() for member in ensemble.members]
    torch.testing.assert_close(answer.sigmoid(), (parts[0] + parts[1]) / 2, atol=1e-5, rtol=1e-4)
