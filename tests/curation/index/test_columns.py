from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoduet.curation.index.columns import Column, gathered, release
from echoduet.errors import CurationError, OutputError


def test_rows_come_back_in_the_order_written(tmp_path: Path, rng: np.random.Generator) -> None:
    rows = rng.random((7, 3), dtype=np.float32)
    column = Column(tmp_path / "c", (3,), np.float32)
    column.write(0, [rows[:2], rows[2:4]])
    column.write(4, [rows[4:]])
    np.testing.assert_array_equal(column.read(7), rows)
    np.testing.assert_array_equal(column.read(3), rows[:3])


def test_what_was_not_committed_is_overwritten(tmp_path: Path) -> None:
    column = Column(tmp_path / "c", (2,), np.uint8)
    column.write(0, [np.full((2, 2), 1, np.uint8)])
    column.write(2, [np.full((5, 2), 9, np.uint8)])  # a run that was killed before it could say so
    column.write(2, [np.zeros((1, 2), np.uint8), np.full((1, 2), 3, np.uint8)])
    assert column.read(4).tolist() == [[1, 1], [1, 1], [0, 0], [3, 3]]
    assert column.path.stat().st_size == 8


def test_rows_of_zeros_take_no_space(tmp_path: Path) -> None:
    column = Column(tmp_path / "c", (1024, 1024), np.uint8)
    column.write(0, [np.zeros((1, 1024, 1024), np.uint8)] * 8)
    assert column.path.stat().st_blocks * 512 < 2**20
    assert not column.read(8).any()


def test_a_file_that_is_missing_or_too_short_is_told(tmp_path: Path) -> None:
    column = Column(tmp_path / "c", (2,), np.uint8)
    with pytest.raises(CurationError, match="c: is missing or too short"):
        column.read(1)
    column.write(0, [np.ones((2, 2), np.uint8)])
    with pytest.raises(CurationError, match="too short"):
        column.read(3)
    assert len(column.read(0)) == 0


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        Column(tmp_path / "gone" / "c", (2,), np.uint8).write(0, [np.ones((2, 2), np.uint8)])


def test_released_rows_can_be_read_again(tmp_path: Path) -> None:
    column = Column(tmp_path / "c", (4096,), np.uint8)
    column.write(0, [np.full((4, 4096), 5, np.uint8)])
    rows = column.read(4)
    assert rows.sum() == 5 * 4 * 4096
    release(rows)
    assert rows.sum() == 5 * 4 * 4096
    release(np.arange(3))  # what is not mapped is left alone


@given(st.lists(st.integers(0, 5), max_size=12))
def test_gathering_is_indexing(tmp_path_factory: pytest.TempPathFactory, chosen: list[int]) -> None:
    folder = tmp_path_factory.mktemp("gather")
    rows = np.arange(12, dtype=np.float32).reshape(6, 2)
    indices = np.array(chosen, np.int64)
    np.testing.assert_array_equal(gathered(rows, indices, folder), rows[indices])
    assert list(folder.iterdir()) == []
