"""Content that lies under no path."""

from __future__ import annotations

import io

from echoduet.data.uploads import Upload


def test_bytes_and_streams_open_at_their_beginning_each_time():
    stream = io.BytesIO(b"content")
    stream.seek(3)
    for upload in (Upload(b"content", "scan.png"), Upload(stream, "scan.png")):
        for _ in range(2):
            with upload.open("rb") as opened:
                assert opened.read(3) == b"con"
                assert opened.tell() == 3
                assert opened.seek(-1, io.SEEK_END) == 6
                assert opened.read() == b"t"
    assert not stream.closed


def test_it_is_named_as_a_path_is():
    upload = Upload(b"", "my.scan.dcm")
    assert (str(upload), upload.stem) == ("my.scan.dcm", "my.scan")
