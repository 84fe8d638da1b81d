"""Metrics of all workers, summed: each worker writes its own into files, the supervisor reads all.

A worker that is started again continues the files of the one that died, so counters never go
back. The files have their full size from the start: a disk that is full later must not end a
worker that counts a call.
"""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client import CollectorRegistry, values
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
# Files of one worker, by the kinds of metrics in `bureau/metrics.py`.
KINDS = ("counter", "histogram", "gauge_max")
# Bytes of a file: ten times the samples of every method with every reason.
FILE_BYTES = 4 << 20


def create_files(folder: Path, worker: int) -> None:
    """Create the files of a worker, large enough for all metrics."""
    for kind in KINDS:
        with (folder / f"{kind}_{worker}.db").open("xb") as file:
            file.write(bytes(FILE_BYTES))


def use_files(folder: Path, worker: int) -> None:
    """Keep the metrics of this process in its files; called before any metric exists."""
    os.environ[FOLDER_VARIABLE] = str(folder)
    values.ValueClass = values.MultiProcessValue(lambda: worker)  # type: ignore[no-untyped-call]


def summed(folder: Path) -> CollectorRegistry:
    """Return the metrics of all workers."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]
    return registry
