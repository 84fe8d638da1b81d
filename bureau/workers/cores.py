"""The core of a worker: one of its own, where a node has as many workers as cores.

Threads of one Python process take turns at its interpreter. Each turn that passes to another core
costs a wake-up there, so that a process on two cores does less than on one.
"""

from __future__ import annotations

import os
from contextlib import suppress


def keep_to_own_core(worker: int, workers: int) -> None:
    """Run this process on a core that no other worker of its node runs on, if the cores on which
    it may run are as many as the workers. Otherwise, and where a system has no such call, the
    system chooses.

    Args:
        worker: Number of the worker, from 0.
        workers: Number of the node's workers.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) == workers:
        with suppress(OSError):  # a core that was taken away meanwhile
            os.sched_setaffinity(0, {cores[worker]})
