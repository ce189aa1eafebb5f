"""Every block of Python on the engineers' page is run, in order, on phantoms."""

from __future__ import annotations

import re

import numpy as np
import pytest

from echoduet.data.images import write_png
from echoduet.data.phantom_scan import scan_phantom
from echoduet.records import Label

BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "scans").mkdir()
    for number, label in enumerate(Label):
        image = scan_phantom(label, np.random.default_rng(number), 400).image
        write_png(tmp_path / "scans" / f"{label}.png", image)
    write_png(tmp_path / "scan.png", image)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_the_blocks_run_one_after_the_other(root, folder, capsys):
    blocks = BLOCK.findall((root / "docs" / "python.md").read_text(encoding="utf-8"))
    known: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), known)
    said = capsys.readouterr().out
    assert len(blocks) == 3
    assert "(480, 640)" in said
    assert "of 3 pictures have something outlined" in said
