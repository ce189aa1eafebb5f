"""A process of its own that lets GDCM decode one JPEG frame, since a damaged one can make it end its process.

`python -P gdcm_frame.py ROWS COLUMNS SAMPLES ALLOCATED STORED SYNTAX` reads the frame from standard input and writes
its values to standard output, or ends with a status other than 0. `deep_jpeg` calls it.
"""

from __future__ import annotations

import sys
from importlib import import_module

MEMORY_BYTES = 4 << 30
"""Most memory the process may take, where the system lets it be limited."""


def decode(content: bytes, size: tuple[int, int, int], bits: tuple[int, int], syntax: str) -> bytes | None:
    """Return a frame's values, little endian, colours untransformed; None where GDCM refuses it.

    Args:
        content: the code stream.
        size: rows, columns, values a pixel.
        bits: allocated, stored.
        syntax: UID of the transfer syntax.
    """
    gdcm = import_module("gdcm")
    rows, columns, samples = size
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(content)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((columns, rows, 1))
    image.SetDataElement(element)
    kind = gdcm.PhotometricInterpretation.GetPIType("MONOCHROME2" if samples == 1 else "RGB")
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(kind))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
    allocated, stored = bits
    image.SetPixelFormat(gdcm.PixelFormat(samples, allocated, stored, stored - 1, 0))
    values = image.GetBuffer()  # bytes, which SWIG gives as text
    return None if values is None else bytes(values.encode("utf-8", "surrogateescape"))


def main(words: list[str]) -> int:
    """Decode standard input; return 0 where that went well."""
    rows, columns, samples, allocated, stored = map(int, words[:5])
    if sys.platform != "win32":
        resource = import_module("resource")
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    values = decode(sys.stdin.buffer.read(), (rows, columns, samples), (allocated, stored), words[5])
    if values is None:
        return 1
    sys.stdout.buffer.write(values)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
