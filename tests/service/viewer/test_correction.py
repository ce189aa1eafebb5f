"""A person's mask: painted, taken back step by step, saved beside the answer, measured, guarded, exported."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from echoduet.data.dicom.sniffing import looks_like_dicom
from echoduet.inference.measurements import measure_lesions
from echoduet.inference.rows import NOTICE
from echoduet.records import Spacing
from echoduet.service.calipers import NO_SPACING, OUTSIDE


def read_png(content):
    """Return a mask as it lies in a file."""
    picture = Image.open(io.BytesIO(content))
    assert picture.mode == "L"
    values = np.array(picture)
    assert set(np.unique(values)) <= {0, 255}
    return values > 0


def layer(desk, name):
    """Return a mask of the current result as the server keeps it."""
    return read_png(desk.page.request.get(desk.page.url.rstrip("/") + desk.state(f"result().layers.{name}")).body())


def painted(desk):
    """Return the mask that is being painted."""
    width, digits = desk.state("[work().edit.mask.width, work().edit.mask.values.join('')]")
    return np.frombuffer(digits.encode(), np.uint8).reshape(-1, width) == ord("1")


def unzipped(download):
    """Return a download as the archive that it is."""
    return zipfile.ZipFile(io.BytesIO(download.path().read_bytes()))


def predictions(download):
    """Return the rows of an archive's table of predictions."""
    return list(csv.DictReader(io.StringIO(unzipped(download).read("predictions.csv").decode())))


@pytest.fixture
def correcting(desk):
    """A desk with the loop's first frame and the brush in hand."""
    desk.add("loop.dcm")
    desk.press("b")
    return desk


def test_a_correction_is_painted_saved_measured_and_taken_back(correcting):
    desk = correcting
    answer = layer(desk, "mask")
    desk.page.locator("#brush-size").fill("20")
    desk.drag(desk.at(80, 280), desk.at(140, 280))
    mask = painted(desk)
    stripe = np.zeros_like(answer)
    stripe[272:288, 80:140] = True
    assert mask[stripe].all()
    assert not (mask & ~answer)[:, 160:].any()
    assert (mask & ~answer)[:268].sum() == 0
    expect(desk.rows.nth(0)).to_contain_text("not saved")
    desk.press("Control+s")
    expect(desk.page.locator("#answer")).to_contain_text("Outline corrected by a person")
    expect(desk.page.locator("#lesions")).to_contain_text("as corrected by a person")
    expect(desk.rows.nth(0)).to_contain_text("corrected")
    assert (layer(desk, "correction") == mask).all()
    assert (layer(desk, "mask") == answer).all()  # never written over
    measured = measure_lesions(mask, Spacing(**desk.state("result().spacing")))
    areas = desk.page.locator("#lesions tbody tr").first.locator("td").all_inner_texts()
    assert areas == [f"{lesion.area:.1f}" for lesion in measured]
    assert len(areas) == desk.state("result().lesions.length") + 1
    desk.page.click("#take-back")
    expect(desk.page.locator("#answer")).not_to_contain_text("corrected by a person")
    assert desk.state("result().layers.correction") is None


def test_a_mask_becomes_a_gray_png(desk):
    mask = np.random.default_rng(1).random((37, 53)) > 0.5
    told = desk.page.evaluate(
        "async ([width, height, values]) => { const {maskPng} = await import('./static/viewer-pictures.js');"
        "return [...new Uint8Array(await (await maskPng({width, height, values})).arrayBuffer())] }",
        [53, 37, mask.astype(int).ravel().tolist()],
    )
    assert (read_png(bytes(told)) == mask).all()


def test_steps_are_undone_redone_and_reset(correcting):
    desk = correcting
    answer = layer(desk, "mask")
    desk.drag(desk.at(80, 280), desk.at(120, 280))
    first = painted(desk)
    desk.press("e")
    expect(desk.page.locator("#brush-erase")).to_have_attribute("aria-pressed", "true")
    row, column = np.argwhere(answer).mean(axis=0)
    desk.drag(desk.at(column, row), desk.at(column + 5, row))
    second = painted(desk)
    assert (second <= first).all()
    assert second.sum() < first.sum()
    desk.press("Control+z")
    assert (painted(desk) == first).all()
    desk.press("Control+z")
    assert (painted(desk) == answer).all()
    assert desk.state("work().edit.changed") is False
    expect(desk.page.locator("#undo")).to_be_disabled()
    desk.press("Control+Shift+z", "Control+y")
    assert (painted(desk) == second).all()
    desk.page.click("#reset-mask")
    assert (painted(desk) == answer).all()
    desk.press("Control+z")
    assert (painted(desk) == second).all()


def test_the_brush_is_led_by_keys(correcting):
    desk = correcting
    answer = layer(desk, "mask")
    desk.canvas.focus()
    desk.page.mouse.move(5, 5)
    desk.press("e", "]", "]", "Space", "ArrowDown", "ArrowDown", "ArrowDown", "Space", "ArrowDown")
    expect(desk.page.locator("#told")).to_have_text("Brush lifted.")
    height, width = answer.shape
    disc = np.hypot(*(np.indices(answer.shape) + 0.5 - np.array([height / 2 + 3, width / 2])[:, None, None])) < 9
    assert answer[disc].any()
    assert not painted(desk)[disc].any()
    assert (painted(desk) == answer)[: height // 2 - 14].all()
    assert desk.state("work().edit.done.length") == 1


def test_each_frame_has_a_mask_of_its_own_and_the_answer_stays_in_sight(correcting):
    desk = correcting
    desk.drag(desk.at(80, 280), desk.at(120, 280))
    desk.press(".")
    assert desk.state("work().edit") is None
    desk.press(",")
    assert painted(desk)[280, 100]
    expect(desk.page.locator("#layers")).to_contain_text("the answer's is dotted")


def test_changes_are_guarded(correcting):
    desk = correcting
    desk.drag(desk.at(80, 280), desk.at(120, 280))
    dialog = desk.page.locator("#confirm")
    desk.page.keyboard.press("Shift+Delete")
    expect(dialog).to_contain_text("is not saved, and would be lost")
    desk.page.keyboard.press("Escape")
    expect(desk.rows).to_have_count(1)
    asked = []
    desk.page.once("dialog", lambda box: (asked.append(box.type), box.dismiss()))
    desk.page.close(run_before_unload=True)
    for _ in range(100):
        if asked:
            break
        desk.page.wait_for_timeout(20)
    assert asked == ["beforeunload"]
    with desk.page.expect_download() as got:
        desk.page.keyboard.press("s")
        dialog.locator("[data-choice=save]").click()
    names = unzipped(got.value).namelist()
    assert any(name.endswith("correction.png") for name in names)


def test_everything_is_exported_and_single_files_too(desk):
    desk.add("loop.dcm", "benign.png", "broken.png")
    with desk.page.expect_download() as got:
        desk.page.keyboard.press("Shift+S")
    assert got.value.suggested_filename == "echoduet.zip"
    rows = predictions(got.value)
    assert [row["file"] for row in rows] == ["loop.dcm"] * 6 + ["benign.png"]
    with desk.page.expect_download() as got:
        desk.page.click("#document-seg")
    assert got.value.suggested_filename == "loop-frame-1.seg.dcm"
    assert looks_like_dicom(got.value.path().read_bytes())
    desk.press("j")
    with desk.page.expect_download() as got:
        desk.page.click("#export-one")
    assert got.value.suggested_filename == "benign.zip"
    rows = predictions(got.value)
    assert [row["file"] for row in rows] == ["benign.png"]
    with desk.page.expect_download() as got:
        desk.page.click("#document-overlay")
    assert got.value.suggested_filename == "benign.overlay.png"
    width = desk.state("result().width")
    assert Image.open(io.BytesIO(got.value.path().read_bytes())).width == width


def test_calipers_are_exported_in_millimetres_where_these_are_known(desk):
    desk.add("loop.dcm", "benign.png")
    desk.press("c")
    desk.drag(desk.at(100, 100), desk.at(180, 160))
    desk.press(".")
    desk.drag(desk.at(120, 90), desk.at(10, 10))
    shown = [desk.page.locator("#caliper-0 span").inner_text()]
    desk.press(",")
    shown.insert(0, desk.page.locator("#caliper-0 span").inner_text())
    desk.press("j", "Enter", "Enter")
    shown.append(desk.page.locator("#caliper-1 span").inner_text())
    with desk.page.expect_download() as got:
        desk.page.keyboard.press("Shift+S")
    file = unzipped(got.value)
    names = [name for name in file.namelist() if name.endswith("calipers.json")]
    assert names == ["0000-loop/calipers.json", "0001-loop/calipers.json", "0006-benign/calipers.json"]
    told = [json.loads(file.read(name)) for name in names]
    assert [(one["file"], one["frame"], len(one["calipers"])) for one in told] == [
        ("loop.dcm", 0, 1), ("loop.dcm", 1, 1), ("benign.png", None, 2)
    ]  # fmt: skip
    distances = [one["calipers"][-1] for one in told]
    assert [f"{one['length']:.1f} {one['unit']}" for one in distances] == shown
    assert [one["unit"] for one in distances] == ["mm", "px", "px"]
    assert [one["reason"] for one in distances] == [None, OUTSIDE, NO_SPACING]
    start, end = distances[0]["start"], distances[0]["end"]
    at = {"row": 99.5, "column": 99.5}, {"row": 159.5, "column": 179.5}
    assert (start, end) == (pytest.approx(at[0], abs=0.6), pytest.approx(at[1], abs=0.6))
    assert all(one["notice"] == NOTICE for one in told)


def test_what_was_added_in_several_goes_is_one_zip_without_what_was_forgotten(desk):
    desk.add("benign.png")
    desk.add("dark.jpg")
    with desk.page.expect_download() as got:
        desk.page.click("#export-all")
    assert [(row["name"], row["file"]) for row in predictions(got.value)] == [
        ("0000-benign", "benign.png"), ("0001-dark", "dark.jpg")
    ]  # fmt: skip
    desk.page.request.delete(desk.page.url + f"v1/jobs/{desk.state('state.entries[0].job')}")
    with desk.page.expect_download() as got:
        desk.page.click("#export-all")
    assert [row["file"] for row in predictions(got.value)] == ["dark.jpg"]
    expect(desk.page.locator("#warned")).to_contain_text("1 of 2 exported. The server has forgotten benign.png")


def test_an_export_that_takes_long_is_told_and_not_begun_twice(desk):
    desk.add("benign.png")
    held = []
    desk.page.route("**/v1/exports", lambda route: held.append(route))  # noqa: PLW0108  # playwright asks a callback for its parameters
    button = desk.page.locator("#export-all")
    button.click()
    expect(button).to_have_text("Exporting")
    desk.page.keyboard.press("s")
    expect(desk.page.locator("#told")).to_have_text("An export is being made.")
    for _ in range(400):
        if held:
            break
        desk.page.wait_for_timeout(25)
    with desk.page.expect_download() as got:
        held[0].continue_()
    assert (got.value.suggested_filename, len(held)) == ("echoduet.zip", 1)
    expect(button).to_have_text("Export all")


def test_what_the_server_forgot_is_told_in_words_and_what_was_painted_stays(correcting):
    desk = correcting
    desk.drag(desk.at(80, 280), desk.at(120, 280))
    mask = painted(desk)
    desk.page.request.delete(desk.page.url + f"v1/jobs/{desk.state('state.current.job')}")
    desk.page.keyboard.press("Control+s")
    expect(desk.page.locator("#warned")).to_contain_text("no longer kept. Analyse the image again")
    desk.page.keyboard.press("Shift+R")
    expect(desk.page.locator("#told")).to_contain_text("loop.dcm: Malignant")
    desk.press("Control+s")
    expect(desk.page.locator("#answer")).to_contain_text("Outline corrected by a person")
    assert (layer(desk, "correction") == mask).all()


def test_a_second_finger_takes_the_first_ones_dot_back(server, visit):
    desk = visit(server, width=1024, height=768, has_touch=True)
    desk.add("loop.dcm")
    desk.press("b")
    touch = desk.page.context.new_cdp_session(desk.page)
    (x, y), zoom = desk.at(100, 290), desk.canvas.get_attribute("data-zoom")

    def send(kind, *places):
        fingers = [{"x": x + far, "y": y, "id": at} for at, far in enumerate(places)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

    send("touchStart", 0)
    send("touchStart", 0, 80)
    send("touchMove", 0, 120)
    send("touchEnd")
    desk.drawn()
    assert (painted(desk) == layer(desk, "mask")).all()
    assert float(desk.canvas.get_attribute("data-zoom")) > float(zoom)
    send("touchStart", 0)
    send("touchMove", 30)
    send("touchEnd")
    desk.drawn()
    assert (painted(desk) & ~layer(desk, "mask")).sum() > 100
