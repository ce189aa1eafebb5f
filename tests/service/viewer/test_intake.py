"""Files come in by dropping, choosing and pasting; the worklist tells what became of each; nothing goes elsewhere."""

from __future__ import annotations

import base64
import re

import pytest
from playwright.sync_api import expect

DROP = """([name, type, content]) => {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, {type}));
  document.body.dispatchEvent(new DragEvent("dragenter", {dataTransfer: transfer, bubbles: true}));
  const shown = !document.getElementById("drop-here").hidden;
  document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: transfer, bubbles: true, cancelable: true}));
  return shown;
}"""
PASTE = """([name, type, content]) => {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, {type}));
  document.dispatchEvent(new ClipboardEvent("paste", {clipboardData: transfer, bubbles: true}));
}"""


def sent(path, name=None, kind="image/png"):
    """Return a file as the scripts above take it."""
    return [name or path.name, kind, base64.b64encode(path.read_bytes()).decode()]


def test_files_are_chosen_and_each_is_told_what_became_of_it(desk, server):
    desk.add("benign.png", "loop.dcm", "broken.png", "photo.png")
    expect(desk.rows).to_have_count(4)
    verdicts = [desk.rows.nth(at).locator(".verdict").inner_text() for at in range(4)]
    assert re.fullmatch(r"Benign \d+\s%", verdicts[0])
    assert re.fullmatch(r"Malignant \d+\s%", verdicts[1])
    assert verdicts[2:] == ["Not read", "Refused"]
    drawn = "paths => paths.map((path) => path.getAttribute('d'))"
    assert len(set(desk.rows.locator(".verdict .icon path").evaluate_all(drawn))) == 4  # told apart without colour
    expect(desk.rows.nth(1)).to_contain_text(re.compile(r"In \d of 6 frames, most in frame \d"))
    expect(desk.rows.nth(2).locator(".reason")).to_contain_text("is no PNG")
    assert desk.page.evaluate("() => [localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
    assert all(asked.startswith(server) for asked in desk.asked)


def test_files_are_dropped_and_pasted(desk, scans):
    assert desk.page.evaluate(DROP, sent(scans["benign.png"]))
    expect(desk.page.locator("#drop-here")).to_be_hidden()
    desk.page.evaluate(PASTE, sent(scans["photo.png"], "image.png"))
    expect(desk.rows).to_have_count(2)
    desk.settle()
    expect(desk.rows.nth(0)).to_contain_text("benign.png")
    expect(desk.rows.nth(1)).to_contain_text("Refused")


def test_no_file_name_can_bring_markup_along(desk, scans):
    evil = "<img src=x onerror=document.title='owned'>.png"
    desk.page.evaluate(DROP, sent(scans["benign.png"], evil))
    desk.settle()
    expect(desk.rows.nth(0).locator(".name")).to_have_text(evil)
    assert desk.page.locator("img[src=x]").count() == 0
    assert desk.page.title() == "EchoDuet viewer"


def test_the_worklist_is_filtered_sorted_and_walked_by_keys(desk):
    desk.add("photo.png", "loop.dcm", "benign.png", "broken.png")
    names = desk.rows.locator(".name")
    desk.page.select_option("#sort", "malignant")
    assert names.all_inner_texts()[0] == "loop.dcm"
    desk.page.select_option("#sort", "name")
    assert names.all_inner_texts() == ["benign.png", "broken.png", "loop.dcm", "photo.png"]
    desk.page.locator("#rows").focus()
    desk.press("Home")
    expect(desk.rows.nth(0)).to_have_attribute("aria-selected", "true")
    desk.press("ArrowDown", "ArrowDown")
    expect(desk.page.locator("#rows")).to_have_attribute("aria-activedescendant", desk.rows.nth(2).get_attribute("id"))
    expect(desk.page.locator("#told")).to_contain_text("loop.dcm: Malignant")
    desk.page.select_option("#filter", "refused")
    assert names.all_inner_texts() == ["photo.png"]
    desk.page.select_option("#filter", "normal")
    expect(desk.page.locator("#none")).to_contain_text("None of the images")


def test_the_upload_is_followed_and_a_busy_server_is_asked_again(desk, scans):
    refused = []

    def busy_once(route):
        if refused:
            route.continue_()
        else:
            refused.append(route.request.url)
            route.fulfill(status=503, headers={"retry-after": "1"}, json={"error": "Too much at once. Try again."})

    desk.page.route("**/v1/predictions*", busy_once)
    desk.page.set_input_files("#files", [scans["benign.png"]])
    expect(desk.page.locator("#told")).to_contain_text("Too much at once")
    expect(desk.page.locator("#busy")).to_be_visible()
    desk.settle()
    expect(desk.rows.nth(0)).to_contain_text("Benign")
    assert len(refused) == 1


def test_a_server_that_is_gone_is_told_in_words(desk, scans):
    desk.page.route("**/v1/predictions*", lambda route: route.abort())
    desk.page.set_input_files("#files", [scans["benign.png"]])
    expect(desk.rows.nth(0)).to_contain_text("The server does not answer")
    expect(desk.page.locator("#warned")).to_contain_text("The server does not answer")


@pytest.fixture(scope="module")
def guarded(serve):
    """The address of a server that wants a token, and lies below a prefix, as behind a proxy."""
    return serve("--root-path", "/echo", ECHODUET_TOKEN="correct-horse-battery")


def test_a_token_is_asked_for_and_never_stored(guarded, visit):
    desk = visit(guarded, prefix="/echo")
    field = desk.page.locator("#token-field")
    expect(field).to_be_focused()
    field.fill("wrong-token-of-some-length")
    field.press("Enter")
    expect(desk.page.locator("#token")).to_contain_text("The token was not right")
    desk.page.locator("#token-field").fill("correct-horse-battery")
    desk.page.locator("#token button").click()
    desk.page.locator("#model", has_text="small").click()
    expect(desk.page.locator("#card pre")).to_contain_text("echoduet-small")
    desk.page.keyboard.press("Escape")
    desk.add("benign.png")
    expect(desk.rows.nth(0)).to_contain_text("Benign")
    with desk.page.expect_download() as got:
        desk.press("s")
    assert got.value.suggested_filename == "benign.zip"
    kept = desk.page.evaluate("() => JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])")
    assert "battery" not in kept + "".join(desk.asked)


def test_an_image_is_taken_off_the_list_and_forgotten_by_the_server(desk):
    desk.add("benign.png")
    job = desk.state("state.current.job")
    with desk.page.expect_response(lambda answer: answer.request.method == "DELETE") as gone:
        desk.page.keyboard.press("Shift+Delete")
    assert gone.value.url.endswith(job)
    assert gone.value.status == 204
    expect(desk.rows).to_have_count(0)
    expect(desk.page.locator("#welcome")).to_be_visible()
