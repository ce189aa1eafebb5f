"""The picture: its layers, its window, where it lies, and the frames of a loop."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect


def fetched(desk, layer):
    """Return a layer of the current result as the server sends it."""
    address = desk.state(f"result().layers.{layer}")
    return np.array(Image.open(io.BytesIO(desk.page.request.get(desk.page.url.rstrip("/") + address).body())))


def gray(colour):
    """Tell whether a colour is a gray."""
    return max(colour) - min(colour) <= 2


def view(desk):
    """Return zoom and left upper corner of the picture."""
    return desk.page.evaluate("async () => ({...(await import('./static/viewer-stage.js')).view})")


@pytest.fixture
def inside(desk):
    """A desk with the benign phantom, and a row and column well inside its outline."""
    desk.add("benign.png")
    box = desk.state("result().lesions[0].box")
    return desk, box["left"] + box["width"] // 2, box["top"] + box["height"] // 2


def test_the_picture_is_shown_as_it_is_and_its_outline_where_the_mask_ends(inside):
    desk, x, y = inside
    picture, mask = fetched(desk, "image"), fetched(desk, "mask")
    desk.press("1")
    shown = [desk.colour(at + 0.5, y + 0.5)[0] for at in range(x - 10, x + 10)]
    assert np.abs(np.array(shown, int) - picture[y, x - 10 : x + 10]).max() <= 1
    edge = x + int(np.argmin(mask[y, x:] > 0))
    assert not gray(desk.colour(edge, y + 0.5))
    desk.press("o")
    assert gray(desk.colour(edge, y + 0.5))
    expect(desk.page.locator("#layer-contour")).to_have_attribute("aria-checked", "false")
    assert desk.page.evaluate(
        "() => [...document.getElementById('canvas').getContext('2d').getImageData(1, 1, 1, 1).data]"
    ) == [0, 0, 0, 255]


def test_outlines_are_those_that_opencv_finds(desk):
    cv2 = pytest.importorskip("cv2")
    rng = np.random.default_rng(3)
    mask = cv2.GaussianBlur(rng.random((60, 80)), (0, 0), 3)
    mask = (mask > np.quantile(mask, 0.6)).astype(np.uint8)
    mask[:, 0] = 1  # at the border of the picture
    loops = desk.page.evaluate(
        "async ([width, height, values]) => { const {outlines} = await import('./static/viewer-contour.js');"
        "const box = ({left, top, right, bottom}) => [left, top, right - left, bottom - top];"
        "return outlines({width, height, values}).map(box) }",
        [80, 60, mask.ravel().tolist()],
    )  # fmt: skip
    outer, holes = 0, 0
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    for left, top, width, height, _ in stats[1:count]:
        outer += [left, top, width, height] in loops
    # Around the picture everything is outside: a padded background has one component more than there are holes.
    holes = cv2.connectedComponents(np.pad(1 - mask, 1, constant_values=1), connectivity=4)[0] - 2
    assert outer == count - 1
    assert len(loops) == count - 1 + holes


def test_layers_are_switched_and_faded(inside):
    desk, x, y = inside
    assert gray(desk.colour(x, y))
    desk.press("f")
    strong = desk.colour(x, y)
    assert not gray(strong)
    desk.page.locator("#opacity-fill").fill("10")
    weak = desk.colour(x, y)
    assert max(weak) - min(weak) < max(strong) - min(strong)
    desk.press("f", "u")
    expect(desk.page.locator(".legend.uncertainty")).to_contain_text("readings disagree")
    spread = fetched(desk, "uncertainty")
    row, column = np.unravel_index(spread.argmax(), spread.shape)
    desk.press("o")
    assert not gray(desk.colour(column + 0.5, row + 0.5))
    desk.press("u")
    assert gray(desk.colour(column + 0.5, row + 0.5))


def test_the_networks_own_outline_is_one_key_away(inside):
    desk = inside[0]
    refined = desk.becomes(lambda _: True)
    desk.press("m")
    expect(desk.page.locator("#outline-mask_raw")).to_be_checked()
    desk.becomes(lambda picture: picture != refined)
    desk.press("m")
    expect(desk.page.locator("#outline-mask")).to_be_checked()
    desk.becomes(lambda picture: picture == refined)


def test_an_explanation_is_made_when_it_is_asked_for(inside):
    desk = inside[0]
    desk.press("x")
    expect(desk.page.locator("#told")).to_contain_text("no explanation")
    desk.page.click("#explain")
    expect(desk.page.locator("#layer-explanation")).to_be_enabled()
    desk.settle()
    desk.press("x")
    values = fetched(desk, "explanation").astype(int)
    row, column = np.unravel_index(np.abs(values - 128).argmax(), values.shape)
    red, _, blue = desk.colour(column + 0.5, row + 0.5)
    assert (red > blue) == (values[row, column] > 128)


def test_window_and_level_by_drag_keys_and_reset(inside):
    desk, x, y = inside
    label = desk.page.locator("#corner-window")
    expect(label).to_contain_text("Window 255, level 128")
    before = desk.colour(x, y)[0]
    middle = desk.at(x, y)
    desk.drag(middle, (middle[0], middle[1] - 60), button="right")
    expect(label).to_contain_text("Window 255, level 68")
    assert desk.colour(x, y)[0] == pytest.approx(min(255, before + 60), abs=2)
    desk.press("r")
    expect(label).to_contain_text("Window 255, level 128")
    desk.press("w")
    desk.canvas.focus()
    desk.press("Shift+ArrowLeft", "ArrowUp")
    expect(label).to_contain_text("Window 205, level 123")


def test_zoom_and_pan_by_wheel_keys_and_buttons(inside):
    desk, x, y = inside
    fitted = view(desk)
    place = desk.at(x, y)
    desk.page.mouse.move(*place)
    desk.page.mouse.wheel(0, -400)
    desk.drawn()
    assert view(desk)["zoom"] > 1.5 * fitted["zoom"]
    assert desk.at(x, y) == pytest.approx(place, abs=1)  # what is under the pointer stays there
    desk.drag(place, (place[0] + 30, place[1] + 20))
    assert desk.at(x, y) == pytest.approx((place[0] + 30, place[1] + 20), abs=1)
    desk.canvas.focus()
    desk.press("ArrowRight")
    assert desk.at(x, y)[0] == pytest.approx(place[0] - 10, abs=1)
    desk.press("1")
    assert view(desk)["zoom"] == 1
    desk.page.click("#tool-bigger")
    assert view(desk)["zoom"] == 1.25
    desk.press("0")
    assert view(desk) == fitted
    desk.page.set_viewport_size({"width": 1100, "height": 700})
    desk.page.wait_for_timeout(100)
    assert view(desk)["zoom"] < fitted["zoom"]  # what is fitted stays fitted


def test_two_fingers_zoom_and_one_finger_moves(server, visit):
    desk = visit(server, width=1024, height=768, has_touch=True)
    desk.add("benign.png")
    before, place = view(desk)["zoom"], desk.at(200, 200)
    touch = desk.page.context.new_cdp_session(desk.page)

    def send(kind, *points):
        fingers = [{"x": x, "y": y, "id": at} for at, (x, y) in enumerate(points)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

    x, y = place
    send("touchStart", (x - 40, y), (x + 40, y))
    send("touchMove", (x - 60, y), (x + 60, y))
    send("touchMove", (x - 80, y), (x + 80, y))
    send("touchEnd")
    desk.drawn()
    assert view(desk)["zoom"] == pytest.approx(2 * before, rel=0.05)
    assert desk.at(200, 200) == pytest.approx(place, abs=3)
    send("touchStart", (x, y))
    send("touchMove", (x + 25, y + 10))
    send("touchEnd")
    desk.drawn()
    assert desk.at(200, 200) == pytest.approx((x + 25, y + 10), abs=3)


def test_a_loop_is_stepped_through_and_played(desk):
    desk.add("loop.dcm")
    expect(desk.page.locator("#corner-name")).to_have_text("loop.dcm · frame 1 of 6")
    desk.press(".", ".")
    expect(desk.page.locator("#frame-text")).to_have_text("3 / 6")
    desk.press(",")
    expect(desk.page.locator("#told")).to_contain_text("Frame 2 of 6: Malignant")
    desk.page.locator("#frame").fill("5")
    desk.drawn()
    expect(desk.page.locator("#corner-name")).to_have_text("loop.dcm · frame 6 of 6")
    desk.page.locator("#rate").fill("30")
    desk.page.locator("#rate").press("Tab")
    desk.page.click("#play")
    seen = set()
    for _ in range(200):
        seen.add(desk.page.locator("#corner-name").inner_text())
        if len(seen) >= 4:
            break
        desk.page.wait_for_timeout(20)
    assert len(seen) >= 4
    desk.press("p")
    still = desk.page.locator("#frame-text").inner_text()
    desk.page.wait_for_timeout(200)
    assert desk.page.locator("#frame-text").inner_text() == still
    assert re.search(r"\d mm", desk.page.locator("#about").inner_text())


def test_the_region_of_a_dicom_frame_is_drawn(desk):
    desk.add("loop.dcm")
    region = desk.state("result().region")
    desk.press("1")
    rows = range(region["top"] + 100, region["top"] + 121)
    dots = [desk.colour(region["left"] - 0.5, row)[0] for row in rows]
    assert max(dots) > 25
    assert min(dots) == 0  # dotted, on the black of the user interface
    assert {desk.colour(region["left"] - 2.5, row)[0] for row in rows} == {0}
