"""A graph made once, the first time that its bundle is used."""

from __future__ import annotations

import pytest

from echoduet.errors import ModelError, OutputError
from echoduet.export import prepare as module
from echoduet.export.prepare import prepare, wanted
from echoduet.files import file_sha256
from echoduet.inference.exported import cached_graph
from echoduet.inference.predictor import Predictor


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("ECHODUET_CACHE", str(tmp_path))
    return tmp_path


def test_the_first_time_it_is_made_and_then_found(exported, cache):
    notes = []
    assert Predictor.load(exported.bundle).runtime.name == "torch"
    prepare(exported.bundle, "auto", "auto", notes.append)
    assert len(notes) == 1
    assert Predictor.load(exported.bundle).runtime.name == "onnx"
    prepare(exported.bundle, "auto", "auto", notes.append)
    assert len(notes) == 1
    cached_graph(file_sha256(exported.bundle), "onnx").write_bytes(b"damaged")
    assert Predictor.load(exported.bundle).runtime.name == "torch"
    prepare(exported.bundle, "onnx", "cpu", notes.append)
    assert Predictor.load(exported.bundle, runtime="onnx").runtime.name == "onnx"


@pytest.mark.parametrize(
    ("which", "runtime", "device"), [("bundle", "torch", "auto"), ("onnx", "auto", "auto"), ("bundle", "auto", "cuda")]
)
def test_nothing_is_made_for_who_needs_none(which, runtime, device, exported, cache):
    prepare(getattr(exported, which), runtime, device, pytest.fail)
    prepare(cache / "gone.safetensors", runtime, device, pytest.fail)
    assert list(cache.iterdir()) == []


def test_what_cannot_be_made_is_no_misfortune_unless_it_was_asked_for(exported, cache, monkeypatch):
    notes = []
    (cache / "graphs").touch()
    prepare(exported.bundle, "auto", "cpu", notes.append)
    assert "not prepared" in notes[-1]
    with pytest.raises(OutputError):
        prepare(exported.bundle, "onnx", "cpu", notes.append)
    monkeypatch.setattr(module, "can_make", lambda to: False)
    assert wanted("auto") is None
    assert wanted("openvino") == "openvino"


def test_a_missing_library_is_named(exported, cache, monkeypatch):
    from echoduet.export import requirements

    monkeypatch.setattr(requirements, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"pip install 'echoduet\[openvino\]'"):
        prepare(exported.bundle, "openvino", "cpu", lambda text: None)
