"""Graphs run by onnxruntime."""

from __future__ import annotations

import shutil
import threading

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from echoduet.errors import ModelError
from echoduet.inference.exported import checksums_of, parts, write_graph
from echoduet.inference.onnx_runtime import open_onnx, readings
from echoduet.inference.runtimes import open_runtime


@pytest.fixture
def copy(exported, tmp_path):
    path = tmp_path / "copy.onnx"
    shutil.copy(exported.onnx, path)
    write_graph(path, [part.read_bytes() for part in parts(path)])
    return path


def test_it_reads_what_pytorch_reads(exported, rng):
    runtime, graph = open_onnx(exported.onnx)
    torch, info = open_runtime(exported.bundle, "cpu", "torch")
    assert (runtime.name, graph.bundle) == ("onnx", info)
    for count in (1, 2, 5):
        images = rng.integers(0, 256, (count, 64, 64), dtype=np.uint8)
        got, expected = runtime.read(images), torch.read(images)
        assert got.lesion.dtype == np.float32
        assert got.classes.dtype == np.float64
        np.testing.assert_allclose(got.lesion, expected.lesion, atol=1e-4)
        np.testing.assert_allclose(got.classes, expected.classes, atol=1e-4)
        np.testing.assert_allclose(got.classes.sum(axis=2), 1, atol=1e-12)


def test_turned_images_need_no_copy(exported, rng):
    runtime, _ = open_onnx(exported.onnx)
    images = rng.integers(0, 256, (2, 64, 64), dtype=np.uint8)
    turned = runtime.read(images[:, :, ::-1])
    np.testing.assert_array_equal(turned.lesion, runtime.read(images[:, :, ::-1].copy()).lesion)


@pytest.mark.parametrize("cores", ["1", "2", "3"])
def test_a_batch_is_read_alike_on_any_number_of_cores(exported, rng, monkeypatch, cores):
    monkeypatch.setenv("OMP_NUM_THREADS", cores)
    runtime, _ = open_onnx(exported.onnx)
    images = rng.integers(0, 256, (5, 64, 64), dtype=np.uint8)
    together = runtime.read(images)
    for number, image in enumerate(images):
        alone = runtime.read(image[None])
        np.testing.assert_allclose(together.lesion[number], alone.lesion[0], atol=1e-5)
        np.testing.assert_allclose(together.classes[number], alone.classes[0], atol=1e-5)


def test_several_threads_may_ask_at_once(exported, rng):
    runtime, _ = open_onnx(exported.onnx)
    images = rng.integers(0, 256, (6, 1, 64, 64), dtype=np.uint8)
    alone = [runtime.read(image).lesion for image in images]
    together = [None] * len(images)

    def ask(index):
        together[index] = runtime.read(images[index]).lesion

    workers = [threading.Thread(target=ask, args=(index,)) for index in range(len(images))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("keep", [0, 10, 5000, -1])
def test_a_truncated_graph_is_refused_before_it_is_read(copy, keep):
    copy.write_bytes(copy.read_bytes()[:keep])
    with pytest.raises(ModelError, match=r"copy\.onnx: is not the file that was exported"):
        open_onnx(copy)


@pytest.mark.parametrize("content", [b"", b"no graph at all", b"\x08\x09" * 40])
def test_what_was_never_a_graph_is_refused_whatever_its_checksum_says(copy, content):
    copy.write_bytes(content)
    write_graph(copy, [part.read_bytes() for part in parts(copy)])
    with pytest.raises(ModelError, match=r"copy\.onnx: (is no graph|cannot be)"):
        open_onnx(copy)


def save(path, nodes, constants=()):
    """Save a small graph of somebody else's, with a checksum."""
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in "xy"]
    graph = helper.make_graph(nodes, "foreign", value[:1], value[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    write_graph(path, [part.read_bytes() for part in parts(path)])
    return path


def test_somebody_elses_graph_is_refused(tmp_path):
    path = save(tmp_path / "foreign.onnx", [helper.make_node("Relu", ["x"], ["y"])])
    with pytest.raises(ModelError, match="is no graph that EchoDuet exported"):
        open_onnx(path)


@pytest.mark.parametrize("where", ["near.bin", "../secret.bin", "/etc/hostname", "absolute"])
def test_a_graph_cannot_have_other_files_read(tmp_path, where, monkeypatch):
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for place in (folder / "near.bin", tmp_path / "secret.bin"):
        place.write_bytes(np.arange(4, dtype=np.float32).tobytes())
    location = str(folder / "near.bin") if where == "absolute" else where
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", "0"), ("length", "16")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    path = save(folder / "thief.onnx", [helper.make_node("Add", ["x", "w"], ["y"])], [tensor])
    with pytest.raises(ModelError, match="is no graph that onnxruntime can run"):
        open_onnx(path)


def test_an_operator_that_nobody_knows_is_refused(tmp_path):
    path = save(tmp_path / "odd.onnx", [helper.make_node("Relu", ["x"], ["y"], domain="org.example")])
    with pytest.raises(ModelError, match="is no graph that onnxruntime can run"):
        open_onnx(path)


def test_a_graph_of_another_layout_is_refused(copy):
    model = onnx.load(copy)
    next(entry for entry in model.metadata_props if entry.key == "layout").value = "2"
    onnx.save(model, copy)
    write_graph(copy, [part.read_bytes() for part in parts(copy)])
    with pytest.raises(ModelError, match="exported by another version"):
        open_onnx(copy)


def test_a_graph_without_its_checksum_is_refused(copy):
    checksums_of(copy).unlink()
    with pytest.raises(ModelError, match=r"Keep a graph and its \.sha256 together"):
        open_onnx(copy)


def test_one_task_has_one_reading():
    lesion = np.zeros((1, 2, 4, 4), np.float32)
    assert readings({"lesion_members": lesion}).classes is None
    only = readings({"class_members": np.full((1, 2, 3), 1 / 3, np.float32)})
    assert only.lesion is None
    assert only.classes.sum() == pytest.approx(2, abs=1e-12)
