"""`echoduet info`."""

from __future__ import annotations

import json

import pytest

from echoduet import __version__
from echoduet.cli.info import as_lines, cpu_features
from echoduet.cli.main import main
from echoduet.config.load import load_config
from echoduet.config.presets import shipped, shipped_grids
from echoduet.data.formats import SOURCES
from echoduet.models.bundle import save_bundle
from echoduet.models.info import BundleInfo
from echoduet.models.registry import ARCHITECTURES, build_network


def answer(capsys, *args):
    """Run `info --json` and return its object."""
    assert main(["info", *args, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_info_lists_what_options_can_name(capsys):
    told = answer(capsys)
    assert set(told["architectures"]) == set(ARCHITECTURES)
    assert set(told["formats"]) == set(SOURCES)
    assert set(told["configurations"]) == set(shipped())
    assert set(told["grids"]) == set(shipped_grids()) >= {"ablation"}
    assert all(told["architectures"].values())
    assert all(told["formats"].values())


def test_info_knows_the_versions_and_the_machine(capsys):
    told = answer(capsys)
    assert told["versions"]["echoduet"] == __version__
    assert {"python", "torch", "numpy"} <= set(told["versions"])
    assert told["machine"]["cores"] >= 1


def test_info_reads_well(capsys):
    assert main(["info"]) == 0
    shown = capsys.readouterr().out
    assert "versions\n  python: 3." in shown
    assert "\n  unetpp: " in shown


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_info_prints_what_a_model_holds(tmp_path, capsys, suffix):
    config = load_config(None, ["model.tasks=classification", "model.architecture=efficientnet_lite0", "name=tiny"])
    path = tmp_path / f"model{suffix}"
    info = BundleInfo(config=config, thresholds={"mask": 0.4}, provenance={"fold": 2, "data": "BUSI"})
    save_bundle(path, build_network(config.model, pretrained=False), info)
    told = answer(capsys, path.as_posix())
    assert told["provenance"] == {"fold": 2, "data": "BUSI"}
    assert told["thresholds"] == {"mask": 0.4}
    assert told["classes"] == ["benign", "malignant", "normal"]
    assert told["config"]["name"] == "tiny"
    assert told["model"]["file"] == str(path)
    assert main(["info", str(path)]) == 0
    assert "provenance\n  fold: 2\n  data: BUSI\n" in capsys.readouterr().out


def test_a_file_that_is_no_model_is_refused(tmp_path, capsys):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"nothing")
    assert main(["info", str(path)]) == 2
    assert str(path) in capsys.readouterr().err


def test_cpu_features_are_read_from_the_systems_listing(tmp_path):
    listing = tmp_path / "cpuinfo"
    listing.write_text("processor\t: 0\nflags\t\t: fpu avx2 amx_bf16 sse\n", encoding="utf-8")
    assert cpu_features(listing) == ["avx2", "amx_bf16"]
    listing.write_text("processor\t: 0\nFeatures\t: fp asimd bf16\n", encoding="utf-8")
    assert cpu_features(listing) == ["asimd", "bf16"]
    listing.write_text("processor\t: 0\n", encoding="utf-8")
    assert cpu_features(listing) == []
    assert cpu_features(tmp_path / "missing") == []


def test_nested_results_become_indented_lines():
    result = {"a": {"b": 1, "c": {"d": [1, 2]}}, "e": None, "f": {}, "g": []}
    assert as_lines(result) == "a\n  b: 1\n  c\n    d: 1, 2\ne: none\nf: none\ng: none"
