"""Units of work: what waits in the commit queue, the transaction that it sees, and its outcome."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Generic, NamedTuple, Self, TypeVar

from bureau import tracing
from bureau.errors import Refusal
from bureau.ledger.log import LogProof, NewLeaf, SignedStatement
from bureau.quotas import Party, parties_of
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau.waker import Waker
from bureau_keys.denial import denial_digest
from bureau_keys.signer_name import subject_id_of

T = TypeVar("T")

# Seconds that a caller waits for its commit; then it gets DEADLINE, outcome unknown.
MAX_WAIT_S = 60.0
# Bytes of a request whose unit has a transaction of its own: those of some 300 records.
LARGE_UNIT_BYTES = 64 * 1024
# Maximum attempts for a unit that hits a serialization conflict.
MAX_TRIES = 4
# Monotonic time after which the caller has given up; the guard sets it, so that the writer
# does not begin a unit without a caller.
deadline: ContextVar[float] = ContextVar("deadline", default=math.inf)


class Load(NamedTuple):
    """The call that a unit comes with; the guard sets it for the quotas.

    Attributes:
        carrier: Id of the calling member; empty outside of a call.
        size: Bytes of the request.
    """

    carrier: str = ""
    size: int = 0


OUTSIDE = Load()
load: ContextVar[Load] = ContextVar("load", default=OUTSIDE)


class KeptKey(NamedTuple):
    """A key of a member that is in force, and stays so until the transaction ends."""

    member_id: str
    key_id: str


@dataclass(slots=True)
class Transaction:
    """The writer's transaction, as a unit of work sees it.

    Attributes:
        db: The connection.
        now_us: Time of the unit, microseconds since 1970: that at which its batch began, until it
            catches up.
        entry_key: Key of the log entry of this unit.
        new_key: Returns a key that no row of any table has.
        answer_digest: SHA-256 of the signed answer; empty without one.
        subjects: Ids of the subjects whose chain of events the unit extends; a subject who
            signed is one from the start.
        span: The span of the unit's work; None if its call is not traced.
        kept_keys: The members' keys in force that this unit, or one before it in the transaction,
            has locked.
    """

    db: Connection
    now_us: int
    entry_key: int
    new_key: Callable[[], int]
    answer_digest: bytes = b""
    subjects: set[str] = field(default_factory=set)
    span: tracing.Span | None = None
    kept_keys: set[KeptKey] = field(default_factory=set)

    def catch_up(self) -> None:
        """Move the unit's time on to the log's newest, after it waited for a lock.

        What other nodes committed meanwhile comes before this unit in the log, and is later than
        the beginning of its batch.
        """
        newest_us, _ = self.db.one(q.times) or (0, None)
        self.now_us = max(self.now_us, newest_us)


@dataclass(frozen=True, slots=True)
class RecordedDenial:
    """The result of a unit that refuses a request, and keeps the rows it wrote.

    The statement becomes a leaf, too, which covers the reason of the refusal.
    """

    refusal: Refusal

    def leaf(self, tx: Transaction, statement: SignedStatement) -> NewLeaf:
        """Return the leaf of the refused statement."""
        denied = replace(statement, kind="inquiry-denial")
        return NewLeaf(tx.entry_key, denied, denial_digest(self.refusal.reason), tx.subjects)


@dataclass(frozen=True, slots=True)
class Committed(Generic[T]):
    """An acknowledged statement.

    Attributes:
        result: Return value of the unit; None for a replay.
        proof: Entry, inclusion proof and checkpoint: the receipt.
        replayed: True for a statement accepted before, with the `proof` that it had then.
    """

    result: T | None
    proof: LogProof
    replayed: bool


Work = Callable[[Transaction], T | RecordedDenial]


class JointWork(ABC, Generic[T]):
    """Work that units do together with others of the same class, each step for all of them."""

    @property
    @abstractmethod
    def about(self) -> str:
        """The name of what it changes: units that change the same run one after another."""

    @classmethod
    @abstractmethod
    def do_together(
        cls, works: Sequence[Self], txs: Sequence[Transaction]
    ) -> list[T | RecordedDenial | Refusal]:
        """Run works about different things; return the result of each.

        Args:
            txs: The transaction of each, all at one time.

        Returns:
            A Refusal for a work that was not done: then all are rolled back, and each runs alone.
        """

    def __call__(self, tx: Transaction) -> T | RecordedDenial:
        """Run this work alone."""
        (result,) = self.do_together([self], [tx])
        if isinstance(result, Refusal):
            raise result
        return result


@dataclass(slots=True, eq=False)
class Unit(Generic[T]):
    """A unit of work in the queue, and its outcome.

    Attributes:
        deadline: Monotonic time after which the caller has given up.
        load: The call that it comes with.
        parties: The parties whose quotas it counts for.
        span: The span of its commit; None if the call is not traced.
        waker: Wakes the caller when there is an outcome.
        is_alone: True if it runs together with no other: something failed when it did.
        is_apart: True if it has a transaction of its own: it is large, or a lock of another
            transaction kept it waiting.
    """

    statement: SignedStatement
    work: Work[T]
    deadline: float
    load: Load
    parties: Sequence[Party]
    span: tracing.Span | None
    waker: Waker
    is_alone: bool = False
    is_apart: bool = False
    tries: int = 0
    committed: Committed[T] | None = None
    error: Exception | None = None

    def __post_init__(self) -> None:
        self.is_apart = self.size >= LARGE_UNIT_BYTES

    @classmethod
    def of_call(cls, statement: SignedStatement, work: Work[T], waker: Waker) -> Unit[T]:
        """Return a unit of the call in whose context this runs."""
        span = tracing.start_step("commit")
        call = load.get()
        parties = parties_of(statement.signer, call.carrier)
        return cls(statement, work, deadline.get(), call, parties, span, waker)

    @property
    def size(self) -> int:
        """Bytes that the unit counts for: those of its request, at least of its envelope."""
        return max(self.load.size, len(self.statement.envelope))

    @property
    def is_decided(self) -> bool:
        """True if there is an outcome."""
        return self.committed is not None or self.error is not None

    def result(self) -> Committed[T]:
        """Wait for the outcome, and return it.

        Raises:
            Refusal: See `Writer.commit`.
        """
        with tracing.ending(self.span):
            if not self.is_decided:
                self.waker.wait(min(MAX_WAIT_S, self.deadline - time.monotonic()))
            if self.error is not None:
                try:
                    raise self.error
                finally:
                    del self  # as in `fail`: the traceback will hold this frame
            if self.committed is None:
                raise Refusal(
                    "DEADLINE", "no outcome in time: retry with the same request id to learn it"
                )
            return self.committed

    def try_again(self) -> bool:
        """Count an attempt; return true if another one is allowed."""
        self.tries += 1
        return self.tries < MAX_TRIES

    def succeed(self, committed: Committed[T]) -> None:
        """Acknowledge the unit."""
        self.committed = committed
        self.waker.wake()

    def fail(self, error: Exception) -> None:
        """Refuse the unit."""
        # Drop the traceback: it references this unit, and the reference cycle would keep
        # the call open until garbage collection.
        self.error = error.with_traceback(None)
        self.waker.wake()


def subjects_of(statement: SignedStatement) -> set[str]:
    """Return the subject who signed a statement; the empty set for a member."""
    return {subject_id_of(statement.signer)} - {""}
