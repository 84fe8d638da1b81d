"""One worker, as its supervisor sees it: a process, its channel and its last beat."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress

from pydantic import ValidationError

from bureau.workers.channel import Beat, Handover, send

# Looks of the supervisor without a beat until a worker counts as hung. Counted in looks, so that a
# machine that slept, or a supervisor that was stopped, finds no worker hung.
SILENT_LOOKS = 150
# Looks until a worker counts as hung that has not served: five minutes, as a start reads the
# database.
START_LOOKS = 1500
CHUNK = 4096


class WorkerProcess:
    """One process of a worker.

    Attributes:
        number: Number of the worker, from 0.
        state: The last beat.
        has_served: True once its port was open; the beat of a failure does not say so.
        started: Monotonic time of its start.
    """

    def __init__(self, handover: Handover, inherited: Sequence[int]) -> None:
        """Start the process.

        Args:
            inherited: Descriptors that the worker shares with the supervisor.

        Raises:
            OSError: The system gives no process or descriptor.
        """
        self.number = handover.worker
        self.state = Beat()
        self.has_served = False
        self.started = time.monotonic()
        self._silent = 0
        self._stopping = False
        self._unread = b""
        self._channel, theirs = socket.socketpair()
        with ExitStack() as failed, theirs:
            failed.callback(self._channel.close)
            # A new program, never a fork: gRPC's threads and locks do not survive one.
            self._process = subprocess.Popen(  # noqa: S603  (this interpreter and module)
                [sys.executable, "-P", "-m", "bureau.workers", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), *inherited),
            )
            failed.callback(self._process.wait)
            failed.callback(self._process.kill)
            with suppress(ConnectionError):  # it has ended; `look` reads the state
                send(self._channel, handover)
            failed.pop_all()
        self._channel.setblocking(False)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Exit code, negative for a signal; None while the process runs."""
        return self._process.poll()

    @property
    def is_hung(self) -> bool:
        """True for a worker that sends no beat any more, or none since its start."""
        is_starting = not (self.has_served or self._stopping)
        return self._silent > (START_LOOKS if is_starting else SILENT_LOOKS)

    def look(self) -> None:
        """Read the beats that have come."""
        self._silent += 1
        with suppress(BlockingIOError, ConnectionError):
            while chunk := self._channel.recv(CHUNK):
                self._unread += chunk
        *lines, self._unread = self._unread.split(b"\n")
        for line in lines:
            self._silent = 0
            with suppress(ValidationError):
                self.state = Beat.model_validate_json(line)
                self.has_served = self.has_served or self.state.serving

    def stop(self) -> None:
        """Ask the worker to drain and end; one that has not served has nothing to finish."""
        self._stopping = True
        self._silent = 0
        self._process.terminate()

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()

    def abandon(self) -> None:
        """Close the channel: the worker ends without grace."""
        self._channel.close()

    def ending(self) -> str:
        """Return the way in which the process ended."""
        code = self._process.returncode
        if code >= 0:
            return f"exit code {code}"
        with suppress(ValueError):
            return f"signal {signal.Signals(-code).name}"
        return f"signal {-code}"

    def wait(self) -> int:
        """Wait for the end of the process and return its exit code."""
        code = self._process.wait()
        self._channel.close()
        return code

    def end_by(self, end: float) -> None:
        """Wait for the end of an abandoned process, and kill it at a monotonic time."""
        try:
            self._process.wait(max(end - time.monotonic(), 0))
        except subprocess.TimeoutExpired:  # a process that is stopped does not end by itself
            self.kill()
            self._process.wait()


def close_all(descriptors: Sequence[int]) -> None:
    """Close descriptors."""
    for descriptor in descriptors:
        os.close(descriptor)
