"""The file that says how far a graph lies from its bundle."""

from __future__ import annotations

import json

import numpy as np
import pytest

from echoduet.data.manifest import build_manifest
from echoduet.export.plain import open_plainly
from echoduet.export.report import compare, report
from echoduet.files import file_sha256
from echoduet.inference.predictor import Predictor


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


def test_a_graph_is_compared_at_every_size(exported, rng):
    reference = Predictor.load(exported.bundle, "cpu", runtime="torch")
    candidate = Predictor.load(exported.onnx, "cpu")
    images = [(str(i), rng.integers(0, 256, (90 - 7 * i, 40 + 11 * i), dtype=np.uint8)) for i in range(6)]
    done = compare(reference, candidate, open_plainly(exported.onnx), iter(images))
    for parity in (done.runtime, done.whole):
        assert (parity.images, parity.changed, parity.alike) == (6, 0, 1.0)
        assert parity.probability < 1e-4
