"""Graphs run by OpenVINO."""

from __future__ import annotations

import shutil
import threading

import numpy as np
import pytest

from echoduet.errors import ModelError
from echoduet.inference.exported import parts, write_graph
from echoduet.inference.openvino_runtime import open_openvino
from echoduet.inference.runtimes import open_runtime


@pytest.fixture
def copy(exported, tmp_path):
    path = tmp_path / "copy.xml"
    for suffix in (".xml", ".bin"):
        shutil.copy(exported.openvino.with_suffix(suffix), path.with_suffix(suffix))
    write_graph(path, [part.read_bytes() for part in parts(path)])
    return path


@pytest.fixture(scope="module")
def opened(exported):
    return open_openvino(exported.openvino)


def test_it_reads_what_pytorch_reads(exported, opened, rng):
    runtime, graph = opened
    torch, info = open_runtime(exported.bundle, "cpu", "torch")
    assert (runtime.name, graph.bundle) == ("openvino", info)
    for count in (3, 1, 2):
        images = rng.integers(0, 256, (count, 64, 64), dtype=np.uint8)
        got, expected = runtime.read(images), torch.read(images)
        np.testing.assert_allclose(got.lesion, expected.lesion, atol=1e-4)
        np.testing.assert_allclose(got.classes, expected.classes, atol=1e-4)


def test_an_answer_stays_when_the_next_is_asked_for(opened, rng):
    images = rng.integers(0, 256, (2, 1, 64, 64), dtype=np.uint8)
    first = opened[0].read(images[0])
    kept = first.lesion.copy()
    opened[0].read(images[1])
    np.testing.assert_array_equal(first.lesion, kept)


def test_turned_images_are_read_as_they_lie(opened, rng):
    images = rng.integers(0, 256, (2, 64, 64), dtype=np.uint8)
    turned = opened[0].read(images[:, :, ::-1])
    np.testing.assert_array_equal(turned.lesion, opened[0].read(images[:, :, ::-1].copy()).lesion)


def test_several_threads_get_their_own_answers(opened, rng):
    images = rng.integers(0, 256, (6, 1, 64, 64), dtype=np.uint8)
    alone = [opened[0].read(image).lesion for image in images]
    together = [None] * len(images)

    def ask(index):
        together[index] = opened[0].read(images[index]).lesion

    workers = [threading.Thread(target=ask, args=(index,)) for index in range(len(images))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("suffix", [".xml", ".bin"])
def test_a_truncated_file_is_refused_before_it_is_read(copy, suffix):
    path = copy.with_suffix(suffix)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match=rf"copy\{suffix}: is not the file that was exported"):
        open_openvino(copy)


@pytest.mark.parametrize(
    ("suffix", "content"), [(".xml", b"<net/>"), (".xml", b"no xml"), (".xml", b""), (".bin", b"")]
)
def test_what_was_never_a_graph_is_refused_whatever_its_checksum_says(copy, suffix, content):
    copy.with_suffix(suffix).write_bytes(content)
    write_graph(copy, [part.read_bytes() for part in parts(copy)])
    with pytest.raises(ModelError, match=r"copy\.xml: is no graph"):
        open_openvino(copy)


def test_somebody_elses_graph_is_refused(tmp_path):
    import openvino

    x = openvino.opset13.parameter([1, 4], np.float32)
    path = tmp_path / "foreign.xml"
    openvino.save_model(openvino.Model([openvino.opset13.relu(x)], [x]), path)
    write_graph(path, [part.read_bytes() for part in parts(path)])
    with pytest.raises(ModelError, match="is no graph that EchoDuet exported"):
        open_openvino(path)
