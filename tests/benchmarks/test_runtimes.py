"""Every runtime measured on the same images."""

from __future__ import annotations

import argparse

import pytest
import torch

import runtimes
from echoduet.data.manifest import build_manifest
from echoduet.errors import DataError
from echoduet.inference.predictor import Predictor
from echoduet.models.bundle import load_bundle


def few():
    raise DataError("too few cases to calibrate on")


def test_a_bundle_is_served_by_every_runtime(exported, miniature_busi, tmp_path, monkeypatch):
    from echoduet.export import make

    monkeypatch.setattr(make, "find_bundle", lambda model: exported.bundle)
    monkeypatch.setattr(make, "export", lambda bundle, to, out: exported.graph(to))
    eight_bits = iter([(exported.onnx, None)])
    monkeypatch.setattr(make, "export_int8", lambda *words: next(eight_bits, None) or few())
    monkeypatch.setattr(runtimes, "cold_start", lambda way, file, folder: 1.0)
    rows = list(runtimes.measure(["tiny"], build_manifest(miniature_busi), tmp_path, images=3, rounds=1))
    assert [row.way for row in rows] == ["torch", "onnx", "openvino", "onnx int8"]
    assert all(row.latency_ms > 0 and row.images_per_second > 0 for row in rows)
    table = list(runtimes.lines(rows))
    assert table[2].startswith("| `tiny` | torch |")
    assert " | 1.00 | " in table[2]
    assert len(table) == 6


def test_a_bundle_of_another_size_has_the_same_weights(exported, tmp_path):
    path = runtimes.of_size(exported.bundle, 96, tmp_path / "larger.safetensors")
    (network, info), (before, given) = load_bundle(path), load_bundle(exported.bundle)
    assert (given.config.preprocess.size, info.config.preprocess.size) == (64, 96)
    for name, weight in network.state_dict().items():
        assert torch.equal(weight, before.state_dict()[name])
    assert Predictor.load(path, "cpu").preprocess.size == 96


def test_latency_and_rate_count_every_image(exported, miniature_busi):
    files = [case.image for case in build_manifest(miniature_busi).cases[:6]]
    predictor = Predictor.load(exported.onnx, "cpu")
    assert runtimes.latency(predictor, files) > 0
    assert runtimes.rate(predictor, files) > 0


def test_a_cold_start_is_a_whole_run_of_the_command(exported, miniature_busi, tmp_path):
    way = runtimes.Way("onnx", exported.onnx, "onnx")
    assert runtimes.cold_start(way, build_manifest(miniature_busi).cases[0].image, tmp_path) > 0.1
    assert (tmp_path / "cold" / "predictions.csv").is_file()


def test_a_side_that_no_network_has_is_named():
    assert runtimes.side("256") == 256
    for text in ("0", "100", "-32", "large"):
        with pytest.raises(argparse.ArgumentTypeError, match=f"{text}: is no side of an input"):
            runtimes.side(text)
