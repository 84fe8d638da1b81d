"""A node in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

from bureau_client import RetryPolicy

# Waits for a node that starts, as long as a busy machine needs.
PATIENT = RetryPolicy(
    read_seconds=120,
    write_seconds=120,
    bulk_seconds=120,
    attempts=10_000,
    longest_pause_seconds=0.3,
)


class Node:
    """`bureau serve` on a fixed port; its log is `serve.log` in the folder."""

    def __init__(self, folder: Path, address: str, *more: str) -> None:
        self._command: list[str | Path] = [
            Path(sys.executable).with_name("bureau"),
            "serve",
            "--dir",
            folder,
            "--listen",
            address,
            *more,
        ]
        self._log = (folder / "serve.log").open("ab")
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=self._log, stderr=self._log)

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        self._log.close()
        return self._process.wait()
