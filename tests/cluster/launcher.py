"""Everybody who works in a town: each a process, started after the town is up."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.cluster.control_files import STOP, TownMap
from tests.cluster.timeline import read_timeline
from tests.cluster.topology.process import Process, wait_until
from tests.cluster.topology.topology import Town
from tests.cluster.workers import Hand, crew

# Until the first consents are granted and the first records furnished, and for settling
# what is unknown at the end.
BEGIN_S, SETTLE_S = 90.0, 120.0


@contextmanager
def working_crew(town: Town) -> Iterator[list[Process]]:
    """The crew at work inside the block; whoever still runs afterwards is killed."""
    hands = list(crew(TownMap.load(town.folder)))
    processes = [_process(town, hand) for hand in hands]
    try:
        for process in processes:
            process.start()
        wait_until("every worker has begun", lambda: _begun(town, hands), BEGIN_S)
        yield processes
    finally:
        for process in processes:
            if process.alive:
                process.kill()


def finish(town: Town, processes: Sequence[Process]) -> list[str]:
    """Has the crew settle what is unknown and end; names those who did not end well."""
    (town.folder / STOP).touch()
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


def _process(town: Town, hand: Hand) -> Process:
    command = [sys.executable, "-m", "tests.cluster.workers", *hand.words()]
    return Process(
        f"worker {hand.name}",
        [*command, "--run", str(town.folder)],
        log=town.folder / "logs" / f"worker-{hand.name}.log",
        warden=town.warden,
        timeline=town.timeline,
    )


def _begun(town: Town, hands: Sequence[Hand]) -> bool:
    """Whether everybody says on the time line that they are at work."""
    offline_bureau = {event.name for event in read_timeline(town.folder) if event.kind == "at work"}
    return offline_bureau >= {hand.name for hand in hands}
