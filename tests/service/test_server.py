"""A real server under real sockets: hostile clients, full disks, and an end that loses nothing."""

from __future__ import annotations

import http.client
import io
import json
import resource
import signal
import socket
import struct
import threading
import time
import zipfile
import zlib
from contextlib import closing

import numpy as np
import pytest

from echoduet.data.phantom_dicom import PhantomExam, phantom_file
from echoduet.service.layers import png
from echoduet.service.server import LAST_ANSWERS_S

BOUNDARY = "boundary"
FORM = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
BURST = ("--limit", "rate=1000000", "--limit", "burst=1000000")


def form(*files):
    """Write files as the body of a request."""
    pieces = []
    for name, content in files:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        pieces += [head.encode(), content, b"\r\n"]
    return b"".join([*pieces, f"--{BOUNDARY}--\r\n".encode()])


def ask(served, method="GET", path="/healthz", body=None, headers=None, timeout=60):
    """Send a request on a connection of its own; return status, headers and body."""
    connection = http.client.HTTPConnection(*served.address, timeout=timeout)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()
    finally:
        connection.close()


def predict(served, *files, query="", headers=None):
    """Send pictures; return status and JSON."""
    status, _, body = ask(served, "POST", f"/v1/predictions{query}", form(*files), FORM | (headers or {}))
    return status, json.loads(body)


def metric(served, name):
    """Return a number of the metrics."""
    text = ask(served, path="/metrics")[2].decode()
    return float(next(line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(name)))


@pytest.fixture(scope="module")
def scan():
    """A small picture as a PNG file."""
    rng = np.random.default_rng(3)
    return png(rng.integers(0, 255, (80, 100), dtype=np.uint8))


@pytest.fixture(scope="module")
def served(serve_process):
    """A server for all tests that leave it as it is."""
    limits = ("picture_pixels=4000000", "request_bytes=3000000", "idle_seconds=1.5", "head_seconds=1.5", "queue=40")
    return serve_process(*(word for limit in limits for word in ("--limit", limit)), *BURST)


@pytest.fixture(autouse=True)
def alive(request):
    """After every test with the shared server: it lives, nothing waits, nothing is left of an upload."""
    yield
    if "served" in request.fixturenames:
        shared = request.getfixturevalue("served")
        deadline = time.monotonic() + 20
        while metric(shared, "echoduet_uploads") or metric(shared, "echoduet_queue_requests"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert ask(shared, path="/readyz")[0] == 200
        assert metric(shared, "echoduet_spool_bytes") == 0


def test_it_answers_where_it_says(served, scan):
    assert served.told["model"] == "tiny"
    assert served.address[0] == "127.0.0.1"
    status, job = predict(served, ("scan.png", scan))
    assert (status, job["status"], job["results"][0]["status"]) == (200, "done", "answered")
    assert ask(served, path="/v1/models", headers={"host": "evil.example"})[0] == 403


def png_of_size(width, height):
    """Write a PNG file of black pixels, which is small however large the picture is."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(b"\0" * (width + 1)) for _ in range(min(height, 10_000))) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def deflated_bomb():
    """Write a deflated DICOM file that unpacks to 400 megabytes of nothing."""
    whole = phantom_file(PhantomExam(width=100))
    meta_end = 132 + 12 + struct.unpack("<I", whole[140:144])[0]
    meta = whole[:meta_end].replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99"[:20])
    packer = zlib.compressobj(9, wbits=-15)
    zeros = b"\0" * 10**7
    return meta + b"".join(packer.compress(zeros) for _ in range(40)) + packer.flush()


@pytest.mark.parametrize("kind", ["100 megapixels", "png bomb", "dicom bomb", "html", "html in png", "empty"])
def test_a_hostile_file_is_refused_in_a_sentence(served, kind):
    files = {
        "100 megapixels": lambda: png_of_size(10_000, 10_000),
        "png bomb": lambda: png_of_size(30_000, 60_000),
        "dicom bomb": deflated_bomb,
        "html": lambda: b"<html><script>alert(1)</script></html>",
        "html in png": lambda: b"\x89PNG\r\n\x1a\n<html><script>alert(1)</script></html>",
        "empty": lambda: b"",
    }
    before = metric(served, "process_resident_memory_bytes")
    status, told = predict(served, ("../../etc/passwd.png", files[kind]()))
    assert (status, list(told)) == (422, ["error"])
    assert told["error"].startswith("passwd.png: ")
    assert "script" not in told["error"]
    assert metric(served, "process_resident_memory_bytes") < before + 400e6


def test_a_request_that_is_too_large_is_told_before_it_ends(served):
    sent = 0
    with socket.create_connection(served.address, 30) as client:
        client.sendall(
            b"POST /v1/predictions HTTP/1.1\r\nHost: %s:%d\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Type: multipart/form-data; boundary=boundary\r\n\r\n" % (b"127.0.0.1", served.address[1])
        )
        head = form(("a.png", b""))[:-16]
        client.sendall(b"%x\r\n%s\r\n" % (len(head), head))
        piece = b"x" * 100_000
        try:
            while sent < 60_000_000:
                client.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
                sent += len(piece)
        except OSError:
            pass  # the server has closed the connection
        answer = client.recv(1000)
    assert answer.startswith(b"HTTP/1.1 413")
    assert sent < 40_000_000  # what the buffers of both ends take, and no more


@pytest.mark.parametrize("sent", [b"GET", b"GET /healthz HTTP/1.1\r\nX: y\r\n", b""])
def test_a_connection_on_which_no_request_comes_is_closed(served, sent):
    with socket.create_connection(served.address, 30) as client:
        client.sendall(sent)
        begun = time.monotonic()
        assert client.recv(100) == b""
        assert 0.5 < time.monotonic() - begun < 10


def test_an_upload_that_stands_still_is_ended(served, scan):
    body = form(("a.png", scan))
    with socket.create_connection(served.address, 30) as client:
        client.sendall(_head(served, len(body)) + body[:500])
        answer = client.recv(4000)
    assert answer.startswith(b"HTTP/1.1 408")


def _head(served, length):
    host, port = served.address
    return (
        f"POST /v1/predictions HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {length}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    ).encode()


def test_clients_that_go_away_leave_nothing(served, scan):
    body = form(*((f"{n}.png", scan) for n in range(6)))
    for sent in (10, len(body) // 2, len(body)):
        client = socket.create_connection(served.address, 30)
        client.sendall(_head(served, len(body)) + body[:sent])
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close by reset
        client.close()
    deadline = time.monotonic() + 20
    while 'ground="client_gone"' not in ask(served, path="/metrics")[2].decode():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_client_that_goes_away_within_its_answer_harms_nobody(served, scan):
    job = predict(served, *((f"{n}.png", scan) for n in range(8)))[1]
    host, port = served.address
    for _ in range(3):
        client = socket.create_connection(served.address, 30)
        client.sendall(f"GET /v1/jobs/{job['id']}/export.zip HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        client.recv(10)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    assert ask(served, path=f"/v1/jobs/{job['id']}/export.zip")[0] == 200


@pytest.mark.parametrize(
    "nonsense", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"NOT HTTP\r\n\r\n", b"GET /\0 HTTP/1.1\r\n\r\n"]
)
def test_what_is_no_http_is_told_as_everything_is(served, nonsense):
    with socket.create_connection(served.address, 30) as client:
        client.sendall(nonsense + b"\r\n\r\n")
        client.settimeout(10)
        answer = b""
        while piece := client.recv(4000):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"x-content-type-options: nosniff" in answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {"error": "This is no well-formed HTTP request."}


def test_two_hundred_clients_at_once(served, scan):
    outcomes, lock = [], threading.Lock()

    def one():
        status, told = predict(served, ("a.png", scan))
        with lock:
            outcomes.append((status, told.get("status")))

    threads = [threading.Thread(target=one) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(outcomes) == 200
    assert set(outcomes) <= {(200, "done"), (503, None)}
    assert outcomes.count((200, "done")) >= 40


def test_the_log_is_json_without_names(served, scan):
    predict(served, ("Doe^Jane.png", scan))
    lines = served.lines()
    assert {"time", "level", "event"} <= set(lines[0])
    assert {line["event"] for line in lines} >= {"started", "request"}
    assert "Jane" not in served.log.read_text()
    assert not [line for line in lines if line["event"] == "fault"]


def test_a_full_disk_is_told_and_survived(serve_process, scan):
    def small_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    served = serve_process("--limit", "memory_bytes=1000", preexec_fn=small_disk)
    rng = np.random.default_rng(3)
    large = png(rng.integers(0, 255, (600, 700), dtype=np.uint8))
    status, told = predict(served, ("a.png", large))
    assert (status, told["error"]) == (507, "The disk is full, so that no upload can be kept.")
    assert predict(served, ("a.png", scan))[0] == 200
    assert metric(served, "echoduet_spool_bytes") == 0


def test_with_a_token_in_the_environment_it_is_asked_for(serve_process, scan):
    secret = "a-secret-of-some-length"
    served = serve_process("--host", "0.0.0.0", env={"ECHODUET_TOKEN": secret})
    served.told["address"] = str(served.told["address"]).replace("0.0.0.0", "127.0.0.1")
    assert served.told["token"] is True
    assert predict(served, ("a.png", scan))[0] == 401
    assert predict(served, ("a.png", scan), headers={"authorization": f"Bearer {secret}"})[0] == 200
    assert secret not in served.log.read_text()


def test_the_end_waits_for_what_was_accepted(serve_process, scan):
    served = serve_process("--limit", "sync_files=1000", "--limit", "sync_frames=1000")
    job = predict(served, *((f"{n}.png", scan) for n in range(40)), query="?mode=job")[1]
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(predict(served, *((f"{n}.png", scan) for n in range(40)))))
    waiting.start()
    while metric(served, "echoduet_queue_requests") < 2 and not answers:
        time.sleep(0.005)
    served.process.send_signal(signal.SIGTERM)
    while ask(served, path="/readyz")[0] != 503:
        time.sleep(0.005)
    status, headers, body = ask(served, "POST", "/v1/predictions", form(("a.png", scan)), FORM)
    assert (status, json.loads(body)["error"]) == (503, "This server is ending. Try again later.")
    assert int(headers["retry-after"]) > 0
    waiting.join(60)
    assert (answers[0][0], len(answers[0][1]["results"])) == (200, 40)
    done = job
    while done["status"] != "done":
        done = json.loads(ask(served, path=f"/v1/jobs/{job['id']}")[2])
    assert len(done["results"]) == 40
    assert served.process.wait(30) == 0
    assert served.lines()[-1] | {"time": ""} == {"time": "", "level": "info", "event": "ended", "lost": 0}


def test_the_end_waits_for_an_archive_on_its_way(serve_process, rng):
    served = serve_process("--limit", "fetch_seconds=0.1")
    noise = png(rng.integers(0, 255, (1500, 1500), dtype=np.uint8))  # more than lies in the buffers of a connection
    job = predict(served, *((f"{n}.png", noise) for n in range(6)), query="?refuse=false")[1]
    connection = http.client.HTTPConnection(*served.address, timeout=60)
    connection.request("GET", f"/v1/jobs/{job['id']}/export.zip")
    with closing(connection), connection.getresponse() as answer:
        content = answer.read(1000)
        served.process.send_signal(signal.SIGTERM)
        time.sleep(LAST_ANSWERS_S + 1.5)
        content += answer.read()
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        assert file.testzip() is None
        assert len([name for name in file.namelist() if name.endswith("result.json")]) == 6
    assert served.process.wait(30) == 0


def test_the_end_does_not_wait_for_ever(serve_process, scan):
    served = serve_process("--limit", "drain_seconds=0.2")
    for _ in range(4):
        predict(served, *((f"{n}.png", scan) for n in range(90)), query="?mode=job&explain=true")
    begun = time.monotonic()
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(30) == 1  # what was accepted was given up
    assert time.monotonic() - begun < 15
    assert next(line["requests"] for line in served.lines() if line["event"] == "given_up") >= 1
