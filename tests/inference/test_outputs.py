import csv
import json
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from echoduet.data.images import write_png
from echoduet.errors import ModelError, OutputError
from echoduet.inference.inputs import InputFile, find_inputs
from echoduet.inference.outputs import COLUMNS, predict_files


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
        probabilities = line.pop("probabilities")
        assert {key: str(value) for key, value in line.items()} == {key: row[key] for key in line}
        assert probabilities == {name: float(row[f"probability_{name}"]) for name in ("benign", "malignant", "normal")}
        assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)


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
    predict_files(make_predictor(), small_lesion(tmp_path), tmp_path / "out", refined=False)
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

    def break_after_one(images) -> Iterator:
        yield from list(type(predictor).predict(predictor, images))[:1]
        raise ModelError("broke")

    predictor.predict = break_after_one
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
