from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from echoduet.curation.hashing import fingerprints, pixel_hash, thumbnail
from echoduet.errors import ImageError


def test_equal_pixels_have_one_hash_in_every_format_and_mode(scan, case_of) -> None:
    image = scan(1)
    cases = [case_of(f"benign ({i})", image) for i in range(3)]
    Image.fromarray(image).convert("RGBA").save(cases[1].image)
    Image.fromarray(image).save(cases[2].image, format="TIFF")
    assert len({found.pixels for found in fingerprints(cases, 24)}) == 1


def test_one_changed_pixel_changes_the_hash(scan) -> None:
    image = scan(1)
    other = image.copy()
    other[0, 0] ^= 1
    assert pixel_hash(image) != pixel_hash(other)


def test_the_same_bytes_in_another_shape_are_another_image() -> None:
    image = np.arange(24, dtype=np.uint8)
    assert pixel_hash(image.reshape(4, 6)) != pixel_hash(image.reshape(6, 4))


def test_a_view_hashes_like_its_copy(scan) -> None:
    assert pixel_hash(scan(1)[:, ::-1]) == pixel_hash(np.ascontiguousarray(scan(1)[:, ::-1]))


def test_the_thumbnail_averages_areas(scan) -> None:
    image = scan(1, (96, 48))
    expected = image.reshape(24, 4, 24, 2).mean(axis=(1, 3))
    assert np.abs(thumbnail(image, 24) - expected).max() <= 1  # rounded after each direction


def test_fingerprints_keep_the_order_of_the_cases(scan, case_of) -> None:
    cases = [case_of(f"normal ({i})", scan(i)) for i in (3, 1, 2)]
    assert [found.case_id for found in fingerprints(cases, 8)] == ["normal (3)", "normal (1)", "normal (2)"]


def test_an_unreadable_image_is_named(scan, case_of) -> None:
    case = case_of("normal (1)", scan(1))
    case.image.write_bytes(case.image.read_bytes()[:200])
    with pytest.raises(ImageError, match=r"normal \(1\)\.png"):
        fingerprints([case], 24)
