"""The size measures that we hold ourselves to; the measured values appear in the message when one is broken."""

from __future__ import annotations

import ast
import io
import statistics
import tokenize

import pytest

NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DOCUMENTED = (ast.Module, ast.ClassDef, *FUNCTIONS)


def code_lines(text: str) -> set[int]:
    """Return the numbers of the lines that hold code: no docstring, no comment, no blank."""
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node) is not None:
            lines -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return lines


def function_sizes(text: str) -> dict[str, int]:
    """Return the code lines of every function in `text`, its signature included."""
    lines = code_lines(text)
    return {
        f"{node.name}:{node.lineno}": len(lines & set(range(node.lineno, node.end_lineno + 1)))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, FUNCTIONS)
    }


@pytest.fixture(scope="module")
def sizes(sources):
    """Every function of the package with its code lines, the longest first."""
    found = {f"{s.name} {name}": size for s in sources for name, size in function_sizes(s.text).items()}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def longest(sizes, count=8):
    """Name the longest functions."""
    return ", ".join(f"{name} ({size})" for name, size in list(sizes.items())[:count])


def test_code_lines_leave_out_docstrings_comments_and_blanks():
    docstring = '    """One.\n\n    Two.\n    """\n'
    text = f'def f(a,\n      b):\n{docstring}    # why\n\n    text = """x\n    y"""\n    return text  # end\n'
    assert function_sizes(text) == {"f:1": 5}


def test_median_function_is_short(sizes):
    assert statistics.median(sizes.values()) <= 9, longest(sizes)


def test_nine_functions_in_ten_are_within_25_lines(sizes):
    assert statistics.quantiles(sizes.values(), n=10)[-1] <= 25, longest(sizes, 40)


def test_hardly_any_function_is_over_50_lines(sizes):
    long = {name: size for name, size in sizes.items() if size > 50}
    assert len(long) <= 0.01 * len(sizes), long


def test_files_are_within_300_lines(sources):
    assert {s.name: n for s in sources if (n := len(s.text.splitlines())) > 300} == {}


def test_folders_are_at_most_two_deep(sources):
    # echoduet/data/sources/busi.py is as deep as it gets.
    assert [s.name for s in sources if s.name.count("/") > 3] == []


def test_tests_are_in_proportion_to_the_source(root, sources):
    tested = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in (root / "tests").rglob("*.py"))
    written = sum(len(s.text.splitlines()) for s in sources)
    assert 0.6 <= tested / written <= 1.3, f"{tested} test lines for {written} source lines: {tested / written:.2f}"
