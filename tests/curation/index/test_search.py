from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from echoduet.curation.index import search as search_module
from echoduet.curation.index.folder import Index
from echoduet.curation.index.search import related
from echoduet.curation.matching.search import find_pairs
from echoduet.curation.relations import Pair, Relation
from echoduet.errors import CurationError

Opened = Callable[[], Index]
SHAPE = (150, 180)


@pytest.fixture
def scans(scan, described) -> list:
    """Six read scans: 1 is a copy of 0 mirrored, 3 equals 2, 4 is a crop of 2, 5 is alone."""
    one, two, three = scan(1, SHAPE), scan(2, SHAPE), scan(3, SHAPE)
    images = [one, np.ascontiguousarray(one[:, ::-1]), two, two, np.ascontiguousarray(two[5:-8, 6:-9]), three]
    return [described(f"scan {i}", image) for i, image in enumerate(images)]


@pytest.fixture
def searched_for(monkeypatch) -> list[tuple[int, int]]:
    """Note from which image on a table was searched, and how long the table was."""
    calls: list[tuple[int, int]] = []

    def noting(table, settings, first, progress):
        calls.append((first, len(table)))
        return find_pairs(table, settings, first, progress)

    monkeypatch.setattr(search_module, "find_pairs", noting)
    return calls


def rows(names: Sequence[int]) -> dict[str, int]:
    return {f"scan {name}": name for name in names}


def ends(pairs: Sequence[Pair]) -> set[tuple[str, ...]]:
    return {tuple(pair.case_a[5:] + pair.case_b[5:]) for pair in pairs}


def test_pairs_are_found_once_and_kept(opened: Opened, scans, settings, searched_for) -> None:
    with opened() as index:
        index.add(scans)
        found = related(index, rows(range(6)), settings)
        assert ends(found) == {("0", "1"), ("2", "3"), ("2", "4")}
        assert found[1].relation is Relation.COPY
        assert found[0].transform.mirrored
    with opened() as index:
        assert related(index, rows(range(6)), settings) == found
    assert searched_for == [(0, 6)]


def test_new_images_alone_are_searched_for(opened: Opened, scans, settings, searched_for) -> None:
    with opened() as index:
        index.add(scans[:2])
        related(index, rows(range(2)), settings)
        index.add(scans[2:])
        found = related(index, rows(range(6)), settings)
    assert searched_for == [(0, 2), (2, 6)]
    assert ends(found) == {("0", "1"), ("2", "3"), ("2", "4")}


def test_the_order_of_the_cases_is_that_of_the_pairs(opened: Opened, scans, settings) -> None:
    with opened() as index:
        index.add(scans)
        plain = related(index, rows(range(6)), settings)
        turned = related(index, rows(range(5, -1, -1)), settings)
    assert set(turned) == {pair.reversed() for pair in plain}
    assert [pair.case_a for pair in turned] == ["scan 4", "scan 3", "scan 1"]


def test_an_image_equal_to_one_that_is_gone_is_searched_anew(opened: Opened, scans, settings, searched_for) -> None:
    with opened() as index:
        index.add(scans)
        related(index, rows(range(6)), settings)
        # 4 was compared with 2 for both 2 and 3; without 2, it must be found to be a crop of 3.
        found = related(index, rows([0, 1, 3, 4, 5]), settings)
    assert ends(found) == {("0", "1"), ("3", "4")}
    assert searched_for == [(0, 6), (4, 5)]


def test_what_was_left_out_can_come_back(opened: Opened, scans, settings) -> None:
    with opened() as index:
        index.add(scans)
        related(index, rows(range(6)), settings)
        assert ends(related(index, rows([0, 3, 5]), settings)) == set()
        # 3 stands now for itself and 2, which equals it, so that the crop is compared with 3.
        assert ends(related(index, rows(range(6)), settings)) == {("0", "1"), ("2", "3"), ("3", "4")}


def test_a_search_that_stops_goes_on_where_it_stopped(opened: Opened, scans, settings, monkeypatch) -> None:
    monkeypatch.setattr("echoduet.curation.matching.search.BLOCK", 2)
    with opened() as index:
        index.add(scans)
        whole = related(index, rows(range(6)), settings)

    def stopping(table, settings, first, progress):
        for number, block in enumerate(find_pairs(table, settings, first, progress)):
            if number == 1:
                raise KeyboardInterrupt
            yield block

    with opened() as index:
        index.found(settings).forget(np.arange(6))
        for left in (4, 2):
            monkeypatch.setattr(search_module, "find_pairs", stopping)
            with pytest.raises(KeyboardInterrupt):
                related(index, rows(range(6)), settings)
            assert len(index.found(settings).searched()) == 6 - left
        monkeypatch.setattr(search_module, "find_pairs", find_pairs)
        assert related(index, rows(range(6)), settings) == whole


def test_nothing_asked_for_is_nothing_found(opened: Opened, scans, settings) -> None:
    with opened() as index:
        index.add(scans[:1])
        assert related(index, {}, settings) == ()
        assert related(index, rows([0]), settings) == ()


def test_a_damaged_index_is_told_before_the_search(opened: Opened, scans, settings, tmp_path) -> None:
    with opened() as index:
        index.add(scans)
        (tmp_path / "index" / "descriptors.u8").unlink()
        with pytest.raises(CurationError, match=r"descriptors\.u8: is missing"):
            related(index, rows(range(6)), settings)


def test_a_crowd_of_equal_images_is_one_chain(opened: Opened, scans, settings) -> None:
    copies = [(entry_like(scans[0][0], number), scans[0][1]) for number in range(300)]
    with opened() as index:
        index.add(copies)
        found = related(index, {f"scan {i}": i for i in range(300)}, settings)
    assert len(found) < 400
    assert {pair.case_b for pair in found} == {f"scan {i}" for i in range(1, 300)}


def entry_like(entry, number):
    return replace(entry, key=replace(entry.key, image=f"/data/{number}.png"))
