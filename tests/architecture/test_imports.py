"""Who may import what, beyond the contracts that import-linter checks in `make check`."""

from __future__ import annotations

import ast
import sys

import grimp
import networkx
import pytest


def imported(tree: ast.AST) -> set[str]:
    """Return the top names of everything imported anywhere in `tree`, functions included."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.partition(".")[0])
    return names


def importers(sources, package):
    """Return the files that import `package`."""
    return {s.name.removeprefix("echoduet/") for s in sources if package in imported(s.tree)}


def test_there_are_no_import_cycles():
    graph = grimp.build_graph("echoduet", exclude_type_checking_imports=True, cache_dir=None)
    edges = [(a, b) for a in graph.modules for b in graph.find_modules_directly_imported_by(a)]
    cycles = [
        sorted(group) for group in networkx.strongly_connected_components(networkx.DiGraph(edges)) if len(group) > 1
    ]
    assert cycles == []


@pytest.mark.parametrize("room", ["curation", "splits", "evaluation", "statistics", "reporting", "config"])
def test_rooms_without_torch(sources, room):
    assert [name for name in importers(sources, "torch") if name.startswith(f"{room}/")] == []


def test_in_data_only_the_cache_knows_torch(sources):
    assert {name for name in importers(sources, "torch") if name.startswith("data/")} <= {"data/cache.py"}


def test_matplotlib_lives_in_reporting(sources):
    assert [name for name in importers(sources, "matplotlib") if not name.startswith("reporting/")] == []


def test_nothing_unpickles(sources):
    assert importers(sources, "dill") | importers(sources, "joblib") | importers(sources, "shelve") == set()
    # The name of its error may be used: a weights-only load raises it for a file that is not ours.
    used = {
        ast.unparse(node)
        for s in sources
        for node in ast.walk(s.tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "pickle"
    }
    assert used <= {"pickle.UnpicklingError"}
    assert [s.name for s in sources if "allow_pickle=True" in s.text or "from pickle" in s.text] == []


def test_torch_load_is_always_weights_only(sources):
    loads = [
        (s.name, node)
        for s in sources
        for node in ast.walk(s.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load"
    ]
    assert loads, "no torch.load found: this test has lost its object"
    careless = [name for name, call in loads if "weights_only=True" not in ast.unparse(call)]
    assert careless == []


def test_mixed_precision_is_in_two_places_only(sources):
    # A block may switch it off for itself, where a kernel is better in full precision.
    users = {
        s.name
        for s in sources
        for node in ast.walk(s.tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "torch.autocast"
        and "enabled=False" not in ast.unparse(node)
    }
    assert users <= {"echoduet/training/step.py", "echoduet/inference/predictor.py"}


def test_heavy_packages_are_not_imported_at_the_top_of_a_command(sources):
    light = {*sys.stdlib_module_names, "typer", "echoduet"}
    heavy = {}
    for source in sources:
        if source.name.startswith("echoduet/cli/") and source.path.stem not in {"main", "console", "options"}:
            top = ast.Module([n for n in source.tree.body if isinstance(n, ast.Import | ast.ImportFrom)], [])
            if extra := imported(top) - light:
                heavy[source.name] = extra
    assert heavy == {}
