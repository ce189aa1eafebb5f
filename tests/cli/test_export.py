"""`echoduet export` as its user meets it."""

from __future__ import annotations

import csv
import json
import subprocess
import sys

import pytest

from echoduet.cli.main import main
from echoduet.files import file_sha256
from echoduet.inference.exported import cached_graph


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("ECHODUET_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def labels(path):
    with (path / "predictions.csv").open(newline="") as stream:
        return [(row["name"], row["label"], row["lesion_area"]) for row in csv.DictReader(stream)]


def test_exported_compared_and_predicted_with(call, untrained, miniature_busi, tmp_path):
    done = call("export", "--to", "onnx", "--model", untrained, "--out", tmp_path / "a.onnx", "--data", miniature_busi)
    assert done.code == 0, done.err
    assert "14 images; masks: Dice" in done.out
    assert "0 classes changed" in done.out
    told = json.loads((tmp_path / "a.onnx.parity.json").read_text())
    assert told["whole"]["changed"] == 0
    for name, model in (("torch", untrained), ("onnx", tmp_path / "a.onnx")):
        words = ("predict", miniature_busi / "benign", "--no-refuse", "--out", tmp_path / name)
        assert call(*words, "--model", model).code == 0
    assert labels(tmp_path / "torch") == labels(tmp_path / "onnx")


def test_into_the_cache_and_told_as_json(call, untrained, cache):
    done = call("export", "--to", "onnx", "--model", untrained, "--json")
    assert done.code == 0, done.err
    path = cached_graph(file_sha256(untrained), "onnx")
    assert done.json["graph"] == str(path)
    assert done.json["mb"] == pytest.approx(path.stat().st_size / 1e6, abs=0.01)


def test_eight_bits_tell_what_they_lose(call, untrained, miniature_busi, tmp_path):
    out = tmp_path / "a.xml"
    done = call("export", "--to", "openvino", "--int8", "--model", untrained, "--out", out, "--data", miniature_busi)
    assert done.code == 0, done.err
    assert "points lost to eight bits: Dice" in done.out
    assert (tmp_path / "a.xml.parity.json").is_file()
    assert call("predict", miniature_busi / "normal", "--model", out, "--out", tmp_path / "p").code in (0, 1)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--to", "onnx", "--int8"], "--int8: needs images to calibrate on"),
        (["--to", "onnx", "--out", "a.txt"], "a.txt: a graph for onnx ends in .onnx"),
        (["--to", "tensorrt"], "tensorrt"),
        ([], "--to"),
        (["--to", "onnx", "--model", "gone.safetensors"], "gone.safetensors: there is no such file"),
        (["--to", "onnx", "--data", "gone"], "gone"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(words, reason, call, untrained):
    given = words if "--model" in words else [*words, "--model", untrained]
    done = call("export", *given)
    assert done.code == 2
    assert reason in done.err
    assert done.err.count("\n") == 1
    assert "Traceback" not in done.err


def test_an_altered_graph_is_refused_in_one_sentence(call, untrained, miniature_busi, tmp_path):
    path = tmp_path / "a.onnx"
    assert main(["export", "--to", "onnx", "--model", str(untrained), "--out", str(path), "--quiet"]) == 0
    path.write_bytes(path.read_bytes()[:-7])
    done = call("predict", miniature_busi, "--model", path, "--out", tmp_path / "p")
    assert done.code == 2
    assert "truncated or altered" in done.err
    assert "Traceback" not in done.err


def test_predicting_with_a_graph_never_imports_torch(exported, miniature_busi, tmp_path):
    words = ["predict", miniature_busi / "benign", "--model", exported.onnx, "--no-refuse", "--out", tmp_path / "out"]
    program = (
        "import sys\nfrom echoduet.cli.main import main\ncode = main(sys.argv[1:])\n"
        "print(code, [name for name in ('torch', 'onnx', 'openvino') if name in sys.modules], file=sys.stderr)"
    )
    run = [sys.executable, "-c", program, *map(str, words), "--quiet"]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "0 []"
    assert (tmp_path / "out" / "predictions.csv").is_file()
