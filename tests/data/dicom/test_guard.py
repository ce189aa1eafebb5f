"""Limits and silence."""

from __future__ import annotations

import io
import logging
import warnings
import zlib

import pytest
from pydicom.errors import BytesLengthException

from echoduet.data.dicom import guard
from echoduet.data.dicom.guard import Metered, guarded, inflate, stream_size
from echoduet.errors import DicomError, OutputError


@pytest.mark.parametrize(
    "error", [ValueError("Doe^Jane"), RecursionError(), MemoryError(), BytesLengthException("Doe")]
)
def test_whatever_goes_wrong_is_one_sentence_without_what_was_read(error):
    with pytest.raises(DicomError, match=r"^x: is damaged\. Restore the file") as caught, guarded("x"):
        raise error
    assert "Doe" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_our_own_errors_pass():
    with pytest.raises(OutputError, match="full"), guarded("x"):
        raise OutputError("full")


def test_warnings_and_the_log_of_pydicom_are_kept_in():
    root, handler = logging.getLogger(), logging.StreamHandler(heard := io.StringIO())
    root.addHandler(handler)
    try:
        with guarded("x"):
            warnings.warn("Doe^Jane", UserWarning, stacklevel=1)
            logging.getLogger("pydicom.pixels").error("Doe^Jane")
            logging.getLogger("another").error("something else")
    finally:
        root.removeHandler(handler)
    assert heard.getvalue() == "something else\n"


def test_a_metered_stream_gives_no_more_than_a_header_holds(monkeypatch):
    monkeypatch.setattr(guard, "HEADER_BYTES", 100)
    metered = Metered(io.BytesIO(bytes(1000)), 1000)
    assert len(metered.read(60)) == 60
    with pytest.raises(OverflowError):
        metered.read(60)
    assert metered.spent


def test_a_metered_stream_counts_how_often_it_is_read(monkeypatch):
    monkeypatch.setattr(guard, "HEADER_READS", 3)
    metered = Metered(io.BytesIO(bytes(1000)), 1000)
    for _ in range(3):
        metered.read(0)
    with pytest.raises(OverflowError):
        metered.read(0)


def test_a_metered_stream_asks_for_no_more_than_there_is():
    class Greedy(io.BytesIO):
        asked = 0

        def read(self, size=-1):
            Greedy.asked = max(Greedy.asked, size)
            return super().read(size)

    metered = Metered(Greedy(bytes(50)), 50)
    assert len(metered.read(2**40)) == 50
    assert metered.read(-1) == b""
    assert Greedy.asked == 50


def test_the_size_of_a_stream_leaves_it_at_its_beginning():
    stream = io.BytesIO(bytes(70))
    stream.seek(9)
    assert (stream_size(stream), stream.tell()) == (70, 0)


def test_inflating(monkeypatch):
    squeezer = zlib.compressobj(wbits=-15)
    content = squeezer.compress(bytes(1000)) + squeezer.flush()
    assert inflate(content, "x") == bytes(1000)
    with pytest.raises(DicomError, match=r"^x: ends early\."):
        inflate(content[:-3], "x")
    monkeypatch.setattr(guard, "INFLATED_BYTES", 999)
    with pytest.raises(DicomError, match=r"^x: inflates to more than"):
        inflate(content, "x")
