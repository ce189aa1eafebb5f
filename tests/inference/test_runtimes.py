"""Which runtime serves a model."""

from __future__ import annotations

import shutil
import subprocess
import sys

import numpy as np
import pytest

from echoduet.errors import ModelError
from echoduet.files import file_sha256
from echoduet.inference import runtimes
from echoduet.inference.exported import cached_graph, checksums_of, parts, write_graph
from echoduet.inference.predictor import Predictor
from echoduet.inference.runtimes import open_runtime, takes_gpu


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("ECHODUET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(runtimes, "_DRIVERS", ())
    return tmp_path / "cache"


@pytest.fixture
def bundle(exported, tmp_path):
    """The bundle, where nothing lies beside it."""
    path = tmp_path / "model.safetensors"
    shutil.copy(exported.bundle, path)
    return path


def keep(source, target):
    """Copy a graph with its checksums to where it is looked for."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for suffix in (".onnx",) if source.suffix == ".onnx" else (".xml", ".bin"):
        shutil.copy(source.with_suffix(suffix), target.with_suffix(suffix))
    write_graph(target, [part.read_bytes() for part in parts(target)])


def test_without_a_graph_pytorch_serves(bundle, cache):
    assert open_runtime(bundle)[0].name == "torch"


def test_a_graph_beside_the_bundle_is_found(bundle, exported, cache):
    keep(exported.onnx, bundle.with_suffix(".onnx"))
    runtime, info = open_runtime(bundle)
    assert runtime.name == "onnx"
    assert info == open_runtime(bundle, runtime="torch")[1]


def test_a_graph_in_the_cache_is_found_and_the_faster_preferred(bundle, exported, cache):
    digest = file_sha256(bundle)
    keep(exported.openvino, cached_graph(digest, "openvino"))
    assert open_runtime(bundle)[0].name == "openvino"
    keep(exported.onnx, cached_graph(digest, "onnx"))
    assert open_runtime(bundle)[0].name == "onnx"
    assert open_runtime(bundle, runtime="openvino")[0].name == "openvino"


def test_the_graph_of_another_bundle_is_not_taken(bundle, exported, cache, save_untrained):
    other = save_untrained(model={"architecture": "efficientnet_lite0_shallow"})
    keep(exported.onnx, other.with_suffix(".onnx"))
    assert open_runtime(other)[0].name == "torch"
    with pytest.raises(ModelError, match="was not exported for the runtime onnx yet"):
        open_runtime(other, runtime="onnx")


def test_a_damaged_graph_is_passed_over_unless_it_was_asked_for(bundle, exported, cache):
    beside = bundle.with_suffix(".onnx")
    keep(exported.onnx, beside)
    beside.write_bytes(beside.read_bytes()[:-1])
    assert open_runtime(bundle)[0].name == "torch"
    with pytest.raises(ModelError, match="truncated or altered"):
        open_runtime(bundle, runtime="onnx")
    keep(exported.onnx, cached_graph(file_sha256(bundle), "onnx"))
    assert open_runtime(bundle)[0].name == open_runtime(bundle, runtime="onnx")[0].name == "onnx"


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_a_graph_given_as_the_model_is_opened_by_its_runtime(exported, runtime):
    path = exported.graph(runtime)
    assert open_runtime(path)[0].name == runtime
    assert open_runtime(path, "cpu", runtime)[0].name == runtime
    for other in {"torch", "onnx", "openvino"} - {runtime}:
        with pytest.raises(ModelError, match=f"is a graph for the runtime {runtime}"):
            open_runtime(path, runtime=other)
    with pytest.raises(ModelError, match="answers on the CPU"):
        open_runtime(path, "cuda")


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_a_missing_library_is_named_with_the_way_to_get_it(exported, runtime, monkeypatch):
    monkeypatch.setattr(runtimes, "find_spec", lambda name: None)
    for model in (exported.graph(runtime), exported.bundle):
        with pytest.raises(ModelError, match=rf"pip install 'echoduet\[{runtime}\]'"):
            open_runtime(model, runtime=runtime)


@pytest.mark.parametrize(
    ("suffix", "runtime"),
    [(".onnx", "auto"), (".onnx", "onnx"), (".xml", "auto"), (".safetensors", "auto"), (".safetensors", "onnx")],
)
def test_a_missing_file_is_named(tmp_path, suffix, runtime):
    with pytest.raises(ModelError, match=rf"gone\{suffix}: there is no such file"):
        open_runtime(tmp_path / f"gone{suffix}", "cpu", runtime)


def test_a_gpu_is_pytorchs(bundle, exported, cache, monkeypatch):
    import torch

    keep(exported.onnx, bundle.with_suffix(".onnx"))
    monkeypatch.setattr(runtimes, "_DRIVERS", (str(bundle),))
    assert not takes_gpu("cpu")
    assert takes_gpu("cuda")
    for there in (False, True):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert takes_gpu("auto") is there
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert open_runtime(bundle)[0].name == "onnx"  # a driver, and no GPU after all
    with pytest.raises(ModelError, match="no usable GPU"):
        open_runtime(bundle, "cuda")


def test_every_runtime_gives_the_same_answers(exported, rng):
    images = [(str(i), rng.integers(0, 256, (50, 60 + i), dtype=np.uint8)) for i in range(3)]
    paths = (exported.bundle, exported.onnx, exported.openvino)
    answers = [list(Predictor.load(path, "cpu").predict(images)) for path in paths]
    for one, *others in zip(*answers, strict=True):
        for other in others:
            assert (one.mask ^ other.mask).mean() < 0.002
            np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-4)
            assert one.label is other.label


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_a_graph_is_served_without_torch(exported, runtime):
    program = (
        "import sys, numpy as np\nfrom echoduet.inference.predictor import Predictor\n"
        f"predictor = Predictor.load({str(exported.graph(runtime))!r})\n"
        "assert len(list(predictor.predict([('a', np.zeros((50, 60), np.uint8))]))) == 1\n"
        "print([name for name in ('torch', 'onnx') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_checksum_beside_a_graph_is_no_graph(exported):
    with pytest.raises(ModelError, match="a model bundle ends in"):
        open_runtime(checksums_of(exported.onnx))
