"""The scripts that print the tables of docs/curation.md run, and their parts do what the page says."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def script(name: str):
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def thresholds():
    return script("curation_thresholds")


def test_every_tampered_copy_is_an_image_and_another_one(thresholds, scan) -> None:
    image = scan(1)
    for name, tamper in thresholds.TAMPERS.items():
        copy = tamper(image, np.random.default_rng(0))
        assert copy.dtype == np.uint8, name
        assert copy.ndim == 2, name
        assert copy.shape != image.shape or (copy != image).any(), name
    assert (image == scan(1)).all()


def test_a_crop_keeps_within_its_share(thresholds, scan) -> None:
    sizes = [thresholds.crop(scan(1, (200, 100)), np.random.default_rng(i), 0.04).shape for i in range(20)]
    assert all(184 <= height <= 200 and 92 <= width <= 100 for height, width in sizes)
    assert len(set(sizes)) > 1


def test_the_table_of_thresholds(thresholds, miniature_busi: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(thresholds, "SIDES", (16, 24))
    monkeypatch.setattr(sys, "argv", ["thresholds", str(miniature_busi), "--images", "3"])
    thresholds.main()
    header, line, *rows = capsys.readouterr().out.splitlines()
    assert header.startswith("| side | highest mirrored | gain ")
    assert len(rows) == 2
    assert all(row.count("|") == header.count("|") == line.count("|") for row in rows)


def test_the_table_of_phantoms(monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["phantoms", "--count", "4", "--copies", "2", "--seed", "1"])
    script("curation_phantoms").main()
    out = capsys.readouterr().out
    assert "| all | 2 | " in out
    assert "Pairs that are no copies: 0 of " in out
