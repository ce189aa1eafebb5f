"""The header of a DICOM file as bytes: exactly as large as it is counted, and nobody's while it waits."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

HEADER_BYTES = 2_000_000
"""Largest header that is kept; of a file with a larger one no DICOM files are made."""


def pack_header(dataset: Dataset) -> bytes | None:
    """Return a header without pixels and private elements as bytes; None where it is too large or cannot be written."""
    from pydicom.dataset import Dataset  # noqa: PLC0415  # pydicom is an extra

    buffer = io.BytesIO()
    try:
        kept = Dataset()
        kept.update({element.tag: element for element in dataset if not element.tag.is_private})
        kept.save_as(buffer, implicit_vr=False, little_endian=True, enforce_file_format=False)
    except (ValueError, TypeError, AttributeError, KeyError, OSError):  # what a scanner wrote may be beyond writing
        return None
    content = buffer.getvalue()
    return content if len(content) <= HEADER_BYTES else None


def unpack_header(content: bytes) -> Dataset:
    """Return what `pack_header` made bytes of."""
    from pydicom import dcmread  # noqa: PLC0415  # pydicom is an extra

    return dcmread(io.BytesIO(content), force=True)
