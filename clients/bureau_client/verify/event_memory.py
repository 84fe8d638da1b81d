"""The newest signed file that a wallet has seen, so that no event of its chain is lost.

newest-file.json   the file as the bureau signed it
event-gap.json     two signed files, or reports, that contradict each other
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

from google.protobuf.message import DecodeError

from bureau_client.errors import VerificationFailed
from bureau_client.verify.checks import TELL
from bureau_keys.envelope import peek
from bureau_keys.errors import KeysError
from bureau_keys.event_chain import ChainHead
from bureau_keys.secret_files import write_private
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.report_pb2 import Report

NEWEST, GAP = "newest-file.json", "event-gap.json"
FILE_FORMAT, GAP_FORMAT = "creditbureau/newest-file/v1", "creditbureau/event-gap/v1"


class EventMemory:
    """The newest head of a subject's chain of events that one wallet has seen signed.

    Attributes:
        head: The head; without events before the first signed file.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Read what earlier wallets of a folder have seen.

        Args:
            folder: Where it is kept; None for as long as the wallet lives.

        Raises:
            VerificationFailed: The kept file is damaged.
        """
        self._folder = folder
        self._envelope = b""
        self.head = ChainHead()
        path = folder and folder / NEWEST
        if path is None or not path.exists():
            return
        try:
            kept = json.loads(path.read_bytes())
            self._take(base64.b64decode(kept["file"], validate=True))
        except (ValueError, KeyError, TypeError, DecodeError, KeysError) as error:
            raise VerificationFailed(
                f"{path} is not a file that the bureau signed: {error}",
                reason="MALFORMED_MESSAGE",
                fix="Restore it, or remove it: then the next file is taken as it is",
            ) from None

    def keep(self, envelope: bytes) -> None:
        """Keep a verified signed file, the newest one from now on.

        Args:
            envelope: The file, a serialised DSSE envelope.
        """
        if envelope == self._envelope:
            return
        self._take(envelope)
        if self._folder is not None:
            self._write(NEWEST, {"format": FILE_FORMAT, "file": _text(envelope)})

    def gap(self, message: str, seen: bytes = b"") -> VerificationFailed:
        """Return the error about a chain that lost an event, with both signed files kept.

        Args:
            message: The failure.
            seen: The signed file that contradicts the kept one; empty if a list does.
        """
        place = ""
        if self._folder is not None and self._envelope:
            parts = {"format": GAP_FORMAT, "kept": _text(self._envelope), "seen": _text(seen)}
            self._write(GAP, parts)
            place = f"; the signed files are in {self._folder / GAP}"
        return VerificationFailed(message + place, reason="WRONG_ANSWER", fix=TELL)

    def _take(self, envelope: bytes) -> None:
        report = peek(Envelope.FromString(envelope), Report)
        self._envelope = envelope
        self.head = ChainHead(report.event_count, report.event_chain_hash)

    def _write(self, name: str, parts: dict[str, str]) -> None:
        assert self._folder is not None
        write_private(self._folder / name, (json.dumps(parts, indent=2) + "\n").encode())


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
