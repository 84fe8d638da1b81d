"""The life of a serving process: until SIGTERM or Ctrl-C, or until the node stops by itself."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from functools import partial
from types import FrameType

from bureau.cli.exit_codes import Exit, Stop
from bureau.main import Server

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run_until_stopped(
    server: Server, on_serving: Callable[[], None], *, is_worker: bool = False
) -> None:
    """Serve until the node has stopped; a second SIGTERM or Ctrl-C ends the process at once.

    Args:
        on_serving: Called once the port is open.
        is_worker: True for a worker: it heeds SIGTERM alone, and the second one, which may come
            from the service manager beside the supervisor's, ends nothing.

    Raises:
        ForkedLogError: The node has stopped because the database went back in time.
        LogKeyError: The node has stopped because the database is another bureau's.
        Stop: The node has stopped because its database failed.
    """
    settings = server.settings

    def stop(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN if is_worker else signal.SIG_DFL)
        # In a thread: a handler may interrupt the main thread while it holds a lock.
        ending = partial(server.stop, settings.grace_seconds, settings.drain_seconds)
        threading.Thread(target=ending, name="stop").start()

    for number in SIGNALS[:1] if is_worker else SIGNALS:
        signal.signal(number, stop)
    server.start()
    if not server.stopped.is_set():
        on_serving()
    server.wait()
    if server.other_log:
        raise server.other_log
    if server.failure:
        raise Stop(
            Exit.UNAVAILABLE,
            f"stopped: {server.failure}",
            "Run `bureau doctor` and `bureau db check`.",
        )
