from __future__ import annotations

import numpy as np
import pytest

from echoduet.curation.matching import candidates as module
from echoduet.curation.matching.candidates import (
    MOST,
    Candidate,
    CandidateSearch,
    VectorIndex,
    even,
    thumbnails,
    unique_images,
    votes,
)
from echoduet.curation.matching.features import tabulate
from echoduet.curation.matching.settings import MatchSettings


@pytest.fixture(scope="module")
def table(phantom, described):
    """Eight phantoms; then the first cropped, the second mirrored, the third with other gain."""
    images = [phantom(seed) for seed in range(8)]
    copies = [images[0][20:, 30:], images[1][:, ::-1], np.clip(images[2] * 1.3, 0, 255).astype(np.uint8)]
    return tabulate([described(np.ascontiguousarray(image)) for image in (*images, *copies)], 192)


def found(table, settings=None, first=0):
    search = CandidateSearch(table, settings or MatchSettings())
    search.enter(np.arange(first))
    search.enter(np.arange(first, len(table)))
    return search.candidates()


def test_copies_become_candidates(table):
    assert {Candidate(0, 8, False), Candidate(1, 9, True), Candidate(2, 10, False)} <= set(found(table))


def test_an_image_has_earlier_partners_only(table):
    assert all(candidate.a < candidate.b for candidate in found(table))


def test_what_came_before_is_only_looked_at_as_a_partner(table):
    later = found(table, first=8)
    assert {candidate.b for candidate in later} <= {8, 9, 10}
    assert [each for each in found(table) if each.b >= 8] == later


def test_whole_pictures_are_compared_where_features_are_too_few(table):
    nothing_by_features = MatchSettings(votes=100)
    assert Candidate(2, 10, False) in found(table, nothing_by_features)
    assert Candidate(1, 9, True) in found(table, nothing_by_features)


def test_of_thousands_alike_only_the_strongest_are_taken(phantom, described):
    rng = np.random.default_rng(0)
    noisy = [np.clip(phantom(1) + rng.normal(0, 4, phantom(1).shape), 0, 255).astype(np.uint8) for _ in range(60)]
    pairs = found(tabulate([described(image) for image in noisy], 192))
    per_image = np.bincount([candidate.b for candidate in pairs])
    assert per_image.max() <= MOST
    assert (per_image[1:] > 0).all()


def test_descriptors_are_evened_out_for_mirror_images(phantom, described):
    picture = described(phantom(5)).picture
    a, b = (even(described(np.ascontiguousarray(each)).descriptors) for each in (picture, picture[:, ::-1]))
    np.testing.assert_allclose(np.linalg.norm(a, axis=1), 1, atol=1e-5)
    assert np.median((a @ b.T).max(axis=1)) > 0.99


def test_votes_count_what_agrees_on_turn_and_scale():
    rng = np.random.default_rng(3)
    b = rng.uniform((0, 0, 2, 0), (190, 190, 12, 360), (30, 4)).astype(np.float32)
    a = b.copy()
    a[:20, 2] *= 1.4
    a[:20, 3] = (a[:20, 3] + 10) % 360
    a[20:, 3] = rng.uniform(0, 360, 10)
    pairs, numbers = votes(a, b, np.full(30, 7), mirrored=False)
    assert pairs.tolist() == [7]
    assert 20 <= numbers[0] <= 23


def test_votes_of_mirrored_features():
    b = np.array([[10, 20, 4, 30], [50, 60, 5, 100]], np.float32)
    a = np.array([[90, 20, 4, 150], [50, 60, 5, 80]], np.float32)  # mirrored, an angle becomes 180 degrees minus it
    assert votes(a, b, np.zeros(2, np.int64), mirrored=True)[1].tolist() == [2]
    assert votes(a, b, np.zeros(2, np.int64), mirrored=False)[1].tolist() == [1]


def test_an_index_with_cells_finds_nearly_what_a_full_search_finds(monkeypatch):
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(4000, 16)).astype(np.float32)
    queries = vectors[::10] + rng.normal(0, 0.01, (400, 16)).astype(np.float32)
    monkeypatch.setattr(module, "FEW", 1000)
    index = VectorIndex(vectors, len(vectors))
    index.add(vectors)
    rows, numbers = index.nearest(queries, 1)
    assert (numbers == rows * 10).mean() > 0.98


def test_neighbours_beyond_the_distance_are_left_out():
    vectors = np.eye(4, dtype=np.float32)
    index = VectorIndex(vectors, 4)
    index.add(vectors)
    rows, numbers = index.nearest(vectors[:2], 4, within=0.5)
    assert (rows.tolist(), numbers.tolist()) == ([0, 1], [0, 1])


def test_only_the_first_of_equal_images_takes_part():
    assert unique_images(["a", "b", "a", "c", "b"]).tolist() == [True, True, False, True, False]


def test_no_images_have_no_thumbnails(table):
    assert thumbnails(table, np.zeros(0, np.intp)).shape == (0, 256)
