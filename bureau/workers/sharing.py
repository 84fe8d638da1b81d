"""The parts that the workers of one node share."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from bureau.enumeration_limiter import EnumerationLimiter
from bureau.rpc.limits import SharedAmounts
from bureau.store.turns import Turns
from bureau.workers.notices import CommitNotices


@dataclass(frozen=True, slots=True)
class Sharing:
    """The shared parts of a worker. A node of one process has the passphrase alone.

    Attributes:
        passphrase: Passphrase of the keyring.
        is_worker: True for a worker: other processes listen at its port.
        calls, streams, request_bytes: Amounts of members in the other workers.
        misses: The enumeration limiter of all workers.
        notices: Notices of commits between workers; None where the database sends them.
        write_turn: Returns the block in which this worker may write to a SQLite file.
        kept_turns: Turns of the workers that write the kept checkpoint.
    """

    passphrase: bytes
    is_worker: bool = False
    calls: SharedAmounts | None = None
    streams: SharedAmounts | None = None
    request_bytes: SharedAmounts | None = None
    misses: EnumerationLimiter | None = None
    notices: CommitNotices | None = None
    write_turn: Callable[[], AbstractContextManager[None]] | None = None
    kept_turns: Turns | None = None
