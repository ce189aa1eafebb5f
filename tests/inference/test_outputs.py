import csv
import json
import os
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from echoduet.data.images import write_png
from echoduet.data.phantom_dicom import PhantomExam, write_phantom_dicom
from echoduet.errors import ModelError, OutputError
from echoduet.inference.inputs import InputFile, find_inputs
from echoduet.inference.outputs import Wanted, predict_files
from echoduet.inference.rows import COLUMNS, LESION_COLUMNS


def rows(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def scans(tmp_path):
    folder = tmp_path / "scans"
    for number, size in enumerate([(80, 100), (60, 64), (33, 47)]):
        image = np.zeros(size, np.uint8)
        image[10:25, 10:40] = 250
        write_png(folder / f"scan ({number}).png", image)
    return folder


def test_every_image_gets_mask_overlay_and_rows(make_predictor, scans, tmp_path):
    out = tmp_path / "out"
    run = predict_files(make_predictor(), find_inputs([scans]).files, out)
    table = rows(out / "predictions.csv")
    assert run.predicted == len(table) == 3
    assert [row["name"] for row in table] == ["scan (0)", "scan (1)", "scan (2)"]
    assert rows(out / "skipped.csv") == []
    for row in table:
        with Image.open(out / row["mask"]) as mask, Image.open(row["file"]) as image, Image.open(out / row["overlay"]):
            assert mask.size == image.size == (int(row["width"]), int(row["height"]))
            assert set(np.unique(np.asarray(mask))) <= {0, 255}
            assert (np.asarray(mask) > 0).sum() == int(row["lesion_area"])


def test_the_two_tables_say_the_same(make_predictor, scans, tmp_path):
    predict_files(make_predictor(), find_inputs([scans]).files, tmp_path / "out")
    table = rows(tmp_path / "out" / "predictions.csv")
    lines = [json.loads(line) for line in (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()]
    assert tuple(table[0]) == COLUMNS
    for row, line in zip(table, lines, strict=True):
        probabilities, uncertainty = line["probabilities"], line["uncertainty"]
        for key in ("name", "file", "width", "height", "label", "label_raw", "lesion_area", "lesion_share", "mask"):
            assert str(line[key]) == row[key]
        assert int(row["lesions"]) == len(line["lesions"])
        assert probabilities == {name: float(row[f"probability_{name}"]) for name in ("benign", "malignant", "normal")}
        assert uncertainty["outline"] == float(row["uncertainty_outline"])
        assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)


def test_odd_and_long_file_names_do_not_stop_a_run(make_predictor, tmp_path, rng):
    odd, long = os.fsdecode(b"sc\xffn.png"), "x" * 251 + ".png"
    for place in (odd, long, "again/" + long):
        (tmp_path / "in" / place).parent.mkdir(exist_ok=True, parents=True)
        Image.fromarray(rng.integers(0, 256, (40, 50), dtype=np.uint8)).save(tmp_path / "in" / place)
    broken = tmp_path / "in" / os.fsdecode(b"br\xffken.png")
    broken.touch()
    out = tmp_path / "out"
    run = predict_files(make_predictor(), find_inputs([tmp_path / "in"]).files, out)
    assert (run.predicted, [item.path for item in run.skipped]) == (3, [broken])
    files = [json.loads(line)["file"] for line in (out / "predictions.jsonl").read_text().splitlines()]
    assert str(tmp_path / "in" / odd) in files  # JSON brings back the very name
    assert "sc\\udcffn" in {row["name"] for row in rows(out / "predictions.csv")}
    assert rows(out / "skipped.csv")[0]["file"].endswith("br\\udcffken.png")
    assert len(list((out / "masks").iterdir())) == 3


def small_lesion(tmp_path):
    image = np.zeros((64, 64), np.uint8)
    image[30:34, 30:34] = 255  # outlined, but too dark on the whole for anything but normal
    write_png(tmp_path / "a.png", image)
    return [InputFile("a", tmp_path / "a.png")]


def test_answers_are_refined_and_the_raw_ones_kept_beside(make_predictor, tmp_path):
    predict_files(make_predictor(), small_lesion(tmp_path), tmp_path / "out")
    (row,) = rows(tmp_path / "out" / "predictions.csv")
    assert (row["label"], row["lesion_area"]) == ("normal", "0")
    assert int(row["lesion_area_raw"]) > 0
    with Image.open(tmp_path / "out" / "masks" / "a.png") as mask:
        assert not np.asarray(mask).any()


def test_raw_answers_on_request(make_predictor, tmp_path):
    predict_files(make_predictor(), small_lesion(tmp_path), tmp_path / "out", Wanted(refined=False))
    (row,) = rows(tmp_path / "out" / "predictions.csv")
    assert row["lesion_area"] == row["lesion_area_raw"] != "0"


def test_unreadable_inputs_are_skipped_and_the_rest_done(make_predictor, scans, tmp_path):
    (scans / "empty.png").touch()
    (scans / "text.png").write_text("no image")
    whole = (scans / "scan (0).png").read_bytes()
    (scans / "cut.png").write_bytes(whole[: len(whole) // 2])
    inputs = [*find_inputs([scans]).files, InputFile("gone", tmp_path / "gone.png")]
    run = predict_files(make_predictor(), inputs, tmp_path / "out")
    assert run.predicted == 3
    assert {item.path.name for item in run.skipped} == {"empty.png", "text.png", "cut.png", "gone.png"}
    listed = rows(tmp_path / "out" / "skipped.csv")
    assert all(row["reason"].startswith(row["file"]) for row in listed)
    assert len(listed) == 4
    assert len(list((tmp_path / "out" / "masks").iterdir())) == 3


def test_files_of_one_name_do_not_overwrite_each_other(make_predictor, tmp_path):
    for ward, level in (("a", 0), ("b", 255)):
        write_png(tmp_path / ward / "scan.png", np.full((40, 40), level, np.uint8))
    predict_files(make_predictor(), find_inputs([tmp_path / "a", tmp_path / "b"]).files, tmp_path / "out")
    table = rows(tmp_path / "out" / "predictions.csv")
    assert len({row["mask"] for row in table}) == 2
    assert [row["lesion_area"] for row in table] == ["0", "1600"]


@pytest.mark.parametrize(("tasks", "missing"), [("segmentation", "label"), ("classification", "mask")])
def test_single_task_models_leave_cells_empty(make_predictor, scans, tmp_path, tasks, missing):
    predict_files(make_predictor(tasks=tasks), find_inputs([scans]).files, tmp_path / "out")
    assert all(row[missing] == "" for row in rows(tmp_path / "out" / "predictions.csv"))
    assert (tmp_path / "out" / "masks").exists() == (missing != "mask")


def test_an_image_of_one_pixel_is_predicted(make_predictor, tmp_path):
    write_png(tmp_path / "dot.png", np.full((1, 1), 255, np.uint8))
    run = predict_files(make_predictor(), find_inputs([tmp_path / "dot.png"]).files, tmp_path / "out")
    assert (run.predicted, run.skipped) == (1, [])


def test_an_unwritable_place_is_named_and_nothing_left(make_predictor, scans, tmp_path):
    (tmp_path / "out").write_text("a file stands here")
    with pytest.raises(OutputError, match="out"):
        predict_files(make_predictor(), find_inputs([scans]).files, tmp_path / "out")
    assert (tmp_path / "out").read_text() == "a file stands here"


def test_a_run_that_breaks_leaves_no_tables(make_predictor, scans, tmp_path):
    predictor = make_predictor()

    def break_after_one(images, **asked) -> Iterator:
        yield from list(type(predictor).analyse(predictor, images))[:1]
        raise ModelError("broke")

    predictor.analyse = break_after_one
    with pytest.raises(ModelError, match="broke"):
        predict_files(predictor, find_inputs([scans]).files, tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.csv"))
    assert not list((tmp_path / "out").glob(".*"))


def test_progress_counts_the_inputs(make_predictor, scans, tmp_path):
    counted = []

    def progress(items, *, label, total=None):
        for item in items:
            counted.append((label, total))
            yield item

    predict_files(make_predictor(), find_inputs([scans]).files, tmp_path / "out", progress=progress)
    assert counted == [("predicting", 3)] * 3


def ultrasound(path, frames=1):
    return write_phantom_dicom(path, PhantomExam(seed=3, width=120, frames=frames))


def test_every_lesion_has_a_row_in_the_unit_of_its_file(make_predictor, tmp_path):
    image = np.zeros((64, 64), np.uint8)
    image[:40, :] = 255
    image[50:60, 5:20] = 255
    write_png(tmp_path / "two.png", image)
    predict_files(make_predictor(), [InputFile("two", tmp_path / "two.png")], tmp_path / "out")
    lesions = rows(tmp_path / "out" / "lesions.csv")
    assert tuple(lesions[0]) == LESION_COLUMNS
    assert [(row["name"], row["number"], row["unit"]) for row in lesions] == [("two", "1", "px"), ("two", "2", "px")]
    assert float(lesions[1]["width_height_ratio"]) == pytest.approx(1.5, abs=0.1)


def test_each_frame_of_a_loop_is_a_picture_of_its_own(make_predictor, tmp_path):
    path = ultrasound(tmp_path / "loop.dcm", frames=3)
    run = predict_files(make_predictor(), find_inputs([tmp_path]).files, tmp_path / "out")
    table = rows(tmp_path / "out" / "predictions.csv")
    assert run.predicted == 3
    assert [(row["name"], row["frame"]) for row in table] == [(f"loop-f00{n + 1}", str(n)) for n in range(3)]
    assert {row["file"] for row in table} == {str(path)}
    assert all(float(row["spacing_row"]) > 0 for row in table)
    assert len(list((tmp_path / "out" / "masks").iterdir())) == 3


def test_frames_before_a_damaged_one_are_answered_or_the_whole_file_is_skipped(make_predictor, tmp_path):
    path = ultrasound(tmp_path / "loop.dcm", frames=3)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    run = predict_files(make_predictor(), find_inputs([path]).files, tmp_path / "out")
    assert [item.path for item in run.skipped] == [path]
    assert "loop.dcm" in run.skipped[0].reason
    assert run.predicted < 3


def test_maps_and_explanations_are_written_when_asked_for(make_predictor, scans, tmp_path):
    files = find_inputs([scans]).files[:1]
    predict_files(make_predictor(), files, tmp_path / "plain")
    predict_files(make_predictor(), files, tmp_path / "rich", Wanted(maps=True, explain=True))
    assert {path.name for path in (tmp_path / "plain").iterdir() if path.is_dir()} == {"masks", "overlays"}
    for folder in ("probability", "uncertainty", "explanation"):
        with Image.open(tmp_path / "rich" / folder / "scan (0).png") as picture:
            assert picture.size == (100, 80)


def test_documents_are_written_once_a_file_after_its_last_frame(make_predictor, tmp_path):
    ultrasound(tmp_path / "a.dcm", frames=2)
    ultrasound(tmp_path / "b.dcm")
    told = []

    def documents(source, analyses, out):
        told.append((source.name, [analysis.scan.name for analysis in analyses], out))
        assert all(analysis.lesion_map is None and analysis.refined.mask is not None for analysis in analyses)

    predict_files(make_predictor(), find_inputs([tmp_path]).files, tmp_path / "out", Wanted(documents=documents))
    assert told == [("a", ["a-f001", "a-f002"], tmp_path / "out"), ("b", ["b"], tmp_path / "out")]
