"""The newest signed file that a wallet has seen, so that no event of its chain is lost.

newest-file.json   the file as the bureau signed it
event-gap.json     two signed files, or reports, that contradict each other
"""

from __future__ import annotations

import base64
import json
import threading
import warnings
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import NamedTuple

from google.protobuf.message import DecodeError

from bureau_client.errors import VerificationFailed
from bureau_client.verify.checks import TELL
from bureau_keys.envelope import peek
from bureau_keys.errors import KeysError
from bureau_keys.event_chain import ChainHead
from bureau_keys.log_memory import MemoryFolder
from bureau_keys.secret_files import write_private
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.report_pb2 import Report

NEWEST, GAP = "newest-file.json", "event-gap.json"
FILE_FORMAT, GAP_FORMAT = "creditbureau/newest-file/v1", "creditbureau/event-gap/v1"


class KeptFile(NamedTuple):
    """The newest signed file that a wallet has seen.

    Attributes:
        head: Head of the chain of events in the file.
        log_size: Log size as of which the file was read.
        envelope: The file, a serialised DSSE envelope; empty before the first.
    """

    head: ChainHead = ChainHead()
    log_size: int = 0
    envelope: bytes = b""


class EventMemory:
    """The newest signed file that the wallets of one person have seen; safe to share between
    threads.

    Attributes:
        kept: The file.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Read what earlier wallets of a folder have seen.

        Args:
            folder: Where it is kept; None for as long as the wallet lives.

        Raises:
            VerificationFailed: The kept file is damaged.
        """
        self._folder = folder
        self._lock = threading.Lock()
        self.kept = self._read()

    def refresh(self) -> KeptFile:
        """Return the newest file that any wallet of the folder has seen.

        Raises:
            VerificationFailed: The kept file is damaged.
        """
        with self._lock:
            return self._refresh()

    def keep(self, envelope: bytes, compared: KeptFile) -> bool:
        """Keep a verified signed file, if it is the newest one.

        Args:
            envelope: The file, a serialised DSSE envelope.
            compared: Kept file that the chain of this one was compared with.

        Returns:
            False if another wallet of the folder has kept another file meanwhile, with which
            this one must be compared first.
        """
        file = _opened(envelope)
        with self._lock:
            try:
                with self._locked():
                    if self._refresh() != compared:
                        return False
                    if file.log_size > compared.log_size or not compared.envelope:
                        self.kept = file
                        self._write(NEWEST, {"format": FILE_FORMAT, "file": _text(envelope)})
            except OSError as error:
                self._warn(error)
                self.kept = max(file, compared, key=lambda kept: kept.log_size)
            return True

    def gap(self, message: str, seen: bytes = b"") -> VerificationFailed:
        """Return the error about a chain that lost an event, with both signed files kept.

        Args:
            message: The failure.
            seen: The signed file that contradicts the kept one; empty if a list does.
        """
        location = ""
        if self._folder is not None and self.kept.envelope:
            parts = {"format": GAP_FORMAT, "kept": _text(self.kept.envelope), "seen": _text(seen)}
            try:
                with self._lock, self._locked():
                    self._write(GAP, parts)
                location = f"; the signed files are in {self._folder / GAP}"
            except OSError as error:
                self._warn(error)
        return VerificationFailed(message + location, reason="WRONG_ANSWER", fix=TELL)

    def _read(self) -> KeptFile:
        path = self._folder and self._folder / NEWEST
        if path is None or not path.exists():
            return KeptFile()
        try:
            kept = json.loads(path.read_bytes())
            return _opened(base64.b64decode(kept["file"], validate=True))
        except (ValueError, KeyError, TypeError, DecodeError, KeysError) as error:
            raise VerificationFailed(
                f"{path} is not a file that the bureau signed: {error}",
                reason="MALFORMED_MESSAGE",
                fix="Restore it, or remove it: then the next file is taken as it is",
            ) from None

    def _refresh(self) -> KeptFile:
        """Take over the file of the folder where it is newer, or the only one."""
        stored = self._read()
        if stored.envelope and stored.log_size >= self.kept.log_size:
            self.kept = stored
        return self.kept

    def _locked(self) -> AbstractContextManager[None]:
        """Keep the other wallets of the folder from writing."""
        return nullcontext() if self._folder is None else MemoryFolder(self._folder).locked()

    def _write(self, name: str, parts: dict[str, str]) -> None:
        if self._folder is not None:
            data = (json.dumps(parts, indent=2) + "\n").encode()
            write_private(self._folder / name, data)

    def _warn(self, error: OSError) -> None:
        warnings.warn(
            f"{self._folder} cannot be written ({error}): this wallet remembers the newest "
            "signed file only until it ends",
            stacklevel=2,
        )


def _opened(envelope: bytes) -> KeptFile:
    report = peek(Envelope.FromString(envelope), Report)
    head = ChainHead(report.event_count, report.event_chain_hash)
    return KeptFile(head, report.log_size, envelope)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
