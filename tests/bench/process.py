"""Processes on cores of their own: the servers share one, the load has the other."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0))
# On a machine of one core everything shares it.
SERVER_CORE, LOAD_CORE = {CORES[0]}, {CORES[-1]}

MIB = 1024 * 1024


@contextmanager
def on_core(core: set[int]) -> Iterator[None]:
    """This thread, and what it starts, runs on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, core)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def start(*command: str, log: Path) -> subprocess.Popen[bytes]:
    """Starts a command on the servers' core."""
    with on_core(SERVER_CORE), log.open("ab") as out:
        return subprocess.Popen(command, stdout=out, stderr=out)


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB
