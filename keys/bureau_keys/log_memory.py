"""The memory of a client: the newest checkpoint that it has seen of a log, kept in a folder.

    log-memory.json     the newest checkpoint, and what is not proved to extend it yet
    fork-evidence.json  two checkpoints that contradict each other; until its owner removes it,
                        no client of the folder makes a call

Several processes share a folder: each replaces the file under a lock, and only after it has
compared the content with what it has seen itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from bureau_keys.errors import MalformedMessage
from bureau_keys.fork_evidence import ForkEvidence
from bureau_keys.secret_files import write_private

FORMAT = "creditbureau/log-memory/v1"
MEMORY, LOCK, EVIDENCE = "log-memory.json", "log-memory.lock", "fork-evidence.json"
# Seconds to wait for another process that writes the file, which takes milliseconds. At the
# limit the write fails, and the next call tries again.
LOCK_TIMEOUT_S = 5.0
# Checkpoints that wait for their proof. At the limit the oldest is no longer kept in the file.
MAX_UNPROVED = 100


@dataclass(frozen=True, slots=True)
class LogMemory:
    """The checkpoints that a client remembers, as signed notes.

    Attributes:
        newest: Newest checkpoint, proved to extend each one before; empty before the first.
        unproved: Checkpoints that no proof has linked to the newest one yet.
        cosigned: The newest cosigned checkpoint that was seen of each witness.
    """

    newest: str = ""
    unproved: tuple[str, ...] = ()
    cosigned: tuple[str, ...] = ()

    def to_json(self) -> bytes:
        """Return the content of the file."""
        parts = {
            "format": FORMAT,
            "newest": self.newest,
            "unproved": self.unproved[-MAX_UNPROVED:],
            "cosigned": self.cosigned,
        }
        return (json.dumps(parts, indent=2) + "\n").encode()

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Read the content of the file; its checkpoints are not verified.

        Raises:
            MalformedMessage: The bytes are no memory of a client.
        """
        try:
            parts = json.loads(data)
            memory = cls(parts["newest"], tuple(parts["unproved"]), tuple(parts["cosigned"]))
            fits = parts["format"] == FORMAT
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise MalformedMessage(f"not the memory of a client: {error}") from error
        notes = (memory.newest, *memory.unproved, *memory.cosigned)
        if not fits or not all(isinstance(note, str) for note in notes):
            raise MalformedMessage("not the memory of a client: another format")
        return memory


class MemoryFolder:
    """The folder in which the processes of one client keep what they have seen of a log."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / MEMORY
        self.evidence_path = folder / EVIDENCE
        self._lock_path = folder / LOCK

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold off every other process that would replace the file.

        Raises:
            OSError: The folder cannot be written, or another process holds the lock too long.
        """
        try:
            with FileLock(self._lock_path, timeout=LOCK_TIMEOUT_S):
                yield
        except Timeout as error:
            raise OSError(f"{self._lock_path} is locked for {LOCK_TIMEOUT_S:g} s") from error

    def read(self) -> LogMemory:
        """Read the memory; empty before the first write.

        Raises:
            MalformedMessage: The file is no memory of a client.
            OSError: The file cannot be read.
        """
        try:
            return LogMemory.from_json(self.path.read_bytes())
        except FileNotFoundError:
            return LogMemory()

    def write(self, memory: LogMemory) -> None:
        """Replace the memory, whole or not at all, and wait until it is on disk.

        Raises:
            OSError: The folder cannot be written.
        """
        write_private(self.path, memory.to_json())

    def save_evidence(self, evidence: ForkEvidence) -> None:
        """Keep the evidence of a fork, unless the folder has evidence already.

        Raises:
            OSError: The folder cannot be written.
        """
        with self.locked():
            if not self.evidence_path.exists():
                write_private(self.evidence_path, evidence.to_json())

    def forget(self, now: datetime) -> list[Path]:
        """Forget the newest checkpoint, and put evidence aside under a name with the time.

        Returns:
            The files of the evidence.

        Raises:
            OSError: The folder cannot be written.
        """
        aside = []
        with self.locked():
            if self.evidence_path.exists():
                moment = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
                kept = self.evidence_path.with_name(f"fork-evidence-{moment}.json")
                aside.append(self.evidence_path.replace(kept))
            self.path.unlink(missing_ok=True)
        return aside
