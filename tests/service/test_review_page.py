"""The page in a real browser: keys, views, answers that survive a kill, nothing asked for elsewhere."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from echoduet.curation.review import read_review
from echoduet.service.listening import address, bound
from echoduet.service.review_desk import Desk
from echoduet.service.review_server import server_of

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
KINDS = {"conflict": 1, "pair": 2, "finding": 3}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium, without a window."""
    if CHROMIUM is None:
        reason = "no Chromium is installed: apt install chromium"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@dataclass
class Visit:
    """A page, what it asked for, and what went wrong in it."""

    page: Page
    asked: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


@pytest.fixture
def start() -> Iterator[Callable[[Path], str]]:
    """Serve the page of a folder in this process, and return its address."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def begin(out: Path) -> str:
        listener = bound(0)
        server = server_of(Desk(out, "Ada"), listener.getsockname()[1])
        work = threading.Thread(target=server.run, args=[[listener]])
        work.start()
        running.append((server, work))
        return address(listener)

    yield begin
    for server, work in running:
        server.should_exit = server.force_exit = True
        work.join(20)


@pytest.fixture
def command() -> Iterator[Callable[[Path], tuple[subprocess.Popen[str], str]]]:
    """Start `echoduet review` on a folder, and return the process and the address that it tells."""
    begun: list[subprocess.Popen[str]] = []

    def begin(out: Path) -> tuple[subprocess.Popen[str], str]:
        words = [sys.executable, "-m", "echoduet.cli.main", "review", str(out), "--no-open", "--by", "Ada"]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        begun.append(process)
        told = process.stdout.readline()
        assert told.startswith("review page: http://127.0.0.1:"), told + process.stderr.read()
        return process, told.split()[2]

    yield begin
    for process in begun:
        process.kill()
        process.communicate()


@pytest.fixture
def visit(browser) -> Iterator[Callable[[str], Visit]]:
    """Open an address in a browser of its own, without animation, and wait until an item is shown."""
    contexts = []

    def open_page(address: str) -> Visit:
        context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
        contexts.append(context)
        made = Visit(context.new_page())
        made.page.on("request", lambda request: made.asked.append(request.url))
        made.page.on("console", lambda message: made.wrong.append(message.text) if message.type == "error" else None)
        made.page.on("pageerror", lambda error: made.wrong.append(str(error)))
        made.page.goto(address)
        made.page.wait_for_selector("#answers button")
        return made

    yield open_page
    for context in contexts:
        context.close()


def press(page: Page, *keys: str) -> None:
    """Press keys one after the other."""
    for key in keys:
        page.keyboard.press(key)


@contextmanager
def unanswered(page: Page, path: str) -> Iterator[None]:
    """Keep what the page asks of a path from the server until the block ends, however slow the keys are."""
    kept: list[Route] = []
    ended = threading.Event()

    def meet(route: Route) -> None:
        if ended.is_set():
            route.continue_()
        else:
            kept.append(route)

    page.route(path, meet)
    yield
    for _ in range(200):
        if kept:
            break
        page.wait_for_timeout(25)
    assert kept, f"the page asked nothing of {path}"
    ended.set()
    for route in kept:
        route.continue_()


def at(page: Page, cases: str, about: str) -> None:
    """Wait until that item is the current one."""
    row = page.locator("#list [aria-current=true]")
    expect(row.locator("b")).to_have_text(cases)
    expect(row.locator("span")).to_have_text(about)
    expect(page.locator("#frames img").first).to_be_visible()


def loaded(page: Page) -> None:
    """Wait until every picture of the stage is there."""
    done = "images => images.length > 0 && images.every(image => image.complete && image.naturalWidth > 0)"
    for _ in range(200):  # not wait_for_function: the page forbids what that needs
        if page.locator("#frames img").evaluate_all(done):
            return
        page.wait_for_timeout(25)
    pytest.fail("the pictures did not come")


def only(page: Page, kind: str) -> None:
    """Show one kind of item."""
    press(page, *"f" * KINDS[kind])
    expect(page.locator("#kinds button").nth(KINDS[kind])).to_have_attribute("aria-pressed", "true")


def test_every_item_is_answered_by_keyboard_and_the_answers_are_on_the_disk(curated, start, visit):
    opened = visit(start(curated.path))
    page = opened.page
    at(page, "benign (1) · benign (2) +1", "label-conflict")
    press(page, "ArrowRight", "Enter", "1")
    at(page, "benign (1) · benign (2)", "mask-conflict")
    press(page, "3")
    at(page, "benign (3) · malignant (2)", "same-scene, cross-set")
    press(page, "n")
    page.keyboard.type("j 4 another patient")
    press(page, "Enter", "4")
    at(page, "benign (1) · benign (2)", "same-scan")
    press(page, "2")
    at(page, "benign (1) · malignant (1)", "copy")
    press(page, "1")
    at(page, "normal (1)", "normal-with-mask, calipers, text")
    press(page, "3")
    at(page, "benign (3)", "calipers")
    press(page, "2")
    expect(page.locator("#told")).to_contain_text("Everything is answered")
    expect(page.locator("#count")).to_have_text("7 of 7 answered")
    rows = list(csv.DictReader((curated.path / "review.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["kind"], row["answer"], row["note"]) for row in rows] == [
        ("conflict", "keep benign (2)", ""),
        ("conflict", "drop-all", ""),
        ("pair", "unrelated", "j 4 another patient"),
        ("pair", "same-scan", ""),
        ("pair", "copy", ""),
        ("finding", "drop", ""),
        ("finding", "false-alarm", ""),
    ]
    assert {row["by"] for row in rows} == {"Ada"}
    assert opened.wrong == []
    assert all(asked.startswith(page.url.split("#")[0]) for asked in opened.asked)


def test_answers_survive_a_kill_and_the_next_session_goes_on_behind_them(curated, command, visit):
    process, address_told = command(curated.path)
    page = visit(address_told).page
    for cases, key in (("benign (1) · benign (2) +1", "2"), ("benign (1) · benign (2)", "4")):
        expect(page.locator("#list [aria-current=true] b")).to_have_text(cases)
        press(page, key)
    at(page, "benign (3) · malignant (2)", "same-scene, cross-set")
    process.send_signal(signal.SIGKILL)
    process.wait(20)
    press(page, "1")
    expect(page.locator("#told.bad")).to_contain_text("The server does not answer")
    expect(page.locator("#count")).to_have_text("2 of 7 answered")
    assert [given.answer for given in read_review(curated.path / "review.csv").answers] == ["keep-all", "unsure"]
    again = visit(command(curated.path)[1]).page
    at(again, "benign (3) · malignant (2)", "same-scene, cross-set")
    expect(again.locator("#count")).to_have_text("2 of 7 answered")
    press(again, "k", "k")
    expect(again.locator("#answers [aria-pressed=true] b")).to_have_text("Keep all")


def test_a_page_of_an_earlier_session_cannot_answer(curated, start, visit):
    page = visit(start(curated.path)).page
    page.route(
        "**/api/answers", lambda route: route.continue_(headers={**route.request.headers, "x-echoduet-token": "old"})
    )
    press(page, "2")
    expect(page.locator("#told.bad")).to_contain_text("Reload it")
    assert not (curated.path / "review.csv").exists()


def test_an_answer_is_given_anew_and_taken_back(curated, start, visit):
    page = visit(start(curated.path)).page
    only(page, "pair")
    at(page, "benign (3) · malignant (2)", "same-scene, cross-set")
    press(page, "1")
    at(page, "benign (1) · benign (2)", "same-scan")
    press(page, "u")  # nothing is answered here, so the last answer is meant
    at(page, "benign (3) · malignant (2)", "same-scene, cross-set")
    expect(page.locator("#count")).to_have_text("0 of 7 answered")
    press(page, "3")
    at(page, "benign (1) · benign (2)", "same-scan")
    press(page, "k")
    expect(page.locator("#answers [aria-pressed=true]")).to_have_attribute("data-answer", "same-scene")
    expect(page.locator(".given")).to_contain_text("answered by Ada")
    review = read_review(curated.path / "review.csv")
    assert [given.answer for given in review.answers] == ["copy", "withdrawn", "same-scene"]


def test_views_of_a_pair(curated, start, visit):
    page = visit(start(curated.path)).page
    only(page, "pair")
    press(page, "j")
    at(page, "benign (1) · benign (2)", "same-scan")
    loaded(page)
    expect(page.locator("#tools .words")).to_have_text("B on A: mirrored, rotated by 5.0 degrees, scaled by 1.25")
    assert page.locator("#frames figure").count() == 2
    expect(page.locator("#frames svg path.a")).to_be_visible()
    press(page, "d")
    loaded(page)
    expect(page.locator("#frames img")).to_have_attribute("alt", "Difference of both images")
    expect(page.locator("#frames svg path")).to_have_count(2)
    press(page, "b")
    loaded(page)
    front = page.locator("#frames img:not(.behind)")
    expect(front).to_have_attribute("data-side", "a")
    press(page, "Space")
    expect(front).to_have_attribute("data-side", "b")
    expect(page.locator("figcaption .side:not(.behind)")).to_contain_text("benign (2)")
    press(page, "j")
    at(page, "benign (1) · malignant (1)", "copy")
    expect(page.locator("#view-blink")).to_have_attribute("aria-pressed", "true")


def test_blinking_goes_on_by_itself_until_it_is_flipped_by_hand(curated, start, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(start(curated.path))
    page.wait_for_selector("#frames img")
    press(page, "b")
    for side in "bab":
        expect(page.locator("#frames img:not(.behind)")).to_have_attribute("data-side", side)
    press(page, "Space")
    still = page.locator("#frames img:not(.behind)").get_attribute("data-side")
    page.wait_for_timeout(900)
    assert page.locator("#frames img:not(.behind)").get_attribute("data-side") == still
    page.close()


def test_masks_zoom_and_its_moves(curated, start, visit):
    page = visit(start(curated.path)).page
    outline, layers = page.locator("#frames svg").first, page.locator(".layers").first
    expect(outline).to_be_visible()
    press(page, "m")
    expect(outline).to_be_hidden()
    press(page, "j")
    expect(page.locator("#list [aria-current=true] span")).to_have_text("mask-conflict")
    expect(outline).to_be_hidden()
    press(page, "m", "z")
    expect(outline).to_be_visible()
    assert "scale(2.5)" in layers.get_attribute("style")
    before = layers.get_attribute("style")
    press(page, "ArrowRight", "ArrowDown")
    assert layers.get_attribute("style") != before
    press(page, "z")
    assert "scale" not in layers.get_attribute("style")


def test_a_conflict_is_compared_case_by_case(curated, start, visit):
    page = visit(start(curated.path)).page
    captions = page.locator("figcaption b")
    expect(captions).to_have_text(["benign (1)", "benign (2)"])
    press(page, "ArrowRight", "ArrowRight")
    expect(captions).to_have_text(["benign (1)", "malignant (1)"])
    press(page, "Enter")
    expect(page.locator('[data-answer="keep"] small')).to_have_text("malignant (1)")
    press(page, "ArrowRight", "Enter")
    expect(page.locator('[data-answer="keep"] small')).to_have_text("benign (1), malignant (1)")
    press(page, "ArrowLeft", "r", "ArrowLeft")
    expect(captions).to_have_text(["malignant (1)", "benign (2)"])
    loaded(page)
    expect(page.locator("#tools .words")).to_contain_text("through other copies")
    press(page, "1")
    at(page, "benign (1) · benign (2)", "mask-conflict")
    kept = read_review(curated.path / "review.csv").answers[0].kept
    assert kept == ("benign (1)", "malignant (1)")


def test_filters(curated, start, visit):
    page = visit(start(curated.path)).page
    rows = page.locator(".row")
    expect(rows).to_have_count(7)
    only(page, "finding")
    expect(rows).to_have_count(2)
    page.locator("#about").select_option("text")
    expect(rows).to_have_count(1)
    at(page, "normal (1)", "normal-with-mask, calipers, text")
    page.locator("#about").press("Escape")
    press(page, "f")
    expect(rows).to_have_count(7)
    press(page, "Home")
    at(page, "benign (1) · benign (2) +1", "label-conflict")
    press(page, "2")
    expect(page.locator("#count")).to_have_text("1 of 7 answered")
    press(page, "o")
    expect(rows).to_have_count(6)
    press(page, "End")
    at(page, "benign (3)", "calipers")


def test_help_lists_the_keys(curated, start, visit):
    page = visit(start(curated.path)).page
    expect(page.locator("#help")).to_be_hidden()
    press(page, "?")
    expect(page.locator("#help")).to_be_visible()
    expect(page.locator("#help")).to_contain_text("take an answer back")
    press(page, "2")  # no answer while the help is open
    press(page, "Escape")
    expect(page.locator("#help")).to_be_hidden()
    press(page, "?", "2", "?")
    expect(page.locator("#help")).to_be_hidden()
    for _ in range(2):  # held down
        page.keyboard.down("?")
    page.keyboard.up("?")
    expect(page.locator("#help")).to_be_visible()
    press(page, "Escape")
    expect(page.locator("#count")).to_have_text("0 of 7 answered")


def test_help_does_not_wait_for_the_item_that_is_still_to_come(curated, start, visit):
    page = visit(start(curated.path)).page
    with unanswered(page, "**/api/items/*"):
        press(page, "j", "?", "2")  # no answer to what comes behind the help either
        expect(page.locator("#help")).to_be_visible()
        press(page, "Escape")
        expect(page.locator("#help")).to_be_hidden()
    at(page, "benign (1) · benign (2)", "mask-conflict")
    expect(page.locator("#help")).to_be_hidden()
    expect(page.locator("#count")).to_have_text("0 of 7 answered")


def test_a_key_that_is_held_down_answers_once(curated, start, visit):
    page = visit(start(curated.path)).page
    for _ in range(4):
        page.keyboard.down("2")
    page.keyboard.up("2")
    at(page, "benign (1) · benign (2)", "mask-conflict")
    expect(page.locator("#count")).to_have_text("1 of 7 answered")


def test_an_answer_is_meant_for_the_item_that_was_seen_when_the_key_went_down(curated, start, visit):
    page = visit(start(curated.path)).page
    with unanswered(page, "**/api/items/*"):
        press(page, "j", "j", "1")  # the third item is not on the screen yet
    at(page, "benign (3) · malignant (2)", "same-scene, cross-set")
    with unanswered(page, "**/api/answers"):
        press(page, "1", "1", "1")  # and the fourth one has not been seen
    at(page, "benign (1) · benign (2)", "same-scan")
    expect(page.locator("#count")).to_have_text("1 of 7 answered")
    assert [given.cases[0] for given in read_review(curated.path / "review.csv").answers] == ["benign (3)"]


def test_what_cannot_be_read_is_told_where_it_would_be_shown(curated, start, visit):
    (curated.data / "benign (2).png").unlink()
    (curated.data / "benign (1)_mask.png").write_bytes(b"nothing")
    opened = visit(start(curated.path))
    problems = opened.page.locator(".problem")
    expect(problems).to_have_count(2)
    expect(problems.nth(0)).to_contain_text("benign (1)_mask.png")
    expect(problems.nth(1)).to_contain_text("benign (2).png: is missing. Restore the file")
    press(opened.page, "3")
    at(opened.page, "benign (1) · benign (2)", "mask-conflict")


def test_no_case_id_can_bring_markup_along(curated, start, visit):
    evil = "<img src=x onerror=document.title='owned'>"
    for name in ("cases.csv", "pairs.csv", "findings.csv", "issues.csv"):
        path = curated.path / name
        path.write_text(path.read_text(encoding="utf-8").replace("benign (3)", evil), encoding="utf-8")
    for suffix in ("", "_mask"):
        (curated.data / f"{evil}{suffix}.png").hardlink_to(curated.data / f"benign (3){suffix}.png")
    opened = visit(start(curated.path))
    press(opened.page, "End")
    at(opened.page, evil, "calipers")
    loaded(opened.page)
    assert opened.page.locator("img[src=x]").count() == 0
    assert opened.page.title() == "curated – EchoDuet review"
    press(opened.page, "4")
    expect(opened.page.locator("#count")).to_have_text("1 of 7 answered")
    assert read_review(curated.path / "review.csv").verdict(evil).verdict == "keep"


def test_a_curation_that_left_nothing_is_told(curated, start, visit, browser):
    for name in ("pairs.csv", "findings.csv", "issues.csv"):
        path = curated.path / name
        path.write_text(path.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    page = browser.new_page()
    page.goto(start(curated.path))
    expect(page.locator("#panel")).to_contain_text("Nothing to review")
    page.close()
