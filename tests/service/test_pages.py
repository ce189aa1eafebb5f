"""The files of the pages, and no other."""

from __future__ import annotations

import pytest

from echoduet.service.pages import page_file


def test_a_file_of_the_package_comes_with_its_type():
    content, media_type = page_file("icon.svg")
    assert content.startswith(b"<svg")
    assert media_type == "image/svg+xml; charset=utf-8"


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../app.py", "/etc/passwd", "app.py", "icon.svg/..", "nothing.js", "\0"]
)
def test_nothing_else_is_served(name):
    assert page_file(name) is None
