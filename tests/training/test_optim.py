"""Optimiser groups and schedules."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from echoduet.config.schema import ModelConfig, OptimConfig
from echoduet.models.registry import build_network
from echoduet.training.optim import Schedule, build_optimizer


@pytest.fixture(scope="module")
def network():
    return build_network(ModelConfig(architecture="efficientnet_lite0"))


def one_parameter(rate: float) -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)


def test_every_parameter_is_in_one_group(network):
    optimizer = build_optimizer(network, OptimConfig(optimizer="adamw", weight_decay=0.1, encoder_scale=0.5))
    grouped = [id(parameter) for group in optimizer.param_groups for parameter in group["params"]]
    assert sorted(grouped) == sorted(id(parameter) for parameter in network.parameters())


def test_the_encoder_learns_more_slowly_and_norms_do_not_decay(network):
    config = OptimConfig(optimizer="adamw", learning_rate=1e-3, weight_decay=0.1, encoder_scale=0.5)
    inside = {id(parameter) for parameter in network.encoder.parameters()}
    for group in build_optimizer(network, config).param_groups:
        for parameter in group["params"]:
            assert group["lr"] == pytest.approx(5e-4 if id(parameter) in inside else 1e-3)
            assert group["weight_decay"] == (0.1 if parameter.ndim > 1 else 0.0)


def test_the_papers_optimiser_is_adam():
    optimizer = build_optimizer(build_network(ModelConfig(architecture="efficientnet_lite0")), OptimConfig())
    assert type(optimizer) is torch.optim.Adam
    assert {(group["lr"], group["eps"]) for group in optimizer.param_groups} == {(1e-4, 1e-4)}


def test_one_cycle_warms_up_and_falls_to_zero():
    optimizer = one_parameter(0.1)
    schedule = Schedule(
        optimizer, OptimConfig(schedule="one_cycle", min_learning_rate=0.0, warmup_share=0.1), steps=100
    )
    rates = []
    for step in range(100):
        schedule.before_step(step)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates[0] == pytest.approx(0.01)
    assert max(rates) == pytest.approx(0.1)
    assert rates.index(max(rates)) in (9, 10)
    assert rates[55] == pytest.approx(0.05, abs=1e-3)
    assert rates[-1] < 1e-3
    assert all(later <= earlier for earlier, later in pairwise(rates[10:]))


def test_the_plateau_agrees_with_torch():
    losses = [1.0, 0.9, 0.95, 0.96, 0.97, 0.8, 0.81, 0.82, 0.83, 0.84, 0.85, 0.86]
    config = OptimConfig(plateau_patience=2, plateau_factor=0.5, min_learning_rate=0.02, learning_rate=0.1)
    ours, theirs = one_parameter(0.1), one_parameter(0.1)
    schedule = Schedule(ours, config, steps=12)
    reference = ReduceLROnPlateau(theirs, factor=0.5, patience=2, threshold=0.0, min_lr=0.02)
    for step, loss in enumerate(losses):
        schedule.before_step(step)
        assert ours.param_groups[0]["lr"] == pytest.approx(theirs.param_groups[0]["lr"])
        schedule.after_epoch(loss)
        reference.step(loss)


def test_a_schedule_goes_on_where_it_stopped():
    config = OptimConfig(plateau_patience=1)
    first = Schedule(one_parameter(0.1), config, steps=10)
    for loss in (1.0, 1.1, 1.2, 1.3):
        first.after_epoch(loss)
    second = Schedule(one_parameter(0.1), config, steps=10)
    second.load_state_dict(first.state_dict())
    assert (second.factor, second.best, second.waited) == (first.factor, first.best, first.waited)
    assert second.factor < 1


def test_what_is_frozen_is_not_given_to_the_optimiser():
    network = build_network(ModelConfig(architecture="efficientnet_lite0", pretrained=True, frozen_blocks=3))
    grouped = {id(p) for group in build_optimizer(network, OptimConfig()).param_groups for p in group["params"]}
    assert grouped == {id(p) for p in network.parameters() if p.requires_grad}
    assert id(network.encoder.stem.conv.weight) not in grouped
