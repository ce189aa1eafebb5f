from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoduet.curation.index.entries import ABSENT, Entry, Key, keys_of, stamps_of
from echoduet.records import Case, Label

WHOLE = st.integers(0, 2**62)
TEXT = st.text(max_size=20)
ENTRIES = st.builds(
    Entry,
    key=st.builds(Key, TEXT, st.lists(TEXT, max_size=3).map(tuple), TEXT, WHOLE),
    stamps=st.lists(st.tuples(st.integers(-1, 2**62), st.integers(-1, 2**62)), max_size=3).map(tuple),
    width=WHOLE,
    height=WHOLE,
    sha256=TEXT,
    pixels=TEXT,
    features=WHOLE,
    shape=st.tuples(WHOLE, WHOLE),
    outlined=WHOLE,
    scores=st.dictionaries(TEXT, st.floats(0, 1), max_size=4),
)


@given(ENTRIES)
def test_an_entry_comes_back_from_json_as_it_was(entry: Entry) -> None:
    assert Entry.from_json(json.loads(json.dumps(entry.as_json()))) == entry


@pytest.mark.parametrize("value", [None, [], {}, "text", [1, 2, 3, 4, 5, 6], [[1, 2, 3, 4], [], [], "", "", {}]])
def test_what_is_no_entry_is_refused(value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        Entry.from_json(value)


def test_cases_of_the_same_files_have_keys_of_their_own() -> None:
    one = Case("a", Path("a.png"), (Path("m.png"),), Label.BENIGN)
    again = Case("b", Path("a.png"), (Path("m.png"),), Label.BENIGN)
    other = Case("c", Path("a.png"), (Path("m.png"),), Label.MALIGNANT)
    keys = keys_of([one, again, other])
    assert [key.twin for key in keys] == [0, 1, 0]
    assert len(set(keys)) == 3
    assert keys[0].image == str(Path.cwd() / "a.png")


def test_a_key_does_not_depend_on_what_the_case_is_called() -> None:
    case = Case("a", Path("a.png"), (), Label.NORMAL)
    assert keys_of([case]) == keys_of([Case("set/a", Path("a.png"), (), Label.NORMAL, group="g", source="set")])


def test_stamps_tell_size_time_and_absence(tmp_path: Path) -> None:
    image = tmp_path / "a.png"
    image.write_bytes(b"12345")
    os.utime(image, ns=(5, 77))
    assert stamps_of(Case("a", image, (tmp_path / "gone.png",), Label.BENIGN)) == ((5, 77), ABSENT)
