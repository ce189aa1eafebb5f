"""Which layout a folder has."""

from __future__ import annotations

import pytest

from echoduet.data.formats import SOURCES, recognise, source_of
from echoduet.errors import LayoutError


@pytest.mark.parametrize("name", SOURCES)
def test_every_miniature_is_recognised_as_what_it_is(tmp_path, name):
    SOURCES[name].write_miniature(tmp_path, 3)
    assert recognise(tmp_path) == name
    assert name == source_of(tmp_path).NAME
    assert SOURCES[name].recognise(tmp_path)


def test_an_unknown_layout_lists_those_that_are_known(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing here")
    with pytest.raises(LayoutError) as caught:
        recognise(tmp_path)
    assert all(name in str(caught.value) for name in SOURCES)
    assert str(tmp_path) in str(caught.value)


def test_a_folder_around_the_data_set_is_told_where_it_is(tmp_path):
    SOURCES["busi"].write_miniature(tmp_path / "unpacked", 3)
    with pytest.raises(LayoutError, match=r"or give .*unpacked, which looks like busi"):
        recognise(tmp_path)


def test_an_unknown_format_names_the_nearest(tmp_path):
    with pytest.raises(LayoutError, match="bussi: no such layout, the nearest is busi"):
        source_of(tmp_path, "bussi")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(LayoutError, match="gone: no such file or folder"):
        source_of(tmp_path / "gone", "busi")


def test_the_format_overrides_what_is_recognised(miniature_busi):
    assert source_of(miniature_busi).NAME == "busi"
    assert source_of(miniature_busi, "folder").NAME == "folder"
