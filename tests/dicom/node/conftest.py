"""A node with a small model, and the peers that it talks to: DCMTK's programs and Orthanc."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from echoduet.data.phantom_dicom import PhantomExam, write_phantom_dicom
from echoduet.dicom.identity import Algorithm
from echoduet.dicom.node.answering import load_answering
from echoduet.dicom.node.journal import Journal
from echoduet.dicom.node.node import Node
from echoduet.dicom.node.overview import look
from echoduet.dicom.node.peers import Destination
from echoduet.dicom.node.settings import Limits, Patience, Settings, Timeouts

QUICK = Patience(first=0.2, longest=0.4)
ROOMY = Limits(free=0)


def program(name: str, package: str = "dcmtk") -> str:
    """Return the path of a Debian program; skip without it, but not where CI says so."""
    # Not any program of that name: pynetdicom brings its own storescu beside the interpreter.
    found = shutil.which(name, path="/usr/bin:/usr/sbin:/usr/local/bin:/opt/homebrew/bin")
    if found is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"{name} is missing: apt install {package}")
        pytest.skip(f"{name} is missing: apt install {package}")
    return found


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def until(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Wait until a condition holds, and return its value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)
    return value


def answers(port: int) -> bool:
    """Tell whether somebody listens on a port."""
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(name="until")
def until_fixture() -> Callable[..., Any]:
    """Wait until a condition holds."""
    return until


@pytest.fixture(name="free_port")
def free_port_fixture() -> Callable[[], int]:
    """Find a port that nobody listens on."""
    return free_port


@pytest.fixture(name="program")
def program_fixture() -> Callable[..., str]:
    """Find a Debian program."""
    return program


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose network has learnt nothing, and sees 64 x 64 pixels."""
    import torch

    from echoduet.config.schema import ExperimentConfig
    from echoduet.models.bundle import save_bundle
    from echoduet.models.info import BundleInfo
    from echoduet.models.registry import build_network

    torch.manual_seed(1)
    config = ExperimentConfig.model_validate(
        {
            "preprocess": {"size": 64},
            "model": {"architecture": "efficientnet_lite0"},
            "split": {"folds": 2, "train_share": 0.5},
        }
    )
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save_bundle(path, build_network(config.model), BundleInfo(config=config))
    return path


@pytest.fixture(scope="session")
def answering(bundle: Path) -> tuple[Any, Algorithm]:
    """A predictor, and who it is."""
    return load_answering(bundle)


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write a phantom as a scanner would: `phantoms(seed=3, frames=2)`."""
    folder = tmp_path_factory.mktemp("phantoms")

    def write(**exam: Any) -> Path:
        wanted = PhantomExam(**{"width": 96, **exam})
        path = folder / f"{abs(hash(wanted))}.dcm"
        return path if path.exists() else write_phantom_dicom(path, wanted)

    return write


@dataclass
class Archive:
    """DCMTK's storescp as an archive that keeps what it is sent."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def destination(self) -> Destination:
        """What a node is told."""
        return Destination("PACS", "127.0.0.1", self.port)

    def start(self, *options: str) -> None:
        """Listen."""
        self.folder.mkdir(exist_ok=True)
        words = [program("storescp"), "-aet", "PACS", "-od", str(self.folder), *options, str(self.port)]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: answers(self.port))

    def stop(self) -> None:
        """Listen no more."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def received(self) -> list[Dataset]:
        """Return what it has been sent."""
        return [dcmread(path) for path in sorted(self.folder.iterdir())]

    def modalities(self) -> list[str]:
        """Return the modality of each."""
        return sorted(dataset.Modality for dataset in self.received())


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """An archive that listens."""
    made = Archive(tmp_path / "archive")
    made.start()
    yield made
    made.stop()


@pytest.fixture
def silent_archive(tmp_path: Path) -> Iterator[Archive]:
    """An archive that does not listen yet."""
    made = Archive(tmp_path / "silent")
    yield made
    made.stop()


@dataclass
class Running:
    """A node at work in this process."""

    node: Node
    settings: Settings
    log: io.StringIO

    @property
    def events(self) -> list[dict[str, Any]]:
        """What it told so far."""
        return [json.loads(line) for line in self.log.getvalue().splitlines()]

    def told(self, event: str) -> list[dict[str, Any]]:
        """Return what it told of one sort."""
        return [entry for entry in self.events if entry["event"] == event]

    def states(self) -> dict[str, int]:
        """Return how many jobs are in each state, those without any left out."""
        return {state: count for state, count in look(self.settings.spool).jobs.items() if count}

    def send(self, *files: Path, tool: str = "storescu", options: tuple[str, ...] = ()) -> str:
        """Send files to it as a scanner would, and return what the program said."""
        called = ["-v", "-aec", self.settings.aet, *options, "127.0.0.1", str(self.node.port), *map(str, files)]
        done = subprocess.run([program(tool), *called], capture_output=True, text=True, errors="replace", check=False)
        return done.stdout + done.stderr


@pytest.fixture
def start_node(tmp_path: Path, answering: tuple[Any, Algorithm]) -> Iterator[Callable[..., Running]]:
    """Start a node: `start_node(archive.destination, allow=("SCANNER",))`; it is stopped after the test."""
    with ExitStack() as running:

        def start(*send_to: Destination, predictor: Any = None, **options: Any) -> Running:
            settings = Settings(tmp_path / "spool", send_to, port=0, limits=ROOMY, patience=QUICK)
            settings = replace(settings, **{"timeouts": Timeouts(stop=5.0), **options})
            log = io.StringIO()
            node = Node(settings, predictor or answering[0], answering[1], Journal(log))
            running.enter_context(node)
            return Running(node, settings, log)

        yield start


@dataclass(frozen=True)
class Orthanc:
    """A real Orthanc with an empty database."""

    dicom: int
    http: int

    @property
    def destination(self) -> Destination:
        """What a node is told."""
        return Destination("ORTHANC", "127.0.0.1", self.dicom)

    def ask(self, path: str, body: bytes | None = None, method: str | None = None) -> Any:
        """Call its REST interface."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", body, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def name_modality(self, name: str, aet: str, port: int) -> None:
        """Enter a modality that it may send to."""
        body = json.dumps({"AET": aet, "Host": "127.0.0.1", "Port": port}).encode()
        self.ask(f"/modalities/{name}", body, "PUT")


@pytest.fixture
def orthanc(tmp_path: Path) -> Iterator[Orthanc]:
    """Start Orthanc with a database of its own, and with the script that the page of the node shows."""
    page = (Path(__file__).parents[3] / "docs" / "node.md").read_text(encoding="utf-8")
    script = tmp_path / "forward.lua"
    script.write_text(page.partition("```lua\n")[2].partition("```")[0])
    found = Orthanc(free_port(), free_port())
    settings = {
        "StorageDirectory": str(tmp_path / "orthanc"),
        "DicomAet": "ORTHANC",
        "DicomPort": found.dicom,
        "HttpPort": found.http,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowStore": True,
        "Plugins": [],
        "LuaScripts": [str(script)],
    }
    path = tmp_path / "orthanc.json"
    path.write_text(json.dumps(settings))
    words = [program("Orthanc", "orthanc"), str(path)]
    with (tmp_path / "orthanc.log").open("wb") as log, subprocess.Popen(words, stdout=log, stderr=log) as process:
        try:
            until(lambda: answers(found.http) and answers(found.dicom))
            yield found
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture
def limit_file_size() -> Iterator[Callable[[int], Any]]:
    """Let no file of this process grow beyond so many bytes within a block, as on a full disk."""
    import resource

    @contextmanager
    def limited(size: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    yield limited
