"""Models, health, metrics."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from echoduet.config.schema import ExperimentConfig
from echoduet.models.info import BundleInfo, read_info
from echoduet.models.shipped import shipped_model
from echoduet.service.operations import calibration_body


def test_the_model_tells_what_it_is(client):
    (model,) = client.get("/v1/models").json()["models"]
    assert (model["name"], model["runtime"], model["input_size"], model["default"]) == ("base", "glow", 64, True)
    assert model["classes"] == ["benign", "malignant", "normal"]
    assert model["research_use_only"] is True
    assert model["calibration"] is None


def test_the_calibration_is_that_of_the_bundle():
    info = read_info(shipped_model("base"))
    body = calibration_body(info)
    measured = info.provenance["out_of_fold"]
    assert (body.ece, body.n) == (measured["refined"]["ece"]["mean"], measured["cases"])
    assert f"off by {100 * body.ece:.1f} percentage points" in body.text
    told = measured["malignant_calibration"]
    assert body.malignant_ece == told["ece"]
    assert sum(bin_.n for bin_ in body.malignant_bins) == told["n"]
    assert [bin_.malignant for bin_ in body.malignant_bins] == [bin_["malignant"] for bin_ in told["bins"]]


@pytest.mark.parametrize("said", [{}, {"out_of_fold": {}}, {"out_of_fold": {"refined": None, "cases": 3}}])
def test_a_bundle_that_says_nothing_of_it_has_none(said):
    assert calibration_body(BundleInfo(config=ExperimentConfig(), provenance=said)) is None


def test_alive_and_ready(client):
    assert client.get("/healthz").json() == {"status": "ok", "problems": []}
    assert client.get("/readyz").json() == {"status": "ok", "problems": []}


def test_what_is_in_the_way_is_named(client, monkeypatch):
    monkeypatch.setattr(client.backend.spool, "problem", lambda: "No space left on device")
    client.backend.draining = True
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["problems"] == ["no upload can be kept (No space left on device)", "ending"]
    assert client.get("/healthz").status_code == 200


def test_the_metrics_are_what_prometheus_reads(client, part):
    client.post("/v1/predictions", files=[part()])
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert families["echoduet_pictures"].samples[0].value == 1
    assert families["echoduet_model_info"].samples[0].labels == {"name": "base", "runtime": "glow", "input_size": "64"}
    assert families["echoduet_queue_requests"].samples[0].value == 0
    assert "process_resident_memory_bytes" in families
