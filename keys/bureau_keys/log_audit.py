"""Audits a log: recomputes the root of every signed checkpoint from the leaves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Generic, Protocol, TypeVar

from bureau_keys.errors import BadProof
from bureau_keys.merkle import Frontier, leaf_hash


class SignedRoot(Protocol):
    """A checkpoint whose signature verified."""

    @property
    def size(self) -> int:
        """The number of leaves."""

    @property
    def root(self) -> bytes:
        """The signed root."""


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
        wrong: The first checkpoint that the leaves do not give; None while all hold.
    """

    def __init__(self, checkpoints: Iterable[C]) -> None:
        self.frontier = Frontier()
        self.unconfirmed: list[bytes] = []
        self.held = 0
        self.newest: C | None = None
        self.wrong: C | None = None
        # The next checkpoint last.
        self._pending = sorted(checkpoints, key=lambda at: at.size, reverse=True)
        self._settle()

    def add(self, leaf: bytes) -> C | None:
        """Add the next leaf and return the checkpoint that it contradicts, if any."""
        hashed = leaf_hash(leaf)
        self.frontier.append(hashed)
        self.unconfirmed.append(hashed)
        return self._settle()

    def _settle(self) -> C | None:
        """Compare the checkpoints of the present size with the root of the leaves."""
        while self._pending and self._pending[-1].size == self.frontier.size:
            checkpoint = self._pending.pop()
            if checkpoint.root != self.frontier.root():
                self.wrong = checkpoint
                return checkpoint
            self.held += 1
            self.newest = checkpoint
            self.unconfirmed.clear()
        return None
