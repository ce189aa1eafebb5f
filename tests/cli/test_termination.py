from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from PIL import Image

from echoduet.cli.termination import TERMINATED, tidy_at_sigterm


def test_sigterm_is_an_exception_inside_and_what_it_was_outside():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as left, tidy_at_sigterm():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    assert left.value.code == TERMINATED == 143
    assert signal.getsignal(signal.SIGTERM) == before


def test_another_thread_is_left_alone():
    before, inside = signal.getsignal(signal.SIGTERM), []

    def work():
        with tidy_at_sigterm():
            inside.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert inside == [before]


def test_a_run_that_is_ended_leaves_whole_files_only(tmp_path, rng):
    Image.fromarray(rng.integers(0, 256, (300, 400), dtype=np.uint8)).save(tmp_path / "scan.png")
    for index in range(300):
        (tmp_path / f"copy-{index}.png").write_bytes((tmp_path / "scan.png").read_bytes())
    out = tmp_path / "out"
    command = [sys.executable, "-m", "echoduet.cli.main", "predict", tmp_path, "--out", out, "--model", "small"]
    process = subprocess.Popen([*command, "--no-refuse"], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (out / "masks").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=60)
    assert process.returncode == TERMINATED, told
    assert "Traceback" not in told
    left = [path for path in out.rglob("*") if path.is_file()]
    assert left
    assert {path.parent.name for path in left} <= {"masks", "overlays"}
    for path in left:
        with Image.open(path) as picture:
            picture.load()
        assert not path.name.startswith(".")
