"""`echoduet predict` as its user meets it."""

from __future__ import annotations

import csv
import shutil

import numpy as np
import skimage.data
from PIL import Image

from echoduet.data.phantom_dicom import PhantomExam, write_phantom_dicom


def table(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_folder_is_predicted_without_its_masks(call, untrained, miniature_busi, tmp_path):
    done = call("predict", miniature_busi, "--model", untrained, "--out", tmp_path / "out")
    assert done.code == 0, done.err
    assert "14 images predicted by torch (" in done.out
    assert "reference masks" in done.err
    assert "no thresholds of refusal" in done.err
    rows = table(tmp_path / "out" / "predictions.csv")
    assert len(rows) == 14
    for row in rows:
        with Image.open(tmp_path / "out" / row["mask"]) as mask, Image.open(row["file"]) as image:
            assert mask.size == image.size


def test_unreadable_inputs_give_code_1_and_the_rest_is_done(call, untrained, miniature_busi, tmp_path):
    good, empty = miniature_busi / "benign" / "benign (1).png", tmp_path / "empty.png"
    empty.touch()
    done = call(
        "predict", good, empty, tmp_path / "gone.png", "--model", untrained, "--out", tmp_path / "out", "--json"
    )
    assert done.code == 1
    assert done.json["predicted"] == 1
    assert [item["file"] for item in done.json["skipped"]] == [str(empty), str(tmp_path / "gone.png")]
    assert "empty.png" in done.err
    assert [row["file"] for row in table(tmp_path / "out" / "skipped.csv")] == [str(empty), str(tmp_path / "gone.png")]
    assert "Traceback" not in done.err


def test_quiet_says_nothing_but_keeps_the_code(call, untrained, tmp_path):
    (tmp_path / "a.png").touch()
    done = call("predict", tmp_path / "a.png", "--model", untrained, "--out", tmp_path / "out", "--quiet")
    assert (done.code, done.out, done.err) == (1, "", "")


def test_raw_and_refined_answers_agree_where_refining_says_so(call, untrained, miniature_busi, tmp_path):
    for name, option in (("refined", "--refine"), ("raw", "--no-refine")):
        assert call("predict", miniature_busi, "--model", untrained, "--out", tmp_path / name, option).code == 0
    raw, refined = (table(tmp_path / name / "predictions.csv") for name in ("raw", "refined"))
    for before, after in zip(raw, refined, strict=True):
        assert before["label"] == before["label_raw"] == after["label_raw"]
        assert (after["label"] == "normal") == (after["lesion_area"] == "0")


def test_a_second_run_into_the_same_place_replaces_and_does_not_predict_its_own_masks(call, untrained, tmp_path, rng):
    Image.fromarray(rng.integers(0, 255, (40, 50), dtype=np.uint8)).save(tmp_path / "a.png")
    for _ in range(2):
        done = call("predict", tmp_path, "--model", untrained, "--out", tmp_path / "out")
        assert "1 images predicted" in done.out


def test_no_image_no_model_no_place(call, untrained, miniature_busi, tmp_path):
    (tmp_path / "nothing").mkdir()
    file = tmp_path / "file"
    file.touch()
    shutil.copy(untrained, tmp_path / "cut.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(untrained.read_bytes()[:5000])
    for images, model, out, named in (
        (tmp_path / "nothing", untrained, tmp_path / "out", "nothing: no image found"),
        (miniature_busi, tmp_path / "gone.safetensors", tmp_path / "out", "gone.safetensors"),
        (miniature_busi, tmp_path / "cut.safetensors", tmp_path / "out", "cut.safetensors"),
        (miniature_busi, file, tmp_path / "out", "file"),
        (miniature_busi, untrained, file, "file"),
    ):
        done = call("predict", images, "--model", model, "--out", out)
        assert done.code == 2
        assert named in done.err
        assert "Traceback" not in done.err
        assert not (tmp_path / "out").exists()
    assert file.read_bytes() == b""


def test_a_photograph_is_refused_and_answered_only_on_request(call, tmp_path):
    photograph = tmp_path / "astronaut.png"
    Image.fromarray(skimage.data.astronaut()).save(photograph)
    done = call("predict", photograph, "--model", "small", "--out", tmp_path / "out", "--json")
    assert (done.code, done.json["predicted"]) == (0, 0)
    assert done.json["refused"]["not_ultrasound"] == 1
    assert (done.json["runtime"], done.json["notice"][:18]) == ("torch", "Research use only.")
    assert (tmp_path / "out" / "NOTICE.txt").read_text().rstrip() == done.json["notice"]
    assert (
        "no thresholds of refusal" not in call("predict", photograph, "--model", "small", "--out", tmp_path / "out").err
    )
    (row,) = table(tmp_path / "out" / "predictions.csv")
    assert "not_ultrasound" in row["refused"].split()
    assert row["label"] == row["mask"] == ""
    assert not (tmp_path / "out" / "masks").exists()
    done = call("predict", photograph, "--model", "small", "--out", tmp_path / "all", "--no-refuse", "--json")
    assert (done.json["predicted"], done.json["refused"]["not_ultrasound"]) == (1, 1)


def test_a_dicom_loop_gets_dicom_answers_nifti_and_maps(call, tmp_path):
    write_phantom_dicom(tmp_path / "in" / "loop.dcm", PhantomExam(frames=2, width=320))
    done = call(
        "predict", tmp_path / "in", "--model", "small", "--out", tmp_path / "out", "--maps", "--nifti", "--capture"
    )
    assert done.code == 0, done.err
    assert "Research use only" in done.out
    kinds = {path.name.split(".", 1)[1] for path in (tmp_path / "out" / "dicom").iterdir()}
    assert {"sr.dcm", "f0001.sc.dcm", "f0002.sc.dcm"} <= kinds
    assert len(list((tmp_path / "out" / "nifti").iterdir())) == 2
    assert len(list((tmp_path / "out" / "uncertainty").iterdir())) == 2
    assert [row["name"] for row in table(tmp_path / "out" / "predictions.csv")] == ["loop-f001", "loop-f002"]
    plain = call("predict", tmp_path / "in", "--model", "small", "--out", tmp_path / "plain", "--no-dicom")
    assert plain.code == 0
    assert not (tmp_path / "plain" / "dicom").exists()
