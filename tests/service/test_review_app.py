"""The application: what it answers, and what it refuses."""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient

from echoduet.curation.review import read_review
from echoduet.service.review_app import BODY_LIMIT, TOKEN_HEADER, build_app
from echoduet.service.review_desk import Desk

ORIGIN = "http://127.0.0.1:8000"
SECRET = "the token of this test"
ALLOWED = {"origin": ORIGIN, TOKEN_HEADER: SECRET}


@pytest.fixture
def desk(curated) -> Desk:
    """The desk of the curation made by hand."""
    return Desk(curated.path, "Ada")


@pytest.fixture
def client(desk) -> TestClient:
    """A client that calls the application as the page would."""
    return TestClient(build_app(desk, 8000, SECRET), base_url=ORIGIN)


def give(client, headers=ALLOWED, **given):
    """Send an answer."""
    return client.post("/api/answers", json={"item": 3, "answer": "copy", **given}, headers=headers)


def test_the_page_needs_nothing_from_elsewhere(client):
    page = client.get("/").text
    assert re.findall(r'(?:src|href)="([^"]+)"', page)
    for name in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert name.startswith("/static/")
        assert client.get(name).status_code == 200
    texts = [page, *(client.get(f"/static/review.{kind}").text for kind in ("js", "css"))]
    assert all(re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text) == [] for text in texts)
    assert not re.search(r"<style|style=|\son\w+=|<script>", page)


def test_every_response_carries_the_guards(client):
    for path in ("/", "/static/review.js", "/api/agenda", "/picture/a?a=benign (1)", "/nothing", "/api/items/99"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cross-origin-resource-policy"] == "same-origin"
    assert client.get("/api/agenda").headers["cache-control"] == "no-store"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1", "127.0.0.1:8001", "[::1]:8000", ""])
def test_another_host_name_is_refused(client, host):
    # A site can make its own name lead to this machine; its page would then be of one origin with ours.
    for path in ("/", "/api/agenda", "/picture/a?a=benign (1)"):
        answer = client.get(path, headers={"host": host})
        assert answer.status_code == 403
        assert "answers to 127.0.0.1 only" in answer.json()["error"]
    assert client.get("/api/agenda", headers={"host": "localhost:8000"}).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_another_site_asks_for_is_refused(client, site):
    assert client.get("/picture/a?a=benign (1)", headers={"sec-fetch-site": site}).status_code == 403
    assert client.get("/", headers={"sec-fetch-site": site}).status_code == 200  # a link to the page itself


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {TOKEN_HEADER: SECRET},
        {"origin": ORIGIN},
        {"origin": ORIGIN, TOKEN_HEADER: "wrong"},
        {"origin": ORIGIN, TOKEN_HEADER: "w\xf6rng".encode("latin-1")},
        {"origin": "http://evil.example", TOKEN_HEADER: SECRET},
        {"origin": "null", TOKEN_HEADER: SECRET},
        {"origin": "http://localhost:8000", TOKEN_HEADER: SECRET},
    ],
)
def test_answers_are_taken_from_the_page_only(client, desk, headers):
    assert give(client, headers).status_code == 403
    assert not desk.file.exists()


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(client, method):
    assert client.request(method, "/api/answers", headers=ALLOWED).status_code == 403


def test_a_request_that_is_too_long_is_refused_unread(client, desk):
    assert give(client, ALLOWED | {"content-length": str(BODY_LIMIT + 1)}).status_code == 403
    assert not desk.file.exists()


def test_the_token_is_drawn_anew_for_every_session(desk):
    pages = [TestClient(build_app(desk, 8000), base_url=ORIGIN).get("/").text for _ in range(2)]
    tokens = [re.search(r'name="token" content="([\w-]{40,})"', page)[1] for page in pages]
    assert tokens[0] != tokens[1]


def test_the_agenda_lists_every_item_and_where_to_begin(client):
    agenda = client.get("/api/agenda").json()
    first = {"kind": "conflict", "about": ["label-conflict"], "cases": ["benign (1)", "benign (2)"], "size": 3}
    assert agenda["items"][0] == first | {"answer": None}
    assert (agenda["by"], agenda["name"], agenda["start"]) == ("Ada", "curated", 0)
    assert agenda["progress"] == {"answered": 0, "total": 7}


def test_an_item_comes_with_its_evidence(client):
    pair = client.get("/api/items/3").json()
    assert pair["measures"]["transform"] == "mirrored, rotated by 5.0 degrees, scaled by 1.25"
    assert pair["measures"]["mask_dice"] == 0.81
    assert pair["cases"][0] == {
        "case_id": "benign (1)", "label": "benign", "size": "160 x 120", "source": "busi",
        "decision": "review", "reason": "classes differ", "group": "g",
    }  # fmt: skip
    assert client.get("/api/items/5").json()["scores"] == {"calipers": 0.91, "text": 0.8}


def test_an_answer_is_kept_and_told(client, desk):
    told = give(client, note="same calipers").json()
    assert told["given"]["answer"] == "copy"
    assert told["progress"] == {"answered": 1, "total": 7}
    assert told["counts"]["pair"] == {"answered": 1, "total": 3}
    assert read_review(desk.file).answers[0].note == "same calipers"
    assert client.get("/api/agenda").json()["items"][3]["answer"] == "copy"
    assert give(client, answer="withdrawn").json()["given"] is None


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"item": 99}, 404),
        ({"answer": "perhaps"}, 404),
        ({"item": "one"}, 422),
        ({"more": 1}, 422),
        ({"note": "x" * 2001}, 422),
    ],
)
def test_an_answer_that_does_not_fit_is_refused(client, desk, given, status):
    answer = give(client, **given)
    assert answer.status_code == status
    assert isinstance(answer.json()["error"], str)
    assert not desk.file.exists()


def test_pictures_are_served_by_case_only(client):
    answer = client.get("/picture/b", params={"a": "benign (1)", "b": "benign (2)"})
    assert answer.headers["content-type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG")
    for name in ("../data/benign (1).png", "/etc/passwd", "benign (99)"):
        answer = client.get("/picture/a", params={"a": name})
        assert answer.status_code == 404
        assert "has no case" in answer.json()["error"]
    assert client.get("/picture/c", params={"a": "benign (1)"}).status_code == 422


@pytest.mark.parametrize("name", ["review.html", "../review_app.py", "..%2freview_app.py", "%2e%2e/review_app.py", ""])
def test_no_other_file_is_served(client, name):
    assert client.get(f"/static/{name}").status_code == 404


def test_a_missing_image_is_told_in_a_sentence(client, curated):
    (curated.data / "benign (3).png").unlink()
    answer = client.get("/picture/a", params={"a": "benign (3)"})
    assert answer.status_code == 422
    assert "benign (3).png: is missing" in answer.json()["error"]
    assert "is missing" in client.get("/api/view", params={"a": "benign (3)"}).json()["a"]["problem"]


def test_a_disk_that_is_full_is_told(client, desk):
    desk.file.mkdir()
    assert "review.csv" in give(client).json()["error"]


def test_there_is_no_other_page(client):
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert client.get(path).status_code == 404
