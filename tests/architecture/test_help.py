"""`echoduet --help` is quick, because nothing heavy is imported for it."""

from __future__ import annotations

import resource
import subprocess
import sys

LIMIT_S = 0.4
LIMIT = 4.0
"""How many times the reference it may take where the machine is too slow for seconds to mean anything."""
REFERENCE = "import asyncio, email, http.client, inspect, json, unittest.mock"
"""Modules of the standard library alone; `--help` takes about two and a half times as long."""
HEAVY = ("torch", "numpy", "scipy", "skimage", "sklearn", "matplotlib", "pydantic", "PIL")


def seconds_for(*words: str) -> float:
    """Return the processor time of one run of Python with these words, started afresh.

    On an idle machine that is the wall time, since it runs in one thread and reads little; other work on the machine
    does not change it as it changes the wall time.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_is_quick():
    best = min(seconds_for("-m", "echoduet.cli.main", "--help") for _ in range(5))
    reference = min(seconds_for("-c", REFERENCE) for _ in range(5))
    assert best < LIMIT_S or best < LIMIT * reference, (
        f"echoduet --help took {best:.2f} s, {REFERENCE!r} {reference:.2f} s"
    )


def test_help_imports_nothing_heavy():
    program = (
        "import sys\nfrom echoduet.cli.main import main\nassert main(['--help']) == 0\n"
        f"print('loaded:', *(name for name in {HEAVY} if name in sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr.strip() == "loaded:"
