"""Processes on cores of their own: the servers share one, the load has the other."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0))
# On a machine of one core everything shares it.
SERVER_CORE, LOAD_CORE, ALL_CORES = {CORES[0]}, {CORES[-1]}, set(CORES)

MIB = 1024 * 1024
# In the number of a process' clock (linux/posix-timers.h): time scheduled, all threads.
PROCESS_CLOCK = 2


@contextmanager
def on_core(core: set[int]) -> Iterator[None]:
    """This thread, and what it starts, runs on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, core)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def start(
    *command: str, log: Path, cores: set[int] = SERVER_CORE, **environment: str
) -> subprocess.Popen[bytes]:
    """Starts a command, on the servers' core if no other is named."""
    with on_core(cores), log.open("ab") as out:
        return subprocess.Popen(command, stdout=out, stderr=out, env=os.environ | environment)


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used: Linux keeps a clock for each, to the
    nanosecond, where /proc counts hundredths of a second.
    """
    return time.clock_gettime(~pid << 3 | PROCESS_CLOCK)


def family_seconds(pid: int) -> float:
    """Processor time of a process, its children that live, and those that have ended."""
    total = 0.0
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text("ascii").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        if int(folder.name) == pid:
            total += sum(int(field) for field in fields[11:15])
        elif int(fields[1]) == pid:
            total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def peak_memory_mib(pid: int) -> float:
    """Resident memory of a process at the most, since it began its program; 0 if it has ended.

    What `wait4` tells would count the memory of the process that started it.
    """
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    _, known, after = status.partition("VmHWM:")
    return int(after.split()[0]) * 1024 / MIB if known else 0


def memory_mib(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB
