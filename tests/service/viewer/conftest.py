"""A real server with the small shipped model, phantoms to show it, and the page in the system's Chromium."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from echoduet.data.dicom.sniffing import looks_like_dicom
from echoduet.data.images import write_png
from echoduet.data.phantom_dicom import PhantomExam, write_phantom_dicom
from echoduet.data.synthetic import simulate
from echoduet.records import Label

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
PATIENCE_MS = 20_000
"""How long the page may take for anything: the machine may have other work."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium, without a window."""
    if CHROMIUM is None:
        reason = "no Chromium is installed: apt install chromium"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[..., str]]:
    """Start `echoduet serve` in a process of its own, and return its address."""
    begun: list[subprocess.Popen[str]] = []

    def begin(*options: str, **environment: str) -> str:
        words = [sys.executable, "-m", "echoduet.cli.main", "serve", "--model", "small", "--port", "0", *options]
        process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ | environment
        )
        begun.append(process)
        told = process.stdout.readline()  # serving model small at http://127.0.0.1:... (Ctrl-C ends it)
        assert told.startswith("serving model small at http://127.0.0.1:"), told
        return told.split()[4]

    yield begin
    for process in begun:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def server(serve) -> str:
    """The address of a server that asks for no token."""
    return serve("--limit", "rate=1000", "--limit", "burst=4000")


@pytest.fixture(scope="session")
def scans(tmp_path_factory) -> dict[str, Path]:
    """Phantoms as files: pictures, a DICOM loop of six frames, a photograph, and a file that is none of these."""
    folder = tmp_path_factory.mktemp("scans")
    files = {name: folder / name for name in ("benign.png", "dark.jpg", "loop.dcm", "photo.png", "broken.png")}
    picture, _ = simulate(Label.BENIGN, np.random.default_rng(10), 520)
    write_png(files["benign.png"], picture)
    Image.fromarray(picture // 2).save(files["dark.jpg"], quality=95)
    write_phantom_dicom(files["loop.dcm"], PhantomExam(Label.MALIGNANT, 3, 400, frames=6))
    assert looks_like_dicom(files["loop.dcm"].read_bytes())
    rows, columns = np.mgrid[:240, :320].astype(np.uint8)
    Image.fromarray(np.stack([columns, rows, rows * columns], -1)).save(files["photo.png"])
    files["broken.png"].write_bytes(b"nothing")
    return files


@dataclass
class Desk:
    """The viewer, open in a browser: what is on it, what it asked for, what went wrong in it."""

    page: Page
    scans: dict[str, Path]
    asked: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def add(self, *names: str) -> None:
        """Choose files, and wait until all are answered and the first one is drawn."""
        self.page.set_input_files("#files", [self.scans[name] for name in names])
        self.settle()

    def settle(self) -> None:
        """Wait until nothing is being analysed, and the current image is drawn."""
        expect(self.page.locator("#busy")).to_be_hidden()
        self.drawn()

    def drawn(self) -> None:
        """Wait until the canvas shows what is selected."""
        for _ in range(400):
            if self.state("result()?.layers?.image ?? ''") == (self.canvas.get_attribute("data-shown") or ""):
                self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
                return
            self.page.wait_for_timeout(25)
        pytest.fail("the canvas does not show the selected image")

    def press(self, *keys: str) -> None:
        """Press keys one after the other, then wait for the picture."""
        for key in keys:
            self.page.keyboard.press(key)
        self.drawn()

    @property
    def canvas(self) -> Locator:
        """Where the picture is drawn."""
        return self.page.locator("#canvas")

    @property
    def rows(self) -> Locator:
        """The lines of the worklist."""
        return self.page.locator("#rows [role=option]")

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return where a place of the picture, in its pixels, lies on the page."""
        place = self.page.evaluate(
            f"async () => (await import('./static/viewer-stage.js')).toScreen({{x: {x}, y: {y}}})"
        )
        box = self.canvas.bounding_box()
        return box["x"] + place["x"], box["y"] + place["y"]

    def colour(self, x: float, y: float) -> tuple[int, ...]:
        """Return the colour of the canvas at a place of the picture."""
        self.drawn()
        return tuple(self.page.evaluate(
            "async ([x, y]) => { const at = (await import('./static/viewer-stage.js')).toScreen({x, y});"
            "const c = document.getElementById('canvas'); const k = devicePixelRatio;"
            "return [...c.getContext('2d').getImageData(at.x * k, at.y * k, 1, 1).data].slice(0, 3) }", [x, y],
        ))  # fmt: skip

    def becomes(self, wanted: Callable[[str], bool]) -> str:
        """Wait until the picture on the canvas is as wanted, and return it."""
        for _ in range(400):
            picture = str(self.canvas.evaluate("canvas => canvas.toDataURL()"))
            if wanted(picture):
                return picture
            self.page.wait_for_timeout(25)
        pytest.fail("the canvas does not become what was wanted")

    def drag(self, *places: tuple[float, float], button: str = "left") -> None:
        """Press at the first place of the page, move over the others, and release."""
        mouse = self.page.mouse
        mouse.move(*places[0])
        mouse.down(button=button)
        for place in places[1:]:
            mouse.move(*place, steps=4)
        mouse.up(button=button)
        self.drawn()

    def state(self, expression: str) -> object:
        """Return something of what the page knows: an expression in `state`, `result` and `work`."""
        store = "const {state, result, work} = await import('./static/viewer-store.js')"
        return self.page.evaluate(f"async () => {{ {store}; return {expression} }}")


@pytest.fixture
def visit(browser, scans) -> Iterator[Callable[..., Desk]]:
    """Open an address in a browser of its own, and check at the end that nothing went wrong in it."""
    opened: list[tuple[BrowserContext, Desk]] = []

    def open_page(address: str, width: int = 1280, height: int = 800, prefix: str = "", **options: object) -> Desk:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(PATIENCE_MS)
        desk = Desk(context.new_page(), scans)
        opened.append((context, desk))
        desk.page.on("request", lambda request: desk.asked.append(request.url))
        desk.page.on("console", lambda message: desk.wrong.append(message.text) if message.type == "error" else None)
        desk.page.on("pageerror", lambda error: desk.wrong.append(str(error)))
        if prefix:  # a proxy in front takes it off
            strip = lambda route: route.continue_(url=route.request.url.replace(prefix, "", 1))  # noqa: E731
            desk.page.route(f"**{prefix}/**", strip)
        desk.page.goto(address)
        desk.page.wait_for_selector("#welcome button")
        return desk

    yield open_page
    for context, desk in opened:
        context.close()
        # A refused request is written to the console by Chromium itself; the page tells it in words.
        assert [text for text in desk.wrong if "Failed to load resource" not in text] == []


@pytest.fixture
def desk(server, visit) -> Desk:
    """The viewer at a desk, 1280 x 800."""
    return visit(server, reduced_motion="reduce")
