"""The history of each signed statement, over all its senders and sendings."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from bureau_keys.envelope import digest, peek
from bureau_keys.errors import KeysError
from creditbureau.v1.directory_pb2 import Evaluation
from creditbureau.v1.envelope_pb2 import Envelope
from tests.cluster.history import Operation, Outcome

M = TypeVar("M", bound=Message)

# Operations that only try what must not work; what they are told is another check's.
TRIES = frozenset({"attack", "junk"})
OTHER_BYTES = "other bytes"
# An inquiry that was denied has a leaf of this kind.
DENIAL = "inquiry-denial"


@dataclass(frozen=True)
class SentStatement:
    """A statement, with all its sendings.

    Attributes:
        signer: As the log names it: `members/…` or `subjects/…`.
        operations: The first sending first, then those again.
    """

    signer: str
    request_id: str
    operations: tuple[Operation, ...]

    @property
    def first(self) -> Operation:
        """Its first sending."""
        return self.operations[0]

    @property
    def outcome(self) -> Outcome:
        """The outcome of the statement: accepted if any sending was."""
        outcomes = {operation.outcome for operation in self.operations}
        if Outcome.OK in outcomes:
            return Outcome.OK
        return Outcome.UNKNOWN if Outcome.UNKNOWN in outcomes else Outcome.FAILED

    @property
    def receipt(self) -> str:
        """Its receipt, if it has one."""
        return next((one.receipt for one in self.operations if one.receipt), "")

    @property
    def leaf_index(self) -> int | None:
        """Its place in the log, if it has one."""
        indices = (one.leaf_index for one in self.operations if one.leaf_index is not None)
        return next(indices, None)

    @property
    def begin_ns(self) -> int:
        """The time of the first sending, in nanoseconds."""
        return min(one.begin_ns for one in self.operations)

    @property
    def known_ns(self) -> int | None:
        """From when on somebody knew that it was accepted; None if nobody does."""
        known = [one.known_ns for one in self.operations if one.outcome is Outcome.OK]
        return min(known, default=None)

    def __str__(self) -> str:
        return f"{self.first.kind} {self.request_id} of {self.signer}"


def by_statement(operations: Iterable[Operation]) -> list[SentStatement]:
    """Statements in the order in which they were first sent.

    What is refused may be signed again under its request id: the bytes that were accepted count.
    """
    operations_of: dict[tuple[str, str], list[Operation]] = {}
    for one in sorted(operations, key=lambda one: one.begin_ns):
        if one.request_id and one.kind not in TRIES and one.about.get("how") != OTHER_BYTES:
            operations_of.setdefault((signer_of(one.envelope), one.request_id), []).append(one)
    return [
        SentStatement(
            signer,
            request_id,
            tuple(sorted(_that_count(sent), key=lambda one: one.kind == "again")),
        )
        for (signer, request_id), sent in operations_of.items()
    ]


def _that_count(sent: list[Operation]) -> list[Operation]:
    """Return the sendings of the bytes that were accepted; all, if none were."""
    accepted = {one.envelope for one in sent if one.outcome is Outcome.OK}
    return [one for one in sent if one.envelope in accepted] or sent


@lru_cache(maxsize=100_000)
def signer_of(envelope: str) -> str:
    """Return the signer in a statement's header; empty without a statement."""
    if not envelope:
        return ""
    # Every statement's header is its first field: whichever message it is, this reads it.
    return Evaluation.FromString(opened(envelope).payload).header.signer


def opened(envelope: str) -> Envelope:
    """An envelope from a history."""
    return Envelope.FromString(base64.b64decode(envelope))


def digest_of(envelope: str) -> bytes:
    """Return the digest that names a statement: SHA-256 of its PAE."""
    return digest(opened(envelope))


def parsed(envelope: bytes, payload: type[M]) -> M:
    """Return the statement in an envelope of the log; an empty one if it is another.

    Another check names an envelope that is not the logged one.
    """
    try:
        return peek(Envelope.FromString(envelope), payload)
    except (KeysError, DecodeError):
        return payload()
