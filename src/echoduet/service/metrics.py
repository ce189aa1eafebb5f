"""What the server counts, for Prometheus: each server has counters of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, generate_latest

from echoduet.service.schemas import ResultBody

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_PICTURES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """The counters of one server, and those of its process (memory, processor time, open files)."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._requests = Counter(
            "echoduet_requests", "Requests answered.", ("method", "route", "status"), registry=registry
        )
        self._latency = Histogram(
            "echoduet_request_seconds", "Time to answer.", ("route",), buckets=_SECONDS, registry=registry
        )
        self._turned_away = Counter(
            "echoduet_requests_refused", "Requests turned away.", ("ground",), registry=registry
        )
        self._pictures = Counter("echoduet_pictures", "Pictures by what came of them.", ("outcome",), registry=registry)
        self._refused = Counter("echoduet_pictures_refused", "Pictures refused.", ("ground",), registry=registry)
        self._labels = Counter("echoduet_answers", "Pictures by the class answered.", ("label",), registry=registry)
        self._batches = Histogram(
            "echoduet_batch_pictures", "Pictures per call of the network.", buckets=_PICTURES, registry=registry
        )
        self._network = Histogram("echoduet_batch_seconds", "Time of such a call.", buckets=_SECONDS, registry=registry)
        self._model = Info("echoduet_model", "The model that answers.", registry=registry)

    def describe_model(self, **facts: str) -> None:
        """Say which model answers."""
        self._model.info(facts)

    def watch(self, name: str, about: str, read: Callable[[], float]) -> None:
        """Show a number as it is when the metrics are asked for."""
        Gauge(f"echoduet_{name}", about, registry=self._registry).set_function(read)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(method, route, str(status)).inc()
        self._latency.labels(route).observe(seconds)

    def turned_away(self, ground: str) -> None:
        """Count a request that was refused."""
        self._turned_away.labels(ground).inc()

    def picture(self, body: ResultBody) -> None:
        """Count a picture."""
        self._pictures.labels(body.status).inc()
        if body.label:
            self._labels.labels(body.label.value).inc()
        for check in body.checks:
            if check.refuses:
                self._refused.labels(check.ground.value).inc()

    @contextmanager
    def batch(self, pictures: int) -> Iterator[None]:
        """Count a call of the network, and time it."""
        begun = time.perf_counter()
        yield
        self._batches.observe(pictures)
        self._network.observe(time.perf_counter() - begun)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)
