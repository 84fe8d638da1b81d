"""The journal of `query_many`: the signed inquiries of a run, written before they are sent.

The bureau gives the answer to a signed inquiry again, and counts one use of its consent,
however often the same bytes are sent. So a run that is started again sends the bytes of the
journal: a new inquiry would be a new use.

    {"format": "creditbureau/inquiry-journal/v1"}
    {"reference": "A-17", "envelope": "…", "sha256": "…"}

A line is appended for each inquiry, and is on disk before the inquiry is sent; of two lines
about one inquiry the later counts. The envelope is the signed inquiry in base64, `sha256` the
digest of reference and envelope. A last line without its end was cut short by a crash: its
inquiry was not sent, and the line is removed.
"""

from __future__ import annotations

import json
import os
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import sha256
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self

from google.protobuf.message import DecodeError

from bureau_client._operations.exclusive_file import ExclusiveFile
from bureau_client._operations.signer import Signer
from bureau_client.errors import Conflict, InvalidRequest
from bureau_client.models.codes import EvidenceLevel, Purpose
from bureau_client.models.many import Inquiry
from bureau_keys.envelope import peek
from bureau_keys.errors import KeysError
from bureau_keys.signer_name import SignerName
from creditbureau.v1 import reporting_pb2
from creditbureau.v1.envelope_pb2 import Envelope

HEADER = b'{"format": "creditbureau/inquiry-journal/v1"}\n'


class InquiryJournal:
    """The signed inquiries of one run, and of the runs before; one process at a time."""

    def __init__(self, path: Path, signer: Signer) -> None:
        """Prepare to open a journal.

        Args:
            path: The file; created if it is missing.
            signer: The signer of the inquiries; the journal of another is refused.
        """
        self._path = path
        self._signer = signer
        self._lock = ExclusiveFile(path, self._in_use)
        self._signing = threading.Lock()
        self._inquiries: dict[Inquiry, Envelope] = {}
        self._file: FileIO

    def __enter__(self) -> Self:
        """Lock the journal and read it.

        Raises:
            Conflict: Another process, or another run of this one, has the journal open.
            InvalidRequest: The file is no journal, a line is spoiled, or the journal is
                another member's.
            OSError: The file cannot be read or written.
        """
        self._lock.acquire(self._open)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
        self._lock.release()

    def sealed(
        self, inquiry: Inquiry, sign: Callable[[], Envelope], void: Envelope | None = None
    ) -> tuple[Envelope, bool]:
        """Return the signed inquiry that the journal has; sign and write it first if it is new.

        Args:
            inquiry: The inquiry, its ids in their canonical spelling.
            sign: Signs the inquiry.
            void: The signed inquiry that the bureau accepts no longer, and never accepted; it
                counts as missing.

        Returns:
            The signed inquiry, and True if the journal had it.

        Raises:
            OSError: The line cannot be written; the journal is as it was.
        """
        with self._signing:
            kept = self._inquiries.get(inquiry)
            if kept is not None and kept != void:
                return kept, True
            sealed = sign()
            self._append(write_line(inquiry.reference, sealed))
            self._inquiries[inquiry] = sealed
            return sealed, False

    def _append(self, line: bytes) -> None:
        """Append a line whole, and return once it is on disk."""
        end = self._file.seek(0, os.SEEK_END)
        try:
            while line:
                line = line[self._file.write(line) :]
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(end)
            raise

    def _open(self) -> None:
        is_new = not self._path.exists()
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        # Unbuffered: a line is written by one call, and none is left over after a failure.
        self._file = FileIO(descriptor, "r+")
        try:
            self._read(self._file.read())
            if is_new:
                _sync_folder(self._path.parent)
        except BaseException:
            self._file.close()
            raise

    def _read(self, data: bytes) -> None:
        if HEADER.startswith(data):
            self._file.seek(0)
            self._file.write(HEADER)
            os.fsync(self._file.fileno())
            return
        if not data.startswith(HEADER):
            raise InvalidRequest(
                f"{self._path} is not a journal of inquiries",
                reason="INVALID_FIELD",
                fix="Name a journal, or a file that does not exist yet",
            )
        *lines, torn = data.split(b"\n")
        for number, line in enumerate(lines[1:], start=2):
            try:
                reference, sealed = read_line(line)
                inquiry = inquiry_of(reference, sealed, self._signer)
            except ValueError as error:
                raise self._spoiled(number, str(error)) from error
            self._inquiries[inquiry] = sealed
        if torn:
            self._file.truncate(len(data) - len(torn))

    def _in_use(self) -> Conflict:
        return Conflict(
            f"The journal {self._path} is in use by another run",
            reason="JOURNAL_IN_USE",
            fix="Wait until that run ends, or give each run a journal of its own",
        )

    def _spoiled(self, number: int, problem: str) -> InvalidRequest:
        return InvalidRequest(
            f"{self._path}: line {number} is not an inquiry of this journal: {problem}",
            reason="INVALID_FIELD",
            fix="Restore the file; without this line its consent would be used twice",
        )


def write_line(reference: str, sealed: Envelope) -> bytes:
    """Return the line of a signed inquiry."""
    envelope = b64encode(sealed.SerializeToString(deterministic=True)).decode("ascii")
    line = {
        "reference": reference,
        "envelope": envelope,
        "sha256": _digest(reference, envelope),
    }
    return json.dumps(line).encode() + b"\n"


def read_line(line: bytes) -> tuple[str, Envelope]:
    """Read the reference and the signed inquiry of a line.

    Raises:
        ValueError: The line is spoiled.
    """
    try:
        parts = json.loads(line)
        reference, envelope, digest = parts["reference"], parts["envelope"], parts["sha256"]
        if digest != _digest(reference, envelope):
            raise ValueError("its digest is another")
        return reference, Envelope.FromString(b64decode(envelope, validate=True))
    except (KeyError, TypeError, AttributeError, RecursionError, DecodeError) as error:
        raise ValueError(f"it is spoiled: {error}") from error


def inquiry_of(reference: str, sealed: Envelope, signer: Signer) -> Inquiry:
    """Return the inquiry of a line as the caller of `query_many` passes it.

    Raises:
        ValueError: The envelope holds no inquiry of the signer.
    """
    try:
        signed = peek(sealed, reporting_pb2.Inquiry)
    except (KeysError, DecodeError) as error:
        raise ValueError(str(error)) from error
    header = signed.header
    if (SignerName(header.signer), header.audience) != (signer.name, signer.audience):
        raise ValueError(f"{header.signer} signed it for {header.audience}")
    return Inquiry(
        subject_id=signed.subject_id,
        purpose=Purpose(signed.purpose),
        consent_id=signed.consent_id,
        evidence=EvidenceLevel(signed.evidence),
        reference=reference,
    )


def _digest(reference: str, envelope: str) -> str:
    return sha256(f"{reference}\n{envelope}".encode()).hexdigest()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
