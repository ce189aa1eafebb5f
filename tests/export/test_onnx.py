"""The file `.onnx`."""

from __future__ import annotations

import json

import onnx

from echoduet.export.onnx import core_of, whole_graph, write_onnx
from echoduet.files import file_sha256
from echoduet.inference.exported import GraphInfo, checksums_of
from echoduet.models.bundle import load_bundle


def test_a_graph_says_what_it_is(exported):
    model = onnx.load(exported.onnx)
    said = {entry.key: entry.value for entry in model.metadata_props}
    assert said["source_sha256"] == file_sha256(exported.bundle)
    assert said["notice"].startswith("Research use only.")
    assert (said["layout"], said["precision"]) == ("1", "float32")
    assert json.loads(said["echoduet"])["config"]["model"]["members"] == 2
    assert model.producer_name == "echoduet"
    assert "Research use only" in model.doc_string


def test_it_is_standard_onnx_and_in_one_piece(exported):
    model = onnx.load(exported.onnx, load_external_data=False)
    onnx.checker.check_model(model, full_check=True)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 18)]
    assert not any(tensor.external_data for tensor in model.graph.initializer)


def test_its_checksum_lies_beside_it(exported):
    assert checksums_of(exported.onnx).read_text() == f"{file_sha256(exported.onnx)}  model.onnx\n"


def test_the_same_bundle_gives_the_same_bytes(exported, tmp_path):
    network, info = load_bundle(exported.bundle)
    core = core_of(network, info)
    write_onnx(tmp_path / "again.onnx", whole_graph(core, GraphInfo(info, file_sha256(exported.bundle))))
    assert file_sha256(tmp_path / "again.onnx") == file_sha256(exported.onnx)
