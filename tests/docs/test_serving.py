"""The pages about the server: every request is made, every configuration is run by the program that it is for."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from urllib.error import HTTPError, URLError

import numpy as np
import pytest

from echoduet.data.images import write_png
from echoduet.data.phantom_dicom import PhantomExam, write_phantom_dicom
from echoduet.data.synthetic import simulate
from echoduet.inference.exported import at_hand
from echoduet.models.shipped import NAMES, shipped_model
from echoduet.records import Label
from echoduet.service.limits import limits_table

SECRET = "a-secret-of-some-length"


def needed(*programs):
    """Return where a program lies; the test is skipped where it is missing, and fails there in CI."""
    for program in programs:
        if found := shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin"):
            return found
    reason = f"{programs[0]} is not installed"
    return pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)


def blocks(page, language):
    """Return the blocks of a page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M)


def free_port():
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    """Start `echoduet serve` with the small model, and return its port: `serve("--limit", ...)`."""
    begun = []

    def begin(*options, **environment):
        words = [sys.executable, "-m", "echoduet.cli.main", "serve", "--model", "small", "--port", "0", "--json", "-q"]
        process = subprocess.Popen([*words, *options], stdout=subprocess.PIPE, text=True, env=os.environ | environment)
        begun.append(process)
        text = ""
        while not text.endswith("}\n"):
            text += process.stdout.readline() or pytest.fail("the server did not start")
        return int(json.loads(text)["address"].rstrip("/").rpartition(":")[2])

    yield begin
    for process in begun:
        process.kill()
        process.communicate()


@pytest.fixture
def scans(tmp_path):
    """The folder that the page speaks of."""
    write_png(tmp_path / "scan.png", simulate(Label.BENIGN, np.random.default_rng(3), 300)[0])
    write_phantom_dicom(tmp_path / "loop.dcm", PhantomExam(Label.MALIGNANT, 3, 200, frames=2))
    return tmp_path


def test_every_request_on_the_page_is_answered(root, serve, scans):
    needed("curl")
    port = serve()
    requests = [block for block in blocks(root / "docs" / "serving.md", "bash") if "curl " in block]
    assert len(requests) == 4
    for block in requests:
        script = block.replace("127.0.0.1:8000", f"127.0.0.1:{port}")
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=scans, capture_output=True, check=False)
        assert done.returncode == 0, (block, done.stdout, done.stderr)
    assert (scans / "mask.png").read_bytes().startswith(b"\x89PNG")
    assert (scans / "all.zip").read_bytes().startswith(b"PK")
    assert (scans / "sr.dcm").read_bytes()[128:132] == b"DICM"


def test_the_page_lists_every_limit_as_the_code_has_it(root):
    assert limits_table() in (root / "docs" / "serving.md").read_text(encoding="utf-8")


def test_the_log_line_on_the_page_is_one_as_they_are(root):
    (line,) = blocks(root / "docs" / "serving.md", "json")
    assert set(json.loads(line)) == {
        *("time", "level", "event", "request", "method", "route", "status", "seconds", "bytes_in", "bytes_out")
    }


@pytest.fixture
def certificate(tmp_path):
    """A certificate for the name on the page that signs itself, and its key."""
    paths = tmp_path / "cert.pem", tmp_path / "key.pem"
    name = "/CN=scans.example.org"
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", name]
    words += ["-addext", "subjectAltName=DNS:scans.example.org", "-keyout", paths[1], "-out", paths[0]]
    subprocess.run([needed("openssl"), *words], check=True, capture_output=True)
    return paths


class Proxied:
    """A client that reaches the name on the page by way of a proxy on this machine."""

    def __init__(self, port, certificate):
        self._port = port
        self._context = ssl.create_default_context(cafile=certificate)

    def ask(self, path, body=None, **headers):
        """Send a request over TLS; return status, headers and body."""
        raw = socket.create_connection(("127.0.0.1", self._port), 30)
        with self._context.wrap_socket(raw, server_hostname="scans.example.org") as stream:
            named = {"Host": "scans.example.org", "Connection": "close"} | {
                name.replace("_", "-"): value for name, value in headers.items()
            }
            if body is not None:
                named["Content-Length"] = str(len(body))
            head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
            stream.sendall(
                f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\n{head}\r\n".encode() + (body or b"")
            )
            answer = b""
            while piece := stream.recv(65536):
                answer += piece
        head, _, content = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), head.decode().lower(), content

    def wait(self):
        """Wait until the proxy answers."""
        deadline = time.monotonic() + 20
        while True:
            try:
                return self.ask("/healthz")
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)


@pytest.fixture
def behind(serve, tmp_path, certificate):
    """Run a proxy with a configuration of the page: `behind(words, text, port)`."""
    begun = []

    def begin(words, port):
        begun.append(subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=tmp_path))
        client = Proxied(port, certificate[0])
        client.wait()
        return client

    yield begin
    for process in begun:
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture(scope="module")
def upstream(serve):
    """The port of a server that is set up as the page says."""
    options = ("--behind-proxy", "127.0.0.1", "--allowed-host", "scans.example.org")
    return serve(*options, "--limit", "rate=0.001", "--limit", "burst=12", ECHODUET_TOKEN=SECRET)


def check(client, picture):
    """See that a proxy lets through what it should, and says who asks."""
    bearer = {"Authorization": f"Bearer {SECRET}"}
    form = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n' + picture + b"\r\n--x--\r\n"
    kind = {"Content_Type": "multipart/form-data; boundary=x"}
    status, head, content = client.ask("/v1/predictions", form, **bearer, **kind)
    assert status == 200, content
    assert "strict-transport-security: max-age=31536000" in head
    assert "x-content-type-options: nosniff" in head
    assert b'"status":"done"' in content
    assert client.ask("/v1/models")[0] == 401
    own = {"Origin": "https://scans.example.org", "Sec_Fetch_Site": "same-origin"}
    assert client.ask("/v1/predictions", form, **bearer, **kind, **own)[0] == 200
    assert client.ask("/v1/predictions", form, **bearer, **kind, Origin="https://evil.example")[0] == 403
    assert client.ask("/metrics", **bearer)[0] == 404
    # A client that makes itself another address is known all the same: its rate is spent.
    statuses = [client.ask("/v1/models", **bearer, X_Forwarded_For=f"192.0.2.{n}")[0] for n in range(14)]
    assert 429 in statuses


@pytest.fixture
def picture(scans):
    """The picture of the page."""
    return (scans / "scan.png").read_bytes()


def replaced(text, pairs):
    """Put what the test has in the place of what the page names; each must stand there."""
    for old, new in pairs.items():
        assert old in text, old
        text = text.replace(old, str(new))
    return text


def test_nginx_runs_the_site_on_the_page(root, behind, upstream, tmp_path, certificate, picture):
    nginx, port, plain = needed("nginx"), free_port(), free_port()
    (site,) = blocks(root / "docs" / "reverse-proxy.md", "nginx")
    site = replaced(
        site,
        {
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
            "listen 80": f"listen 127.0.0.1:{plain}",
            "/etc/ssl/certs/scans.example.org.pem": certificate[0],
            "/etc/ssl/private/scans.example.org.key": certificate[1],
            "127.0.0.1:8000": f"127.0.0.1:{upstream}",
        },
    )
    temporary = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    frame = f"pid {tmp_path}/pid; daemon off; error_log {tmp_path}/log; events {{}}\n"
    (tmp_path / "nginx.conf").write_text(f"{frame}http {{ access_log off;\n{temporary}{site}}}\n")
    words = [nginx, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    subprocess.run([*words, "-t"], check=True, capture_output=True)
    check(behind(words, port), picture)
    with pytest.raises((HTTPError, URLError)):  # the plain port leads to the name on the page, which is nobody's
        urllib.request.urlopen(f"http://127.0.0.1:{plain}/", timeout=5)


def test_caddy_runs_the_file_on_the_page(root, behind, serve, tmp_path, certificate, picture):
    caddy, port = needed("caddy"), free_port()
    options = ("--behind-proxy", "127.0.0.1", "--allowed-host", "scans.example.org")
    own = serve(*options, "--limit", "rate=0.001", "--limit", "burst=12", ECHODUET_TOKEN=SECRET)
    (text,) = blocks(root / "docs" / "reverse-proxy.md", "caddy")
    tls = f"\n    tls {certificate[0]} {certificate[1]}"
    text = replaced(
        text,
        {"scans.example.org {": f"https://scans.example.org:{port} {{{tls}", "127.0.0.1:8000": f"127.0.0.1:{own}"},
    )
    (tmp_path / "Caddyfile").write_text("{\n    admin off\n    auto_https disable_redirects\n}\n" + text)
    check(behind([caddy, "run", "--config", str(tmp_path / "Caddyfile")], port), picture)


def test_the_first_container_lines_are_of_commands_that_are_there(root):
    (lines,) = blocks(root / "docs" / "serving.md", "console")
    assert "podman build --tag echoduet ." in lines
    assert (root / "Containerfile").is_file()


def test_the_container_has_its_graphs_where_the_runtime_looks_for_them(root, tmp_path):
    text = (root / "Containerfile").read_text(encoding="utf-8")
    made = re.search(r"for name in ([a-z ]+); do", text)[1].split()
    out = re.search(r'export --to onnx --model "\$name" --out "\$models/(\S+)"', text)[1]
    assert tuple(made) == NAMES
    for name in made:
        graph = tmp_path / out.replace("$name", name)
        graph.touch()
        assert at_hand(tmp_path / shipped_model(name).name, "0" * 64, "onnx")[0] == graph
