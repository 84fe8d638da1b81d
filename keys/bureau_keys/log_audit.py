"""Audits a log: recomputes the root of every signed checkpoint from the leaves, and every
leaf from its statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Generic, Protocol, TypeVar

from google.protobuf.message import DecodeError

from bureau_keys.envelope import digest
from bureau_keys.errors import BadProof, MalformedMessage
from bureau_keys.merkle import Frontier, leaf_hash
from bureau_keys.receipt import LeafStatement, commitment
from creditbureau.v1.envelope_pb2 import Envelope


class SignedRoot(Protocol):
    """A checkpoint whose signature verified."""

    @property
    def size(self) -> int:
        """The number of leaves."""

    @property
    def root(self) -> bytes:
        """The signed root."""


class StoredLeaf(Protocol):
    """A leaf with the values that it commits to, as a database holds them."""

    @property
    def kind(self) -> str:
        """The kind of the statement."""

    @property
    def digest(self) -> bytes:
        """The digest of the statement's envelope."""

    @property
    def answer_digest(self) -> bytes:
        """The digest of the answer; empty if the leaf covers none."""

    @property
    def time_us(self) -> int:
        """The time of the leaf, in microseconds."""

    @property
    def salt(self) -> bytes:
        """The salt of the commitment."""

    @property
    def commitment(self) -> bytes:
        """The leaf."""


C = TypeVar("C", bound=SignedRoot)


class LogFault(BadProof):
    """Checkpoints of one log that contradict each other.

    Attributes:
        size: The tree size of the checkpoint that contradicts another.
    """

    def __init__(self, message: str, size: int) -> None:
        super().__init__(message)
        self.size = size


def check_checkpoints(listed: Sequence[C], kept: Iterable[C] = ()) -> None:
    """Check that a log's checkpoints do not contradict each other.

    Args:
        listed: The checkpoints that the log lists, oldest first.
        kept: Checkpoints from other sources, in any order.

    Raises:
        LogFault: The log shrank, or signed two roots of one size.
    """
    for before, after in pairwise(listed):
        if after.size < before.size:
            raise LogFault(
                f"the log shrank: size {after.size} was signed after size {before.size}",
                after.size,
            )
    roots: dict[int, bytes] = {}
    for checkpoint in (*listed, *kept):
        if roots.setdefault(checkpoint.size, checkpoint.root) != checkpoint.root:
            raise LogFault(
                f"the log is forked: two roots of size {checkpoint.size} were signed",
                checkpoint.size,
            )


class LogAudit(Generic[C]):
    """An audit in progress; the caller downloads the leaves and adds them in order.

    Attributes:
        frontier: The tree over all leaves added so far.
        unconfirmed: Hashes of the leaves after the last checkpoint that holds.
        held: The number of checkpoints that hold.
        newest: The last checkpoint that holds; None before the first.
        contradicted: The checkpoints whose root the leaves do not give.
    """

    def __init__(self, checkpoints: Iterable[C]) -> None:
        self.frontier = Frontier()
        self.unconfirmed: list[bytes] = []
        self.held = 0
        self.newest: C | None = None
        self.contradicted: list[C] = []
        # The next checkpoint last.
        self._pending = sorted(checkpoints, key=lambda checkpoint: checkpoint.size, reverse=True)
        self._settle()

    @property
    def wrong(self) -> C | None:
        """The first checkpoint that the leaves do not give; None while all hold."""
        return self.contradicted[0] if self.contradicted else None

    @property
    def unreached(self) -> list[C]:
        """The checkpoints of more leaves than were added, the largest first."""
        return list(self._pending)

    def add(self, leaf: bytes) -> None:
        """Add the next leaf and compare the checkpoints that end with it."""
        hashed = leaf_hash(leaf)
        self.frontier.append(hashed)
        self.unconfirmed.append(hashed)
        self._settle()

    def _settle(self) -> None:
        """Compare the checkpoints of the present size with the root of the leaves."""
        while self._pending and self._pending[-1].size == self.frontier.size:
            checkpoint = self._pending.pop()
            if checkpoint.root != self.frontier.root():
                self.contradicted.append(checkpoint)
                continue
            self.held += 1
            self.newest = checkpoint
            self.unconfirmed.clear()


def leaf_violations(leaf: StoredLeaf, envelope: bytes | None) -> Iterator[str]:
    """Yield the reasons why a stored leaf is not the commitment to its stored statement.

    Args:
        envelope: The statement's serialised envelope; None if the database has none.
    """
    if not envelope:
        yield "its statement is missing"
    else:
        try:
            if digest(Envelope.FromString(envelope)) != leaf.digest:
                yield "its statement is not the one that was logged"
        except DecodeError:
            yield "its statement is no envelope"
    statement = LeafStatement(leaf.kind, leaf.digest, leaf.answer_digest, leaf.time_us)
    try:
        follows = commitment(statement, leaf.salt) == leaf.commitment
    except MalformedMessage:
        follows = False
    if not follows:
        yield "its commitment does not follow from kind, digests, time and salt"
