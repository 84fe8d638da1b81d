"""A worker's history, one line for each operation; the auditor's input.

A line is written when an operation is settled, and when the run ends for those that never
were. `begin_ns` is read before the first byte is sent, `end_ns` after the last retry came
back; both from the machine's monotonic clock, which all processes share.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import IO, Any


class Outcome(StrEnum):
    """The end of an operation, as its caller knows it."""

    OK = "ok"
    FAILED = "failed"  # refused, for good: it has no effect
    UNKNOWN = "unknown"  # it may have had its effect


@dataclass(frozen=True, slots=True)
class Operation:
    """One statement from its caller's side, all its retries together.

    Attributes:
        worker: Who did it, for example `lender-3`.
        kind: What: `submit`, `grant`, `pause`, `resume`, `revoke`, `query`, `rotate`, ….
        request_id: The statement's own; retries have the same.
        outcome: How it ended.
        begin_ns: When the first try began.
        end_ns: When the last try ended.
        reason: The refusal's reason, for what is not ok.
        message: The refusal in words, likewise.
        leaf_index: Place in the log, where it is ok.
        receipt: The receipt's text (tlog-proof), where it is ok.
        envelope: The signed statement, base64.
        about: What it was about, in the worker's own words: subject, consent, accounts.
        settled_ns: When a later resending told how it had ended; None where the first
            tries told.
    """

    worker: str
    kind: str
    request_id: str
    outcome: Outcome
    begin_ns: int
    end_ns: int
    reason: str = ""
    message: str = ""
    leaf_index: int | None = None
    receipt: str = ""
    envelope: str = ""
    about: dict[str, Any] = field(default_factory=dict)
    settled_ns: int | None = None

    @property
    def known_ns(self) -> int:
        """From when on its caller knew how it ended."""
        return self.settled_ns or self.end_ns


class History:
    """A worker's file of operations; safe to share between its threads.

    Each line is one write: a worker that is killed leaves a line or none.
    """

    def __init__(self, folder: Path, worker: str) -> None:
        self.worker = worker
        self._lock = threading.Lock()
        self._file = open_lines(path_of(folder, worker))

    def add(self, operation: Operation) -> None:
        """Writes an operation down, before the worker goes on."""
        with self._lock:
            write_line(self._file, asdict(operation))

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def open_lines(path: Path) -> IO[bytes]:
    """Open a file to append lines to, without a last line that a kill has torn."""
    file = path.open("a+b", buffering=0)
    file.truncate(path.read_bytes().rfind(b"\n") + 1)
    return file


def write_line(file: IO[bytes], fields: dict[str, Any]) -> None:
    """Append one line of JSON, in one write."""
    file.write((json.dumps(fields, ensure_ascii=False) + "\n").encode())


def path_of(folder: Path, worker: str) -> Path:
    """Return the path of a worker's history."""
    return folder / f"history-{worker}.jsonl"


def sent_path_of(folder: Path, worker: str) -> Path:
    """Return the path of the statements that a worker that may be killed has begun to send."""
    return folder / f"sent-{worker}.jsonl"


def read_histories(folder: Path) -> Iterator[Operation]:
    """Every operation of every worker, each worker's in its own order."""
    for path in sorted(folder.glob("history-*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            yield from (operation_of(json.loads(line)) for line in lines)


def operation_of(fields: dict[str, Any]) -> Operation:
    """Return the operation of a line of a history."""
    return Operation(**{**fields, "outcome": Outcome(fields["outcome"])})


def now_ns() -> int:
    """The machine's monotonic clock."""
    return time.monotonic_ns()
