"""A refused picture is shown as refused, in plain words, and answered all the same only when somebody insists."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from echoduet.records import Ground


@pytest.fixture
def refused(desk):
    """A desk with a photograph on it."""
    desk.add("photo.png", "benign.png")
    return desk


def test_grounds_are_told_with_what_to_do(refused):
    grounds = [check["ground"] for check in refused.state("result().checks") if check["refuses"]]
    assert "not_ultrasound" in grounds
    box = refused.page.locator("#refusal")
    expect(box.locator("h2")).to_have_text("Refused: no answer is given")
    assert [item.get_attribute("data-ground") for item in box.locator("li").all()] == grounds
    expect(box).to_contain_text("This does not look like an ultrasound picture.")
    expect(box).to_contain_text("as the scanner saved it")
    expect(refused.page.locator("#answer .verdict h2")).to_have_text("Refused")
    expect(refused.page.locator("#tool-brush")).to_be_disabled()
    expect(refused.page.locator(".bar")).to_have_count(0)
    refused.page.locator("#about summary").click()
    expect(refused.page.locator("#about tr").first).to_contain_text("refuses")
    refused.press("j")
    expect(box).to_be_hidden()


def test_every_ground_has_words_of_its_own(desk):
    words = desk.page.evaluate("async () => (await import('./static/viewer-words.js')).GROUNDS")
    assert set(words) == {ground.value for ground in Ground}
    assert len({tuple(pair) for pair in words.values()}) == len(Ground)


def test_an_answer_against_the_refusal_is_marked_everywhere(refused):
    with refused.page.expect_request(re.compile("predictions")) as asked:
        refused.page.keyboard.press("Shift+A")
    assert "refuse=false" in asked.value.url
    refused.settle()
    expect(refused.page.locator("#answer .forced")).to_contain_text("Do not rely on it")
    expect(refused.page.locator("#answer .forced li").first).to_contain_text("does not look like an ultrasound")
    expect(refused.page.locator("#corner-state")).to_have_text("Analysed anyway")
    expect(refused.rows.nth(0)).to_contain_text("analysed anyway")
    expect(refused.page.locator("#refusal")).to_be_hidden()
    expect(refused.page.locator("#answer .bar")).to_have_count(3)
    refused.press("j")
    expect(refused.page.locator("#corner-state")).to_be_hidden()
    refused.press("Shift+A")
    expect(refused.page.locator("#told")).to_have_text("This image is not refused.")
