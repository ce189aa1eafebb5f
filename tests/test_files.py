"""Files appear whole or not at all."""

from __future__ import annotations

import csv
import errno
import json
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoduet.errors import OutputError
from echoduet.files import atomic_path, require_writable, user_cache, write_bytes, write_csv, write_json, write_text

CELL = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=12)


def names(folder):
    """Return what lies in `folder`."""
    return sorted(path.name for path in folder.iterdir())


def test_the_folder_is_made_and_only_the_file_is_left(tmp_path):
    write_text(tmp_path / "a" / "b" / "c.txt", "größer\n")
    assert (tmp_path / "a" / "b" / "c.txt").read_bytes() == "größer\n".encode()
    assert names(tmp_path / "a" / "b") == ["c.txt"]


def test_until_the_block_ends_the_old_file_stands(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".csv"
        assert temporary.name.startswith(".")
    assert path.read_text() == "new"


def test_a_block_that_fails_leaves_everything_as_it_was(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")

    def half_written():
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half_written()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["table.csv"]


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OutputError, match=r"a\.txt: cannot be written \(No space left on device\)"):
        write_text(tmp_path / "a.txt", "x")
    assert names(tmp_path) == []


def test_a_disk_that_fills_up_at_the_end_is_noticed(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("echoduet.files.os.fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        write_bytes(tmp_path / "a.bin", b"x")
    assert names(tmp_path) == []


def test_a_place_that_cannot_hold_files_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file/a\.txt: cannot be written .*choose another --out"):
        write_text(tmp_path / "file" / "a.txt", "x")


def test_a_folder_in_the_way_is_named(tmp_path):
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(OutputError, match=r"a\.txt: cannot be written"):
        write_text(tmp_path / "a.txt", "x")
    assert names(tmp_path) == ["a.txt"]


def test_many_writers_of_one_file_leave_one_whole_file(tmp_path):
    path = tmp_path / "a.txt"
    texts = [str(number) * 100_000 for number in range(8)]
    threads = [threading.Thread(target=write_text, args=(path, text)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() in texts
    assert names(tmp_path) == ["a.txt"]


def test_json_is_readable_and_has_no_nan(tmp_path):
    path = tmp_path / "m.json"
    write_json(path, {"b": [1, 2.5], "a": "größer"})
    assert json.loads(path.read_text(encoding="utf-8")) == {"b": [1, 2.5], "a": "größer"}
    assert "größer" in path.read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"x": float("nan")})
    assert json.loads(path.read_text(encoding="utf-8"))["b"] == [1, 2.5]


@given(st.lists(st.fixed_dictionaries({"a": CELL, "b": CELL | st.integers()}), max_size=5))
def test_csv_comes_back_as_it_was(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    write_csv(path, ["a", "b"], rows)
    with path.open(newline="", encoding="utf-8") as stream:
        assert list(csv.DictReader(stream)) == [{key: str(value) for key, value in row.items()} for row in rows]


def test_in_csv_none_is_an_empty_cell_and_lines_end_alike(tmp_path):
    write_csv(tmp_path / "t.csv", ["a", "b"], iter([{"a": None, "b": 'x, "y"'}]))
    assert (tmp_path / "t.csv").read_bytes() == b'a,b\n,"x, ""y"""\n'


def test_a_row_with_an_unknown_column_is_refused_and_nothing_is_left(tmp_path):
    with pytest.raises(ValueError, match="fields not in fieldnames"):
        write_csv(tmp_path / "t.csv", ["a"], [{"a": 1}, {"z": 2}])
    assert names(tmp_path) == []


def test_asking_whether_a_folder_can_be_written_to_leaves_nothing(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "file").touch()
    require_writable(tmp_path / "new" / "folder")
    require_writable(tmp_path / "old")
    assert names(tmp_path) == ["old"]
    assert names(tmp_path / "old") == ["file"]


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file: is a file, and a folder is needed there"):
        require_writable(tmp_path / "file" / "folder")


def test_the_cache_folder_can_be_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("ECHODUET_CACHE", str(tmp_path))
    assert user_cache() == tmp_path
    monkeypatch.delenv("ECHODUET_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert user_cache() == Path("/somewhere/echoduet")
