"""Counters and timings for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

calls = Counter("bureau_calls", "Calls by method and reason.", ["method", "reason"])
seconds = Histogram(
    "bureau_call_seconds",
    "Seconds from the guard to the answer.",
    ["method"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)


def observe(method: str, reason: str, duration_s: float) -> None:
    """Notes one call."""
    calls.labels(method, reason).inc()
    seconds.labels(method).observe(duration_s)
