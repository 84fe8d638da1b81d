"""One witness over HTTP, by C2SP tlog-witness: a checkpoint goes out, a cosignature
comes back, verified.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from http import HTTPStatus
from typing import TypeVar

from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError

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

CONNECT_S, ANSWER_S = 3.0, 5.0
# Times that a proof is made anew for a size that the witness names.
TRIES = 10
# Characters of a refusal that are worth a line of log.
SHOWN = 200

R = TypeVar("R")
Prove = Callable[[int], Sequence[bytes]]


class Outcome(StrEnum):
    """How an errand to a witness ended."""

    COSIGNED = "cosigned"
    AHEAD = "ahead"  # it has cosigned a larger checkpoint
    REFUSED = "refused"
    MISUNDERSTOOD = "misunderstood"  # it answers something that is none
    UNREACHABLE = "unreachable"


class WitnessError(Exception):
    """A witness has not cosigned.

    Attributes:
        outcome: In which way.
        size: What it has cosigned; 0 where it does not say.
    """

    def __init__(self, outcome: Outcome, told: str, size: int = 0) -> None:
        super().__init__(told)
        self.outcome = outcome
        self.size = size


class WitnessClient:
    """The way to one witness. For one thread."""

    def __init__(self, url: str, witness: Verifier) -> None:
        """Connects when first used, and stays connected.

        Args:
            url: The witness's submission prefix.
            witness: Its name and key.
        """
        self._url = url.rstrip("/") + PATH
        self._witness = witness
        self._known_size = 0  # of what it has cosigned; it says if that is not so
        self._http = PoolManager(
            maxsize=1, retries=False, timeout=Timeout(connect=CONNECT_S, read=ANSWER_S)
        )

    def cosign(self, note: str, size: int, prove: Prove) -> str:
        """The witness's cosignature of a checkpoint, a line for its note.

        Args:
            size: The checkpoint's.
            prove: Given an older size, not zero, the consistency proof from there.

        Raises:
            WitnessError: There is none.
            StorageError: What `prove` raises.
        """
        status, body = self._settled(note, size, prove)
        if status != HTTPStatus.OK:
            told = body[:SHOWN].decode(errors="replace").strip()
            why = f"it answers {status} ({told}), having cosigned size {self._known_size}"
            raise WitnessError(Outcome.REFUSED, why, self._known_size)
        line = self._read(partial(read_cosignature, body, note, self._witness))
        self._known_size = size
        return line

    def _settled(self, note: str, size: int, prove: Prove) -> tuple[int, bytes]:
        """The answer, once both mean the same old size: other nodes bring theirs too."""
        for _ in range(TRIES):
            asked = min(self._known_size, size)
            status, kind, body = self._ask(asked, note, prove)
            if (status, kind) != (HTTPStatus.CONFLICT, SIZE_TYPE):
                return status, body
            self._known_size = self._read(partial(read_size, body))
            if self._known_size > size:
                told = f"it has cosigned size {self._known_size}"
                raise WitnessError(Outcome.AHEAD, told, self._known_size)
            if self._known_size == asked:
                return status, body  # it is the root that it minds
        raise WitnessError(Outcome.MISUNDERSTOOD, "it names another size each time")

    def close(self) -> None:
        """Closes the connection."""
        self._http.clear()

    def _ask(self, old_size: int, note: str, prove: Prove) -> tuple[int, str, bytes]:
        """Status, content type and body of the answer."""
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
            with answer:  # one that was read to its end leaves the connection open
                body = answer.read(MAX_ANSWER, decode_content=False)
        except HTTPError as error:
            raise WitnessError(Outcome.UNREACHABLE, f"{self._url}: {error}") from error
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        return answer.status, kind, body

    def _read(self, reader: Callable[[], R]) -> R:
        try:
            return reader()
        except KeysError as error:
            raise WitnessError(Outcome.MISUNDERSTOOD, str(error)) from error
