"""Every command and every program of the README is run, on phantoms and for one epoch."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SMALL = "--set optim.epochs=1 --set preprocess.size=32 --set optim.batch_size=8 --set runtime.threads=1"

SUBSTITUTIONS = {
    # What the README says              what the test runs instead
    r"^make (\w+).*": rf"make --dry-run -C '{ROOT}' \1",
    r"^source .*": "true",
    r"^echoduet ": f"'{sys.executable}' -m echoduet.cli.main ",
    r"^python src/": f"'{sys.executable}' '{ROOT}/src/'",
    r"(--config \S+)": rf"\1 {SMALL}",
    r"--count 60 --duplicates 6": "--count 6 --size 64 --duplicates 2",
}
"""The only differences between what the README says and what is run here."""


def fenced(language):
    """Return the README's code blocks in `language`, in order."""
    return re.findall(
        rf"^```{language}\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


def commands():
    """Return every command of the README, in order, as it is run here."""
    lines = [line for block in fenced("bash") for line in block.splitlines() if line.strip()]
    for pattern, replacement in SUBSTITUTIONS.items():
        assert any(re.search(pattern, line) for line in lines), f"{pattern!r} stands for nothing any more"
        lines = [re.sub(pattern, replacement, line) for line in lines]
    return lines


def run(command, folder):
    """Run one command in `folder`; a failure shows what it said."""
    done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(450)
def test_every_command_of_the_readme_runs(tmp_path):
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    data = "data/Dataset_BUSI_with_GT"
    run(f"'{sys.executable}' -m echoduet.cli.main phantom {data} --count 28 --size 64 --seed 5", tmp_path)
    for command in commands():
        run(command, tmp_path)
    for program in fenced("python"):
        shown = run(f"'{sys.executable}' - <<'EOF'\n{program}\nEOF", tmp_path)
        assert "pixels" in shown
    left = ("curated/report.html", "runs/fast/evaluation/report.html", "runs/fast-folds/report.html")
    left += ("predictions/predictions.csv", "models/multi_task_model.pth", "models/multi_task_evaluation/metrics.json")
    assert [name for name in left if not (tmp_path / name).is_file()] == []
