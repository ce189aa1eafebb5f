"""The page about exported graphs: its example is run, its names are those of a graph."""

from __future__ import annotations

import re

import numpy as np
import onnxruntime
import pytest

from echoduet.data.images import write_png

BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.fixture
def page(root):
    return (root / "docs" / "export.md").read_text(encoding="utf-8")


def test_the_ten_lines_run_without_echoduet(page, exported, tmp_path, monkeypatch, capsys, rng):
    (block,) = BLOCK.findall(page)
    assert "echoduet." not in block.replace("echoduet-small.onnx", "")
    assert len([line for line in block.splitlines() if line and not line.startswith(("import", "from"))]) <= 10
    (tmp_path / "echoduet-small.onnx").write_bytes(exported.onnx.read_bytes())
    write_png(tmp_path / "scan.png", rng.integers(0, 256, (120, 200), dtype=np.uint8))
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "docs/export.md", "exec"), {})
    said = capsys.readouterr().out
    assert said.startswith("(120, 200) {'benign':")


def test_inputs_and_outputs_are_those_of_a_graph(page, exported):
    session = onnxruntime.InferenceSession(exported.onnx, providers=["CPUExecutionProvider"])
    values = [*session.get_inputs(), *session.get_overridable_initializers(), *session.get_outputs()]
    told = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert set(told[:6]) == {value.name for value in values}
