"""Ends whatever the harness left running, should it end without doing so itself.

It is told process groups on its standard input: `+123` when one begins, `-123` when it has
ended; and commands that undo something: `=ip netns delete one`. When the input ends, for
whatever reason the harness did, it kills what remains and undoes what was done.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

# What is killed takes its children along, a moment later: PostgreSQL's are no group of its.
CHILDREN_END_S = 1.0


class Reaper:
    """The reaper's process, as the harness holds it."""

    def __init__(self) -> None:
        # A session of its own: Ctrl-C in the terminal does not reach it.
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, start_new_session=True
        )
        self._lock = threading.Lock()

    def watch(self, group: int) -> None:
        """From now on this process group does not outlive the harness."""
        self._tell(f"+{group}\n")

    def release(self, group: int) -> None:
        """This process group has ended."""
        self._tell(f"-{group}\n")

    def undo(self, *command: str) -> None:
        """At the end this command is run, if it still does something or not."""
        self._tell(f"={shlex.join(command)}\n")

    def close(self) -> None:
        """Ends the reaper, and what it still watches."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        with self._lock:
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()


def main() -> None:
    """Watches until the input ends."""
    watched: set[int] = set()
    undoing: list[list[str]] = []
    for line in sys.stdin:
        if line[0] == "=":
            undoing.append(shlex.split(line[1:]))
        elif line[0] == "+":
            watched.add(int(line[1:]))
        else:
            watched.discard(int(line[1:]))
    for group in watched:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    if watched:
        time.sleep(CHILDREN_END_S)
    for command in undoing:
        subprocess.run(command, check=False, capture_output=True)


if __name__ == "__main__":
    main()
