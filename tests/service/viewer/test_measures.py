"""Lesions are told as the server measured them; calipers measure what a person points at."""

from __future__ import annotations

import math
import re

import pytest
from playwright.sync_api import expect

from echoduet.service.schemas import NOTICE

SHARE = 'Of 100 images answered "benign" at 91\u00a0%, about 91 were benign. T.'


def caliper(desk, at=0):
    """Return the ends of a caliper, in pixels of the picture."""
    return desk.state(f"work().calipers[{at}]")


def test_lesions_are_listed_in_millimetres_and_the_chosen_one_is_marked(desk):
    desk.add("loop.dcm")
    lesion = desk.state("result().lesions[0]")
    table = desk.page.locator("#lesions tbody")
    assert table.locator("td[data-lesion='1']").all_inner_texts()[:5] == [
        f"{lesion['area']:.1f}", f"{lesion['longest']:.1f} × {lesion['shortest']:.1f}",
        f"{lesion['width_height_ratio']:.2f}", f"{round(lesion['orientation'])}°", f"{lesion['circularity']:.2f}",
    ]  # fmt: skip
    assert table.locator("th").all_inner_texts()[:2] == ["Area, mm²", "Longest × shortest, mm"]
    before = desk.becomes(lambda _: True)
    desk.page.click("#lesion-1")
    expect(desk.page.locator("#lesion-1")).to_have_attribute("aria-pressed", "true")
    expect(desk.page.locator("#lesion-1")).to_be_focused()
    desk.becomes(lambda picture: picture != before)
    desk.press("l")
    expect(desk.page.locator("#lesion-1")).to_have_attribute("aria-pressed", "false")
    box = lesion["box"]
    desk.page.mouse.click(*desk.at(lesion["centre"]["column"], lesion["centre"]["row"]))
    expect(desk.page.locator("#lesion-1")).to_have_attribute("aria-pressed", "true")
    assert box["width"] > 10


def test_the_verdict_is_told_in_words_with_its_warning(desk):
    desk.add("loop.dcm")
    card = desk.page.locator("#answer .verdict")
    expect(card.locator("h2")).to_have_text(re.compile(r"Malignant\d+\s%"))
    expect(card.locator(".notice")).to_have_text("Research use only. Not a BI-RADS category.")
    expect(desk.page.locator("footer .notice")).to_have_text("Research use only. Not a BI-RADS category.")
    assert NOTICE.startswith("Research use only.")
    shares = desk.state("result().probabilities")
    for name, share in shares.items():
        expect(card.locator(f".bar.{name}")).to_have_attribute("aria-label", re.compile(rf"{round(100 * share)}\s%"))
    expect(card).to_contain_text(re.compile(r"readings (agree|differ|disagree)"))
    told = desk.state("state.models[0].calibration.text")
    expect(desk.page.locator("#calibration")).to_contain_text(told)


@pytest.mark.parametrize(
    ("calibration", "said"),
    [
        (
            {"ece": 0.02, "n": 900, "text": "T."},
            SHARE,
        ),
        ({"ece": 0.09, "n": 900, "text": "T."}, "T."),
        ({"ece": 0.02, "n": 90, "text": "T."}, "T."),
        (None, None),
    ],
)
def test_frequencies_are_told_only_where_they_were_measured(desk, calibration, said):
    answer = {"label": "benign", "probabilities": {"benign": 0.912, "malignant": 0.06, "normal": 0.028}}
    told = desk.page.evaluate(
        "async ([calibration, answer]) => { const {calibrationText} = await import('./static/viewer-words.js');"
        "return calibrationText(calibration, answer) }", [calibration, answer],
    )  # fmt: skip
    assert told == said


@pytest.mark.parametrize(
    ("share", "said"),
    [(0.0, "Of 40 images the model had not seen and scored 0 to 10 % malignant, 2 were."),
     (0.1, "Of 40 images the model had not seen and scored 0 to 10 % malignant, 2 were."),
     (0.95, "Of 20 images the model had not seen and scored 90 to 100 % malignant, 19 were."),
     (0.55, None), (0.7, None)],
)  # fmt: skip
def test_a_probability_of_malignant_is_told_by_what_it_was_worth_where_images_are_enough(desk, share, said):
    counted = [(0.0, 0.1, 40, 2), (0.5, 0.6, 9, 4), (0.9, 1.0, 20, 19)]
    bins = [dict(zip(("low", "high", "n", "malignant"), row, strict=True)) for row in counted]
    found = desk.page.evaluate(
        "async ([calibration, answer]) => { const {malignantText} = await import('./static/viewer-words.js');"
        "return malignantText(calibration, answer) }", [{"malignant_bins": bins}, {"malignant": share}],
    )  # fmt: skip
    assert found == said


def test_a_caliper_is_drawn_moved_and_deleted(desk):
    desk.add("loop.dcm")
    spacing = desk.state("result().spacing")
    desk.press("c")
    desk.drag(desk.at(100, 100), desk.at(180, 160))
    told = desk.page.locator("#caliper-0 span")
    expect(told).to_have_text(f"{math.hypot(80 * spacing['column'], 60 * spacing['row']):.1f} mm")
    desk.drag(desk.at(180, 160), desk.at(100, 200))
    expect(told).to_have_text(f"{100 * spacing['row']:.1f} mm")
    assert desk.state("work().calipers.length") == 1
    desk.drag(desk.at(100, 200), desk.at(10, 10))
    expect(told).to_have_text(re.compile(r"\d px"))
    expect(desk.page.locator("#measures")).to_contain_text("an end lies outside the ultrasound region")
    desk.press("Delete")
    expect(desk.page.locator("#measures section")).to_have_count(0)


def test_a_caliper_is_set_by_keys_and_tells_pixels_where_there_is_no_scale(desk):
    desk.add("benign.png", "dark.jpg")
    desk.canvas.focus()
    desk.press("c", "Enter")
    before = caliper(desk)
    desk.press("ArrowRight", "Shift+ArrowDown", "e", "ArrowUp")
    after = caliper(desk)
    assert after["b"] == pytest.approx({"x": before["b"]["x"] + 1, "y": before["b"]["y"] + 10})
    assert after["a"] == pytest.approx({"x": before["a"]["x"], "y": before["a"]["y"] - 1})
    length = math.hypot(after["b"]["x"] - after["a"]["x"], after["b"]["y"] - after["a"]["y"])
    expect(desk.page.locator("#caliper-0 span")).to_have_text(f"{length:.1f} px")
    expect(desk.page.locator("#measures")).to_contain_text("the file does not tell the size of a pixel")
    desk.press("Enter", "n")
    assert desk.state("work().calipers.length") == 2
    desk.press("j")  # each image has its own
    expect(desk.page.locator("#measures section")).to_have_count(0)
    desk.press("k")
    desk.page.click("#drop-caliper-0")
    assert desk.state("work().calipers.length") == 1
