"""The file that says how far a graph lies from its bundle."""

from __future__ import annotations

import json

import pytest

from echoduet.data.manifest import build_manifest
from echoduet.export.report import report
from echoduet.files import file_sha256


@pytest.mark.parametrize("to", ["onnx", "openvino"])
def test_a_report_lies_beside_the_graph(exported, to, miniature_busi):
    manifest = build_manifest(miniature_busi)
    done, path = report(exported.bundle, exported.graph(to), manifest)
    assert path == exported.graph(to).with_name(exported.graph(to).name + ".parity.json")
    told = json.loads(path.read_text())
    for way in ("runtime", "whole"):
        assert told[way]["images"] == len(manifest)
        assert told[way]["changed"] == 0
        assert told[way]["dice_least"] > 0.999
    assert told["bundle_sha256"] == file_sha256(exported.bundle)
    assert told["graph_sha256"] == file_sha256(exported.graph(to))
    assert len(done.told().splitlines()) == 2
