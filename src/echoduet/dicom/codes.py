"""The codes that the created instances use: SNOMED CT, DICOM, UCUM, and a scheme of our own where none of them has one.

A code value has at most 16 characters, a meaning at most 64 (DICOM PS3.3, 8.1 and 8.3).
"""

from __future__ import annotations

from collections.abc import Mapping

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr import CodedConcept
from pydicom.sr.coding import Code

from echoduet.records import Ground, Label

SCHEME = "99ECHODUET"
"""Designator of our own coding scheme; one that begins with 99 is private."""

SENTENCE = "Research use only. Not for diagnosis."
"""Stands in every report and on every capture."""


def _own(value: str, meaning: str) -> Code:
    return Code(value, SCHEME, meaning)


# Anatomy and findings.
BREAST = Code("76752008", "SCT", "Breast")
SIDES: Mapping[str, Code] = {"L": Code("7771000", "SCT", "Left"), "R": Code("24028007", "SCT", "Right")}
ABNORMAL_STRUCTURE = Code("49755003", "SCT", "Morphologically Abnormal Structure")
LESION = Code("52988006", "SCT", "Lesion")
CLASS_VALUES: Mapping[Label, Code] = {
    Label.BENIGN: Code("30807003", "SCT", "Benign"),
    Label.MALIGNANT: Code("21594007", "SCT", "Malignant"),
    Label.NORMAL: Code("17621005", "SCT", "Normal"),
}

# The report.
REPORT = Code("126000", "DCM", "Imaging Measurement Report")
BREAST_ULTRASOUND = Code("47079000", "SCT", "Ultrasonography of breast")
DEVICE = CodedConcept("121007", "DCM", "Device")
ARTIFICIAL_INTELLIGENCE = Code("123110", "DCM", "Artificial Intelligence")
EVALUATIONS = Code("C0034375", "UMLS", "Qualitative Evaluations")
COMMENT = Code("121106", "DCM", "Comment")

# Measurements of a lesion.
AREA = Code("42798000", "SCT", "Area")
LONG_AXIS = Code("103339001", "SCT", "Long Axis")
SHORT_AXIS = Code("103340004", "SCT", "Short Axis")
WIDTH = Code("103355008", "SCT", "Width")
HEIGHT = Code("121207", "DCM", "Height")
LESION_PROBABILITY = _own("lesion-prob", "Mean lesion probability of the pixels outlined")

# Units.
MILLIMETRE = Code("mm", "UCUM", "millimeter")
SQUARE_MILLIMETRE = Code("mm2", "UCUM", "square millimeter")
PIXELS = Code("{pixels}", "UCUM", "pixels")
NO_UNITS = Code("1", "UCUM", "no units")

# What is said about a picture.
LESIONS = _own("lesions", "Number of lesions outlined")
CLASS = _own("class", "Class answered by the network")
CLASS_BEFORE = _own("class-raw", "Class before mask and class were made to agree")
PROBABILITIES: Mapping[Label, Code] = {
    label: _own(f"prob-{label}", f"Probability of class {label} among the network's classes") for label in Label
}
READINGS = _own("readings", "Number of readings of the picture")
SPREADS: Mapping[Label, Code] = {
    label: _own(f"sd-{label}", f"SD over the readings of probability of {label}") for label in Label
}
OUTLINE_SPREAD = _own("sd-outline", "Mean SD over the readings of lesion probability")

# Why a picture is refused.
REFUSED = _own("refused", "Picture is refused because")
GROUNDS: Mapping[Ground, Code] = {
    Ground.NOT_ULTRASOUND: _own("refuse-not-us", "It does not look like an ultrasound picture"),
    Ground.COLOUR_DOPPLER: _own("refuse-doppler", "It shows colour Doppler"),
    Ground.MULTI_PANEL: _own("refuse-panels", "It shows several views side by side"),
    Ground.TOO_SMALL: _own("refuse-small", "It is too small"),
    Ground.OUT_OF_DISTRIBUTION: _own("refuse-ood", "It is unlike the pictures the network was trained on"),
}
SCORES: Mapping[Ground, Code] = {
    ground: _own(code.value.replace("refuse", "score"), f"Score of refusal: {ground.replace('_', ' ')}")
    for ground, code in GROUNDS.items()
}
LIMITS: Mapping[Ground, Code] = {
    ground: _own(code.value.replace("refuse", "limit"), f"Score from which is refused: {ground.replace('_', ' ')}")
    for ground, code in GROUNDS.items()
}


def own_codes() -> tuple[Code, ...]:
    """Return every code of our own scheme, in the order of this module."""
    single = (LESION_PROBABILITY, LESIONS, CLASS, CLASS_BEFORE, READINGS, OUTLINE_SPREAD, REFUSED)
    tables = (PROBABILITIES, SPREADS, GROUNDS, SCORES, LIMITS)
    return single + tuple(code for table in tables for code in table.values())


def own_scheme() -> CodingSchemeIdentificationItem:
    """Return what an instance says about our own scheme."""
    return CodingSchemeIdentificationItem(
        SCHEME, name="EchoDuet", version="1", responsible_organization="EchoDuet contributors"
    )
