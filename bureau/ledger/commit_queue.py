"""The commit queue: one writer through which every change goes.

Request threads verify and parse in parallel, then hand over a unit of work. The
writer drains the queue, runs the units one after another in one transaction,
each behind a savepoint so that one that fails harms no other, appends their
leaves and commits once: one durable commit acknowledges many requests, and the
order of the log is the order of effects.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

import structlog

from bureau.clock import Clock, Moment
from bureau.errors import Refusal
from bureau.ledger import log
from bureau.ledger.entry_keys import EntryKeys
from bureau.ledger.log import LoggedEntry, LogProof, NewLeaf, SignedStatement
from bureau.ledger.node_checks import ForkedLogError
from bureau.metrics import observe_commit
from bureau.store import queries as q
from bureau.store.database import Connection, Database
from bureau.store.errors import StorageError
from bureau_keys.signing import SigningKey

T = TypeVar("T")

logger = structlog.get_logger("bureau.ledger")

# Requests that may wait; beyond it the bureau sheds load instead of queueing.
MAX_WAITING = 2048
# Units in one transaction: bounds how long the first of them waits.
MAX_BATCH = 256
# Seconds that a caller waits for its commit before the outcome is unknown.
MAX_WAIT_S = 60.0
# Times that a unit is tried which others' transactions are in the way of.
MAX_TRIES = 4
# Monotonic time after which nobody waits for what this call does; the guard sets
# it, so that a call that has been given up is not begun.
deadline: ContextVar[float] = ContextVar("deadline", default=math.inf)


@dataclass(slots=True)
class Transaction:
    """What a unit of work sees of the writer's transaction.

    Attributes:
        db: The connection.
        now_us: Time of the batch, microseconds since 1970.
        entry_key: Key of the entry that this unit will become.
        new_key: Makes a key that no row of any table has yet.
        answer_digest: SHA-256 of a signed answer, if the unit makes one.
    """

    db: Connection
    now_us: int
    entry_key: int
    new_key: Callable[[], int]
    answer_digest: bytes = b""


@dataclass(frozen=True, slots=True)
class RecordedDenial:
    """What a unit returns to refuse a request and yet keep what it wrote."""

    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Committed(Generic[T]):
    """An acknowledged statement.

    Attributes:
        result: What the unit returned; None for a replay.
        proof: The entry, its inclusion proof and checkpoint: the receipt.
        replayed: The statement had been accepted before; `proof` is the first
            one again.
    """

    result: T | None
    proof: LogProof
    replayed: bool


Work = Callable[[Transaction], T | RecordedDenial]


@dataclass(slots=True)
class _Unit:
    statement: SignedStatement
    work: Work[Any]
    deadline: float
    tries: int = 0
    committed: Committed[Any] | None = None
    error: Exception | None = None
    # Held until there is an outcome: a bare lock wakes its one waiter several
    # times faster than an Event would.
    _undecided: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._undecided.acquire()

    def try_again(self) -> bool:
        """Whether it may have another turn."""
        self.tries += 1
        return self.tries < MAX_TRIES

    def wait(self, seconds: float) -> bool:
        """Whether there is an outcome, within so many seconds."""
        return self._undecided.acquire(timeout=max(seconds, 0))

    def succeed(self, committed: Committed[Any]) -> None:
        """Acknowledges."""
        self.committed = committed
        self._decide()

    def fail(self, error: Exception) -> None:
        """Refuses."""
        # Without the writer's frames, which hold this unit: the circle would keep the
        # call open until the collector comes.
        self.error = error.with_traceback(None)
        self._decide()

    def _decide(self) -> None:
        if self._undecided.locked():
            self._undecided.release()


class Ledger:
    """The writer and its queue."""

    def __init__(
        self,
        database: Database,
        key: SigningKey,
        origin: str,
        clock: Clock,
        *,
        on_commit: Callable[[str], None] = lambda _note: None,
        on_fatal: Callable[[str], None] = lambda _why: None,
        on_fork: Callable[[ForkedLogError], None] = lambda _error: None,
    ) -> None:
        """Args:
        database: Where everything is stored.
        key: Signs checkpoints.
        origin: The log's origin.
        clock: The time.
        on_commit: Is given each checkpoint after its commit.
        on_fatal: Is told when the process must not go on.
        on_fork: Is told when the log is not what this node has acknowledged.
        """
        self._database = database
        self._key = key
        self._origin = origin
        self._clock = clock
        self._on_commit = on_commit
        self._on_fatal = on_fatal
        self._on_fork = on_fork
        self._acknowledged: log.Head | None = None
        self._queue: SimpleQueue[_Unit | None] = SimpleQueue()
        self._keys = EntryKeys()
        self._open = True
        self._dead = False
        self._gate = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)

    def start(self) -> None:
        """Starts the writer."""
        self._thread.start()

    def stop(self) -> None:
        """Takes no more, finishes what it took, and ends the writer."""
        with self._gate:
            self._open = False
        self._queue.put(None)  # the last element: the gate is closed
        if self._thread.is_alive():
            self._thread.join()

    def commit(self, statement: SignedStatement, work: Work[T]) -> Committed[T]:
        """Runs a unit of work and appends its statement, durably, once.

        A statement that was accepted before is not run again: its first proof
        comes back. Blocks until the outcome is on disk.

        Raises:
            Refusal: What the unit raised or denied; IDEMPOTENCY_CONFLICT if the
                request id was used for other bytes; OVERLOADED,
                DATABASE_UNAVAILABLE, NODE_UNFIT, STORAGE_FULL, SHUTTING_DOWN, DEADLINE.
        """
        unit = _Unit(statement, work, deadline.get())
        with self._gate:
            if not self._open:
                raise Refusal("SHUTTING_DOWN", "the node is stopping")
            if self._queue.qsize() >= MAX_WAITING:
                raise Refusal("OVERLOADED", "too many writes are waiting")
            self._queue.put(unit)
        if not unit.wait(min(MAX_WAIT_S, unit.deadline - time.monotonic())):
            raise Refusal("DEADLINE", "not settled in time: a retry with the same id tells")
        if unit.error is not None:
            try:
                raise unit.error
            finally:
                del unit  # as in `fail`: the traceback will hold this frame
        assert unit.committed is not None
        return unit.committed

    def _run(self) -> None:
        stopping = False
        waiting: list[_Unit] = []
        while not (stopping and not waiting):
            batch = waiting or [unit for unit in [self._queue.get()] if unit]
            stopping = stopping or not batch
            try:
                while len(batch) < MAX_BATCH:
                    unit = self._queue.get_nowait()
                    if unit is None:
                        stopping = True
                    else:
                        batch.append(unit)
            except Empty:
                pass
            waiting = self._commit_batch(batch) if batch else []

    def _commit_batch(self, batch: list[_Unit]) -> list[_Unit]:
        """Commits a batch; returns the units that must wait for the next one."""
        if self._dead:
            # What is on disk is unknown: nothing may be built upon it.
            for unit in batch:
                unit.fail(Refusal("DATABASE_UNAVAILABLE", "the disk failed; this node ends"))
            return []
        try:
            return self._transact(batch)
        except StorageError as error:
            # Another node may have taken a request id that is in the batch: its units are
            # tried again, and the one it is finds its twin's entry.
            again = [unit for unit in batch if error.conflict and unit.try_again()]
            lost = [unit for unit in batch if unit not in again]
            if lost:
                logger.error("batch_failed", error=str(error), units=len(lost), fatal=error.fatal)
            refusal = _refusal_of(error)
            for unit in lost:
                unit.fail(refusal)
            if error.fatal:
                self._dead = True
                self._on_fatal(str(error))
            return again
        except Refusal as refusal:
            # The node's own fault: nothing of the batch was stored.
            logger.error("batch_refused", reason=refusal.reason, why=refusal.message)
            for unit in batch:
                unit.fail(refusal)
        except ForkedLogError as error:
            self._dead = True
            self._on_fork(error)
            for unit in batch:
                unit.fail(Refusal("NODE_UNFIT", "the database went back in time"))
        except Exception:
            logger.exception("batch_broken", units=len(batch))
            for unit in batch:
                unit.fail(Refusal("INTERNAL", "the bureau failed on this request"))
        return []

    def _transact(self, batch: list[_Unit]) -> list[_Unit]:
        ends, taken = _BatchResult(), set()
        moment, begun = self._clock.moment(), time.monotonic()

        with self._database.transaction() as db:
            for unit in batch:
                name = (unit.statement.signer, unit.statement.request_id)
                if time.monotonic() > unit.deadline:
                    ends.refused.append((unit, Refusal("DEADLINE", "given up before it was begun")))
                elif name in taken:
                    ends.deferred.append(unit)  # its twin is in this batch: replay it from the next
                else:
                    taken.add(name)
                    self._run_unit(db, unit, moment.now_us, ends)
            leaves, at_head = [leaf for _, leaf, _ in ends.accepted], time.monotonic()
            proofs, head = self._append(db, leaves, moment)
            if ends.answered and not leaves:
                log.confirm_durable(db)  # what a replay tells again must be durable by now

        # On disk. A crash from here on loses only replies; a retry fetches them.
        if proofs:
            self._acknowledged = head
            settled = time.monotonic()
            observe_commit(len(proofs), settled - begun, settled - at_head)
            self._on_commit(proofs[-1].checkpoint)
        for (unit, _, result), proof in zip(ends.accepted, proofs, strict=True):
            unit.succeed(Committed(result, proof, replayed=False))
        for unit, committed in ends.answered:
            unit.succeed(committed)
        for unit, error in ends.refused:
            unit.fail(error)
        return ends.deferred

    def _append(
        self, db: Connection, leaves: list[NewLeaf], moment: Moment
    ) -> tuple[list[LogProof], log.Head | None]:
        if not leaves:
            return [], None
        return log.append(db, leaves, self._key, self._origin, moment, self._acknowledged)

    def _run_unit(self, db: Connection, unit: _Unit, now_us: int, ends: _BatchResult) -> None:
        """Runs one unit behind its savepoint, and notes how it ended."""
        told = unit.statement
        new_key = partial(self._keys.next, now_us)
        tx = Transaction(db, now_us, new_key(), new_key)
        db.execute_raw("SAVEPOINT unit")
        try:
            found = db.one(q.entry_of_request, signer=told.signer, request_id=told.request_id)
            if found:
                ends.answered.append((unit, _replay(db, LoggedEntry(*found), told)))
            else:
                result = unit.work(tx)
                if isinstance(result, RecordedDenial):
                    if not self._answer_as_duplicate(db, unit, ends):
                        ends.refused.append((unit, result.refusal))
                else:
                    leaf = NewLeaf(tx.entry_key, told, tx.answer_digest)
                    ends.accepted.append((unit, leaf, result))
        except Refusal as refusal:
            if not self._answer_as_duplicate(db, unit, ends):
                db.execute_raw("ROLLBACK TO SAVEPOINT unit")
                ends.refused.append((unit, refusal))
        except StorageError as error:
            if not (error.conflict or error.too_long):
                raise
            # A deadlock with another node, a row that it took or keeps, a statement that
            # took too long: this unit's alone. What it holds is let go; after a conflict
            # it has another turn.
            db.execute_raw("ROLLBACK TO SAVEPOINT unit")
            if error.conflict and unit.try_again():
                ends.deferred.append(unit)
            else:
                ends.refused.append((unit, _refusal_of(error)))
        except Exception:
            # A fault of ours in one unit is that unit's alone.
            logger.exception("unit_broken", request_id=told.request_id)
            db.execute_raw("ROLLBACK TO SAVEPOINT unit")
            ends.refused.append((unit, Refusal("INTERNAL", "the bureau failed on this request")))
        db.execute_raw("RELEASE SAVEPOINT unit")

    def _answer_as_duplicate(self, db: Connection, unit: _Unit, ends: _BatchResult) -> bool:
        """Whether a refused unit is answered by its twin: the same statement, which another
        node accepted while this one waited for a row. What refused it is its own effect.
        """
        told = unit.statement
        found = db.one(q.entry_of_request, signer=told.signer, request_id=told.request_id)
        if not found or LoggedEntry(*found).digest != told.digest:
            return False
        db.execute_raw("ROLLBACK TO SAVEPOINT unit")
        ends.answered.append((unit, _replay(db, LoggedEntry(*found), told)))
        return True


@dataclass(slots=True)
class _BatchResult:
    """How the units of a batch ended, before its commit."""

    accepted: list[tuple[_Unit, NewLeaf, Any]] = field(default_factory=list)
    answered: list[tuple[_Unit, Committed[Any]]] = field(default_factory=list)
    refused: list[tuple[_Unit, Exception]] = field(default_factory=list)
    deferred: list[_Unit] = field(default_factory=list)


def _replay(db: Connection, entry: LoggedEntry, statement: SignedStatement) -> Committed[Any]:
    if entry.digest != statement.digest:
        raise Refusal("IDEMPOTENCY_CONFLICT", "this request id was used for another request")
    return Committed(None, log.proof_of(db, entry), replayed=True)


def _refusal_of(error: StorageError) -> Refusal:
    if error.unfit:
        return Refusal("NODE_UNFIT", str(error))
    if error.full:
        return Refusal("STORAGE_FULL", "the bureau's disk is full")
    if error.conflict:
        return Refusal("CONFLICT", "another request was in the way")
    if error.outcome_known:
        return Refusal("DATABASE_UNAVAILABLE", "the database did not answer; nothing was stored")
    return Refusal("DATABASE_UNAVAILABLE", "the database did not answer; the outcome is unknown")
