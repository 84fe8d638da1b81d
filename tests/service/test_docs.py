"""The documents' code runs: every Python block and every console command.

`first-report.md` makes a bureau by its own commands; the other pages go on from
there, as their readers do, each in the folder that it has left.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.documents import DOCS, ROOT, Block, blocks, commands, pages

BIN = Path(sys.executable).parent
COMMAND_S = 240.0


@dataclass(slots=True)
class Reader:
    """Somebody who types what a page says.

    Attributes:
        folder: Where they are.
        listen: Where their bureau listens.
        witness: Where their witness does.
        serving: What they left running, by its command.
        names: What their Python session knows.
    """

    folder: Path
    listen: str
    witness: str
    serving: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    names: dict[str, Any] = field(default_factory=dict)

    def follow(self, page: Path) -> None:
        """Runs a page's code from top to bottom."""
        for block in blocks(page, "python", "console"):
            if block.language == "python":
                self._run_python(block)
            else:
                for command in commands(block):
                    self._run_command(command, block)

    def leave(self) -> None:
        """Stops what was left running."""
        for process in self.serving.values():
            process.send_signal(signal.SIGTERM)
        for process in self.serving.values():
            process.wait(COMMAND_S)

    def _run_python(self, block: Block) -> None:
        source = "\n" * (block.line - 1) + block.code
        exec(compile(source, str(block.page), "exec"), self.names)

    def _run_command(self, command: str, block: Block) -> None:
        command = command.replace(WITNESS, self.witness)
        if command.startswith(("bureau serve", "bureau-witness serve")):
            self._serve(command)
            return
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        output = f"{block}: {command}\n{done.stdout}\n{done.stderr}"
        assert done.returncode == 0, output

    def _serve(self, command: str) -> None:
        if running := self.serving.pop(command, None):  # Ctrl-C, and once more
            running.send_signal(signal.SIGTERM)
            assert running.wait(COMMAND_S) == 0
        log = self.folder / f"serve-{time.monotonic_ns()}.log"
        with log.open("w") as file:
            process = subprocess.Popen(
                command.split(),
                executable=BIN / command.split(maxsplit=1)[0],
                cwd=self.folder,
                env=self._environment(),
                stderr=file,
            )
        self.serving[command] = process
        end = time.monotonic() + COMMAND_S
        while time.monotonic() < end and process.poll() is None:
            if "serving at" in log.read_text():
                return
            time.sleep(0.05)
        raise AssertionError(f"{command}: {log.read_text()}")

    def _environment(self) -> dict[str, str]:
        # The port of the text may be taken; where the bureau listens is a setting.
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "BUREAU_LISTEN": self.listen, "COLUMNS": "120"}


# The first makes a bureau and names; each other page goes on from there, with the
# bureau as the pages before it have left it.
PAGES = (
    DOCS / "first-report.md",
    ROOT / "README.md",
    DOCS / "sdk.md",
    DOCS / "consents.md",
    DOCS / "rights.md",
    DOCS / "monitoring.md",
    DOCS / "risk.md",
    DOCS / "files.md",
    DOCS / "texts.md",
    DOCS / "decisions.md",
    DOCS / "backtests.md",
    DOCS / "study.md",
    DOCS / "auditors.md",
    DOCS / "operating.md",
    DOCS / "witnesses.md",
)
# Where the text has a witness listen; the port may be taken.
WITNESS = "127.0.0.1:7446"


def test_every_page_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One test, as one bureau serves all pages. A failure names page and line."""
    monkeypatch.chdir(tmp_path)
    reader = Reader(tmp_path, f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}")
    try:
        reader.follow(PAGES[0])
        known = dict(reader.names)
        for page in PAGES[1:]:
            reader.names = dict(known)
            reader.follow(page)
    finally:
        reader.leave()


def test_no_page_with_code_is_left_out() -> None:
    pages_with_code = {page for page in pages() if blocks(page, "python", "console")}
    assert pages_with_code - {DOCS / "errors.md"} == set(PAGES)  # that one needs no bureau


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
