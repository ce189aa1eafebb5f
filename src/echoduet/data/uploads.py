"""Picture files that were sent, and lie in memory or in an open stream instead of under a path."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO, Literal, cast


class Upload:
    """A file's content under a name; it is opened and named in messages as a `Path` is.

    Args:
        content: the bytes, or a binary stream that can seek. A stream stays its owner's, who closes it.
        name: stands in messages for the path, and names the answers unless another name is given.
    """

    def __init__(self, content: bytes | BinaryIO, name: str) -> None:
        self._content = content
        self._name = name

    def __str__(self) -> str:
        return self._name

    @property
    def stem(self) -> str:
        """The name without its extension."""
        return Path(self._name).stem

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        """Return the content as a stream at its beginning; closing it leaves the owner's stream open."""
        if isinstance(self._content, bytes):
            return io.BytesIO(self._content)
        self._content.seek(0)
        return cast(BinaryIO, _Borrowed(self._content))


class _Borrowed(io.RawIOBase):
    """Another's stream: everything but closing is passed on."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream

    def read(self, size: int | None = -1) -> bytes:
        return self._stream.read(-1 if size is None else size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


PictureFile = Path | Upload
"""Where a picture comes from."""
