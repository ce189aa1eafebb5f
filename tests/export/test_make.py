"""From bundle to graph."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest

from echoduet.data.manifest import build_manifest
from echoduet.errors import ModelError
from echoduet.export import make
from echoduet.files import file_sha256
from echoduet.inference.exported import cached_graph, from_metadata
from echoduet.inference.predictor import Predictor
from echoduet.inference.runtime import Readings


def test_without_a_place_a_graph_goes_into_the_cache(exported, monkeypatch, tmp_path):
    monkeypatch.setenv("ECHODUET_CACHE", str(tmp_path))
    path = make.export(exported.bundle, "onnx")
    assert path == cached_graph(file_sha256(exported.bundle), "onnx")
    assert path.is_relative_to(tmp_path)
    assert file_sha256(path) == file_sha256(exported.onnx)


@pytest.mark.parametrize(("to", "name", "ending"), [("onnx", "a.xml", ".onnx"), ("openvino", "a.onnx", ".xml")])
def test_the_ending_must_fit_the_format(to, name, ending, exported, tmp_path):
    with pytest.raises(ModelError, match=f"{name}: a graph for {to} ends in {ending}"):
        make.export(exported.bundle, to, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_graph_is_no_bundle_to_export(exported, tmp_path):
    assert make.find_bundle(exported.bundle) == exported.bundle
    with pytest.raises(ModelError, match="is an exported graph already"):
        make.find_bundle(exported.onnx)
    with pytest.raises(ModelError, match="there is no such file"):
        make.find_bundle(tmp_path / "gone.safetensors")


def test_a_graph_that_answers_otherwise_is_never_called_done(exported, monkeypatch, tmp_path):
    from echoduet.inference.onnx_runtime import OnnxRuntime

    read = OnnxRuntime.read
    monkeypatch.setattr(OnnxRuntime, "read", lambda self, images: Readings(1 - read(self, images).lesion, None))
    with pytest.raises(ModelError, match="off those of the network"):
        make.export(exported.bundle, "onnx", tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []


def test_eight_bits_come_with_what_they_lose(exported, miniature_busi, tmp_path):
    path, loss = make.export_int8(exported.bundle, "onnx", build_manifest(miniature_busi), tmp_path / "a.onnx")
    predictor = Predictor.load(path, "cpu")
    assert len(list(predictor.predict([("a", np.zeros((50, 60), np.uint8))]))) == 1
    graph = from_metadata(path, {entry.key: entry.value for entry in onnx.load(path).metadata_props})
    assert graph.precision == "int8"
    assert graph.quantisation["loss"] == json.loads(json.dumps(loss.plain()))
    assert graph.quantisation["calibration_images"] == 3
    assert len(graph.quantisation["calibration_sha256"]) == 64
