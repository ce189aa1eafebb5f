"""Results as they are sent: the analysis, word for word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from echoduet.records import Box, Check, Ground, Scan, Spacing
from echoduet.service.results import RESULT_OVERHEAD, Place, answered

PLACE = Place(2, 1, "loop.dcm", 5)


def test_an_answer_says_what_the_analysis_says(analysed, disc):
    scan = Scan("x", disc((80, 100), 15), region=Box(10, 20, 60, 70), spacing=Spacing(0.2, 0.1), frame=5)
    analysis = analysed(scan)
    body = answered(PLACE, analysis).body
    assert (body.index, body.file, body.name, body.frame, body.status) == (2, 1, "loop.dcm", 5, "answered")
    assert (body.width, body.height, body.error) == (100, 80, None)
    assert body.region.model_dump() == {"top": 10, "left": 20, "height": 60, "width": 70}
    assert body.spacing.model_dump() == {"row": 0.2, "column": 0.1}
    assert (body.label, body.label_raw) == (analysis.refined.label, analysis.raw.label)
    assert list(body.probabilities.model_dump().values()) == pytest.approx(analysis.raw.probabilities)
    assert sum(body.probabilities.model_dump().values()) == pytest.approx(1)
    assert (body.lesion_area_px, body.lesion_area_raw_px) == (analysis.refined.mask.sum(), analysis.raw.mask.sum())
    (lesion,) = body.lesions
    assert lesion.unit == "mm"
    assert lesion.width_height_ratio == pytest.approx(analysis.lesions[0].width / analysis.lesions[0].height)
    assert (lesion.centre.row, lesion.centre.column) == analysis.lesions[0].centre
    assert body.uncertainty.readings == 2


def test_a_refusal_tells_its_ground_and_nothing_else(analysed, disc):
    analysis = analysed(Scan("x", disc()))
    checks = (Check(Ground.NOT_ULTRASOUND, 0.9, 0.5), Check(Ground.TOO_SMALL, 0.0, 1.0))
    refused = replace(analysis, checks=checks, raw=None, refined=None, lesions=(), lesion_map=None, uncertainty=None)
    kept = answered(PLACE, refused)
    assert kept.body.status == "refused"
    assert [(check.ground, check.refuses) for check in kept.body.checks] == [
        ("not_ultrasound", True),
        ("too_small", False),
    ]
    assert (kept.body.label, kept.body.probabilities, kept.body.lesion_area_px) == (None, None, None)
    assert list(kept.layers.pictures) == ["image"]


def test_the_size_counts_pictures_and_once_the_header_of_a_file(analysed, disc):
    analysis = analysed(Scan("x", disc()))
    for frame, header in ((None, 500), (0, 500), (3, 0)):
        kept = answered(replace(PLACE, frame=frame), analysis, b"h" * 500)
        assert kept.size == kept.layers.size + RESULT_OVERHEAD + header
