"""A released bundle learns what its probabilities were worth; its weights stay."""

from __future__ import annotations

import shutil
from dataclasses import replace

import torch
from safetensors.torch import load_file

import bundle_calibration
from echoduet.models.bundle import rewrite_info
from echoduet.models.info import read_info
from echoduet.models.shipped import shipped_model


def test_calibration_is_entered_and_the_weights_stay(tmp_path):
    bundle = tmp_path / "echoduet-small.safetensors"
    shutil.copy(shipped_model("small"), bundle)
    info = read_info(bundle)
    told = info.provenance["out_of_fold"]
    known = told.pop("malignant_calibration")
    rewrite_info(bundle, replace(info, provenance={**info.provenance, "out_of_fold": told}))
    bundle_calibration.main([bundle])
    assert read_info(bundle).provenance["out_of_fold"]["malignant_calibration"] == known
    assert bundle.with_suffix(".md").is_file()
    assert bundle.name in (tmp_path / "SHA256SUMS").read_text()
    before, after = load_file(shipped_model("small")), load_file(bundle)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)
