"""The parts that the workers of one node share."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from bureau.enumeration_limiter import EnumerationLimiter
from bureau.recent_calls import KeptCalls
from bureau.rpc.limits import SharedAmounts
from bureau.store.turns import Turns
from bureau.workers.notices import CommitNotices


@dataclass(frozen=True, slots=True)
class Sharing:
    """The shared parts of a worker. A node of one process has the passphrase alone.

    Attributes:
        passphrase: Passphrase of the keyring.
        worker: Number of the worker, from 1: other processes listen at its ports. 0 for the one
            process of a node.
        calls, streams, request_bytes, unread_bytes: Amounts of members in the other workers.
        http_connections: Connections under certificates to the other workers.
        misses: The enumeration limiter of all workers.
        recent_calls: The newest calls of all workers.
        notices: Notices of commits between workers; None where the database sends them.
        write_turn: Returns the block in which this worker may write to a SQLite file.
        kept_turns: Turns of the workers that write the kept checkpoint.
    """

    passphrase: bytes
    worker: int = 0
    calls: SharedAmounts | None = None
    streams: SharedAmounts | None = None
    request_bytes: SharedAmounts | None = None
    unread_bytes: SharedAmounts | None = None
    http_connections: SharedAmounts | None = None
    misses: EnumerationLimiter | None = None
    recent_calls: KeptCalls | None = None
    notices: CommitNotices | None = None
    write_turn: Callable[[], AbstractContextManager[None]] | None = None
    kept_turns: Turns | None = None

    @property
    def is_worker(self) -> bool:
        """True for a worker, False for the one process of a node."""
        return self.worker > 0

    def instance_of(self, node: str) -> str:
        """Return the name of this process in traces: the node's, and a worker's number."""
        return f"{node}/{self.worker}" if self.is_worker else node
