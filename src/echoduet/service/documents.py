"""The files that are made of a result when somebody asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from importlib.util import find_spec

from echoduet.errors import DicomError, ShapeError
from echoduet.inference.overlay import draw_overlay
from echoduet.records import Analysis
from echoduet.service.headers import unpack_header
from echoduet.service.layers import png
from echoduet.service.refusals import RefusedError, missing
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

    @property
    def is_dicom(self) -> bool:
        """Whether it is made of DICOM pictures only."""
        return self.value.endswith(".dcm")


class Documents:
    """Makes the files of results.

    Args:
        model: name of the model that answered.
        sha256: of its file.
        settings: what else decides the answer, by name.
    """

    def __init__(self, model: str, sha256: str, settings: Mapping[str, str]) -> None:
        self._model, self._sha256, self._settings = model, sha256, tuple(settings.items())
        self._dicom = find_spec("highdicom") is not None
        self._nifti = find_spec("nibabel") is not None

    def of(self, kept: Kept) -> tuple[Document, ...]:
        """Return which files a result has."""
        return tuple(document for document in Document if self._has(kept, document))

    def _has(self, kept: Kept, document: Document) -> bool:
        body = kept.body
        if document.is_dicom and not (self._dicom and kept.header):
            return False
        if document is Document.SEGMENTATION:
            return bool(body.lesions)
        if document is Document.NIFTI:
            return self._nifti and body.lesion_area_px is not None
        return body.status == "answered" or (document is Document.REPORT and body.status == "refused")

    def make(self, kept: Kept, document: Document) -> bytes:
        """Return a file of a result.

        Raises:
            RefusedError: it has none of that kind, or none can be made of its picture.
        """
        if not self._has(kept, document):
            raise missing(f"document '{document.value}' of this result")
        analysis = restored(kept)
        if document.is_dicom:
            return self._dicom_file(kept, analysis, document)
        return _MAKERS[document](analysis)

    def _dicom_file(self, kept: Kept, analysis: Analysis, document: Document) -> bytes:
        from echoduet.dicom.identity import Algorithm, Kind  # noqa: PLC0415  # an extra, and half a second
        from echoduet.dicom.instances import encoded  # noqa: PLC0415
        from echoduet.dicom.outputs import create  # noqa: PLC0415

        kind = Kind(document.value.partition(".")[0])
        algorithm = Algorithm(self._model, self._sha256, self._settings)
        # A report refers to the segmentation, so both are made wherever there is one.
        kinds = [kind, Kind.SEG] if kind is Kind.SR else [kind]
        try:
            created = list(create(unpack_header(kept.header or b""), [analysis], algorithm, kinds))
        except (DicomError, ShapeError) as error:
            sentence = f"{kept.body.name}: no DICOM file can be made of it: {error}"
            raise RefusedError(409, "document", sentence) from error
        return encoded(next(made.dataset for made in created if made.kind is kind))


def _overlay(analysis: Analysis) -> bytes:
    assert analysis.refined is not None
    return png(draw_overlay(analysis.scan.image, analysis.refined))


def _nifti(analysis: Analysis) -> bytes:
    from echoduet.dicom.nifti import pack_lesions  # noqa: PLC0415  # an extra

    return pack_lesions(analysis)


_MAKERS: Mapping[Document, Callable[[Analysis], bytes]] = {Document.OVERLAY: _overlay, Document.NIFTI: _nifti}
