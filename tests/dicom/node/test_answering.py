"""Results name the bundle that made them."""

from __future__ import annotations

import hashlib

import pytest

from echoduet.dicom.node.answering import load_answering
from echoduet.errors import ModelError


def test_the_algorithm_is_named_by_bundle_checksum_and_thresholds(answering, bundle):
    predictor, algorithm = answering
    assert algorithm.model == "model"
    assert algorithm.sha256 == hashlib.sha256(bundle.read_bytes()).hexdigest()
    assert dict(algorithm.settings) == predictor.settings()


def test_a_file_that_is_predicted_and_one_that_is_sent_make_the_same_instances(
    start_node, archive, phantoms, bundle, until, tmp_path
):
    from pydicom import dcmread

    from echoduet.cli.main import main

    path = phantoms(seed=40, frames=2)
    assert main(["predict", str(path), "--out", str(tmp_path / "out"), "--model", str(bundle), "--quiet"]) == 0
    node = start_node(archive.destination)
    node.send(path)
    until(lambda: node.states() == {"done": 1})
    written = [dcmread(file).SOPInstanceUID for file in (tmp_path / "out" / "dicom").iterdir()]
    assert sorted(written) == sorted(dataset.SOPInstanceUID for dataset in archive.received())


def test_a_bundle_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ModelError):
        load_answering(tmp_path / "none.safetensors")
