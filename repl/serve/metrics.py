"""The figures of a server for Prometheus. They name models and routes, never a text, a key or a client."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from .places import Places

FIRST_TOKEN_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.5, 1.0, 2.0, 5.0)
"""Bounds in seconds. A first token takes 10 ms, a long seed a second, the queue any time."""

OTHER_ROUTE = "other"
"""The route of requests for addresses that do not exist. Each would be a series of its own."""


class Metrics:
    """The figures of one process. ``count_models`` returns the number of models that are loaded."""

    def __init__(self, places: Places, count_models: Callable[[], int]) -> None:
        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "afterglow_requests", "Answers, by route and status", ["route", "status"], registry=registry
        )
        self.tokens = Counter("afterglow_tokens", "Tokens written, by model", ["model"], registry=registry)
        self.first_token = Histogram(
            "afterglow_first_token_seconds",
            "Seconds from a request to the first token of its text",
            buckets=FIRST_TOKEN_BUCKETS,
            registry=registry,
        )
        gauges = {
            "afterglow_texts": ("Texts that are being written", lambda: places.taken),
            "afterglow_places": ("Texts that are written at the same time at most", lambda: places.count),
            "afterglow_waiting_requests": ("Requests in the queue", lambda: places.waiting),
            "afterglow_models": ("Models that are loaded", count_models),
        }
        for name, (help_text, count) in gauges.items():
            Gauge(name, help_text, registry=registry).set_function(count)
        ProcessCollector(registry=registry)

    def record_texts(self, model: str, tokens: int, first_seconds: float | None) -> None:
        """Count the tokens of a request, and the seconds to the first one, None if there was none."""
        self.tokens.labels(model).inc(tokens)
        if first_seconds is not None:
            self.first_token.observe(first_seconds)

    def text(self) -> bytes:
        """Return all figures in the format that Prometheus reads."""
        return generate_latest(self._registry)
