from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from echoduet.errors import OutputError
from echoduet.lock import hold

HOLDER = """
import sys, time
from pathlib import Path
from echoduet.lock import hold
stream = hold(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_a_folder_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    with hold(tmp_path), pytest.raises(OutputError, match="another run is using it"):
        hold(tmp_path)
    hold(tmp_path).close()


def test_the_lock_of_a_killed_run_falls(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(OutputError, match="another run"):
            hold(tmp_path)
        other.send_signal(signal.SIGKILL)
        other.wait()
    hold(tmp_path).close()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"cannot be written .*--index"):
        hold(tmp_path / "gone", "--index")
