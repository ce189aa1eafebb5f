"""An opened DICOM file: its header, and its frames one at a time.

Reading order: `header` (everything before the pixels), `storage` (is it ultrasound?), `pixel_format` and `fragments`
(how and where the frames lie), `regions` (where in a frame the picture is), then for each frame `decoding`, `shades`.
"""

from __future__ import annotations

from collections.abc import Iterator

from echoduet.data.dicom.decoding import check_syntax, decode
from echoduet.data.dicom.fragments import Frame, locate_frames
from echoduet.data.dicom.guard import guarded
from echoduet.data.dicom.header import Header, read_header
from echoduet.data.dicom.limits import Limits
from echoduet.data.dicom.pixel_format import read_format
from echoduet.data.dicom.regions import read_layout
from echoduet.data.dicom.shades import Shades
from echoduet.data.dicom.storage import check_kind
from echoduet.data.uploads import PictureFile
from echoduet.errors import DicomError
from echoduet.records import Scan

STANDARD = Limits()


class DicomSource:
    """The frames of one ultrasound file. Nothing of the file but its header is kept in memory.

    Attributes:
        dataset: everything before the pixels, to make other objects from. Values of more than 256 KiB are left out,
            and so is what cannot be understood. Sequences unfold when they are asked for; pydicom may then warn.
        frame_count: frames that the header declares.
        name: names the answers.
    """

    def __init__(self, label: str, name: str, header: Header, limits: Limits = STANDARD) -> None:
        self.dataset = header.dataset
        self.name = name
        self._label = label
        self._header = header
        self._words = header.pixels is not None and header.pixels.words
        self._pixels = read_format(header.dataset, label)
        self.frame_count = self._pixels.frames
        limits.check(label, self._pixels.rows, self._pixels.columns, self.frame_count)
        self._layout = read_layout(header.dataset, self._pixels.rows, self._pixels.columns)
        self._shades = Shades(header.dataset, self._pixels, label)
        with header.open() as stream:
            self._frames = locate_frames(stream, header, self._pixels, label)

    def scan(self, index: int) -> Scan:
        """Return one frame, numbered from 0.

        Raises:
            DicomError: the frame is not there, or damaged.
        """
        if not 0 <= index < self.frame_count:
            raise DicomError(f"{self._label}: has {self.frame_count:,} frames, and none with the number {index + 1:,}.")
        if index >= len(self._frames):
            raise self._missing()
        return self._read(index)

    def scans(self) -> Iterator[Scan]:
        """Yield all frames in order, decoded one at a time; nothing is yielded of a file that lacks some.

        Raises:
            DicomError: a frame is not there, or damaged.
        """
        self.require_all_frames()
        yield from map(self._read, range(self.frame_count))

    def require_all_frames(self) -> None:
        """Refuse a file that ends before its frames do; none is decoded.

        Raises:
            DicomError: a frame is not there, or not whole.
        """
        if len(self._frames) < self.frame_count:
            raise self._missing()

    def _missing(self) -> DicomError:
        what = "ends before its pixels do"
        if self.frame_count > 1:
            what = f"holds {len(self._frames):,} whole frames of the {self.frame_count:,} it declares"
        return DicomError(f"{self._label}: {what}. Restore the file from its source.")

    def _read(self, index: int) -> Scan:
        single = self.frame_count == 1
        label = self._label if single else f"{self._label}, frame {index + 1}"
        with guarded(label):
            content = self._content(self._frames[index])
            values = decode(content, self._header.syntax, self._pixels, label, self._words)
            gray, colour = self._shades.picture(values)
        return Scan(
            name=self.name if single else f"{self.name}-f{index + 1:03d}",
            image=gray,
            colour=colour,
            region=self._layout.region,
            spacing=self._layout.spacing,
            frame=None if single else index,
            panels=self._layout.panels,
            colour_flow=self._layout.colour_flow,
        )

    def _content(self, frame: Frame) -> bytes:
        with self._header.open() as stream:
            pieces = []
            for piece in frame:
                stream.seek(piece.start)
                pieces.append(stream.read(piece.length))
            return b"".join(pieces)


def open_dicom(file: PictureFile, name: str | None = None, limits: Limits = STANDARD) -> DicomSource:
    """Open an ultrasound file (PS3.3 A.6, A.7; also secondary captures of modality US); its pixels are not read yet.

    Args:
        file: a path, or an upload.
        name: names the answers; the file's name without extension where None.
        limits: how much the file may hold.

    Raises:
        DicomError: the file is no ultrasound image, damaged, encrypted, larger than `limits`, or written in a way that
            is not read.
    """
    label = str(file)
    with guarded(label):
        header = read_header(file, label)
        check_kind(header.dataset, label)
        if header.pixels is None and "EncryptedAttributesSequence" in header.dataset:
            raise DicomError(f"{label}: its pixels are encrypted. Decrypt it, or export it without encryption.")
        check_syntax(header.syntax, label)
        return DicomSource(label, name or file.stem, header, limits)
