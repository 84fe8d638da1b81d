"""Results of an audit of the log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A state of the log that the bureau signed.

    Attributes:
        origin: The log's name.
        size: Number of leaves.
        root: RFC 6962 root, 32 bytes.
        note: The signed note.
        witnesses: Names of the profile's witnesses that cosigned the checkpoint.
        witnessed_at: Time at which the checkpoint had as many cosignatures as were asked for,
            by the clocks of the witnesses; None for a checkpoint without witnesses.
    """

    origin: str
    size: int
    root: bytes
    note: str
    witnesses: tuple[str, ...] = ()
    witnessed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """The first fault of the log.

    Attributes:
        text: Description for people.
        size: Size of the wrong checkpoint; None if the fault is not of a checkpoint.
        first_index: First leaf that may have been changed; None if none was.
        last_index: Last leaf that may have been changed; equal to `first_index`
            if a single leaf was found.
    """

    text: str
    size: int | None = None
    first_index: int | None = None
    last_index: int | None = None


@dataclass(frozen=True, slots=True)
class AuditReport:
    """Result of an audit.

    Attributes:
        origin: The log's name.
        tree_size: Number of leaves hashed.
        checkpoint_count: Number of checkpoints with correct signature and root.
        newest: The largest correct checkpoint; None without one.
        witnessed: The largest checkpoint cosigned by the profile's quorum of witnesses, or
            by any witness if the profile has no quorum; None without one.
        fault: The first fault; None for a correct log.
        elapsed: Time that the audit took.
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
        """True if the audit found no fault."""
        return self.fault is None
