"""Counters, as Prometheus' own parser reads them."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from echoduet.records import Ground
from echoduet.service.metrics import Metrics
from echoduet.service.schemas import CheckBody, ResultBody


def values(metrics):
    """Return every sample by name and labels."""
    families = text_string_to_metric_families(metrics.text().decode())
    return {(s.name, *sorted(s.labels.values())): s.value for family in families for s in family.samples}


def body(status, label=None, *grounds):
    checks = [CheckBody(ground=ground, score=1, threshold=0.5, refuses=True) for ground in grounds]
    return ResultBody(index=0, file=0, name="a", status=status, label=label, checks=checks)


def test_requests_and_pictures_are_counted():
    metrics = Metrics()
    metrics.request("GET", "/readyz", 200, 0.02)
    metrics.request("GET", "/readyz", 200, 0.2)
    metrics.turned_away("rate")
    metrics.picture(body("answered", "benign"))
    metrics.picture(body("refused", None, Ground.TOO_SMALL, Ground.MULTI_PANEL))
    with metrics.batch(3):
        pass
    found = values(metrics)
    assert found["echoduet_requests_total", "/readyz", "200", "GET"] == 2
    assert found["echoduet_request_seconds_count", "/readyz"] == 2
    assert found["echoduet_request_seconds_bucket", "/readyz", "0.1"] == 1
    assert found["echoduet_requests_refused_total", "rate"] == 1
    assert found["echoduet_pictures_total", "answered"] == 1
    assert found["echoduet_answers_total", "benign"] == 1
    assert found["echoduet_pictures_refused_total", "multi_panel"] == 1
    assert found["echoduet_batch_pictures_sum",] == 3


def test_numbers_are_read_when_they_are_asked_for():
    metrics, queue = Metrics(), [1]
    metrics.watch("queue_requests", "Waiting.", lambda: queue[0])
    metrics.describe_model(name="base", runtime="torch")
    assert values(metrics)["echoduet_queue_requests",] == 1
    queue[0] = 7
    assert values(metrics)["echoduet_queue_requests",] == 7
    assert values(metrics)["echoduet_model_info", "base", "torch"] == 1
    assert values(metrics)["process_resident_memory_bytes",] > 10**6


def test_each_server_counts_for_itself():
    one, other = Metrics(), Metrics()
    one.turned_away("rate")
    assert ("echoduet_requests_refused_total", "rate") not in values(other)
