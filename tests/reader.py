"""A reader of the documents: runs every Python block and every console command of a page.

A block of text after code is what that code prints, word by word.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.documents import Block, blocks, commands

BIN = Path(sys.executable).parent
# Where the text has a witness listen; the port may be taken.
WITNESS = "127.0.0.1:7446"
# Where the text has a portal listen.
PORTAL = "--port 8080"
# The command of a sandbox at the port of production, which may be taken.
SANDBOX = "bureau dev"
# Commands that serve until they are stopped.
SERVING = re.compile(r"bureau serve|bureau-witness serve|bureau-portal |bureau dev( --\S+=\S+)*$")
# What they print when they do.
SERVES = re.compile(r"serving at|the portal serves")
# Where no bureau or witness is served.
NOWHERE = "127.0.0.1:0"


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
        sandbox: Where their sandbox listens.
        portal: Port of their portal.
    """

    folder: Path
    listen: str = NOWHERE
    witness: str = NOWHERE
    serving: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    names: dict[str, Any] = field(default_factory=dict)
    known: dict[str, Any] = field(default_factory=dict)
    sandbox: str = NOWHERE
    portal: int = 0

    def follow(self, page: Path) -> None:
        """Runs a page's code from top to bottom."""
        self._variables.unlink(missing_ok=True)
        code: Block | None = None
        printed = ""
        for block in blocks(page, "python", "console", "text"):
            if block.language == "python":
                printed = self._run_python(block)
            elif block.language == "console":
                printed = "".join(self._run_command(each, block) for each in commands(block))
            elif code is not None and block.follows(code):
                lines = [line.rstrip() for line in printed.splitlines()]
                assert lines == block.code.splitlines(), (
                    f"{block} is not what is printed:\n{printed}"
                )
            code = None if block.language == "text" else block

    def leave(self) -> None:
        """Stops what was left running."""
        for process in self.serving.values():
            process.send_signal(signal.SIGTERM)
        for process in self.serving.values():
            process.wait()

    def _run_python(self, block: Block) -> str:
        source = "\n" * (block.line - 1) + block.code
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(source, str(block.page), "exec"), self.names)
        return printed.getvalue()

    def _run_command(self, command: str, block: Block) -> str:
        command = command.replace(WITNESS, self.witness).replace(PORTAL, f"--port {self.portal}")
        if command == SANDBOX:
            command += f" --listen={self.sandbox}"
        if SERVING.match(command):
            self._serve(command)
            return ""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self._in_one_terminal(command)],
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        output = f"{block}: {command}\n{done.stdout}\n{done.stderr}"
        assert done.returncode == 0, output
        return done.stdout

    def _in_one_terminal(self, command: str) -> str:
        """A command with the variables that the commands before it have set."""
        self._variables.touch()
        return f". {self._variables}\nset -a\n{command}\nset +a\nexport -p > {self._variables}"

    @property
    def _variables(self) -> Path:
        """The file with the variables that the page has set."""
        return self.folder.with_suffix(".variables")

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
            if SERVES.search(log.read_text()):
                return
            time.sleep(0.05)
        raise AssertionError(f"{command}: {log.read_text()}")

    def _environment(self) -> dict[str, str]:
        # The port of the text may be taken; where the bureau listens is a setting.
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        own = {"BUREAU_LISTEN": self.listen, "COLUMNS": "120"}
        # Contexts of the reader's own.
        config = {"XDG_CONFIG_HOME": str(self.folder / "config")}
        return {**os.environ, **own, **config, "PATH": path}
