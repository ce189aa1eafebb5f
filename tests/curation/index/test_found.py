from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoduet.curation.index.found import MATCH, FoundPairs, Matches, as_matches, as_pairs
from echoduet.curation.matching.search import Match
from echoduet.curation.relations import IDENTITY, Pair, Relation, Transform
from echoduet.errors import CurationError

TURNED = Transform(mirrored=True, rotation=10.0, scale=2.0, dx=3.0, dy=4.0)


def rows(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


def matches(*pairs: tuple[int, int]) -> Matches:
    return as_matches([Match(a, b, Relation.COPY, IDENTITY, 1.0, 1.0, 1.0) for a, b in pairs], np.arange(100))


def ends(found: Matches) -> list[tuple[int, int]]:
    return list(zip(found["a"].tolist(), found["b"].tolist(), strict=True))


def test_the_log_comes_back_step_by_step(tmp_path: Path) -> None:
    log = FoundPairs(tmp_path / "log")
    assert len(log.searched()) == len(log.matches()) == 0
    log.add(rows(0, 1, 2), matches((0, 2)))
    log.add(rows(5, 3), matches((2, 5), (5, 3)))
    for one in (log, FoundPairs(tmp_path / "log")):
        assert one.searched().tolist() == [0, 1, 2, 5, 3]
        assert ends(one.matches()) == [(0, 2), (2, 5), (5, 3)]


def test_what_is_forgotten_can_be_found_anew(tmp_path: Path) -> None:
    log = FoundPairs(tmp_path / "log")
    log.add(rows(0, 1, 2), matches((0, 2), (0, 1)))
    log.forget(rows(2, 9))
    assert log.searched().tolist() == [0, 1]
    assert ends(log.matches()) == [(0, 1)]
    log.add(rows(3, 2), matches((1, 2)))
    again = FoundPairs(tmp_path / "log")
    assert again.searched().tolist() == [0, 1, 3, 2]
    assert ends(again.matches()) == [(0, 1), (1, 2)]


@given(st.lists(st.one_of(st.sets(st.integers(0, 9)), st.integers(0, 9)), max_size=8))
def test_the_log_follows_a_plain_model(tmp_path_factory: pytest.TempPathFactory, steps: list[set[int] | int]) -> None:
    """A set is searched as far as it is new, and matched with all that came before; a number is forgotten."""
    log = FoundPairs(tmp_path_factory.mktemp("log"))
    order: list[int] = []
    pairs: list[tuple[int, int]] = []
    for step in steps:
        if isinstance(step, int):
            log.forget(rows(step))
            order = [row for row in order if row != step]
            pairs = [pair for pair in pairs if step not in pair]
            continue
        new = [row for row in sorted(step) if row not in order]
        found = [(a, b) for b in new for a in order]
        log.add(rows(*new), matches(*found))
        order, pairs = order + new, pairs + found
    again = FoundPairs(log.folder)
    assert (again.searched().tolist(), ends(again.matches())) == (order, pairs)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 and then nothing", b"no archive at all"])
def test_a_damaged_step_is_named(tmp_path: Path, damage: bytes) -> None:
    log = FoundPairs(tmp_path / "log")
    log.add(rows(0, 1), matches((0, 1)))
    (tmp_path / "log" / "000000.npz").write_bytes(damage)
    with pytest.raises(CurationError, match=r"000000\.npz: is missing or damaged"):
        FoundPairs(tmp_path / "log")


def test_a_missing_step_and_one_of_another_version_are_named(tmp_path: Path) -> None:
    log = FoundPairs(tmp_path / "log")
    log.add(rows(0), matches())
    log.add(rows(1), matches((0, 1)))
    first = tmp_path / "log" / "000000.npz"
    first.unlink()
    with pytest.raises(CurationError, match=r"000000\.npz: is missing"):
        FoundPairs(tmp_path / "log")
    np.savez(first, rows=rows(0), forgotten=rows(), matches=np.zeros(0, MATCH.descr[:2]))
    with pytest.raises(CurationError, match="another version"):
        FoundPairs(tmp_path / "log")


def test_a_step_that_would_need_pickle_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    np.savez(folder / "000000.npz", rows=np.array([{}], dtype=object), forgotten=rows(), matches=matches())
    with pytest.raises(CurationError, match="damaged"):
        FoundPairs(folder)


def test_pairs_stand_in_the_order_of_the_cases_not_of_the_rows() -> None:
    found = as_matches([Match(0, 1, Relation.SAME_SCAN, TURNED, 0.7, 0.8, 0.9)], rows(4, 6))
    assert as_pairs(found, {4: "a", 6: "b"}) == (Pair("a", "b", Relation.SAME_SCAN, TURNED, 0.7, 0.8, 0.9),)
    (pair,) = as_pairs(found, {6: "b", 5: "x", 4: "a"})
    assert pair == Pair("a", "b", Relation.SAME_SCAN, TURNED, 0.7, 0.8, 0.9).reversed()
    assert (pair.case_a, pair.case_b) == ("b", "a")
    assert as_pairs(found, {4: "a", 5: "x"}) == as_pairs(found, {}) == ()


@given(st.permutations(range(6)), st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=10))
def test_pairs_are_sorted_by_both_cases(order: list[int], ends_: set[tuple[int, int]]) -> None:
    found = matches(*((a, b) for a, b in ends_ if a < b))
    names = {row: f"case {row}" for row in order}
    position = {name: i for i, name in enumerate(names.values())}
    places = [(position[pair.case_a], position[pair.case_b]) for pair in as_pairs(found, names)]
    assert places == sorted(places)
    assert len(places) == len(found)
    assert all(a < b for a, b in places)
