"""The gate: who passes, what every answer carries, what is written down."""

from __future__ import annotations

import json
import logging

import pytest

from echoduet.service.logs import JsonLines
from echoduet.service.security import Token, local_hosts

SECRET = "a-secret-of-some-length"
BEARER = {"authorization": f"Bearer {SECRET}"}
PATHS = ("/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/v1/models", "/v1/jobs/none", "/nothing")


@pytest.fixture
def local(serve):
    """A client of a server that answers to this machine's names only."""
    return serve(hosts=local_hosts(8000))


def test_every_answer_carries_the_guards_and_an_id_of_its_own(local, part):
    answers = [local.get(path) for path in PATHS]
    answers += [local.post("/v1/predictions", files=[part()]), local.post("/v1/predictions"), local.put("/metrics")]
    for answer in answers:
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "cache-control" in answer.headers
        assert answer.headers["content-type"] != "text/html" or answer.url.path == "/"
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1:8001", "127.0.0.1", ""])
def test_another_host_name_is_refused(local, host):
    for path in set(PATHS) - {"/healthz", "/readyz"}:
        answer = local.get(path, headers={"host": host})
        assert (answer.status_code, answer.json()["error"][:31]) == (403, "This server does not answer to ")
    assert local.get("/healthz", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:8000"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_another_sites_page_can_send_nothing(local, part, headers):
    assert local.post("/v1/predictions", files=[part()], headers=headers).status_code == 403
    assert local.delete("/v1/jobs/x", headers=headers).status_code == 403
    assert local.backend.jobs.open == 0


def test_nor_read_anything_but_its_own_page_can(local, part):
    other = {"sec-fetch-site": "cross-site"}
    assert local.get("/v1/models", headers=other).status_code == 403
    assert local.get("/", headers=other).status_code != 403  # a link to the page
    own = {"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:8000"}
    assert local.post("/v1/predictions", files=[part()], headers=own).status_code == 200


def test_with_a_token_only_its_bearer_is_answered(serve, part):
    client = serve(token=Token(SECRET))
    for path in ("/v1/models", "/v1/jobs/none", "/metrics", "/nothing"):
        refused = client.get(path)
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        assert client.get(path, headers=BEARER).status_code != 401
    for wrong in ("Bearer wrong", f"Basic {SECRET}", f"Bearer {SECRET}x", "Bearer \xfc".encode("latin-1")):
        assert client.post("/v1/predictions", files=[part()], headers={"authorization": wrong}).status_code == 401
    assert client.post("/v1/predictions", files=[part()], headers=BEARER).status_code == 200
    assert client.post("/v1/predictions?token=" + SECRET, files=[part()]).status_code == 401
    for path in ("/healthz", "/readyz", "/openapi.json"):
        assert client.get(path).status_code == 200


def test_a_client_that_asks_too_fast_is_told_when_to_come_back(serve):
    client = serve(rate=0.01, burst=3)
    answers = [client.get("/v1/models") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 90 <= int(answers[3].headers["retry-after"]) <= 100
    assert client.get("/readyz").status_code == 200
    assert 'echoduet_requests_refused_total{ground="rate"} 1.0' in client.backend.metrics.text().decode()


def test_what_is_written_down_names_no_file(client, part, caplog):
    caplog.set_level(logging.INFO, "echoduet.service")
    answer = client.post("/v1/predictions", files=[part(name="Doe_Jane.png"), part(b"x", "Doe_Jane.dcm")])
    client.get("/v1/jobs/Doe_Jane")
    client.get("/Doe_Jane")
    text = "\n".join(JsonLines().format(record) for record in caplog.records if record.name == "echoduet.service")
    lines = [json.loads(line) for line in text.splitlines()]
    assert "Doe" not in text
    assert answer.json()["id"] not in text
    assert [(line["route"], line["status"]) for line in lines] == [
        ("/v1/predictions", 200),
        ("/v1/jobs/{job_id}", 404),
        ("other", 404),
    ]
    assert lines[0]["request"] == answer.headers["x-request-id"]
    assert lines[0]["bytes_out"] == len(answer.content)
    assert lines[0]["bytes_in"] > 100


def test_a_fault_is_an_answer_and_a_line_and_the_server_lives_on(client, caplog, monkeypatch):
    def fault(_):
        raise RuntimeError("about Jane Doe")

    monkeypatch.setattr(client.backend.jobs, "get", fault)
    answer = client.get("/v1/jobs/x")
    assert (answer.status_code, answer.json()) == (500, {"error": "A fault of this server. It was written down."})
    assert answer.headers["x-content-type-options"] == "nosniff"
    lines = [JsonLines().format(record) for record in caplog.records if record.name == "echoduet.service"]
    assert any('"event": "fault"' in line and '"error": "RuntimeError"' in line for line in lines)
    assert not any("Jane" in line for line in lines)
    assert client.get("/healthz").status_code == 200


def test_odd_methods_do_not_make_new_counters(client):
    for number in range(3):
        assert client.request(f"ODD{number}", "/healthz").status_code == 405
    text = client.backend.metrics.text().decode()
    assert 'method="other",route="/healthz",status="405"} 3.0' in text
    assert "ODD" not in text
