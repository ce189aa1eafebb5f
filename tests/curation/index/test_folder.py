from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoduet.curation.index import folder as folder_module
from echoduet.curation.index.folder import Index
from echoduet.curation.matching.features import FeatureTable, tabulate
from echoduet.curation.matching.settings import MatchSettings
from echoduet.errors import CurationError, OutputError

Opened = Callable[[], Index]


def assert_same(table: FeatureTable, expected: FeatureTable) -> None:
    for field in fields(FeatureTable):
        np.testing.assert_array_equal(getattr(table, field.name), getattr(expected, field.name), err_msg=field.name)


def test_what_was_added_is_there_when_opened_again(opened: Opened, noise, settings) -> None:
    read = [noise(number) for number in (3, 0, 5, 2)]
    with opened() as index:
        index.add(read[:3])
        index.add(read[3:])
        index.add([])
        in_memory = index.table(np.arange(4))
    with opened() as index:
        assert len(index) == 4
        assert [index[row] for row in range(4)] == [entry for entry, _ in read]
        assert [index.row_of(entry.key) for entry, _ in read] == [0, 1, 2, 3]
        for table in (in_memory, index.table(np.arange(4))):
            assert_same(table, tabulate([features for _, features in read], settings.side))


@given(rows=st.lists(st.integers(0, 5), unique=True))
def test_a_table_is_made_of_any_rows_in_any_order(tmp_path_factory, noise, rows: list[int]) -> None:
    with Index.open(tmp_path_factory.mktemp("index"), MatchSettings(side=96, features=60)) as index:
        read = [noise(number) for number in (3, 0, 5, 2, 4, 1)]
        index.add(read)
        assert_same(index.table(np.array(rows, np.int64)), tabulate([read[row][1] for row in rows], 96))


def test_a_case_read_again_has_a_new_row(opened: Opened, noise) -> None:
    (entry, features), other = noise(4), noise(5)
    with opened() as index:
        index.add([(entry, features), other])
        index.add([(replace(entry, stamps=((9, 9), (9, 9))), features)])
        assert index.row_of(entry.key) == 2
    with opened() as index:
        assert index.row_of(entry.key) == 2
        assert index.row_of(replace(entry.key, image="/elsewhere.png")) is None


def test_a_shard_that_was_never_finished_does_not_count(opened: Opened, noise, settings, monkeypatch) -> None:
    """Stop after each file that `add` writes: what was there stays, and the next `add` takes the place."""
    first, second, third = noise(2), noise(3), noise(4)
    with opened() as index:
        index.add([first])
    for stop in range(5):
        steps = iter(range(stop))

        def stopped(*_: object, steps=steps, write=folder_module.Column.write) -> None:
            if next(steps, None) is None:
                raise KeyboardInterrupt
            write(*_)

        with opened() as index, monkeypatch.context() as patch:
            patch.setattr(folder_module.Column, "write", stopped)
            patch.setattr(folder_module, "write_text", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                index.add([second])
        with opened() as index:
            assert len(index) == 1
            assert_same(index.table(np.arange(1)), tabulate([first[1]], settings.side))
    with opened() as index:
        index.add([third])
    with opened() as index:
        assert_same(index.table(np.arange(2)), tabulate([first[1], third[1]], settings.side))


def test_an_index_is_open_once(opened: Opened) -> None:
    with opened(), pytest.raises(OutputError, match="another run is using it"):
        opened()
    opened().close()


def test_other_settings_and_versions_are_refused_with_the_reason(opened: Opened, tmp_path: Path, settings) -> None:
    opened().close()
    for _ in range(2):  # a refusal lets go of the folder
        with pytest.raises(CurationError, match=r"was made with side 96, not 128. Delete it"):
            Index.open(tmp_path / "index", replace(settings, side=128))
    # What the features do not depend on may differ.
    Index.open(tmp_path / "index", replace(settings, votes=5)).close()
    head = tmp_path / "index" / "index.json"
    head.write_text(head.read_text().replace('"version": 1', '"version": 0', 1))
    with pytest.raises(CurationError, match="is an index of another version"):
        opened()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"version": 1}', '{"version": 1, "features": 3}'])
def test_a_damaged_head_is_told(opened: Opened, tmp_path: Path, text: str) -> None:
    opened().close()
    (tmp_path / "index" / "index.json").write_text(text)
    with pytest.raises(CurationError, match="index"):
        opened()


def test_damaged_and_missing_shards_are_named(opened: Opened, tmp_path: Path, noise) -> None:
    with opened() as index:
        index.add([noise(2)])
        index.add([noise(3)])
    shard = tmp_path / "index" / "shards" / "000000.json"
    content = shard.read_text()
    for damaged in (content[:40], json.dumps([[1, 2]]), json.dumps(7)):
        shard.write_text(damaged)
        with pytest.raises(CurationError, match=r"000000\.json: is .*damaged"):
            opened()
    shard.unlink()
    with pytest.raises(CurationError, match=r"000000\.json: is missing"):
        opened()


def test_a_column_that_was_cut_off_is_told(opened: Opened, tmp_path: Path, noise) -> None:
    with opened() as index:
        index.add([noise(2)])
    (tmp_path / "index" / "pictures.u8").write_bytes(b"123")
    with opened() as index, pytest.raises(CurationError, match=r"pictures\.u8: is missing or too short"):
        index.table(np.arange(1))


def test_a_folder_of_other_things_is_left_alone(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "thesis.docx").write_text("years of work")
    with pytest.raises(CurationError, match=r"holds thesis\.docx and no index"):
        opened()
    assert [path.name for path in (tmp_path / "index").iterdir()] == ["thesis.docx"]


def test_a_place_that_is_no_folder_is_told(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "index").write_text("a file")
    with pytest.raises(OutputError, match="index"):
        opened()


def test_what_a_killed_run_left_half_written_is_swept_away(opened: Opened, tmp_path: Path, noise, settings) -> None:
    with opened() as index:
        index.add([noise(2)])
        index.found(settings).add(np.arange(1), np.zeros(0, folder_module.FoundPairs(tmp_path).matches().dtype))
    (log,) = (tmp_path / "index").glob("found-*")
    left = [tmp_path / "index" / ".index-0a1b2c3d.json", log / ".000001-0a1b2c3d.npz"]
    left += [tmp_path / "index" / "shards" / ".000001-0a1b2c3d.json", tmp_path / "index" / ".probe-0a1b2c3d"]
    for path in left:
        path.write_text("half")
    with opened() as index:
        assert len(index.found(settings).searched()) == 1
    assert not any(path.exists() for path in left)


def test_every_set_of_thresholds_has_a_log_of_its_own(opened: Opened, settings) -> None:
    with opened() as index:
        empty = index.found(settings).matches()
        index.found(settings).add(np.arange(3), empty)
        assert len(index.found(settings).searched()) == 3
        assert len(index.found(replace(settings, votes=5)).searched()) == 0
