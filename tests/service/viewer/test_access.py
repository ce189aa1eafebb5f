"""For everyone: contrast, names and roles, keys for all of it, room for a finger, nothing that moves unasked."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SIZES = [(1280, 800, False), (1024, 768, True), (820, 1180, True)]

# The least ratio of what is read to what lies behind it, by the formula of WCAG 2.2; 3 suffices for large text.
CONTRASTS = """() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const over = ([r, g, b, a = 1], under) => [r, g, b].map((value, at) => a * value + (1 - a) * under[at]);
  const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const light = (rgb) => rgb.map((value) => linear(value / 255))
    .reduce((sum, value, at) => sum + [0.2126, 0.7152, 0.0722][at] * value, 0);
  const painted = (element) => numbers(getComputedStyle(element).backgroundColor);
  const behind = (element) => (element ? over(painted(element), behind(element.parentElement)) : [0, 0, 0]);
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const seen = element.checkVisibility({checkOpacity: true, checkVisibilityCSS: true});
    if (!own || !seen || element.closest(":disabled, .unseen, .skip")) continue;
    const style = getComputedStyle(element);
    const ground = behind(element);
    const [a, b] = [light(over(numbers(style.color), ground)), light(ground)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    found.push([ratio, large ? 3 : 4.5, `${element.tagName}.${element.className} ${element.textContent.slice(0, 30)}`]);
  }
  return found;
}"""

TARGETS = """() => [...document.querySelectorAll("button, select, input, [role=option], summary, .outline")]
  .filter((element) => element.checkVisibility() && !element.matches(".outline input"))
  .map((element) => [element.id || element.textContent || element.tagName, element.getBoundingClientRect()])
  .filter(([, box]) => box.height < 43.5 || box.width < 43.5)
  .map(([name, box]) => `${name}: ${box.width} x ${box.height}`)"""


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_all_can_be_read_reached_and_touched_at(size, server, visit):
    width, height, touch = size
    desk = visit(server, width, height, has_touch=touch, is_mobile=touch, reduced_motion="reduce")
    desk.add("photo.png", "loop.dcm", "broken.png")
    expect(desk.page.locator("#anyway")).to_be_in_viewport(ratio=1)
    for line in desk.rows.locator(".verdict").all():
        assert line.evaluate("one => one.scrollWidth <= one.clientWidth")
    desk.press("Shift+A")
    desk.settle()
    desk.press("j", "c")
    desk.canvas.focus()
    desk.press("Enter", "u", "b")
    desk.page.locator("#about summary").click()
    found = desk.page.evaluate(CONTRASTS)
    assert len(found) > 40
    assert [f"{name}: {ratio:.2f}" for ratio, least, name in found if ratio < least] == []
    whole = "() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    assert desk.page.evaluate(whole) == [width, height]
    assert desk.canvas.bounding_box()["height"] > 240
    expect(desk.page.locator("footer .notice")).to_be_in_viewport(ratio=1)
    if touch:
        assert desk.page.evaluate(TARGETS) == []
    desk.page.evaluate(f"async () => (await import('./static/viewer-announce.js')).announce('{'long words ' * 12}')")
    expect(desk.page.locator("#told")).to_contain_text("long words")
    notice, told = (desk.page.locator(name).bounding_box() for name in ("footer .notice", "#told"))
    beside = told["x"] >= notice["x"] + notice["width"]
    assert beside or told["y"] + told["height"] <= notice["y"]  # nothing lies over the notice


def test_axe_finds_nothing(server, visit):
    desk = visit(server, reduced_motion="reduce", bypass_csp=True)

    def clean(state):
        found = Axe().run(desk.page, options={"runOnly": RULES})
        assert found.violations_count == 0, f"{state}: {found.generate_report()}"

    clean("empty")
    desk.add("photo.png", "broken.png", "loop.dcm")
    clean("refused")
    desk.press("j")
    clean("not read")
    desk.press("j", "c", "Enter", "u", "b")
    clean("answered")
    desk.page.keyboard.press("?")
    clean("help")
    desk.page.keyboard.press("Escape")
    desk.drag(desk.at(80, 280), desk.at(120, 280))
    desk.page.keyboard.press("Shift+Delete")
    expect(desk.page.locator("#confirm")).to_be_visible()
    clean("question")


def test_the_help_lists_every_key_and_the_table_binds_it(desk):
    table = desk.page.evaluate("async () => (await import('./static/viewer-keys.js')).TABLE")
    desk.page.keyboard.press("?")
    dialog = desk.page.locator("#help")
    expect(dialog).to_be_visible()
    told = [row.inner_text() for row in dialog.locator("dd").all()]
    in_table = [does for _, rows in table for _, _, does, *_ in rows]
    assert [text for text in told if not text.startswith("on the image")] == in_table
    expect(dialog.get_by_role("button", name="Close")).to_be_focused()
    desk.page.keyboard.press("h")  # no tool is taken while the help is open
    desk.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_single_letters_can_be_switched_off(desk):
    desk.add("benign.png")
    desk.page.keyboard.press("?")
    desk.page.locator("#single").uncheck()
    desk.page.keyboard.press("Escape")
    desk.press("w")
    expect(desk.page.locator("#tool-window")).to_have_attribute("aria-pressed", "false")
    desk.page.keyboard.press("?")
    expect(desk.page.locator("#help")).to_be_visible()


def test_the_tab_key_goes_everywhere_in_order_and_comes_back(desk):
    desk.add("benign.png")
    order = []
    for _ in range(60):
        desk.page.keyboard.press("Tab")
        order.append(desk.page.evaluate(
            "() => { const e = document.activeElement; const s = getComputedStyle(e);"
            "const none = e === document.body;"
            "return [none ? '' : e.id || e.className, none || s.outlineStyle !== 'none'] }"
        ))  # fmt: skip
        if order[-1][0] in ("", order[0][0]) and len(order) > 1:
            break
    names = [name for name, _ in order]
    assert names[0] == "skip"
    wanted = [
        "add",
        "export-all",
        "help-button",
        "filter",
        "rows",
        "tool-pan",
        "canvas",
        "lesion-1",
        "layer-contour",
        "export-one",
    ]
    assert [name for name in names if name in wanted] == wanted
    assert all(visible for _, visible in order)
    assert len(order) < 60  # no trap: it came around


def test_what_happens_is_announced_and_the_picture_is_named(desk):
    desk.add("loop.dcm")
    expect(desk.page.locator("#told[role=status][aria-live=polite]")).to_contain_text("loop.dcm: Malignant")
    expect(desk.page.locator("#warned")).to_have_attribute("role", "alert")
    label = desk.canvas.get_attribute("aria-label")
    assert label.startswith("loop.dcm · frame 1 of 6: Malignant")
    assert "outlined. Tool: Move" in label
    durations = "all => [...new Set(all.map((one) => getComputedStyle(one).transitionDuration))]"
    assert desk.page.locator("body *").evaluate_all(durations) == ["0s"]  # reduced motion was asked for
