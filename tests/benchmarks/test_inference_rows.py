"""What the rows of `make bench` on inference measure, and which of them meet their goals; the clock aside."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import pytest

import inference_rows as bench
import runtimes
import serving
from echoduet.data.images import read_gray
from echoduet.data.manifest import build_manifest
from echoduet.export.loss import Loss, Points
from echoduet.export.parity import Parity
from echoduet.inference.predictor import Predictor
from runtimes import Measured, Way
from serving import Served


@pytest.fixture
def manifest(miniature_busi):
    """A dozen tiny images."""
    return build_manifest(miniature_busi)


@pytest.fixture
def served(exported):
    """The ways to serve a tiny bundle, one of them as if in eight bits."""
    same = Parity(9, 0.0, 0, 1.0, 1.0, 1.0)
    return [
        Way("torch", exported.bundle, "torch"),
        Way("onnx", exported.onnx, "onnx"),
        Way("openvino", exported.openvino, "openvino"),
        Way("onnx int8", exported.onnx, "onnx", int8=True, loss=Loss(Points(0.2, None), Points(0.6, None), same)),
    ]


def test_every_shipped_bundle_predicts_all_images(manifest, monkeypatch):
    monkeypatch.setattr(bench, "rate", lambda step: float(step()))
    rows = list(bench.prediction_rows(manifest))
    assert [row.name.split("`")[1] for row in rows] == ["echoduet-base", "echoduet-small"]
    assert "(3 networks)" in rows[0].name
    assert "(1 network)" in rows[1].name
    assert {row.value for row in rows} == {f"{min(len(manifest), 64):.1f} images/s"}


FOUND = [
    Measured("tiny", "torch", 60.0, 20.0, 2.4),
    Measured("tiny", "onnx", 20.0, 50.0, 0.9),
    Measured("tiny", "openvino", 24.0, 60.0, 1.2),
]


def test_the_best_runtime_is_held_against_the_goals_and_the_slowest_start():
    latency, times, batches, cold = bench.best_rows("tiny", FOUND)
    assert ("(onnx)" in latency.name, latency.value, latency.met) == (True, "20.0 ms", True)
    assert (times.value, times.goal, times.met) == ("3.00x", ">= 3x", True)
    assert ("(openvino)" in batches.name, batches.value, batches.met) == (True, "60.0 images/s", True)
    assert ("(torch)" in cold.name, cold.value, cold.met) == (True, "2.40 s", True)


def test_what_is_too_slow_does_not_meet_the_goals():
    slow = [replace(one, latency_ms=55.0, images_per_second=59.0, cold_s=2.5) for one in FOUND]
    assert [row.met for row in bench.best_rows("tiny", slow)] == [False] * 4


def test_each_way_has_its_rows_and_the_best_come_last(served, manifest, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(runtimes, "in_own_process", lambda way, files, one: asked.append(len(files)) or (10.0, 100.0))
    monkeypatch.setattr(runtimes, "cold_start", lambda way, file, folder: 1.0)
    rows = list(bench.runtime_rows("tiny", served, manifest, tmp_path))
    assert len(rows) == 2 * len(served) + 4
    assert rows[2].value == "10.0 ms (1.00x torch), 100.0 images/s"
    assert [bool(row.goal) for row in rows] == [False] * 2 * len(served) + [True] * 4
    assert set(asked) == {len(manifest)}


def test_graphs_agree_with_torch_and_another_network_does_not(served, manifest, save_untrained):
    rows = list(bench.parity_rows("tiny", served, manifest))
    assert [row.name for row in rows] == [f"`echoduet-tiny` by {way} against PyTorch" for way in ("onnx", "openvino")]
    assert all(row.met and row.value.startswith(f"{len(manifest)} images") for row in rows)
    other = served[0], replace(served[1], model=save_untrained(), runtime="torch")
    (row,) = bench.parity_rows("tiny", other, manifest)
    assert not row.met


def test_the_reference_answers_once_for_all(exported, manifest):
    reference, candidate = Predictor.load(exported.bundle, "cpu", runtime="torch"), Predictor.load(exported.onnx, "cpu")
    drawn = []
    images = ((case.case_id, drawn.append(case.case_id) or read_gray(case.image)) for case in manifest)
    found = bench.agreement(reference, {"one": candidate, "other": reference}, images)
    assert [parity.images for parity in found.values()] == [len(manifest)] * 2
    assert found["other"].dice_least == 1
    assert found["other"].probability == 0
    assert drawn == [case.case_id for case in manifest]


def test_the_loss_of_eight_bits_is_told_of_graphs_in_eight_bits_alone(served):
    (phantoms,) = bench.loss_rows("tiny", served, real=False)
    assert not phantoms.goal
    (row,) = bench.loss_rows("tiny", served, real=True)
    assert row.name == "`echoduet-tiny` by onnx int8, on 9 images not calibrated on"
    assert (row.value, row.met) == ("points lost to eight bits: Dice +0.20; accuracy +0.60", False)


def test_a_real_server_is_measured(exported):
    speed, even, memory = bench.server_rows("tiny", Way("onnx", exported.onnx, "onnx"), 20)
    assert all("`echoduet-tiny` by onnx, 20 requests" in row.name for row in (speed, even, memory))
    assert not speed.goal
    assert even.value.endswith("; 0 refused")
    assert memory.name.endswith("memory after 4 and after 20")


@pytest.mark.parametrize(
    ("changed", "met"),
    [({}, [True, True]), ({"p99_ms": 40.0}, [False, True]), ({"refused": 1}, [False, True]),
     ({"resident": {0: 90.0, 400: 100.0, 1000: 101.0, 2000: 102.1}}, [True, False])],
)  # fmt: skip
def test_an_uneven_a_refusing_and_a_growing_server_miss_the_goal(exported, monkeypatch, changed, met):
    async def measure(address, requests):
        good = Served(50.0, 10.0, 39.0, 0, {0: 90.0, 400: 100.0, 1000: 110.0, 2000: 101.9})
        return replace(good, **changed)

    monkeypatch.setattr(serving, "measure", measure)
    monkeypatch.setattr(serving, "served", lambda model, runtime: nullcontext(({"address": "http://x/"}, None)))
    rows = bench.server_rows("tiny", Way("onnx", exported.onnx, "onnx"), 2000)
    assert [row.met for row in rows if row.goal] == met


def test_committed_rows_of_refusals_are_counted(tmp_path):
    path = tmp_path / "rows.csv"
    lines = ["block,kind,picture,refused", *["no ultrasound,noise,x,not_ultrasound"] * 19, "no ultrasound,noise,x,"]
    lines += ["BUSI,clean list,x,"] * 49 + ["BUSI,clean list,x,too_small", "BUSI,all others,x,too_small"]
    path.write_text("\n".join(lines) + "\n")
    pictures, clean, everything = bench.refusal_rows(path)
    assert (pictures.value, pictures.goal, pictures.met) == ("95.0% refused, 19 of 20", ">= 95%", True)
    assert (clean.value, clean.goal, clean.met) == ("2.0% refused, 1 of 50", "<= 2%", True)
    assert (everything.value, everything.met) == ("3.9% refused, 2 of 51", False)
    assert "benchmarks/refusal.py report" in pictures.name


def test_calibration_is_computed_from_the_rows_of_the_releases():
    paths = {f"echoduet-{name}": bench.RESULTS / f"echoduet-{name}" / "oof.csv" for name in bench.NAMES}
    rows = list(bench.calibration_rows(paths))
    for row, name in zip(rows, paths, strict=True):
        told = Predictor.load(name.removeprefix("echoduet-")).info.provenance["out_of_fold"]["malignant_calibration"]
        assert row.value.startswith(f"{told['ece']:.3f} (")
        assert row.met == (told["ece"] <= 0.05)


def test_each_bundle_is_exported_and_measured_on_images_of_all_classes(manifest, miniature_busi, tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "prediction_rows", lambda manifest: iter(()))
    monkeypatch.setattr(bench, "IMAGES", 6)
    asked = []
    monkeypatch.setattr(bench, "bundle_rows", lambda *words: asked.append(words) or iter(()))
    rows = list(bench.inference_rows(miniature_busi, manifest, tmp_path, 7))
    assert len(rows) == 5
    assert all(row.goal for row in rows)
    assert [(name, len(listed), requests) for name, listed, _, requests, _ in asked] == [
        ("base", 6, 7),
        ("small", 6, 7),
    ]
    assert {case.label for case in asked[0][1]} == {case.label for case in manifest}


def test_a_bundle_has_all_kinds_of_rows(served, manifest, tmp_path, monkeypatch):
    sizes = []
    monkeypatch.setattr(runtimes, "ways", lambda *words: sizes.append(words[3:]) or served)
    for kind in ("runtime_rows", "loss_rows", "parity_rows", "server_rows"):
        monkeypatch.setattr(bench, kind, lambda *words, kind=kind: iter([(kind, words)]))
    found = list(bench.bundle_rows("tiny", manifest, tmp_path, 10, real=True))
    assert [kind for kind, _ in found] == ["loss_rows", "runtime_rows", "runtime_rows", "parity_rows", "server_rows"]
    assert [words[0] for kind, words in found if kind == "runtime_rows"] == ["tiny", "tiny at 256x256"]
    assert sizes == [(), (256,)]
    assert found[-1][1][1].name == "onnx"
