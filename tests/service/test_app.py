"""The application as a whole: what it says of itself is true, whatever is sent to it."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis import checks as every

from echoduet.service.jobs import Options
from echoduet.service.layers import png
from echoduet.service.listening import address, bound
from echoduet.service.server import server_of
from echoduet.service.uploads import Received

CHECKS = (
    every.not_a_server_error,
    every.status_code_conformance,
    every.content_type_conformance,
    every.response_headers_conformance,
    every.response_schema_conformance,
    every.unsupported_method,
    every.negative_data_rejection,
    every.missing_required_header,
    every.allow_header_conformance,
)
EXAMPLES = 12
"""For each operation, as many that fit the description as that do not."""

STATUSES = {
    "200",
    "202",
    "204",
    "400",
    "401",
    "403",
    "404",
    "408",
    "409",
    "413",
    "415",
    "422",
    "429",
    "500",
    "503",
    "507",
}


def test_the_description_names_every_route_and_its_answers(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert {(path, method) for path in paths for method in paths[path]} == {
        ("/v1/predictions", "post"),
        ("/v1/jobs/{job_id}", "get"),
        ("/v1/jobs/{job_id}", "delete"),
        ("/v1/jobs/{job_id}/results/{index}/layers/{layer}.png", "get"),
        ("/v1/jobs/{job_id}/results/{index}/documents/{document}", "get"),
        ("/v1/jobs/{job_id}/results/{index}/correction", "put"),
        ("/v1/jobs/{job_id}/results/{index}/correction", "delete"),
        ("/v1/jobs/{job_id}/export.zip", "get"),
        ("/v1/exports", "post"),
        ("/v1/models", "get"),
        ("/v1/models/{name}/card", "get"),
        ("/healthz", "get"),
        ("/readyz", "get"),
        ("/metrics", "get"),
    }
    for methods in paths.values():
        for method in methods.values():
            assert set(method["responses"]) <= STATUSES
            assert method["summary"] and method["description"]


def test_what_is_not_there_is_told_as_json(client):
    for path in ("/nothing", "/v1/jobs/", "/v1/models/", "/docs", "/redoc", "/static/app.py", "/static/..%2fapp.py"):
        answer = client.get(path)
        assert (answer.status_code, list(answer.json())) == (404, ["error"])
    answer = client.post("/v1/models")
    assert (answer.status_code, answer.headers["allow"], list(answer.json())) == (405, "GET", ["error"])


@pytest.fixture
def described(make_backend, disc):
    """The description of a server that runs, with one job whose results are there."""
    backend = make_backend(files=3, idle_seconds=0.5, head_seconds=5)
    listener = bound(0)
    server = server_of(backend)
    work = threading.Thread(target=server.run, args=[[listener]])
    work.start()
    while not server.started:
        time.sleep(0.01)
    content = backend.spool.new()
    content.write(png(disc()))
    job = backend.accept([Received(content, "a.png")], Options())
    job.settled.result(20)
    schema = schemathesis.openapi.from_url(f"{address(listener)}openapi.json")
    schema.known_job = job.id
    yield schema
    server.should_exit = True
    work.join(20)
    assert not work.is_alive()


def test_whatever_is_sent_the_answer_is_one_that_is_described(described):
    operations = [found.ok() for found in described.get_all_operations()]
    assert len(operations) == 14
    seen = {}
    for operation in operations:
        for mode in GenerationMode:
            seen.setdefault(operation.label, Counter()).update(_send_anything(operation, mode, described.known_job))
    assert seen["GET /v1/jobs/{job_id}"][200]
    assert seen["POST /v1/predictions"][422]
    assert seen["GET /v1/jobs/{job_id}/export.zip"][200]
    assert seen["POST /v1/exports"][200]
    assert seen["POST /v1/exports"][422]


def _send_anything(operation, mode, known_job):
    """Send what fits the description, or what does not; return how often each status came back."""
    seen = Counter()

    @given(operation.as_strategy(generation_mode=mode), st.booleans())
    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    def send(case, known):
        # Half of the requests go to the job that is there; a random id would never find one.
        if known and case.method != "DELETE" and "job_id" in (case.path_parameters or {}):
            case.path_parameters["job_id"] = known_job
            case.path_parameters |= {"index": 0} if "index" in case.path_parameters else {}
        if known and case.path == "/v1/exports" and mode is GenerationMode.POSITIVE:
            # Numbers of results, and calipers on them, would hardly ever be those of the job.
            everything = {"job": known_job, "results": None, "calipers": []}
            case.body = {"parts": [part | everything for part in case.body["parts"]]}
        checks = [check for check in CHECKS if not (known and check is every.negative_data_rejection)]
        seen[case.call_and_validate(checks=checks).status_code] += 1

    try:
        send()
    except Unsatisfiable:  # nothing does not fit where nothing is asked for
        assert mode is GenerationMode.NEGATIVE
    return seen
