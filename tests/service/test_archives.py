"""The archive: read by another program, harmless names, tables that hold what was answered."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import zipfile
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from echoduet.inference.rows import COLUMNS, LESION_COLUMNS, NOTICE
from echoduet.records import Scan, Spacing
from echoduet.service.archives import PREDICTION_COLUMNS, archive, folder_name, table
from echoduet.service.corrections import correct
from echoduet.service.documents import Document, Documents
from echoduet.service.refusals import RefusedError
from echoduet.service.results import Place, failed
from echoduet.service.schemas import Layer, ResultBody

DOCUMENTS = Documents("small", "0" * 64, {})
MADE = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


@pytest.fixture
def results(keep, disc):
    """An answer, one that a person corrected, and a failure."""
    corrected = keep(Scan("x", disc(), spacing=Spacing(0.1, 0.1)), 1, "=cmd|' /C calc'!A0.png")
    mask = np.zeros((96, 128), bool)
    mask[5:15, 5:25] = True
    correct(corrected, mask)
    return [keep(), corrected, failed(Place(2, 2, "c.png"), "c.png: is damaged.", True)]


@pytest.fixture
def content(results):
    """The archive of these."""
    return b"".join(archive(results, DOCUMENTS, MADE))


def rows_of(content, name):
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return list(csv.DictReader(io.StringIO(file.read(name).decode())))


def test_it_holds_everything_about_the_results(content, results):
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        names = set(file.namelist())
        assert file.testzip() is None
        assert file.read("NOTICE.txt").decode().strip() == NOTICE
        assert file.read("0000-scan/mask.png") == results[0].layers.pictures[Layer.MASK]
        assert json.loads(file.read("0001-cmd_C_calc_A0/result.json"))["correction_lesions"]
        overlay = Image.open(io.BytesIO(file.read("0000-scan/overlay.png")))
        assert overlay.size[0] >= 128
        assert {info.date_time for info in file.infolist()} == {(2026, 3, 1, 12, 30, 0)}
    tables = {"NOTICE.txt", "predictions.csv", "lesions.csv"}
    answer = {f"0000-scan/{name}" for name in ("result.json", "overlay.png", "mask.nii.gz")}
    answer |= {f"0000-scan/{name}.png" for name in ("mask", "mask_raw", "probability", "uncertainty")}
    corrected = {name.replace("0000-scan", "0001-cmd_C_calc_A0") for name in answer}
    assert names == tables | answer | corrected | {"0001-cmd_C_calc_A0/correction.png", "0002-c/result.json"}


def test_an_explanation_comes_with_its_scale(keep):
    explained = keep(explain=True)
    content = b"".join(archive([explained, keep(index=1)], DOCUMENTS, MADE))
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        assert file.read("0000-scan/explanation.png") == explained.layers.pictures[Layer.EXPLANATION]
        assert json.loads(file.read("0000-scan/result.json"))["explanation_scale"] == explained.layers.scale > 0
        assert "explanation_scale" not in json.loads(file.read("0001-scan/result.json"))
        assert "0001-scan/explanation.png" not in file.namelist()


def test_the_tables_hold_what_was_answered(content, results):
    predictions = rows_of(content, "predictions.csv")
    assert tuple(predictions[0]) == PREDICTION_COLUMNS
    assert tuple(predictions[0])[: len(COLUMNS)] == COLUMNS  # as `echoduet predict` writes them
    assert [row["status"] for row in predictions] == ["answered", "answered", "failed"]
    assert [row["corrected"] for row in predictions] == ["0", "1", "0"]
    body = results[0].body
    assert predictions[0]["label"] == body.label.value
    assert float(predictions[0]["probability_malignant"]) == body.probabilities.malignant
    assert int(predictions[0]["lesion_area"]) == body.lesion_area_px
    assert (predictions[0]["name"], predictions[0]["file"]) == ("0000-scan", "scan.png")
    assert (predictions[2]["label"], predictions[2]["error"]) == ("", "c.png: is damaged.")
    lesions = rows_of(content, "lesions.csv")
    assert tuple(lesions[0]) == (*LESION_COLUMNS, "of")
    assert [(row["name"][:4], row["of"], row["unit"]) for row in lesions] == [
        ("0000", "answer", "px"),
        ("0001", "answer", "mm"),
        ("0001", "correction", "mm"),
    ]
    assert float(lesions[2]["area"]) == pytest.approx(10 * 20 * 0.01)


def test_a_name_that_a_spreadsheet_would_run_is_quoted(content):
    assert rows_of(content, "predictions.csv")[1]["file"] == "'=cmd|' /C calc'!A0.png"


@given(st.text("=+-@\t',\" ab0", max_size=12))
def test_no_cell_is_a_formula(text):
    (row,) = csv.DictReader(io.StringIO(table(("a", "b"), [{"a": text, "b": 1}])))
    assert not row["a"].startswith(("=", "+", "-", "@", "\t"))
    assert row["a"] in (text, f"'{text}")


@given(st.text(max_size=60), st.integers(0, 99_999))
def test_folders_have_harmless_names_of_their_own(name, index):
    folder = folder_name(ResultBody(index=index, file=0, name=name, status="failed"))
    assert folder.startswith(f"{index:04d}")
    assert len(folder) <= 46
    assert set(folder) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


def test_it_is_written_piece_by_piece(results):
    pieces = list(archive(results, DOCUMENTS, MADE))
    assert len(pieces) > 10
    assert max(map(len, pieces)) < sum(map(len, pieces)) / 2


def test_a_file_that_cannot_be_made_is_told_and_the_rest_is_there(results, monkeypatch):
    class Careless(Documents):
        def make(self, kept, document):
            if document is Document.NIFTI:
                raise RefusedError(409, "document", "This one cannot.")
            return super().make(kept, document)

    content = b"".join(archive(results, Careless("small", "", {}), MADE))
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        assert file.read("PROBLEMS.txt").decode().splitlines()[0] == "0000-scan/mask.nii.gz: This one cannot."
        assert "0000-scan/overlay.png" in file.namelist()


def test_another_program_unpacks_it(content, tmp_path):
    if shutil.which("unzip") is None:
        pytest.skip("no unzip is installed")
    (tmp_path / "a.zip").write_bytes(content)
    subprocess.run(["unzip", "-q", "a.zip", "-d", "out"], cwd=tmp_path, check=True)
    assert (tmp_path / "out" / "0000-scan" / "mask.png").is_file()
