"""A row of `make bench`, the two ways to take its figure, and the images that the paper's goals are about."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SECONDS = 8.0
"""How long each rate is measured, after a warm-up."""

HEAD = "| measured | result | goal | met |\n|---|---|---|---|"


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, what came out, and what we want to stay true."""

    name: str
    value: str
    goal: str = ""
    met: bool = True

    def line(self) -> str:
        """Return it as a line of Markdown under `HEAD`."""
        met = "" if not self.goal else "yes" if self.met else "NO"
        return f"| {self.name} | {self.value} | {self.goal} | {met} |"


def rate(step: Callable[[], int], seconds: float = SECONDS) -> float:
    """Return images a second of `step`, which returns how many images it took."""
    step()
    started, images = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        images += step()
    return images / (time.perf_counter() - started)


def command(*arguments: object) -> tuple[float, float]:
    """Run `echoduet` and return its seconds and peak memory in GB."""
    program = (
        "import resource, subprocess, sys, time; t = time.perf_counter();"
        "words = [sys.executable, '-m', 'echoduet.cli.main', *sys.argv[1:]];"
        "done = subprocess.run(words, capture_output=True, text=True);"
        "peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss;"
        "sys.stderr.write(done.stderr) if done.returncode else None;"
        "print(time.perf_counter() - t, peak / 1e6); sys.exit(done.returncode)"
    )
    words = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    seconds, peak = done.stdout.split()
    return float(seconds), float(peak)


def papers_manifest(root: Path, folder: Path) -> Path | None:
    """Return a manifest of the paper's images, made once in `folder`; None where no list of them lies beside `root`."""
    listed, made = root.parent / "mapping_curated_BUSI.csv", folder / "papers" / "manifest.csv"
    if not listed.exists():
        return None
    if not made.exists():
        command("curate", root, "--published-list", listed, "--out", made.parent)
    return made
