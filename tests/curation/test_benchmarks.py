"""The script that prints a table of docs/curation.md runs."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def script(name: str):
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_of_phantoms(monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["phantoms", "--count", "4", "--copies", "2", "--seed", "1"])
    script("curation_phantoms").main()
    out = capsys.readouterr().out
    assert "| all | 2 | " in out
    assert "Pairs that are no copies: 0 of " in out
