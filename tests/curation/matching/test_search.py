from __future__ import annotations

import numpy as np
import pytest

from echoduet.curation.matching import search as module
from echoduet.curation.matching.features import tabulate
from echoduet.curation.matching.search import ALL_LISTED, find_pairs
from echoduet.curation.matching.settings import MatchSettings
from echoduet.curation.relations import Relation


def matches(table, first=0, settings=None):
    return [match for block in find_pairs(table, settings or MatchSettings(), first) for match in block.matches]


@pytest.fixture(scope="module")
def table(phantom, described):
    """Five phantoms, then: the first to the pixel, the second mirrored at half the size, the third cropped."""
    images = [phantom(seed) for seed in range(5)]
    small = np.ascontiguousarray(images[1][::2, ::-2])
    return tabulate([described(image) for image in (*images, images[0], small, images[2][25:, 40:].copy())], 192)


def test_every_relation_is_told(table):
    found = {(match.i, match.j): match for match in matches(table)}
    assert set(found) == {(0, 5), (1, 6), (2, 7)}
    assert found[0, 5].relation is Relation.COPY
    assert found[1, 6].relation is found[2, 7].relation is Relation.SAME_SCAN


def test_the_transform_is_in_the_pixels_of_the_images(table):
    found = {(match.i, match.j): match for match in matches(table)}
    small, crop = found[1, 6].transform, found[2, 7].transform
    assert small.mirrored
    assert small.scale == pytest.approx(2, rel=0.01)
    assert (crop.dx, crop.dy) == (pytest.approx(40, abs=1), pytest.approx(25, abs=1))
    assert found[2, 7].overlap == pytest.approx((1 - 40 / 240) * (1 - 25 / table.sizes[2, 1]), abs=0.03)
    assert all(match.confidence > 0.9 for match in found.values())


def test_a_search_goes_on_where_it_stopped(table, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 3)
    whole = matches(table)
    blocks = list(find_pairs(table, MatchSettings(), 6))
    assert [(block.start, block.stop) for block in blocks] == [(6, 8)]
    assert list(blocks[0].matches) == [match for match in whole if match.j >= 6]


def test_the_result_does_not_depend_on_the_blocks(table, monkeypatch):
    whole = matches(table)
    monkeypatch.setattr(module, "BLOCK", 2)
    assert matches(table) == whole


def test_a_moved_scene_is_no_copy(phantom, described):
    cv2 = pytest.importorskip("cv2")
    image = phantom(6)
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float32)
    bent = cv2.remap(image, columns + 3 * np.sin(rows / 25), rows + 3 * np.cos(columns / 30), cv2.INTER_LINEAR)
    (match,) = matches(tabulate([described(image), described(bent)], 192))
    assert match.relation is Relation.SAME_SCENE


def test_many_equal_images_are_not_all_paired(described, phantom):
    copies = 3 * ALL_LISTED
    found = matches(tabulate([described(phantom(1))] * copies, 192))
    assert {match.j for match in found} == set(range(1, copies))
    assert len(found) < ALL_LISTED**2 + copies


def test_flat_images_of_different_sizes_are_not_related(described):
    flat = [described(np.full(shape, 30, np.uint8)) for shape in ((80, 90), (90, 80))]
    assert matches(tabulate(flat, 192)) == []


def test_nothing_to_search():
    assert matches(tabulate([], 192)) == []
