"""A witness of the topology: `bureau-witness serve`, with a link from every node."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from tests.cluster.timeline import Timeline
from tests.cluster.topology.process import Process, wait_until
from tests.cluster.topology.reaper import Reaper

COMMAND = str(Path(sys.executable).with_name("bureau-witness"))
START_S = 120.0


class Witness:
    """A witness that cosigns the log's checkpoints.

    Attributes:
        key: By which its cosignatures verify.
        port: Where it listens, past every proxy.
    """

    def __init__(
        self, name: str, folder: Path, port: int, *, logs: Path, reaper: Reaper, timeline: Timeline
    ) -> None:
        """Makes it; it does not run yet, and follows no log."""
        self.name = name
        self.port = port
        self._folder = folder
        self.key = self._run("init", "--name", f"{name}.example/cluster")
        self.process = Process(
            name,
            [COMMAND, "serve", "--dir", str(folder), "--listen", f"127.0.0.1:{port}"],
            log=logs / f"{name}.log",
            reaper=reaper,
            timeline=timeline,
        )

    @property
    def url(self) -> str:
        """The URL of the witness, past every proxy."""
        return f"http://127.0.0.1:{self.port}"

    def follow(self, origin: str, log_key: str) -> None:
        """Follows a log from now on."""
        self._run("log", "add", origin, log_key)

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        self.process.start()
        wait_until(f"{self.name} answers", self._answers, START_S)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.url, timeout=1):
                return True
        except urllib.error.HTTPError:
            return True  # it says that there is nothing: it is there
        except OSError:
            return False

    def _run(self, *words: str) -> str:
        command = [COMMAND, *words, "--dir", str(self._folder)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
