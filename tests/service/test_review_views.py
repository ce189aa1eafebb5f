"""Views of two cases: aligned where that is known, and told what is wrong with a file."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from echoduet.data.manifest import read_manifest
from echoduet.errors import ImageError, ManifestError
from echoduet.service.review_items import read_agenda
from echoduet.service.review_views import Layer, Views


@pytest.fixture
def views(curated) -> Views:
    """The views of the curation made by hand."""
    cases = read_manifest(curated.path / "cases.csv")
    return Views(cases, read_agenda(curated.path, {case.case_id for case in cases}).aligned)


def pixels(png):
    """Return the picture in a PNG, `(H, W, 4)`."""
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)


def likeness(a, b):
    """Return the correlation of two pictures where both have something."""
    both = (a[:, :, 3] > 0) & (b[:, :, 3] > 0)
    return float(np.corrcoef(a[both][:, 0], b[both][:, 0])[0, 1])


@pytest.mark.parametrize(
    ("a", "b"),
    [("benign (1)", "benign (2)"), ("benign (2)", "benign (1)"), ("benign (2)", "malignant (1)")],
    ids=["as found", "the other way", "through a third"],
)
def test_two_images_lie_on_one_canvas_one_over_the_other(views, a, b):
    view = views.view(a, b)
    assert view.aligned
    assert (view.a.width, view.a.height) == (view.b.width, view.b.height)
    one, two = (pixels(views.picture(layer, a, b)) for layer in (Layer.A, Layer.B))
    assert one.shape[:2] == two.shape[:2] == (view.a.height, view.a.width)
    assert likeness(one, two) > 0.97
    assert pixels(views.picture(Layer.DIFFERENCE, a, b)).shape == one.shape
    assert view.a.outline and view.b.outline


def test_the_transform_is_told_in_words_where_the_pair_was_aligned_itself(views):
    assert views.view("benign (1)", "benign (2)").transform == "mirrored, rotated by 5.0 degrees, scaled by 1.25"
    assert views.view("benign (2)", "malignant (1)").transform == ""


def test_an_image_alone_has_its_own_size(views):
    view = views.view("benign (2)")
    assert (view.b, view.aligned) == (None, False)
    assert (view.a.width, view.a.height) == (110, 90)
    assert pixels(views.picture(Layer.A, "benign (2)", None)).shape == (90, 110, 4)


def test_two_images_that_were_not_aligned_are_shown_by_themselves(views):
    view = views.view("benign (1)", "normal (1)")
    assert not view.aligned
    assert view.b.outline == ""
    assert pixels(views.picture(Layer.B, "benign (1)", "normal (1)")).shape == (120, 160, 4)
    with pytest.raises(ManifestError, match="no difference to show"):
        views.picture(Layer.DIFFERENCE, "benign (1)", "normal (1)")


def test_an_image_that_is_missing_is_told_and_the_other_one_shown(curated, views):
    (curated.data / "benign (2).png").unlink()
    view = views.view("benign (1)", "benign (2)")
    assert "benign (2).png: is missing" in view.b.problem
    assert (view.b.width, view.a.width, view.aligned) == (0, 160, False)
    with pytest.raises(ImageError, match="is missing"):
        views.picture(Layer.B, "benign (1)", "benign (2)")
    assert pixels(views.picture(Layer.A, "benign (1)", "benign (2)")).shape == (120, 160, 4)


def test_a_mask_that_is_damaged_is_told_and_the_image_shown(curated, views):
    (curated.data / "benign (1)_mask.png").write_bytes(b"nothing")
    side = views.view("benign (1)").a
    assert "benign (1)_mask.png" in side.problem
    assert (side.width, side.outline) == (160, "")


@pytest.mark.parametrize("name", ["benign (99)", "../data/benign (1)", "/etc/passwd"])
def test_only_cases_can_be_asked_for(views, name):
    with pytest.raises(ManifestError, match="has no case"):
        views.view(name)
    with pytest.raises(ManifestError, match="has no case"):
        views.picture(Layer.A, name, None)
