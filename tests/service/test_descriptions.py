"""The examples in the description are answers of a real run.

ECHODUET_WRITE_DOCS=1 python -m pytest tests/service/test_descriptions.py     writes them anew.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from echoduet.data.phantom_dicom import PhantomExam, phantom_file
from echoduet.inference.predictor import Predictor
from echoduet.records import Label
from echoduet.service import descriptions
from echoduet.service.app import build_app
from echoduet.service.backend import Backend
from echoduet.service.descriptions import completed, examples
from echoduet.service.schemas import ErrorBody, HealthBody, JobBody, ModelsBody, ResultBody
from echoduet.service.security import Token
from echoduet.service.settings import Settings

FILE = Path(descriptions.__file__).with_name("examples.json")
BODIES = {
    "POST /v1/predictions": JobBody,
    "GET /v1/jobs/{job_id}": JobBody,
    "PUT /v1/jobs/{job_id}/results/{index}/correction": ResultBody,
    "GET /v1/models": ModelsBody,
    "GET /readyz": HealthBody,
}
EXAM = PhantomExam(Label.MALIGNANT, 3, 320)
ANY_ID = "Xm4aVdN0mQ1sXr7ZbJ2kTq8c"
"""Stands for the id of every job."""


def run():
    """Ask a server with the small model that ships; return its answers by route and status."""
    backend = Backend(Predictor.load("small", runtime="torch"), Settings(model="small"))
    with TestClient(build_app(backend)) as client:
        picture = ("files", ("scan.dcm", phantom_file(EXAM)))
        job = client.post("/v1/predictions", files=[picture])
        address = f"/v1/jobs/{job.json()['id']}"
        mask = client.get(f"{address}/results/0/layers/mask.png").content
        corrected = client.put(f"{address}/results/0/correction", content=mask, headers={"content-type": "image/png"})
        answers = {
            "POST /v1/predictions": {
                "200": job,
                "202": client.post("/v1/predictions?mode=job", files=[picture]),
                "422": client.post("/v1/predictions", files=[("files", ("notes.txt", b"no picture"))]),
            },
            "GET /v1/jobs/{job_id}": {"200": client.get(address), "404": client.get("/v1/jobs/forgotten")},
            "PUT /v1/jobs/{job_id}/results/{index}/correction": {"200": corrected},
            "GET /v1/models": {"200": client.get("/v1/models")},
            "GET /readyz": {"200": client.get("/readyz")},
        }
    # Whether the job has begun by then is a matter of luck.
    begun = {"status": "queued", "finished": None, "frames_done": 0, "frames_total": None, "results": []}
    told = {
        route: {status: settled(answer.json()) for status, answer in found.items()} for route, found in answers.items()
    }
    told["POST /v1/predictions"]["202"] |= begun
    return told


def settled(body):
    """Put one id and one time in the place of all that change from run to run, and six digits for numbers."""
    if isinstance(body, dict):
        text = json.dumps({key: settled(value) for key, value in body.items()})
        for job_id in {body.get("id"), *(part for part in text.split("/") if len(part) == 24)} - {None}:
            text = text.replace(job_id, ANY_ID)
        found = json.loads(text)
        times = {key: "2026-03-01T12:30:00Z" for key in ("created", "finished") if found.get(key)}
        return found | times
    if isinstance(body, list):
        return [settled(value) for value in body]
    return float(f"{body:.6g}") if isinstance(body, float) else body


def numbers(body, place=""):
    """Yield every number with its place, and every other value."""
    if isinstance(body, dict | list):
        for key, value in body.items() if isinstance(body, dict) else enumerate(body):
            yield from numbers(value, f"{place}/{key}")
    else:
        yield place, body


@pytest.fixture(scope="module")
def fresh():
    """What a server answers today."""
    return run()


def test_the_examples_are_what_a_server_answers(fresh):
    if os.environ.get("ECHODUET_WRITE_DOCS") == "1":
        FILE.write_text(json.dumps(fresh, indent=1) + "\n", encoding="utf-8")
        examples.cache_clear()
    kept, today = dict(numbers(examples())), dict(numbers(fresh))
    assert kept.keys() == today.keys()
    for place, value in kept.items():
        # Another processor rounds otherwise, by which a contour moves by a pixel here and there.
        expected = pytest.approx(today[place], rel=0.1, abs=0.01) if isinstance(value, float | int) else today[place]
        assert value == expected, place


def test_the_examples_fit_what_they_are_examples_of():
    assert set(examples()) == set(BODIES)
    for route, answers in examples().items():
        for status, answer in answers.items():
            (BODIES[route] if status < "400" else ErrorBody).model_validate(answer)


def test_they_stand_in_the_description(client):
    paths = client.get("/openapi.json").json()["paths"]
    for route, answers in examples().items():
        method, path = route.split()
        for status, answer in answers.items():
            content = paths[path][method.lower()]["responses"][status]["content"]
            assert content["application/json"]["example"] == answer


def test_the_token_stands_there_where_one_is_asked_for(serve, client):
    guarded = serve(token=Token("a-secret-of-some-length")).get("/openapi.json").json()
    assert guarded["components"]["securitySchemes"] == {"token": {"type": "http", "scheme": "bearer"}}
    assert guarded["paths"]["/v1/models"]["get"]["security"] == [{"token": []}]
    assert "security" not in guarded["paths"]["/healthz"]["get"]
    assert "securitySchemes" not in client.get("/openapi.json").json()["components"]
    with pytest.raises(KeyError):
        completed({"paths": {}}, token=False)  # an example of a route that is not there
