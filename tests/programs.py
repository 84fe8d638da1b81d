"""Run our programs as a person does at a shell: a process for each command."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.documents import ROOT
from tests.fork_server import Order

# One order at a time.
_turn = threading.Lock()


def run_program(
    *words: object, stdin: str = "", folder: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end.

    Args:
        words: `bureau`, `bureau-lender` or `bureau-wallet`, and its arguments.
        stdin: Text on the standard input.
        folder: Working directory; ours if there is none.
        environment: Variables beside those of this process.
    """
    typed = tuple(map(str, words))
    with TemporaryDirectory() as name:
        files = [Path(name) / each for each in ("stdin", "stdout", "stderr")]
        for file, text in zip(files, (stdin, "", ""), strict=True):
            file.write_text(text, "utf-8")
        order = Order(
            typed,
            str(folder or Path.cwd()),
            {**os.environ, **environment},
            [str(file) for file in files],
        )
        code = _carried_out(order)
        return subprocess.CompletedProcess(
            typed, code, *(file.read_text("utf-8") for file in files[1:])
        )


def output_of(*words: object) -> str:
    """Run a command that succeeds; return what it prints."""
    done = run_program(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _carried_out(order: Order) -> int:
    """Have the fork server run a command; return its exit code."""
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    with _turn:
        server.stdin.write(order.to_line())
        server.stdin.flush()
        answer = server.stdout.readline()
    assert answer, f"the fork server ended at {' '.join(order.words)}; its error is above"
    return int(answer)


@cache
def _server() -> subprocess.Popen[bytes]:
    """Start the fork server of this process; it ends with its standard input."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.fork_server"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
