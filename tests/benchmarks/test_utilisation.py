"""Operations are counted as they run, the peak is measured, and a profile is kept."""

from __future__ import annotations

import json
import sys

import pytest
import torch

import utilisation
from echoduet.config.load import load_config
from echoduet.data.cache import load_cached
from echoduet.data.manifest import build_manifest, write_manifest
from echoduet.training.loop import Trainer
from echoduet.transforms.preprocess import Preprocess

KEYS = ["preprocess.size=32", "runtime.threads=1", "optim.batch_size=4"]


@pytest.fixture
def make(miniature_busi):
    manifest = build_manifest(miniature_busi)

    def trainer(*keys: str) -> Trainer:
        config = load_config("fast", [*KEYS, *keys])
        data = load_cached(manifest.cases, Preprocess(config.preprocess))
        return Trainer(config, data, data)

    return trainer


def test_what_is_frozen_costs_fewer_operations_an_image(make):
    whole = utilisation.measure(make(), seconds=0.01)
    frozen = utilisation.measure(make("model.frozen_blocks=3", "model.train_depthwise=false"), seconds=0.01)
    assert 0 < frozen.gflop_per_image < whole.gflop_per_image
    assert whole.tflops == pytest.approx(whole.images_per_second * whole.gflop_per_image / 1000)
    assert whole.data_share > 0


def test_operations_are_those_of_the_convolutions(make):
    trainer = make("model.tasks=classification", "preprocess.size=64")
    small = utilisation.measure(make("model.tasks=classification"), seconds=0.01)
    # Four times the pixels, four times the operations; the class head sees no pixels and is small.
    assert utilisation.measure(trainer, seconds=0.01).gflop_per_image == pytest.approx(
        4 * small.gflop_per_image, rel=0.1
    )


@pytest.mark.parametrize(("groups", "learns"), [(1, True), (8, True), (8, False)])
def test_a_gradient_costs_what_its_convolution_costs(groups, learns):
    layer = torch.nn.Conv2d(8, 8, 3, padding=1, groups=groups, bias=False).requires_grad_(learns)
    image = torch.rand(2, 8, 16, 16, requires_grad=True)
    forward = 2 * (2 * 16 * 16) * 8 * (8 // groups) * 9
    assert utilisation.operations(lambda: layer(image).sum().backward()) == forward * (3 if learns else 2)


def test_a_product_has_a_rate():
    assert utilisation._product_tflops(64, torch.device("cpu"), seconds=0.01) > 0


def test_the_table_and_the_profile(miniature_busi, tmp_path, monkeypatch, capsys):
    write_manifest(build_manifest(miniature_busi), tmp_path / "manifest.csv")
    words = [str(tmp_path / "manifest.csv"), "--config", "fast", "--seconds", "0.01", "--peak", "2"]
    keys = [word for key in KEYS for word in ("--set", key)]
    monkeypatch.setattr(sys, "argv", ["utilisation.py", *words, *keys, "--profile", str(tmp_path / "profile")])
    monkeypatch.setenv("ECHODUET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(utilisation, "PROFILED_STEPS", 1)
    utilisation.main()
    told = capsys.readouterr().out
    assert "peak 2.00 TFLOP/s (as given)" in told
    assert "| fast | 32 px, 4 |" in told
    assert "fast: 1 steps in" in told
    assert "convolution" in (tmp_path / "profile" / "fast" / "table.txt").read_text()
    assert json.loads((tmp_path / "profile" / "fast" / "trace.json").read_text())["traceEvents"]
