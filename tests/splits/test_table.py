from __future__ import annotations

from pathlib import Path

import pytest

from echoduet.errors import ManifestError, SplitError
from echoduet.records import Case, Label
from echoduet.splits.table import Part, SplitRow, SplitTable, read_splits, write_splits

ROWS = (
    SplitRow("a", 0, Part.TRAIN),
    SplitRow("b, quoted", 0, Part.TEST),
    SplitRow("a", 1, Part.TEST),
    SplitRow("b, quoted", 1, Part.VAL),
)


def cases_called(*names: str) -> list[Case]:
    return [Case(name, Path(name), (), Label.BENIGN) for name in names]


def test_table_survives_a_round_trip(tmp_path: Path) -> None:
    write_splits(SplitTable(ROWS), tmp_path / "splits.csv")
    assert read_splits(tmp_path / "splits.csv") == SplitTable(ROWS)
    assert (tmp_path / "splits.csv").read_text().splitlines()[:2] == ["case_id,fold,part", "a,0,train"]


def test_a_table_saved_by_a_spreadsheet_is_read(tmp_path: Path) -> None:
    (tmp_path / "splits.csv").write_bytes(b"\xef\xbb\xbfcase_id,fold,part,remark\r\na,0,train,hm\r\n")
    assert read_splits(tmp_path / "splits.csv").rows == (SplitRow("a", 0, Part.TRAIN),)


def test_views_of_the_table() -> None:
    table = SplitTable(ROWS)
    assert table.folds == (0, 1)
    assert table.case_ids == ("a", "b, quoted")
    assert table.ids(0, "train") == ("a",)
    assert table.ids(1, Part.TRAIN) == ()
    assert table.parts(1) == {"a": Part.TEST, "b, quoted": Part.VAL}
    assert table.test_folds() == {"b, quoted": 0, "a": 1}


def test_an_unknown_fold_is_refused_with_those_there_are() -> None:
    with pytest.raises(SplitError, match=r"Fold 7 does not exist; the split has: 0, 1"):
        SplitTable(ROWS).ids(7, Part.TEST)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ((*ROWS, ROWS[0]), '"a" is listed twice in fold 0'),
        (ROWS[:3], '"b, quoted" is missing from fold 1'),
    ],
)
def test_every_case_stands_in_every_fold_once(rows: tuple[SplitRow, ...], message: str) -> None:
    with pytest.raises(SplitError, match=message):
        SplitTable(rows)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"case_id,fold\na,0\n", "no column 'part'"),
        (b"case_id,fold,part\na,zero,train\n", "line 2: 'fold' is 'zero', not a whole number"),
        (b"case_id,fold,part\na,,train\n", "line 2: 'fold' is empty"),
        (b"case_id,fold,part\na,0,exam\n", "line 2: 'part' is 'exam'. Write train, val, test or unused"),
        (b"case_id,fold,part\na,0\n", "line 2: 'part' is empty"),
        (b"case_id,fold,part\n", "has no rows"),
        (b"", "no column 'case_id'"),
        (b"case_id,fold,part\na,0,train\na,0,test\n", r"splits.csv: .*twice in fold 0"),
        (b"\xff\xfe\x00", "not UTF-8"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "splits.csv").write_bytes(content)
    with pytest.raises((SplitError, ManifestError), match=message) as caught:
        read_splits(tmp_path / "splits.csv")
    assert "splits.csv" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"nowhere\.csv"):
        read_splits(tmp_path / "nowhere.csv")


def test_a_table_of_other_cases_is_refused() -> None:
    table = SplitTable(ROWS)
    table.require_matches(cases_called("b, quoted", "a"))
    with pytest.raises(SplitError, match='"c" is not in the split'):
        table.require_matches(cases_called("a", "b, quoted", "c"))
    with pytest.raises(SplitError, match=r'"a" \(and 1 more\) is not in the data'):
        table.require_matches([])
