"""/v1/jobs/{id}/export.zip and /v1/exports: one job, several in one archive, calipers, and what is refused."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import pytest

from echoduet.inference.rows import NOTICE
from echoduet.service.schemas import ExportBody

LINE = {"start": {"row": 10, "column": 20}, "end": {"row": 13, "column": 24}}


@pytest.fixture
def jobs(client, part):
    """The ids of two jobs, of three pictures and of one."""
    sent = ([part(name=f"{n}.png") for n in range(3)], [part(name="other.png")])
    return [client.post("/v1/predictions", files=files).json()["id"] for files in sent]


def unzipped(answer):
    """Return an answer as the archive that it is."""
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert answer.headers["cache-control"] == "private, no-store"
    file = zipfile.ZipFile(io.BytesIO(answer.content))
    assert file.testzip() is None
    return file


def folders(file):
    """Return the folders of an archive."""
    return {name.split("/")[0] for name in file.namelist() if "/" in name}


def test_all_or_some_results_come_as_an_archive(client, jobs):
    url = f"/v1/jobs/{jobs[0]}/export.zip"
    for results, named in ((None, {"0000-0", "0001-1", "0002-2"}), ("2,0", {"0000-0", "0002-2"})):
        assert folders(unzipped(client.get(url, params={"results": results} if results else {}))) == named
    assert client.get(url, params={"results": "9"}).status_code == 404
    assert client.get(url, params={"results": "0,x"}).status_code == 422


def test_the_archive_waits_for_the_end_of_the_job(serve, part, glow):
    glow.seconds = 0.5
    client = serve()
    job_id = client.post("/v1/predictions?mode=job", files=[part() for _ in range(9)]).json()["id"]
    exported = client.post("/v1/exports", json={"parts": [{"job": job_id}]})
    for answer in (client.get(f"/v1/jobs/{job_id}/export.zip"), exported):
        assert (answer.status_code, answer.json()["error"][:27]) == (409, "The job is not done yet. As")


def test_several_jobs_come_as_one_archive_numbered_through(client, jobs):
    parts = [{"job": jobs[0], "results": [2, 0]}, {"job": jobs[1]}]
    file = unzipped(client.post("/v1/exports", json={"parts": parts}))
    assert folders(file) == {"0000-0", "0001-2", "0002-other"}
    rows = list(csv.DictReader(io.StringIO(file.read("predictions.csv").decode())))
    assert [(row["name"], row["file"]) for row in rows] == [
        ("0000-0", "0.png"), ("0001-2", "2.png"), ("0002-other", "other.png")
    ]  # fmt: skip
    assert json.loads(file.read("0001-2/result.json"))["index"] == 1
    assert client.get(f"/v1/jobs/{jobs[0]}").json()["results"][2]["index"] == 2  # as it was
    again = unzipped(client.post("/v1/exports", json={"parts": parts[:1]}))
    assert folders(again) == {"0000-0", "0002-2"}  # of one job, the numbers are its own


def test_calipers_lie_beside_the_picture_that_they_are_of(client, jobs):
    marked = [{"index": 2, "calipers": [LINE, LINE]}]
    parts = [{"job": jobs[1]}, {"job": jobs[0], "calipers": marked}]
    file = unzipped(client.post("/v1/exports", json={"parts": parts}))
    assert [name for name in file.namelist() if name.endswith("calipers.json")] == ["0003-2/calipers.json"]
    told = json.loads(file.read("0003-2/calipers.json"))
    assert (told["notice"], told["file"], told["frame"]) == (NOTICE, "2.png", None)
    assert [(one["number"], one["length"], one["unit"]) for one in told["calipers"]] == [(1, 5, "px"), (2, 5, "px")]
    assert told["calipers"][0]["reason"] == "the file does not tell the size of a pixel"
    assert {name: told["calipers"][0][name] for name in LINE} == LINE


def on(index, **ends):
    """Return a part's calipers: one on a result."""
    return {"calipers": [{"index": index, "calipers": [LINE | ends]}]}


@pytest.mark.parametrize(
    ("more", "status", "said"),
    [
        ({"job": "forgotten"}, 404, "no such job"),
        ({"results": [0, 9]}, 404, "no such result"),
        ({"results": list(range(2000))}, 404, "no such result"),  # as many as a long loop has
        ({"results": [0], **on(1)}, 404, "no such result with calipers"),
        (on(0, end={"row": 500, "column": 0}), 422, "outside of its picture"),
        (on(0, end={"row": "1", "column": None}), 422, "parts.0.calipers.0.calipers.0.end.column"),
        ({"calipers": [{"index": 0, "calipers": []}]}, 422, "at least 1 item"),
        ({"colour": "red"}, 422, "parts.0.colour"),
    ],
)
def test_what_does_not_fit_is_told(client, jobs, more, status, said):
    answer = client.post("/v1/exports", json={"parts": [{"job": jobs[0]} | more]})
    assert answer.status_code == status
    assert said in answer.json()["error"]


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 422),
        (b'{"parts": [{"job": "\xff"}]}', "application/json", 422),
        (b'{"parts": []}', "application/json", 422),
        (
            b'{"parts": [{"job": "x", "results": [NaN]}]}',
            "application/json",
            422,
        ),
        (b'{"parts": [{"job": "x"}]}', "text/plain", 415),
        (b" " * 4_000_001, "application/json", 413),
        (b"[" * 100_000, "application/json", 422),
    ],
)
def test_a_body_that_is_none_is_refused(client, content, kind, status):
    answer = client.post("/v1/exports", content=content, headers={"content-type": kind})
    assert (answer.status_code, list(answer.json())) == (status, ["error"])


def test_the_example_in_the_description_fits_its_schema(client):
    described = client.get("/openapi.json").json()
    sent = described["paths"]["/v1/exports"]["post"]["requestBody"]["content"]["application/json"]
    ExportBody.model_validate(sent["example"])
    for name in ("ExportBody", "PartBody", "MarkedBody", "CaliperBody", "PointBody"):
        assert described["components"]["schemas"][name]["additionalProperties"] is False
    assert sent["schema"] == {"$ref": "#/components/schemas/ExportBody"}
