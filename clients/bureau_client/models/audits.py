"""What an audit of the log found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A state of the log that the bureau signed.

    Attributes:
        origin: The log's name.
        size: Number of leaves.
        root: RFC 6962 root, 32 bytes.
        note: The signed note itself.
        witnesses: Names of the profile's witnesses that have cosigned it.
    """

    origin: str
    size: int
    root: bytes
    note: str
    witnesses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """The first thing that is wrong with the log.

    Attributes:
        text: What is wrong, for people.
        size: Size of the checkpoint that does not hold; None if none is at fault.
        first_index: First leaf that may have been changed; None if none was.
        last_index: Last leaf that may have been changed; equal to `first_index`
            where the leaf could be named exactly.
    """

    text: str
    size: int | None = None
    first_index: int | None = None
    last_index: int | None = None


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What an audit found.

    Attributes:
        origin: The log's name.
        tree_size: Leaves that were hashed.
        checkpoint_count: Checkpoints whose signature and root were checked.
        newest: The largest checkpoint that holds; None if there is none.
        witnessed: The largest that enough of the profile's witnesses have cosigned, as
            many as its quorum, or else any; None if there is none.
        fault: The first thing that is wrong; None if nothing is.
        elapsed: How long it took.
    """

    origin: str
    tree_size: int
    checkpoint_count: int
    newest: Checkpoint | None
    witnessed: Checkpoint | None
    fault: Fault | None
    elapsed: timedelta

    @property
    def ok(self) -> bool:
        """Whether everything holds."""
        return self.fault is None
