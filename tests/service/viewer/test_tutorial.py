"""docs/viewer.md, step by step: what the page tells the reader to do works, and its pictures come from here.

ECHODUET_WRITE_DOCS=1 python -m pytest tests/service/viewer/test_tutorial.py     draws the pictures anew.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import expect

DOCS = Path(__file__).resolve().parents[3] / "docs"
MOST_BYTES = 150_000
SIZE = (1160, 725)


def palette(picture):
    """Return few grays, for most of the picture, and as many colours, for the little that has any."""
    values = np.asarray(picture).reshape(-1, 3)
    coloured = np.ptp(values.astype(int), axis=1) > 28
    rare, grays = Image.fromarray(values[coloured][None]), Image.fromarray(values[~coloured][None])
    parts = [rare.quantize(96, Image.Quantize.MAXCOVERAGE), grays.quantize(80)]
    merged = Image.new("P", (1, 1))
    merged.putpalette([value for part in parts for value in part.getpalette()[: 3 * 96]])
    return merged


def shoot(desk, name):
    """Draw a picture of the documentation anew, small enough for a repository, where that was asked for."""
    if not os.environ.get("ECHODUET_WRITE_DOCS"):
        return
    expect(desk.page.locator("#told.shown")).to_have_count(0)
    picture = Image.open(io.BytesIO(desk.page.screenshot())).convert("RGB").resize(SIZE, Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    picture.quantize(palette=palette(picture), dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    assert stream.tell() <= MOST_BYTES
    (DOCS / "images" / f"viewer-{name}.png").write_bytes(stream.getvalue())


def test_the_tutorial_works_step_by_step(desk):
    shoot(desk, "empty")
    desk.add("loop.dcm", "benign.png", "photo.png", "broken.png")
    expect(desk.rows).to_have_count(4)
    shoot(desk, "answer")
    desk.canvas.focus()
    desk.press("u", "c")
    lesion = desk.state("result().lesions[0].box")
    left, right = lesion["left"], lesion["left"] + lesion["width"]
    middle = desk.state("result().lesions[0].centre.row")
    desk.drag(desk.at(left, middle), desk.at(right, middle))
    expect(desk.page.locator("#caliper-0 span")).to_have_text(re.compile(r"\d mm"))
    desk.page.locator("#measures").scroll_into_view_if_needed()
    shoot(desk, "layers")
    desk.press("u", "b")
    desk.page.locator("#brush-size").fill("24")
    low = lesion["top"] + lesion["height"]
    desk.drag(desk.at(left + 60, low - 20), desk.at(left + 90, low + 12), desk.at(left + 120, low - 10))
    desk.press("Control+s")
    expect(desk.page.locator("#answer")).to_contain_text("Outline corrected by a person")
    desk.canvas.blur()
    desk.page.mouse.move(600, 20)
    shoot(desk, "correction")
    with desk.page.expect_download() as got:
        desk.page.keyboard.press("Shift+S")
    names = zipfile.ZipFile(io.BytesIO(got.value.path().read_bytes())).namelist()
    assert {"predictions.csv", "lesions.csv"} <= set(names)
    assert "0000-loop/correction.png" in names
    desk.press("Escape", "j", "j")
    expect(desk.page.locator("#refusal")).to_contain_text("does not look like an ultrasound picture")
    shoot(desk, "refusal")


def test_the_pages_pictures_are_all_there_and_small():
    text = (DOCS / "viewer.md").read_text(encoding="utf-8")
    shown = re.findall(r"!\[[^\]]+\]\(images/(viewer-\w+\.png)\)", text)
    assert {f"viewer-{name}.png" for name in ("empty", "answer", "layers", "correction", "refusal")} == set(shown)
    assert all((DOCS / "images" / name).stat().st_size <= MOST_BYTES for name in shown)


def test_the_page_lists_the_keys_that_are_bound(desk):
    table = desk.page.evaluate("async () => (await import('./static/viewer-keys.js')).TABLE")
    text = (DOCS / "viewer.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(.+?)` \| (.+?) \|$", text, re.MULTILINE)
    bound = [(" ".join(keys), does) for _, rows in table for _, keys, does, *_ in rows]
    assert told == bound
