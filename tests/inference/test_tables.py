from __future__ import annotations

import csv
import json

import pytest

from echoduet.errors import OutputError
from echoduet.inference.rows import record
from echoduet.inference.tables import open_tables
from echoduet.records import Scan


@pytest.fixture
def row(make_predictor, rng):
    scan = Scan('ä, "b"', rng.integers(0, 256, (40, 50), dtype="uint8"))
    (analysis,) = make_predictor(thresholds={"mask": 0.5}).analyse([scan])
    made = record(analysis, analysis.raw, analysis.lesions)
    return made | {"file": "x/ä.png", "mask": None, "overlay": None}


def test_a_row_goes_into_all_three_tables_of_answers(tmp_path, row):
    with open_tables(tmp_path) as tables:
        tables.add(row)
        tables.add(row)
    with (tmp_path / "predictions.csv").open(newline="", encoding="utf-8") as stream:
        assert [cells["name"] for cells in csv.DictReader(stream)] == [row["name"]] * 2
    lines = (tmp_path / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [row, row]
    with (tmp_path / "lesions.csv").open(newline="", encoding="utf-8") as stream:
        assert len(list(csv.DictReader(stream))) == 2 * len(row["lesions"])


def test_what_was_skipped_has_a_table(tmp_path):
    with open_tables(tmp_path) as tables:
        tables.skip(tmp_path / "a.png", 'a.png: is "empty", as it were.')
    with (tmp_path / "skipped.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert rows == [{"file": str(tmp_path / "a.png"), "reason": 'a.png: is "empty", as it were.'}]


def test_nothing_appears_where_the_run_breaks(tmp_path, row):
    with pytest.raises(RuntimeError, match="broke"), open_tables(tmp_path) as tables:
        tables.add(row)
        raise RuntimeError("broke")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file"), open_tables(tmp_path / "file"):
        pass
