"""Everybody who works in a topology: each a process, started after the topology is up."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.cluster.control_files import STOP, TopologyMap
from tests.cluster.timeline import read_timeline
from tests.cluster.topology.process import Process, wait_until
from tests.cluster.topology.topology import Topology
from tests.cluster.workers import Hand, workers

# Until the first consents are granted and the first records furnished, and for settling
# what is unknown at the end.
BEGIN_S, SETTLE_S = 300.0, 120.0


@contextmanager
def running_workers(topology: Topology) -> Iterator[list[Process]]:
    """The workers at work inside the block; whoever still runs afterwards is killed."""
    hands = list(workers(TopologyMap.load(topology.folder)))
    topology.workers = {hand.name: _process(topology, hand) for hand in hands}
    processes = list(topology.workers.values())
    try:
        for process in processes:
            process.start()
        wait_until("every worker has begun", lambda: _begun(topology, hands), BEGIN_S)
        yield processes
    finally:
        for process in processes:
            if process.alive:
                process.kill()


def finish(topology: Topology, processes: Sequence[Process]) -> list[str]:
    """Has the workers settle what is unknown and end; names those who did not end well."""
    (topology.folder / STOP).touch()
    failed = []
    for process in processes:
        try:
            code = process.wait(SETTLE_S)
        except subprocess.TimeoutExpired:
            failed.append(f"{process.name} did not end")
        else:
            if code:
                failed.append(f"{process.name} ended with {code}: see {process.log}")
    return failed


def _process(topology: Topology, hand: Hand) -> Process:
    command = [sys.executable, "-m", "tests.cluster.workers", *hand.words()]
    return Process(
        f"worker {hand.name}",
        [*command, "--run", str(topology.folder)],
        log=topology.folder / "logs" / f"worker-{hand.name}.log",
        reaper=topology.reaper,
        timeline=topology.timeline,
    )


def _begun(topology: Topology, hands: Sequence[Hand]) -> bool:
    """Return True once every worker has reported its start on the time line."""
    started = {event.name for event in read_timeline(topology.folder) if event.kind == "at work"}
    return started >= {hand.name for hand in hands}
