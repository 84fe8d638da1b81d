"""Witnesses in processes of their own, by their own command."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bureau.testing import free_port
from bureau_keys.profile import Trust

COMMAND = Path(sys.executable).with_name("bureau-witness")
START_S = 120.0


class WitnessProcess:
    """`bureau-witness serve` in a folder; its log is `serve.log` in there."""

    def __init__(self, folder: Path, name: str, trust: Trust) -> None:
        self.folder = folder
        self.name = name
        self.listen = f"127.0.0.1:{free_port()}"
        self.key = self.run("init", "--name", name).stdout.strip()
        self.run("log", "add", trust.origin, trust.log_key)
        self.start()

    @property
    def url(self) -> str:
        return f"http://{self.listen}"

    @property
    def setting(self) -> dict[str, str]:
        """As it stands in the bureau's settings."""
        return {"url": self.url, "key": self.key}

    def run(self, *words: str, expected: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Runs one of its commands; it must end so, whatever comes if None."""
        command: list[str | Path] = [COMMAND, *words, "--dir", self.folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        outcome = f"{words}: {done.returncode} {done.stderr}"
        assert expected in {None, done.returncode}, outcome
        return done

    def shown(self, expected: int | None = 0) -> dict[str, Any]:
        """Return the state of the witness."""
        state: dict[str, Any] = json.loads(
            self.run("show", "--output", "json", expected=expected).stdout
        )
        return state

    def start(self) -> None:
        """Serves, where it did before."""
        command: list[str | Path] = [COMMAND, "serve", "--dir", self.folder]
        log = self.folder / "serve.log"
        before = log.stat().st_size if log.exists() else 0
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [*command, "--listen", self.listen], stdout=file, stderr=file
            )
        end = time.monotonic() + START_S
        while time.monotonic() < end and self._process.poll() is None:
            match = re.search(r"serving at http://(\S+)", log.read_text("utf-8")[before:])
            if match:
                self.listen = match[1]
                return
            time.sleep(0.05)
        raise AssertionError(log.read_text("utf-8"))

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> int:
        """Ends it; returns its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait()


def witnesses(folder: Path, trust: Trust, names: Sequence[str]) -> list[WitnessProcess]:
    """Witnesses of one log, each in its own folder and process."""
    return [WitnessProcess(folder / name, f"{name}.example/witness", trust) for name in names]
