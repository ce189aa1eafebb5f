"""Presentation contexts: what the node takes, and what it offers to archives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pydicom.uid import (
    JPEG2000,
    UID,
    ComprehensiveSRStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made at run time

from echoduet.data.dicom.storage import ULTRASOUND, ULTRASOUND_MULTI_FRAME
from echoduet.dicom.identity import Kind

TAKEN: Final = (
    ULTRASOUND,
    ULTRASOUND_MULTI_FRAME,
    "1.2.840.10008.5.1.4.1.1.6",  # both retired, as older scanners send them
    "1.2.840.10008.5.1.4.1.1.3",
)
"""SOP classes of ultrasound. Secondary captures are not among them: the node's own would come back to it."""

SYNTAXES: Final = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    JPEGLSLossless,
    JPEG2000Lossless,
    RLELossless,
    JPEGLosslessSV1,
    JPEGLossless,
    JPEGBaseline8Bit,
    JPEGLSNearLossless,
    JPEG2000,
    JPEGExtended12Bit,
)
"""Transfer syntaxes that frames are read in; of those that a peer proposes together, the first of these is taken."""

PLAIN: Final = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)

MADE: Final = {
    Kind.SEG: SegmentationStorage,
    Kind.SR: ComprehensiveSRStorage,
    Kind.SC: SecondaryCaptureImageStorage,
}
"""What each kind of result is stored as."""


def receiving_contexts() -> list[PresentationContext]:
    """Return what the node takes: C-ECHO, and ultrasound in every transfer syntax that is read."""
    storing = [build_context(UID(kind), list(SYNTAXES)) for kind in TAKEN]
    return [build_context(Verification, [*PLAIN, ExplicitVRBigEndian]), *storing]


def sending_contexts(classes: Iterable[str]) -> list[PresentationContext]:
    """Return what is offered to an archive: each SOP class by both transfer syntaxes that every archive knows."""
    return [build_context(UID(kind), list(PLAIN)) for kind in sorted(set(classes))]
