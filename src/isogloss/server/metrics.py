"""What the service counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

METRICS_TYPE = CONTENT_TYPE_LATEST
"""Content type of what ``Metrics.write`` gives."""

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_QUERIES = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """Count requests, their time, and the batches that queries were encoded in."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "isogloss_requests_total", "Requests answered", ("path", "status"), registry=self._registry
        )
        self.seconds = Histogram(
            "isogloss_request_seconds",
            "Seconds from a request to its answer",
            ("path",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.open = Gauge(
            "isogloss_open_requests", "Requests that are being answered", registry=self._registry
        )
        self.batches = Histogram(
            "isogloss_batch_queries",
            "Queries encoded at once",
            ("model",),
            buckets=_QUERIES,
            registry=self._registry,
        )
        self.waiting = Gauge(
            "isogloss_waiting_queries", "Queries that wait", ("model",), registry=self._registry
        )
        self.passages = Gauge(
            "isogloss_passages", "Passages that can be found", ("model",), registry=self._registry
        )

    def write(self) -> bytes:
        """Write all counts in the text format of Prometheus.

        Returns:
            UTF-8 text.
        """
        return generate_latest(self._registry)
