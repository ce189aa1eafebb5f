"""Small ultrasound objects, and dcmtk to compare with."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from echoduet.data.dicom.objects import Syntax, encode, make_dataset
from echoduet.data.dicom.source import DicomSource, open_dicom
from echoduet.data.uploads import Upload


def have(tool: str) -> None:
    """Skip the test where a program of Debian's is missing; fail it in continuous integration."""
    if shutil.which(tool) is None:
        reason = f"no {tool} is installed: apt install dcmtk dicom3tools"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)


@pytest.fixture
def run_tool() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run one of Debian's DICOM programs: `run_tool("dcmdump", path)`."""

    def run(tool: str, *words: object) -> subprocess.CompletedProcess[str]:
        have(tool)
        return subprocess.run([tool, *map(str, words)], capture_output=True, text=True, check=False, timeout=60)

    return run


@pytest.fixture
def by_dcmtk(tmp_path, run_tool):
    """Return what dcmtk shows of a file's first frame: `by_dcmtk(content, "+Wi", 1)`."""

    def show(content: bytes, *options: object, tool: str = "dcm2pnm") -> np.ndarray:
        (tmp_path / "shown.dcm").write_bytes(content)
        done = run_tool(tool, *options, "--write-raw-pnm", tmp_path / "shown.dcm", tmp_path / "shown.pnm")
        assert done.returncode == 0, done.stderr
        return np.asarray(Image.open(tmp_path / "shown.pnm"))

    return show


@pytest.fixture
def gray(rng) -> np.ndarray:
    """A gray picture with structure and noise, `(48, 64)`."""
    y, x = np.mgrid[0:48, 0:64]
    return ((3 * x + 2 * y + rng.integers(0, 9, x.shape)) % 256).astype(np.uint8)


@pytest.fixture
def colours(gray) -> np.ndarray:
    """A coloured picture, `(48, 64, 3)`."""
    return np.stack([gray, gray[::-1], gray[:, ::-1]], axis=-1)


@pytest.fixture
def loop(rng) -> np.ndarray:
    """Four gray frames, `(4, 36, 40)`."""
    return rng.integers(0, 256, (4, 36, 40), dtype=np.uint8)


def source_of(content: bytes, **more: object) -> DicomSource:
    """Open the bytes of a file."""
    return open_dicom(Upload(content, "x"), **more)


@pytest.fixture
def opened() -> Callable[..., DicomSource]:
    """`opened(content)`: the bytes of a file, opened."""
    return source_of


@pytest.fixture
def shown() -> Callable[[bytes], np.ndarray]:
    """`shown(content)`: the first frame of the bytes of a file, in colours where it has any."""

    def show(content: bytes) -> np.ndarray:
        scan = source_of(content).scan(0)
        return scan.image if scan.colour is None else scan.colour

    return show


@pytest.fixture
def file_of() -> Callable[..., bytes]:
    """`file_of(frames, "MONOCHROME2", Syntax.RLE, Rows=3)`: the bytes of a file, with attributes changed."""

    def make(
        frames: np.ndarray, photometric: str = "MONOCHROME2", syntax: Syntax = Syntax.EXPLICIT, **changes: object
    ) -> bytes:
        dataset = make_dataset(frames, photometric)
        for keyword, value in changes.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)
        return encode(dataset, syntax)

    return make


@pytest.fixture
def lossless_jpeg(tmp_path, run_tool):
    """Return a file's frames as lossless JPEG, or in another JPEG process, by dcmtk."""

    def compress(content: bytes, process: str = "+e1") -> bytes:
        plain, compressed = Path(tmp_path / "plain.dcm"), Path(tmp_path / "compressed.dcm")
        plain.write_bytes(content)
        done = run_tool("dcmcjpeg", process, plain, compressed)
        assert done.returncode == 0, done.stderr
        return compressed.read_bytes()

    return compress
