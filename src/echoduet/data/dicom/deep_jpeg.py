"""JPEG beyond the usual: lossless (process 14), and 12 bits a value (process 4).

Eight bits are decoded by Pillow, whose libjpeg-turbo reads lossless streams since version 3. More bits, rare in
ultrasound, are left to GDCM, in a process of its own: see `gdcm_frame`.
"""

from __future__ import annotations

import io
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import features
from PIL.JpegImagePlugin import JpegImageFile
from pydicom.uid import UID

from echoduet.data.dicom import gdcm_frame
from echoduet.data.dicom.codestreams import Claim, without_application_data
from echoduet.data.dicom.pixel_format import PixelFormat, Values

_LONGEST_S = 30


def can_decode(claim: Claim) -> bool:
    """Tell whether what this stream needs is installed."""
    return _pillow_can(claim) or find_spec("gdcm") is not None


def decode_deep(content: bytes, claim: Claim, syntax: UID, pixels: PixelFormat) -> Values:
    """Return a frame's values as they are in the stream, `(H, W)` or `(H, W, 3)`; colours are not transformed.

    Raises:
        ValueError: the frame is damaged.
        OSError: the same.
        subprocess.SubprocessError: the same; it takes too long.
    """
    return _by_pillow(content) if _pillow_can(claim) else _by_gdcm(content, claim, syntax, pixels)


def _pillow_can(claim: Claim) -> bool:
    version = features.version("libjpeg_turbo") or "0"
    return claim.bits == 8 and int(version.partition(".")[0]) >= 3


def _by_pillow(content: bytes) -> Values:
    # Without markers that speak of colour, nothing is transformed: what the values mean is the header's to say.
    with JpegImageFile(io.BytesIO(without_application_data(content))) as picture:
        return np.array(picture)


def _by_gdcm(content: bytes, claim: Claim, syntax: UID, pixels: PixelFormat) -> Values:
    allocated = 8 if claim.bits <= 8 else 16
    numbers = (pixels.rows, pixels.columns, pixels.samples, allocated, claim.bits)
    command = [sys.executable, "-P", str(Path(gdcm_frame.__file__)), *map(str, numbers), str(syntax)]
    done = subprocess.run(command, input=content, capture_output=True, timeout=_LONGEST_S, check=False)
    if done.returncode != 0:
        raise ValueError("damaged")
    return np.frombuffer(done.stdout, np.uint8 if allocated == 8 else "<u2").reshape(pixels.shape)
