"""Names and docstrings: name the noun, and say what every public thing is."""

from __future__ import annotations

import ast
import re

FORBIDDEN = {"utils", "util", "common", "helpers", "helper", "misc", "stuff", "base"}
PUBLIC = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def test_no_module_hides_behind_a_name_that_says_nothing(sources):
    assert [s.name for s in sources if FORBIDDEN & set(re.split(r"[/_.]", s.name))] == []


def test_every_package_and_module_says_what_it_is(sources):
    assert [s.name for s in sources if not ast.get_docstring(s.tree)] == []


def public_nodes(tree):
    """Yield every public function, class and method, with what it is called."""
    for node in tree.body:
        if isinstance(node, PUBLIC) and not node.name.startswith("_"):
            yield node.name, node
            if isinstance(node, ast.ClassDef):
                inner = (child for child in node.body if isinstance(child, PUBLIC) and not child.name.startswith("_"))
                yield from ((f"{node.name}.{child.name}", child) for child in inner)


def test_everything_public_has_a_docstring(sources):
    silent = [f"{s.name} {name}" for s in sources for name, node in public_nodes(s.tree) if not ast.get_docstring(node)]
    assert silent == []


def test_everything_public_is_typed(sources):
    # mypy --strict checks the rest; this one also holds where mypy is not run.
    loose = [
        f"{s.name} {name}"
        for s in sources
        for name, node in public_nodes(s.tree)
        if isinstance(node, ast.FunctionDef) and node.returns is None
    ]
    assert loose == []


def test_nothing_is_left_for_later(sources):
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    assert [s.name for s in sources if marks.search(s.text)] == []
