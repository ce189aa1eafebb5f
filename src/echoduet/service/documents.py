"""The files that are made of a result when somebody asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from echoduet.inference.overlay import draw_overlay
from echoduet.service.layers import png
from echoduet.service.refusals import missing
from echoduet.service.restoring import restored
from echoduet.service.results import Kept


class Document(StrEnum):
    """A file about a result, by the name under which it is found."""

    SEGMENTATION = "seg.dcm"
    REPORT = "sr.dcm"
    CAPTURE = "sc.dcm"
    NIFTI = "mask.nii.gz"
    OVERLAY = "overlay.png"

    @property
    def media_type(self) -> str:
        """Its type."""
        kinds = {"dcm": "application/dicom", "png": "image/png", "gz": "application/gzip"}
        return kinds[self.value.rpartition(".")[2]]


Maker = Callable[[Kept], bytes]


class Documents:
    """Makes the files of results."""

    def __init__(self) -> None:
        self._makers: Mapping[Document, Maker] = {Document.OVERLAY: _overlay}

    def of(self, kept: Kept) -> tuple[Document, ...]:
        """Return which files a result has."""
        if kept.body.status != "answered":
            return ()
        return tuple(self._makers)

    def make(self, kept: Kept, document: Document) -> bytes:
        """Return a file of a result.

        Raises:
            RefusedError: it has none of that kind.
        """
        if document not in self.of(kept):
            raise missing(f"document '{document.value}' of this result")
        return self._makers[document](kept)


def _overlay(kept: Kept) -> bytes:
    analysis = restored(kept)
    assert analysis.refined is not None
    return png(draw_overlay(analysis.scan.image, analysis.refined))
