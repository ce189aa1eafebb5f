"""What the room's tests share.

For the review page: a curation made by hand, six small scans, of which the true alignment is known, and the tables
about them. For the prediction server: a model whose answers are known, the server's parts around it, and a client.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient
from scipy.ndimage import gaussian_filter

from echoduet.config.schema import ExperimentConfig
from echoduet.curation.relations import Transform
from echoduet.data.images import write_png
from echoduet.data.manifest import Manifest, measured, write_manifest
from echoduet.files import write_csv
from echoduet.inference.predictor import Predictor
from echoduet.inference.runtime import Readings
from echoduet.models.info import BundleInfo
from echoduet.records import Analysis, Case, GrayImage, Label, Scan
from echoduet.service.app import build_app
from echoduet.service.backend import Backend
from echoduet.service.layers import png
from echoduet.service.limits import Limits
from echoduet.service.results import Kept, Place, answered
from echoduet.service.settings import Settings

SHAPE = (120, 160)
SHRUNK = Transform(mirrored=True, rotation=5.0, scale=1.25, dx=150.0, dy=10.0)
"""Lays benign (2) over benign (1)."""
CROPPED = Transform(dx=12.0, dy=8.0)
"""Lays malignant (1) over benign (1)."""

MEASURED = ("similarity", "label_a", "label_b", "mask_dice", "group", "overlap", "confidence")
PAIRS = ("case_a", "case_b", "relation", *MEASURED, "mirrored", "rotation", "scale", "dx", "dy")
FINDINGS = ("kind", "group", "cases", "value", "message")
DECISIONS = ("case_id", "decision", "reason", "group")


def scan(seed: int, shape: tuple[int, int] = SHAPE) -> GrayImage:
    """Return a random texture like no other seed's."""
    rng = np.random.default_rng(seed)
    layers = sum(gaussian_filter(rng.standard_normal(shape), sigma) * sigma for sigma in (1.5, 5, 14))
    return np.clip(95 + 55 * layers, 0, 255).astype(np.uint8)


def seen_from_b(image: GrayImage, transform: Transform, shape: tuple[int, int]) -> GrayImage:
    """Return the image b of which `transform` says how it lies over `image`."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, transform.matrix, shape[::-1], flags=flags)


@dataclass(frozen=True)
class Folder:
    """The folder of a curation, and how its tables are changed."""

    path: Path
    data: Path

    def pair(self, a: str, b: str, transform: Transform, **measured: object) -> dict[str, object]:
        """Return a row of pairs.csv."""
        lying = {"mirrored": int(transform.mirrored), "rotation": transform.rotation, "scale": transform.scale}
        row = {"case_a": a, "case_b": b, "relation": "same-scan", "similarity": 0.93, "mask_dice": 0.81, "group": "g"}
        row |= {"overlap": 0.74, "confidence": 0.9, "label_a": "benign", "label_b": "benign"}
        return row | lying | {"dx": transform.dx, "dy": transform.dy} | measured

    def write(self, name: str, columns: tuple[str, ...] | list[str], rows: list[dict[str, object]]) -> None:
        """Write a table of the curation."""
        write_csv(self.path / name, columns, rows)


def cases_in(data: Path) -> list[Case]:
    """Write the images and masks, and return their cases."""
    first, mask = scan(1), np.zeros(SHAPE, np.uint8)
    cv2.ellipse(mask, (80, 60), (30, 18), 20, 0, 360, 255, -1)
    pictures = {
        "benign (1)": (first, mask),
        "benign (2)": (seen_from_b(first, SHRUNK, (90, 110)), seen_from_b(mask, SHRUNK, (90, 110))),
        "benign (3)": (scan(3), mask),
        "malignant (1)": (seen_from_b(first, CROPPED, (100, 140)), seen_from_b(mask, CROPPED, (100, 140))),
        "malignant (2)": (scan(5), mask),
        "normal (1)": (scan(6), None),
    }
    cases = []
    for name, (image, outline) in pictures.items():
        write_png(data / f"{name}.png", image)
        masks = ()
        if outline is not None:
            masks = (data / f"{name}_mask.png",)
            write_png(masks[0], outline > 127)
        cases.append(measured(Case(name, data / f"{name}.png", masks, Label(name.split()[0]), source="busi")))
    return cases


@pytest.fixture
def curated(tmp_path: Path) -> Folder:
    """A curation with two conflicts, three pairs and two images with findings."""
    folder = Folder(tmp_path / "curated", tmp_path / "data")
    write_manifest(Manifest(tuple(cases_in(folder.data))), folder.path / "cases.csv")
    near = Transform(dx=3.0)
    folder.write("pairs.csv", PAIRS, [
        folder.pair("benign (1)", "benign (2)", SHRUNK, confidence=0.97),
        folder.pair("benign (1)", "malignant (1)", CROPPED, relation="copy", label_b="malignant", confidence=0.99),
        folder.pair("benign (3)", "malignant (2)", near, relation="same-scene", mask_dice="", confidence=0.61),
    ])  # fmt: skip
    members = ("benign (1)", "benign (2)", "malignant (1)")
    folder.write("findings.csv", FINDINGS, [
        {"kind": "label-conflict", "group": "g", "cases": ";".join(members), "message": "Copies of one scan differ."},
        {"kind": "mask-conflict", "group": "g", "cases": "benign (1);benign (2)", "message": "Masks differ."},
        {"kind": "normal-with-mask", "cases": "normal (1)", "message": "normal (1) has a mask."},
        {"kind": "cross-set", "cases": "benign (3);malignant (2)", "message": "A pair across sets."},
        {"kind": "unusable", "cases": "benign (99)", "message": "benign (99) is damaged."},
        {"kind": "data-set", "cases": "", "message": "The number of images is off."},
    ])  # fmt: skip
    scores = {"calipers": "0.91", "text": "0.12", "near-blank": ""}
    folder.write("issues.csv", ("case_id", *scores, "flags"), [
        {"case_id": "benign (3)", **scores, "flags": "calipers"},
        {"case_id": "malignant (2)", **scores, "flags": ""},
        {"case_id": "normal (1)", **scores, "text": "0.80", "flags": "calipers;text"},
    ])  # fmt: skip
    decided = [{"case_id": name, "decision": "review", "reason": "classes differ", "group": "g"} for name in members]
    folder.write(
        "decisions.csv", DECISIONS, [*decided, {"case_id": "benign (3)", "decision": "keep", "reason": "alone"}]
    )
    folder.write("groups.csv", ("group", "case_id", "label", "members"), [])
    return folder


LOCAL = "http://127.0.0.1:8000"


class Glow:
    """A lesion where it is brighter than half; the brighter all of it, the likelier malignant, black is normal."""

    name = "glow"
    background = False
    members = 1

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.seconds = 0.0
        self.fails_on: int | None = None

    def read(self, images):
        """Answer; a picture whose first pixel is `fails_on` is one that the network fails on."""
        self.batches.append(len(images))
        time.sleep(self.seconds)
        if self.fails_on is not None and (images[:, 0, 0] == self.fails_on).any():
            raise RuntimeError("a fault")
        values = images.astype(np.float64) / 255
        level = values.mean(axis=(1, 2))
        logits = np.stack([np.ones_like(level), 4 * level, 2 - 20 * level], axis=1)
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        lesion = 1 / (1 + np.exp(-40 * (values - 0.5)))
        return Readings(lesion[:, None].astype(np.float32), shares[:, None])


@pytest.fixture
def disc() -> Callable[..., GrayImage]:
    """Draw a dark picture with a bright disc in the middle: `disc((96, 128), radius=20, colour=230)`."""

    def draw(shape: tuple[int, int] = (96, 128), radius: int = 20, colour: int = 230) -> GrayImage:
        picture = np.full(shape, 20, np.uint8)
        cv2.circle(picture, (shape[1] // 2, shape[0] // 2), radius, colour, -1)
        return picture

    return draw


@pytest.fixture
def part(disc) -> Callable[..., tuple]:
    """Make a part of a multipart request of a picture, or of bytes: `part(picture, "scan.png")`."""

    def make(content: GrayImage | bytes | None = None, name: str = "scan.png") -> tuple:
        if not isinstance(content, bytes):
            content = png(disc() if content is None else content)
        return ("files", (name, content, "application/octet-stream"))

    return make


@pytest.fixture
def glow() -> Glow:
    """The network behind the server."""
    return Glow()


@pytest.fixture
def predictor(glow: Glow) -> Predictor:
    """Its predictor."""
    return Predictor(glow, BundleInfo(config=ExperimentConfig.model_validate({"preprocess": {"size": 64}})), 4)


@pytest.fixture
def make_backend(predictor: Predictor) -> Callable[..., Backend]:
    """Make what stands behind the routes: `make_backend(queue=2, token=...)`; a name of a limit sets it."""

    def make(**given: object) -> Backend:
        limits = {name: given.pop(name) for name in list(given) if name in Limits.__dataclass_fields__}
        return Backend(predictor, Settings(limits=Limits(**{"rate": 1e6, "burst": 10**6} | limits), **given))

    return make


@pytest.fixture
def serve(make_backend) -> Iterator[Callable[..., TestClient]]:
    """Serve in this process, and return a client: `serve(queue=2)`; its `backend` is what stands behind it."""
    with ExitStack() as stack:

        def begin(**given: object) -> TestClient:
            backend = make_backend(**given)
            app, root = build_app(backend), backend.settings.root_path
            client = TestClient(app, base_url=LOCAL, raise_server_exceptions=False, root_path=root)
            client.backend = backend
            return stack.enter_context(client)

        yield begin


@pytest.fixture
def client(serve) -> TestClient:
    """A client of a server with the limits as they come."""
    return serve()


@pytest.fixture
def wait_for() -> Callable[..., dict]:
    """Wait until a job is over, and return it: `wait_for(client, job_id)`."""

    def wait(client: TestClient, job_id: str, seconds: float = 20) -> dict:
        deadline = time.monotonic() + seconds
        while (job := client.get(f"/v1/jobs/{job_id}").json())["status"] in ("queued", "running"):
            assert time.monotonic() < deadline, job
            time.sleep(0.01)
        return job

    return wait


@pytest.fixture
def analysed(predictor) -> Callable[..., Analysis]:
    """Analyse a scan by the model whose answers are known."""
    return lambda scan, **options: next(iter(predictor.analyse([scan], **options)))


@pytest.fixture
def keep(analysed, disc) -> Callable[..., Kept]:
    """Make the result of a scan as the server keeps it: `keep(scan, index=0, name="scan.png")`."""

    def make(scan: Scan | None = None, index: int = 0, name: str = "scan.png", **options: object) -> Kept:
        scan = scan or Scan("x", disc())
        return answered(Place(index, index, name, scan.frame), analysed(scan, **options))

    return make


@dataclass
class Served:
    """`echoduet serve` in a process of its own: where it answers, and what it writes down."""

    process: subprocess.Popen[str]
    told: dict[str, object]
    log: Path

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, port = str(self.told["address"]).removeprefix("http://").rstrip("/").split(":")
        return host, int(port)

    def lines(self) -> list[dict[str, object]]:
        """Return what it wrote down."""
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained network at 64 x 64 pixels: as quick as a real one gets."""
    import torch

    from echoduet.models.bundle import save_bundle
    from echoduet.models.ensemble import assemble

    torch.manual_seed(1)
    model = {"architecture": "efficientnet_lite0", "deep_supervision": False}
    config = ExperimentConfig.model_validate({"preprocess": {"size": 64}, "model": model})
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_bundle(path, assemble(config.model), BundleInfo(config=config))
    return path


@pytest.fixture(scope="module")
def serve_process(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Served]]:
    """Start `echoduet serve` as users do: `serve_process("--limit", "queue=3")`."""
    begun: list[subprocess.Popen[str]] = []

    def begin(*options: object, env: dict[str, str] | None = None, **more: object) -> Served:
        log = tmp_path_factory.mktemp("served") / "log"
        words = [sys.executable, "-m", "echoduet.cli.main", "serve", "--model", tiny_bundle, "--port", 0, "--json"]
        with log.open("w") as stream:
            process = subprocess.Popen(
                [str(word) for word in (*words, *options)],
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
                env={**os.environ, **(env or {})},
                **more,
            )
        begun.append(process)
        text = ""
        while not text.endswith("}\n"):
            line = process.stdout.readline()
            assert line, log.read_text()
            text += line
        return Served(process, json.loads(text), log)

    yield begin
    for process in begun:
        process.kill()
        process.communicate()
