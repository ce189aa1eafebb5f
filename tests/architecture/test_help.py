"""`echoduet --help` is quick, because nothing heavy is imported for it."""

from __future__ import annotations

import subprocess
import sys
import time

LIMIT_S = 0.4
HEAVY = ("torch", "numpy", "scipy", "skimage", "sklearn", "matplotlib", "pydantic", "PIL")


def seconds_for_help() -> float:
    """Return the wall time of one `echoduet --help`."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "echoduet.cli.main", "--help"], check=True, capture_output=True)
    return time.perf_counter() - start


def test_help_is_quick():
    # The best of several: a busy machine can only make it slower than it is.
    best = min(seconds_for_help() for _ in range(7))
    assert best < LIMIT_S, f"echoduet --help took {best:.2f} s at best"


def test_help_imports_nothing_heavy():
    program = (
        "import sys\nfrom echoduet.cli.main import main\nassert main(['--help']) == 0\n"
        f"print('loaded:', *(name for name in {HEAVY} if name in sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr.strip() == "loaded:"
