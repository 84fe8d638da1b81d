"""A process of the topology: a group of its own, a log in the run's folder, an end for sure."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM, Signals

from tests.cluster.timeline import Timeline
from tests.cluster.topology.reaper import Reaper

STOP_S = 20.0
# Becomes another user before it becomes the command: what PostgreSQL wants of root. A fresh
# interpreter does it, as forking to set a user does not go well with gRPC's threads.
AS_USER = """
import os, pwd, sys
who = pwd.getpwnam(sys.argv[1])
os.setgroups([]); os.setgid(who.pw_gid); os.setuid(who.pw_uid)
os.execv(sys.argv[2], sys.argv[2:])
"""


def as_user(user: str, command: Sequence[str]) -> list[str]:
    """The command, run as somebody else if a user is named."""
    return [sys.executable, "-S", "-c", AS_USER, user, *command] if user else [*command]


class Process:
    """One command that may be started, paused, killed and started again."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        reaper: Reaper,
        timeline: Timeline,
        user: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Nothing runs yet.

        Args:
            user: Whom it runs as, if not as this process's user.
            environment: What is added to this process's own.
        """
        self.name = name
        self.command = list(command)
        self.log = log
        self.environment = dict(environment or {})
        self._user = user
        self._reaper = reaper
        self._timeline = timeline
        self._running: subprocess.Popen[bytes] | None = None
        self._over = False
        self.paused = False

    def start(self) -> None:
        """Starts it; it must not run."""
        assert not self.alive, f"{self.name} runs already"
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(
                as_user(self._user, self.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )
        self._over = False
        self._reaper.watch(self.pid)
        self._timeline.tell("started", self.name, pid=self.pid)

    @property
    def pid(self) -> int:
        """Its process id, and that of its group."""
        assert self._running is not None, f"{self.name} was never started"
        return self._running.pid

    @property
    def alive(self) -> bool:
        """True if the process runs or is paused."""
        return self._running is not None and self._running.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit code; None while the process runs."""
        return self._running.poll() if self._running else None

    @property
    def state(self) -> str:
        """In a word: `up`, `paused`, `down`."""
        return "paused" if self.paused else "up" if self.alive else "down"

    def send(self, number: Signals) -> None:
        """Sends the process itself a signal, if it runs."""
        if self.alive:
            os.kill(self.pid, number)

    def pause(self) -> None:
        """SIGSTOP: it does nothing more, and its connections stay open."""
        self.paused = True
        self._signal_group(SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._signal_group(SIGCONT)
        self.paused = False

    def kill(self) -> None:
        """SIGKILL, and waits until it is gone."""
        self._signal_group(SIGKILL)
        self.wait(STOP_S)

    def stop(self, number: Signals = SIGTERM, seconds: float = STOP_S) -> int:
        """Asks it to end, and kills it if it does not within these seconds; its exit code."""
        if self.paused:
            self.resume()
        self.send(number)
        try:
            return self.wait(seconds)
        except subprocess.TimeoutExpired:
            self._timeline.tell("ended", self.name, late=True)
            self.kill()
            return self.wait(STOP_S)

    def wait(self, seconds: float) -> int:
        """Waits until it has ended; its exit code.

        Raises:
            subprocess.TimeoutExpired: It has not.
        """
        if self._running is None:
            return 0
        code = self._running.wait(seconds)
        if not self._over:
            self._over, self.paused = True, False
            self._reaper.release(self._running.pid)
            self._timeline.tell("ended", self.name, code=code)
        return code

    def _signal_group(self, number: Signals) -> None:
        if self.alive:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)


class NotReadyError(Exception):
    """Something of the topology did not come up."""


def wait_until(what: str, ready: Callable[[], bool], seconds: float, pause: float = 0.1) -> None:
    """Waits until something holds.

    Raises:
        NotReadyError: It does not, within these seconds.
    """
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise NotReadyError(f"{what}: not within {seconds:.0f} s")
        time.sleep(pause)
