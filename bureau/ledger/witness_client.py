"""A client of one witness over HTTP (C2SP tlog-witness): sends a checkpoint, verifies the
cosignature that comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from http import HTTPStatus
from typing import TypeVar

from bureau_keys.errors import KeysError
from bureau_keys.note import Verifier
from bureau_keys.witness import (
    MAX_ANSWER,
    PATH,
    SIZE_TYPE,
    AddCheckpoint,
    read_cosignature,
    read_size,
)

# Seconds for a connection, and for the whole answer to one request (`timed_http`).
CONNECT_S, ANSWER_S = 3.0, 5.0
# Maximum attempts with a proof from the size that the witness names; other nodes move it.
TRIES = 10
# Bytes of a refusal that go into the log line.
SHOWN = 200

R = TypeVar("R")
Prove = Callable[[int], Sequence[bytes]]


class Outcome(StrEnum):
    """The result of a request to a witness."""

    COSIGNED = "cosigned"
    AHEAD = "ahead"  # the witness has cosigned a larger checkpoint
    REFUSED = "refused"
    MISUNDERSTOOD = "misunderstood"  # the answer is not one of tlog-witness
    UNREACHABLE = "unreachable"


class WitnessError(Exception):
    """A witness has not cosigned.

    Attributes:
        outcome: Kind of the failure.
        size: Size that the witness has cosigned; 0 if unknown.
        other_log: True if the witness says that it has cosigned another log than this one: a
            larger one, or one that this one does not continue.
    """

    def __init__(
        self, outcome: Outcome, message: str, size: int = 0, *, other_log: bool = False
    ) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.size = size
        self.other_log = other_log


class WitnessClient:
    """A connection to one witness, for one thread."""

    def __init__(self, url: str, witness: Verifier) -> None:
        """Prepare a connection, which opens with the first request and stays open.

        Args:
            url: Submission prefix of the witness.
            witness: Name and key of the witness.
        """
        self._url = url.rstrip("/") + PATH
        self._witness = witness
        self._known_size = 0  # cosigned size; the witness corrects a wrong one
        # A node without witnesses does without the library, which takes long to import.
        from urllib3.exceptions import HTTPError  # noqa: PLC0415  (see above)

        from bureau.ledger.timed_http import timed_pool  # noqa: PLC0415  (see above)

        self._http, self._failure = timed_pool(CONNECT_S, ANSWER_S), HTTPError

    def cosign(self, note: str, size: int, prove: Prove) -> str:
        """Return the witness's cosignature of a checkpoint, as a line for its note.

        Args:
            size: Tree size of the checkpoint.
            prove: Returns the consistency proof from an older size, which is not zero.

        Raises:
            WitnessError: The witness has not cosigned.
            StorageError: `prove` could not read the database.
        """
        status, body = self._agreed(note, size, prove)
        if status != HTTPStatus.OK:
            other_log = status == HTTPStatus.UNPROCESSABLE_ENTITY
            raise self._refused(status, body, other_log=other_log)
        line = self._read(partial(read_cosignature, body, note, self._witness))
        self._known_size = size
        return line

    def _agreed(self, note: str, size: int, prove: Prove) -> tuple[int, bytes]:
        """Repeat the request until both sides agree on the old size, which other nodes move
        too; return the status and body of the answer.
        """
        for _ in range(TRIES):
            asked = min(self._known_size, size)
            status, kind, body = self._ask(asked, note, prove)
            if (status, kind) != (HTTPStatus.CONFLICT, SIZE_TYPE):
                return status, body
            self._known_size = self._read(partial(read_size, body))
            if self._known_size > size:
                ahead = f"it has cosigned size {self._known_size}"
                raise WitnessError(Outcome.AHEAD, ahead, self._known_size, other_log=True)
            if self._known_size == asked:  # the sizes agree: the witness rejects the root
                raise self._refused(status, body, other_log=0 < asked == size)
        raise WitnessError(Outcome.MISUNDERSTOOD, "it names another size each time")

    def close(self) -> None:
        """Close the connection."""
        self._http.clear()

    def _refused(self, status: int, body: bytes, *, other_log: bool) -> WitnessError:
        text = body[:SHOWN].decode(errors="replace").strip()
        refused = f"it answers {status} ({text}), having cosigned size {self._known_size}"
        return WitnessError(Outcome.REFUSED, refused, self._known_size, other_log=other_log)

    def _ask(self, old_size: int, note: str, prove: Prove) -> tuple[int, str, bytes]:
        """Send a request; return status, content type and body of the answer."""
        proof = tuple(prove(old_size)) if old_size else ()
        request = AddCheckpoint(old_size, proof, note)
        try:
            answer = self._http.request(
                "POST",
                self._url,
                body=request.to_bytes(),
                headers={"Content-Type": "text/plain; charset=utf-8"},
                redirect=False,
                preload_content=False,
            )
            with answer:  # a body read to its end leaves the connection open
                body = answer.read(MAX_ANSWER, decode_content=False)
        except self._failure as error:
            raise WitnessError(Outcome.UNREACHABLE, f"{self._url}: {error}") from error
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        return answer.status, kind, body

    def _read(self, reader: Callable[[], R]) -> R:
        try:
            return reader()
        except KeysError as error:
            raise WitnessError(Outcome.MISUNDERSTOOD, str(error)) from error
