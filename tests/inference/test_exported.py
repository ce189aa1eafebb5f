"""Exported graphs: their metadata, their checksums, their places."""

from __future__ import annotations

import errno
import json
import subprocess
from pathlib import Path

import pytest

from echoduet.config.schema import ExperimentConfig
from echoduet.errors import ModelError, OutputError
from echoduet.inference.exported import (
    GraphInfo,
    at_hand,
    cached_graph,
    checksums_of,
    from_metadata,
    parts,
    read_verified,
    to_metadata,
    write_graph,
)
from echoduet.models.info import BundleInfo

INFO = GraphInfo(BundleInfo(ExperimentConfig(), thresholds={"mask": 0.4}), "abc", "int8", {"method": "x"})


@pytest.fixture
def graph(tmp_path):
    """Two files that could be a graph."""
    path = tmp_path / "a.xml"
    path.write_bytes(b"description")
    path.with_suffix(".bin").write_bytes(b"weights" * 1000)
    write_graph(path, [part.read_bytes() for part in parts(path)])
    return path


def test_metadata_come_back_as_they_were(tmp_path):
    said = to_metadata(INFO)
    assert all(isinstance(value, str) for value in said.values())
    assert from_metadata(tmp_path, said) == INFO
    assert said["notice"].startswith("Research use only.")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"echoduet": None}, "is no graph that EchoDuet exported"),
        ({"layout": None}, "is no graph that EchoDuet exported"),
        ({"layout": "99"}, "exported by another version"),
        ({"echoduet": "{"}, "not a whole EchoDuet bundle"),
        ({"echoduet": json.dumps({"format_version": 99, "classes": []})}, "its format or its classes"),
        ({"precision": None}, "not a whole EchoDuet bundle"),
        ({"quantisation": "[1"}, "not a whole EchoDuet bundle"),
    ],
)
def test_other_metadata_are_refused_in_one_sentence(tmp_path, change, reason):
    said = {key: value for key, value in (to_metadata(INFO) | change).items() if value is not None}
    with pytest.raises(ModelError, match=reason) as caught:
        from_metadata(tmp_path / "a.onnx", said)
    assert "a.onnx" in str(caught.value)


def test_what_is_whole_is_read(graph):
    assert read_verified(graph) == (b"description", b"weights" * 1000)
    assert parts(graph.with_suffix(".onnx")) == (graph.with_suffix(".onnx"),)


def test_a_graph_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.xml"
    checksums_of(path).mkdir()  # in the way of the last file to be written
    with pytest.raises(OutputError, match=r"a\.xml\.sha256: cannot be written"):
        write_graph(path, [b"description", b"weights"])
    assert [left.name for left in tmp_path.iterdir()] == [checksums_of(path).name]


def test_a_disk_that_fills_leaves_the_graph_of_before(graph, monkeypatch):
    before = read_verified(graph)
    write = Path.write_bytes

    def fill(path, content):
        if content == b"new weights":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", fill)
    with pytest.raises(OutputError, match=r"a\.bin: cannot be written \(No space"):
        write_graph(graph, [b"new description", b"new weights"])
    assert read_verified(graph) == before
    assert len(list(graph.parent.iterdir())) == 3


def test_sha256sum_agrees(graph):
    done = subprocess.run(
        ["sha256sum", "--check", checksums_of(graph).name],
        cwd=graph.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("suffix", [".xml", ".bin"])
@pytest.mark.parametrize("how", ["cut", "altered", "longer", "empty"])
def test_other_bytes_are_refused(graph, suffix, how):
    path = graph.with_suffix(suffix)
    content = path.read_bytes()
    changed = {"cut": content[:-1], "altered": b"X" + content[1:], "longer": content + b"X", "empty": b""}[how]
    path.write_bytes(changed)
    with pytest.raises(ModelError, match=rf"a\{suffix}: is not the file that was exported .*\. Export it anew\.$"):
        read_verified(graph)


@pytest.mark.parametrize("gone", ["a.xml", "a.bin", "a.xml.sha256"])
def test_a_missing_file_is_named(graph, gone):
    (graph.parent / gone).unlink()
    with pytest.raises(ModelError, match=f"{gone}: there is no such file"):
        read_verified(graph)


@pytest.mark.parametrize("text", ["", "\n\n", "nonsense\n", "\x00\xff"])
def test_a_broken_list_of_checksums_vouches_for_nothing(graph, text):
    checksums_of(graph).write_text(text, encoding="latin-1")
    with pytest.raises(ModelError, match="is not the file that was exported"):
        read_verified(graph)


def test_each_bundle_format_and_precision_has_its_place(monkeypatch, tmp_path):
    monkeypatch.setenv("ECHODUET_CACHE", str(tmp_path))
    places = {
        cached_graph(digest * 64, to, precision)
        for digest in "ab"
        for to in ("onnx", "openvino")
        for precision in ("float32", "int8")
    }
    assert len(places) == 8
    assert all(place.is_relative_to(tmp_path / "graphs") for place in places)


def test_graphs_beside_the_bundle_and_in_the_cache_are_at_hand(monkeypatch, tmp_path):
    monkeypatch.setenv("ECHODUET_CACHE", str(tmp_path / "cache"))
    bundle, digest = tmp_path / "m.safetensors", "a" * 64
    assert at_hand(bundle, digest, "onnx") == ()
    for path in (cached_graph(digest, "onnx"), tmp_path / "m.onnx", tmp_path / "m.xml"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert at_hand(bundle, digest, "onnx") == (tmp_path / "m.onnx", cached_graph(digest, "onnx"))
    assert at_hand(bundle, digest, "openvino") == (tmp_path / "m.xml",)
