"""Calipers, text and body marks are told from one another."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from echoduet.curation.quality.graphics import Parts, crosses, dotted_lines, evidence, graphics_scores
from echoduet.curation.quality.issues import Issue
from echoduet.curation.quality.overlays import overlay_mask
from echoduet.data.overlays import Overlay

SHAPE = (400, 560)


def drawing(*shapes) -> np.ndarray:
    """Return a mask on which each shape has drawn."""
    canvas = np.zeros(SHAPE, np.uint8)
    for shape in shapes:
        shape(canvas)
    return canvas.astype(bool)


def cross(x: int, y: int, arm: int = 8):
    def draw(canvas) -> None:
        canvas[y - 1 : y + 2, x - arm : x + arm + 1] = 1
        canvas[y - arm : y + arm + 1, x - 1 : x + 2] = 1

    return draw


def dots(start, end, count: int):
    def draw(canvas) -> None:
        for x, y in np.linspace(start, end, count).round().astype(int):
            canvas[y : y + 2, x : x + 2] = 1

    return draw


def words(text: str, x: int = 40, y: int = 350, scale: float = 0.6):
    return lambda canvas: cv2.putText(canvas, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, 1, 1)


def test_evidence_halves_the_doubt() -> None:
    assert [evidence(n) for n in (-1, 0, 1, 2)] == [0.0, 0.0, 0.5, 0.75]


def test_crosses_are_found_at_their_centres() -> None:
    found = crosses(drawing(cross(100, 50), cross(300, 200)))
    assert sorted(map(tuple, found.tolist())) == [(50, 100), (200, 300)]


@pytest.mark.parametrize(
    "shape",
    [
        lambda canvas: canvas.__setitem__((slice(100, 103), slice(50, 500)), 1),
        lambda canvas: cv2.rectangle(canvas, (100, 100), (116, 116), 1, -1),
        lambda canvas: cv2.circle(canvas, (200, 200), 30, 1, 1),
        lambda canvas: (cv2.line(canvas, (200, 100), (200, 300), 1, 1), cv2.line(canvas, (100, 200), (300, 200), 1, 1)),
    ],
    ids=["line", "square", "circle", "cross hairs"],
)
def test_what_is_no_caliper_is_no_cross(shape) -> None:
    assert len(crosses(drawing(shape))) == 0


def test_a_dotted_line_is_counted_and_scattered_dots_are_not() -> None:
    scattered = np.random.default_rng(0).integers((0, 0), (550, 390), (12, 2))
    assert dotted_lines(Parts.of(drawing(dots((100, 100), (200, 140), 15)))) >= 1
    assert dotted_lines(Parts.of(drawing(*(dots(at, at, 1) for at in scattered)))) == 0


def test_a_measured_lesion_has_calipers_and_no_text() -> None:
    ends = cross(100, 100), cross(200, 140), words("1", 210, 140)
    scores = graphics_scores(drawing(dots((110, 104), (190, 136), 14), *ends))
    assert scores[Issue.CALIPERS] >= 0.75
    assert scores[Issue.TEXT] == 0
    assert scores[Issue.PICTOGRAM] == 0


def test_a_word_is_text_and_no_calipers() -> None:
    scores = graphics_scores(drawing(words("RT AXILLA")))
    assert scores[Issue.TEXT] > 0.9
    assert scores[Issue.CALIPERS] == 0


def test_longer_words_score_higher() -> None:
    text = [graphics_scores(drawing(words(word)))[Issue.TEXT] for word in ("L", "LT", "LEFT")]
    assert text[0] == 0
    assert 0 < text[1] < text[2]


def test_a_piece_of_the_logo_in_the_corner_is_no_text() -> None:
    assert graphics_scores(drawing(words("IQ", 2, 14, 0.5)))[Issue.TEXT] == 0


def test_a_body_mark_is_a_pictogram_also_where_it_is_cut() -> None:
    def mark(x):
        return drawing(
            lambda canvas: cv2.circle(canvas, (x, 300), 25, 1, 1),
            lambda canvas: cv2.line(canvas, (x, 300), (x - 40, 280), 1, 1),
        )

    assert graphics_scores(mark(300))[Issue.PICTOGRAM] > 0.5
    assert graphics_scores(mark(SHAPE[1] - 1))[Issue.PICTOGRAM] > 0.5


def test_a_colour_box_is_no_pictogram() -> None:
    assert graphics_scores(drawing(lambda c: cv2.rectangle(c, (200, 200), (320, 300), 1, 1)))[Issue.PICTOGRAM] == 0


def test_a_page_full_of_letters_is_scored_in_time() -> None:
    page = np.zeros((1000, 1000), np.uint8)
    for y in range(30, 1000, 24):
        cv2.putText(page, "ABCDEFGH " * 12, (2, y), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 1, 1)
    assert graphics_scores(page.astype(bool))[Issue.TEXT] > 0.9


def test_nothing_drawn_scores_nothing() -> None:
    assert set(graphics_scores(np.zeros((50, 60), bool)).values()) == {0.0}


@pytest.mark.parametrize("width", [256, 560])
@pytest.mark.parametrize("seed", range(4))
def test_phantoms_are_told_by_what_was_drawn_on_them(drawn, seed, width) -> None:
    found = graphics_scores(overlay_mask(drawn(Overlay(calipers=True), seed, width).image))
    assert found[Issue.CALIPERS] >= 0.6
    assert found[Issue.TEXT] < 0.4
    assert set(graphics_scores(overlay_mask(drawn(Overlay(), seed, width).image)).values()) == {0.0}
    assert graphics_scores(overlay_mask(drawn(Overlay(text=True), seed, 560).image))[Issue.TEXT] >= 0.4
