from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import structural_similarity

from echoduet.curation.duplicates import exact_pairs, find_pairs, similarity
from echoduet.curation.hashing import Fingerprint, pixel_hash, thumbnail
from echoduet.curation.relations import Relation
from echoduet.curation.settings import CurationSettings


def fingerprint(name: str, image: np.ndarray) -> Fingerprint:
    return Fingerprint(name, pixel_hash(image), thumbnail(image, 24))


def as_jpeg(image: np.ndarray) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=40)
    return np.asarray(Image.open(stream))


def with_calipers(image: np.ndarray) -> np.ndarray:
    marked = image.copy()
    for row, column in ((40, 60), (90, 120), (60, 150)):
        marked[row, column - 7 : column + 8] = marked[row - 7 : row + 8, column] = 255
    return marked


TAMPERED = {
    "gain": lambda image: np.clip(image * 1.3, 0, 255).astype(np.uint8),
    "gamma": lambda image: (255 * (image / 255) ** 1.2).astype(np.uint8),
    "jpeg": as_jpeg,
    "calipers": with_calipers,
    "crop": lambda image: image[4:-3, 5:-6],
    "smaller": lambda image: np.asarray(Image.fromarray(image).resize((90, 70), Image.Resampling.BICUBIC)),
    "all of it": lambda image: as_jpeg(with_calipers(np.clip(image * 0.8, 0, 255).astype(np.uint8))[3:, :-4]),
}


@pytest.mark.parametrize("tamper", TAMPERED)
def test_a_tampered_copy_is_near_and_nothing_else_is(tamper: str, scan) -> None:
    images = [scan(seed) for seed in range(25)]
    prints = [fingerprint(str(i), image) for i, image in enumerate(images)]
    prints.append(fingerprint("copy", TAMPERED[tamper](images[7])))
    pairs = find_pairs(prints, CurationSettings())
    assert [(pair.case_a, pair.case_b, pair.relation) for pair in pairs] == [("7", "copy", Relation.SAME_SCAN)]
    assert CurationSettings().near <= pairs[0].similarity < 1


@pytest.mark.parametrize("tamper", TAMPERED)
def test_a_mirrored_copy_is_told_apart(tamper: str, scan) -> None:
    prints = [fingerprint("a", scan(1)), fingerprint("b", TAMPERED[tamper](scan(1))[:, ::-1])]
    assert [pair.transform.mirrored for pair in find_pairs(prints, CurationSettings())] == [True]
    assert find_pairs(prints, CurationSettings(mirrored=False)) == ()


def test_equal_pixels_are_exact_and_not_near_as_well(scan) -> None:
    prints = [fingerprint("a", scan(1)), fingerprint("b", scan(2)), fingerprint("c", scan(1))]
    (pair,) = find_pairs(prints, CurationSettings())
    assert (pair.case_a, pair.case_b, pair.relation, pair.similarity) == ("a", "c", Relation.COPY, 1.0)


def test_every_two_of_three_exact_copies_are_a_pair(scan) -> None:
    prints = [fingerprint(name, scan(1)) for name in "abc"]
    assert [(pair.case_a, pair.case_b) for pair in exact_pairs(prints)] == [("a", "b"), ("a", "c"), ("b", "c")]


def test_equal_blank_images_are_exact_copies() -> None:
    prints = [fingerprint(name, np.zeros((40, 50), np.uint8)) for name in "ab"]
    assert [pair.relation for pair in find_pairs(prints, CurationSettings())] == [Relation.COPY]


def test_a_symmetrical_copy_counts_as_plain(scan) -> None:
    half = scan(1)
    whole = np.hstack([half, half[:, ::-1]])
    brighter = np.clip(whole * 1.1, 0, 255).astype(np.uint8)
    prints = [fingerprint("a", whole), fingerprint("b", brighter)]
    assert [pair.relation for pair in find_pairs(prints, CurationSettings())] == [Relation.SAME_SCAN]


def test_pairs_come_in_the_order_of_the_cases(scan) -> None:
    images = [scan(1), scan(2), as_jpeg(scan(2)), as_jpeg(scan(1)), scan(1)]
    pairs = find_pairs([fingerprint(str(i), image) for i, image in enumerate(images)], CurationSettings())
    assert [(pair.case_a, pair.case_b) for pair in pairs] == [("0", "3"), ("0", "4"), ("1", "2"), ("3", "4")]


def test_a_stricter_threshold_finds_less(scan) -> None:
    prints = [fingerprint("a", scan(1)), fingerprint("b", TAMPERED["crop"](scan(1)))]
    found = find_pairs(prints, CurationSettings())[0].similarity
    assert find_pairs(prints, CurationSettings(near=min(1.0, found + 0.01))) == ()
    assert find_pairs(prints, CurationSettings(candidate=1.0)) == ()


def test_similarity_is_that_of_scikit_image(scan) -> None:
    a, b = thumbnail(scan(1), 24), thumbnail(scan(2), 24)
    expected = structural_similarity(a.astype(np.float64), b.astype(np.float64), data_range=255)
    assert similarity(a, b) == pytest.approx(expected, abs=1e-4)
    assert similarity(a, a) == pytest.approx(1)
