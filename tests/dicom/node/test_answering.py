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
    assert dict(algorithm.settings)["mask_threshold"] == f"{predictor.threshold:.6g}"
    assert list(algorithm.settings) == sorted(algorithm.settings)


def test_a_bundle_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ModelError):
        load_answering(tmp_path / "none.safetensors")
