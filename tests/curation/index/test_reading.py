from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from echoduet.curation.index import reading as reading_module
from echoduet.curation.index.folder import Index
from echoduet.curation.index.reading import read_case, read_cases
from echoduet.curation.matching.features import extract
from echoduet.curation.quality.issues import Issue
from echoduet.data.images import read_gray, write_png
from echoduet.data.manifest import Manifest, build_manifest, list_cases
from echoduet.data.masks import read_mask
from echoduet.data.verification import Trouble


@pytest.fixture
def listed(miniature_busi: Path) -> Manifest:
    return list_cases(miniature_busi)


@pytest.fixture
def files_read(monkeypatch) -> list[str]:
    """Note which cases are opened."""
    opened: list[str] = []

    def noting(case, settings):
        opened.append(case.case_id)
        return read_case(case, settings)

    monkeypatch.setattr(reading_module, "read_case", noting)
    return opened


def touch(path: Path) -> None:
    """Give a file another time of change."""
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 1_000_000))


def test_a_reading_holds_all_that_one_pass_gives(listed: Manifest, settings) -> None:
    case = listed.case("benign (2)")
    reading = read_case(case, settings)
    gray, mask = read_gray(case.image), read_mask(case.masks, None)
    expected = extract(gray, settings)
    assert reading.problems == ()
    assert reading.case == build_manifest(case.image.parents[1]).case("benign (2)")
    assert reading.outlined == mask.sum()
    assert reading.features is not None
    assert reading.features.pixels == expected.pixels
    np.testing.assert_array_equal(reading.features.descriptors, expected.descriptors)
    assert {Issue.CALIPERS, Issue.NEAR_BLANK, Issue.MASK_SMALL} <= reading.scores.keys()
    assert all(0 <= score <= 1 for score in reading.scores.values())


def test_a_normal_with_an_empty_mask_has_no_scores_of_a_mask(listed: Manifest, settings) -> None:
    reading = read_case(listed.case("normal (1)"), settings)
    assert reading.outlined == 0
    assert not any(issue.value.startswith("mask") for issue in reading.scores)


def test_a_lesion_whose_masks_are_not_there_is_read_without(listed: Manifest, settings) -> None:
    case = listed.case("malignant (1)")
    case.masks[0].unlink()
    reading = read_case(case, settings)
    assert reading.problems == ()
    assert reading.case.masks == ()
    assert reading.outlined == 0
    assert reading.features is not None


def test_one_of_two_masks_missing_is_a_problem(listed: Manifest, settings) -> None:
    case = listed.case("benign (2)")
    case.masks[1].unlink()
    reading = read_case(case, settings)
    assert reading.features is None
    assert [problem.path for problem in reading.problems] == [case.masks[1]]


def test_a_file_that_changes_while_it_is_read_is_told(listed: Manifest, settings, monkeypatch) -> None:
    case = listed.case("benign (1)")

    def examine(case, examine=reading_module.examine):
        seen = examine(case)
        touch(case.masks[0])
        return seen

    monkeypatch.setattr(reading_module, "examine", examine)
    reading = read_case(case, settings)
    assert reading.features is None
    assert [problem.trouble for problem in reading.problems] == [Trouble.CHANGED]
    assert "benign (1).png: changed while it was read" in reading.problems[0].message


def test_nothing_is_read_twice(listed: Manifest, opened, files_read: list[str]) -> None:
    with opened() as index:
        first = read_cases(index, listed.cases)
    assert sorted(files_read) == sorted(case.case_id for case in listed)
    assert first.fresh == 14
    files_read.clear()
    with opened() as index:
        again = read_cases(index, listed.cases)
    assert files_read == []
    assert again == replace(first, fresh=0)
    assert list(first.rows.values()) == list(range(14))


@pytest.mark.parametrize("kind", ["image", "mask", "new mask", "mask gone"])
def test_a_case_with_a_changed_file_is_read_again(listed: Manifest, opened, files_read: list[str], kind: str) -> None:
    case = listed.case("benign (2)")
    with opened() as index:
        read_cases(index, listed.cases)
        files_read.clear()
        if kind == "image":
            write_png(case.image, read_gray(case.image)[:, ::-1])
            touch(case.image)
        elif kind == "mask":
            touch(case.masks[1])
        elif kind == "new mask":
            write_png(case.image.with_name("benign (2)_mask_2.png"), read_mask(case.masks, None))
        else:
            case.masks[1].unlink()
        now = list_cases(case.image.parents[1])
        read = read_cases(index, now.cases)
    assert files_read == ["benign (2)"]
    assert read.rows["benign (2)"] == 14
    assert read.rows["benign (1)"] == 0


def test_a_case_under_another_name_is_not_read_again(listed: Manifest, opened, files_read: list[str]) -> None:
    with opened() as index:
        read_cases(index, listed.cases)
        files_read.clear()
        read = read_cases(index, [replace(case, case_id=f"set/{case.case_id}", source="set") for case in listed])
    assert files_read == []
    assert read.rows["set/benign (1)"] == 0


def test_two_cases_of_the_same_files_are_two_rows(listed: Manifest, opened) -> None:
    case = listed.case("benign (1)")
    twins = [case, replace(case, case_id="twin")]
    with opened() as index:
        assert read_cases(index, twins).rows == {"benign (1)": 0, "twin": 1}
        assert read_cases(index, twins).fresh == 0


def test_damaged_cases_are_told_every_time_and_take_no_row(listed: Manifest, opened) -> None:
    listed.case("benign (3)").image.write_bytes(b"")
    for _ in range(2):
        with opened() as index:
            read = read_cases(index, listed.cases)
            assert list(read.problems) == ["benign (3)"]
            assert len(read.rows) == len(index) == 13
    assert "is empty" in read.problems["benign (3)"][0].message


def test_a_file_that_is_not_the_one_of_its_manifest_is_told_though_it_was_read(listed: Manifest, opened) -> None:
    with opened() as index:
        read_cases(index, listed.cases)
        case = replace(listed.case("benign (1)"), sha256="f" * 64)
        read = read_cases(index, [case])
    assert "has changed since the manifest was written" in read.problems["benign (1)"][0].message
    assert read.rows == {}


def test_a_kill_between_two_shards_keeps_the_first(listed: Manifest, opened, files_read, monkeypatch) -> None:
    monkeypatch.setattr(reading_module, "SHARD", 4)
    monkeypatch.setattr(reading_module, "AHEAD", 2)

    def add(index, read, add=Index.add):
        if len(index) == 8:
            raise KeyboardInterrupt
        add(index, read)

    with opened() as index, monkeypatch.context() as patch:
        patch.setattr(Index, "add", add)
        with pytest.raises(KeyboardInterrupt):
            read_cases(index, listed.cases)
    files_read.clear()
    with opened() as index:
        read = read_cases(index, listed.cases)
    assert sorted(files_read) == sorted(case.case_id for case in listed.cases[8:])
    assert list(read.rows.values()) == list(range(14))


def test_progress_counts_what_is_opened(listed: Manifest, opened) -> None:
    told = []

    def progress(items, *, label, total=None):
        told.append((label, total))
        return iter(items)

    with opened() as index:
        read_cases(index, listed.cases[:5], progress)
        read_cases(index, listed.cases, progress)
    assert told == [("reading images", 5), ("reading images", 9)]
