"""Counters and timings for Prometheus."""

from __future__ import annotations

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

calls = Counter("bureau_calls", "Calls by method and reason.", ["method", "reason"])
seconds = Histogram(
    "bureau_call_seconds",
    "Seconds from authentication to the answer.",
    ["method"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
commit_units = Histogram(
    "bureau_commit_units",
    "Statements in one commit.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
)
commit_seconds = Histogram(
    "bureau_commit_seconds",
    "Seconds of a commit, from its first unit to the disk.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
head_seconds = Histogram(
    "bureau_head_seconds",
    "Seconds from a commit's last unit to the disk: one node at a time, under the head row.",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)

connections_accepted = Counter(
    "bureau_connections_accepted", "TCP connections accepted on the ports for calls."
)
connections_used = Counter(
    "bureau_connections_used", "Connections whose TLS handshake succeeded and that made a call."
)
http_connections_refused = Counter(
    "bureau_http_connections_refused",
    "Connections to the HTTP port that were closed at a limit: of handshakes, of connections on "
    "the node, or of one certificate.",
    ["limit"],
)
witness_errands = Counter(
    "bureau_witness_errands", "Checkpoints sent to a witness.", ["witness", "outcome"]
)
witness_size = Gauge(
    "bureau_witness_size",
    "Size of the newest checkpoint that the witness has cosigned.",
    ["witness"],
    multiprocess_mode="max",  # of the node's workers: the size only grows
)


@cache
def _call_metrics(method: str, reason: str) -> tuple[Counter, Histogram]:
    """Return the metrics of a method's calls; finding them by labels costs more than counting."""
    return calls.labels(method, reason), seconds.labels(method)


def observe(method: str, reason: str, duration_s: float) -> None:
    """Count one call."""
    count, duration = _call_metrics(method, reason)
    count.inc()
    duration.observe(duration_s)


def observe_commit(units: int, whole_s: float, head_s: float) -> None:
    """Record one commit of the ledger."""
    commit_units.observe(units)
    commit_seconds.observe(whole_s)
    head_seconds.observe(head_s)
