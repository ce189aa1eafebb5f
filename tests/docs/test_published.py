"""The shares of the page of published results recompute from the list of groups."""

from __future__ import annotations

import csv
import re
from collections import Counter
from math import comb

import pytest


@pytest.fixture(scope="module")
def groups(root):
    """Return the group of every image of BUSI; an image without relatives is one of its own."""
    with (root / "data_lists" / "busi_clean.csv").open(encoding="utf-8", newline="") as file:
        return {row["case_id"]: row["group"] or row["case_id"] for row in csv.DictReader(file)}


def expected_share(groups, tested):
    """Return the expected share of test images with a relative in training, if `tested` of the images are drawn."""
    n, m = len(groups), round(len(groups) * tested)
    alone = sum(size * comb(n - size, m - size) / comb(n - 1, m - 1) for size in Counter(groups.values()).values())
    return 1 - alone / n


def test_the_leak_of_a_random_split_is_as_the_page_says(root, groups):
    page = (root / "docs" / "published.md").read_text(encoding="utf-8")
    lesions = {case: group for case, group in groups.items() if not case.startswith("normal")}
    for name, chosen in (("all 780", groups), ("the 647 with a lesion", lesions)):
        told = re.search(rf"^\| {name} \| (.*) \|$", page, re.M)[1].split(" | ")
        assert told == [f"{expected_share(chosen, tested):.1%}".replace("%", " %") for tested in (0.1, 0.2, 0.25, 0.3)]


def test_the_number_of_related_images_is_as_the_page_says(root, groups):
    related = sum(size for size in Counter(groups.values()).values() if size > 1)
    assert f"Of the 780 images, {related} show a scene" in (root / "docs" / "published.md").read_text(encoding="utf-8")
    assert len(groups) == 780


def test_the_dice_that_follows_from_an_overlap_is_as_the_page_says(root):
    page = " ".join((root / "docs" / "published.md").read_text(encoding="utf-8").split())
    told = re.findall(r"\(?(\.\d{3}) (?:gives|would give) (\.\d{3})", page)
    assert len(told) == 3
    assert all(2 * float(iou) / (1 + float(iou)) == pytest.approx(float(dice), abs=6e-4) for iou, dice in told)
