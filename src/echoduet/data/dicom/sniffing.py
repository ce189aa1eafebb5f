"""Telling by its first bytes, or its name, whether a file is DICOM; needs no pydicom."""

from __future__ import annotations

HEAD_BYTES = 132
"""How many bytes it takes."""

DICOM_SUFFIXES = frozenset({".dcm", ".dicom", ".ima"})
"""File name extensions (lower case) of DICOM files; many have none, and are known by their first bytes."""

_ENVELOPED = bytes.fromhex("06092a864886f70d010703")  # 1.2.840.113549.1.7.3, encrypted content (RFC 5652)
_LONGEST_FIRST_VALUE = 1024


def looks_like_dicom(head: bytes) -> bool:
    """Tell whether a file claims to be DICOM: by its mark, bare with group 2 or 8 first, or encrypted (PS3.15)."""
    if has_mark(head) or is_encrypted(head):
        return True
    if len(head) < 16:
        return False
    if head[:2] in (b"\x02\x00", b"\x08\x00"):
        return names_its_types(head) or int.from_bytes(head[4:8], "little") < _LONGEST_FIRST_VALUE
    return head[:2] == b"\x00\x08" and names_its_types(head)


def has_mark(head: bytes) -> bool:
    """Tell whether the file begins with a preamble and the letters DICM (PS3.10 7.1)."""
    return head[128:132] == b"DICM"


def names_its_types(element: bytes) -> bool:
    """Tell whether an element names its value representation, two capital letters after the tag."""
    return element[4:6].isalpha() and element[4:6].isupper()


def is_encrypted(head: bytes) -> bool:
    """Tell whether the file is a CMS envelope with encrypted content (PS3.15 annex B)."""
    return head[:1] == b"\x30" and _ENVELOPED in head[:32]
