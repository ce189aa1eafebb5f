"""The hierarchy of errors, as its own docstring draws it."""

from __future__ import annotations

import inspect
import re

import pytest

from echoduet import errors

CLASSES = {name: cls for name, cls in vars(errors).items() if inspect.isclass(cls)}


def drawn():
    """Return name and parent of every error in the drawing."""
    stack, found = [], {}
    for line in errors.__doc__.splitlines():
        if match := re.match(r"^(?P<lead>[ |`-]*)(?P<name>\w+Error)\b", line):
            depth = len(match["lead"]) // 4 - 1
            stack[depth:] = [match["name"]]
            found[match["name"]] = stack[depth - 1] if depth else "Exception"
    return found


def test_the_drawing_shows_every_error_under_its_parent():
    tree = drawn()
    assert set(tree) == set(CLASSES)
    for name, parent in tree.items():
        assert CLASSES[name].__base__.__name__ == parent, name


@pytest.mark.parametrize("cls", CLASSES.values())
def test_every_error_is_caught_as_ours_and_keeps_its_sentence(cls):
    with pytest.raises(errors.EchoDuetError, match=r"^a\.png: odd$"):
        raise cls("a.png: odd")
