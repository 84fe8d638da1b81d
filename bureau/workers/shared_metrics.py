"""Metrics of all workers, summed: each worker writes its own into files, the supervisor reads all.

A worker that is started again continues the files of the one that died, so counters never go
back. The files have their full size from the start: a disk that is full later must not end a
worker that counts a call.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry, Metric, ProcessCollector, values
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
# The one metric of processes that has no sum.
STARTED = "process_start_time_seconds"
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


def summed(folder: Path, pids: Callable[[], Iterable[int]]) -> CollectorRegistry:
    """Return the metrics of all workers.

    Args:
        pids: Returns the ids of the node's processes, the supervisor's first.
    """
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]
    registry.register(ProcessSums(pids))
    return registry


class ProcessSums(Collector):
    """Memory, files and processor time of a node: the sums over its processes, and the time at
    which the first one began.
    """

    def __init__(self, pids: Callable[[], Iterable[int]]) -> None:
        self._pids = pids

    def collect(self) -> Iterable[Metric]:
        """Return the sums of the processes that run."""
        sums: dict[str, Metric] = {}
        for pid in self._pids():
            for metric in ProcessCollector(pid=partial(int, pid), registry=None).collect():
                if (sum_of := sums.setdefault(metric.name, metric)) is metric or (
                    metric.name == STARTED
                ):
                    continue
                (first,), (added,) = sum_of.samples, metric.samples
                sum_of.samples = [first._replace(value=first.value + added.value)]
        return sums.values()
