"""From what is kept back to the analysis."""

from __future__ import annotations

import numpy as np
from PIL import Image

from echoduet.records import Box, Scan, Spacing
from echoduet.service.restoring import lesion_map, mask_of, restored
from echoduet.service.results import Place, failed
from echoduet.service.schemas import Layer


def test_everything_comes_back_but_for_the_steps_of_the_map(analysed, keep, disc):
    image = disc((60, 90), 14)
    colour = np.repeat(image[:, :, None], 3, axis=2)
    colour[:5, :5] = (200, 10, 30)
    gray = np.array(Image.fromarray(colour).convert("L"))
    scan = Scan("x", gray, colour, Box(0, 10, 60, 70), Spacing(0.1, 0.2), 4)
    before, after = analysed(scan), restored(keep(scan, index=7))
    np.testing.assert_array_equal(after.scan.image, gray)
    np.testing.assert_array_equal(after.scan.colour, colour)
    assert (after.scan.region, after.scan.spacing, after.scan.frame) == (scan.region, scan.spacing, 4)
    assert after.scan.name == "result-7"
    assert (after.lesions, after.checks) == (before.lesions, before.checks)
    for one, other in ((after.raw, before.raw), (after.refined, before.refined)):
        np.testing.assert_array_equal(one.mask, other.mask)
        np.testing.assert_allclose(one.probabilities, other.probabilities)
        assert one.label is other.label
    np.testing.assert_allclose(after.lesion_map, before.lesion_map, atol=0.51 / 255)
    one, other = after.uncertainty, before.uncertainty
    assert (one.readings, one.outline) == (other.readings, other.outline)
    np.testing.assert_allclose(one.classes, other.classes)
    np.testing.assert_allclose(one.spread, other.spread, atol=0.51 / 510)


def test_what_there_is_not_is_none():
    kept = failed(Place(0, 0, "a.png"), "a.png: is damaged.", True)
    assert lesion_map(kept) is None
    assert mask_of(kept, Layer.MASK) is None
