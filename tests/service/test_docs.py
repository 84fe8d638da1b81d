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
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.documents import DOCS, ROOT, Block, blocks, commands, pages

BIN = Path(sys.executable).parent


@dataclass(slots=True)
class Reader:
    """Somebody who types what a page says.

    Attributes:
        folder: Where they are.
        listen: Where their bureau listens.
        witness: Where their witness does.
        serving: What they left running, by its command.
        names: What their Python session knows.
        known: What it knew after the first page.
    """

    folder: Path
    listen: str
    witness: str
    serving: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    names: dict[str, Any] = field(default_factory=dict)
    known: dict[str, Any] = field(default_factory=dict)

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
            process.wait()

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
            check=False,
        )
        output = f"{block}: {command}\n{done.stdout}\n{done.stderr}"
        assert done.returncode == 0, output

    def _serve(self, command: str) -> None:
        if running := self.serving.pop(command, None):  # Ctrl-C, and once more
            running.send_signal(signal.SIGTERM)
            assert running.wait() == 0
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
        while process.poll() is None:
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
FIRST = DOCS / "first-report.md"
PAGES = (
    FIRST,
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


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    folder = tmp_path_factory.mktemp("reader")
    reader = Reader(folder, f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}")
    yield reader
    reader.leave()


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_page_does_what_it_says(
    page: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All pages, in order, with one bureau. A failure names page and line."""
    monkeypatch.chdir(reader.folder)
    if page is not FIRST:
        reader.names = dict(reader.known)
    reader.follow(page)
    if page is FIRST:
        reader.known = dict(reader.names)


def test_no_page_with_code_is_left_out() -> None:
    pages_with_code = {page for page in pages() if blocks(page, "python", "console")}
    assert pages_with_code - {DOCS / "errors.md"} == set(PAGES)  # that one needs no bureau


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
