"""The files `.xml` and `.bin`."""

from __future__ import annotations

import openvino
import pytest

from echoduet.errors import OutputError
from echoduet.export.onnx import core_of, whole_graph
from echoduet.export.openvino import write_openvino
from echoduet.files import file_sha256
from echoduet.inference.exported import GraphInfo, checksums_of
from echoduet.models.bundle import load_bundle


def test_a_graph_says_what_it_is(exported):
    model = openvino.Core().read_model(exported.openvino)
    said = {name: model.get_rt_info(["echoduet", name]).value for name in ("source_sha256", "notice", "precision")}
    assert said["source_sha256"] == file_sha256(exported.bundle)
    assert said["notice"].startswith("Research use only.")
    assert said["precision"] == "float32"


def test_weights_keep_their_precision(exported):
    model = openvino.Core().read_model(exported.openvino)
    kinds = {op.get_element_type() for op in model.get_ops() if op.get_type_name() == "Constant"}
    assert openvino.Type.f16 not in kinds


def test_both_files_are_in_the_checksums(exported):
    lines = checksums_of(exported.openvino).read_text().splitlines()
    assert [line.split() for line in lines] == [
        [file_sha256(exported.openvino), "model.xml"],
        [file_sha256(exported.openvino.with_suffix(".bin")), "model.bin"],
    ]


def test_a_place_that_cannot_be_written_is_named(exported, tmp_path):
    (tmp_path / "file").touch()
    network, info = load_bundle(exported.bundle)
    core = core_of(network, info)
    graph = GraphInfo(info, "0")
    with pytest.raises(OutputError, match="cannot be written"):
        write_openvino(tmp_path / "file" / "model.xml", whole_graph(core, graph), graph)
