"""The commit queue: one writer for all changes of a node.

Request threads queue a unit of work each for what they have verified. The
writer drains the queue, runs the units one after another in one transaction,
each under a savepoint so that a failed unit affects no other, appends their
leaves and commits once: one durable commit acknowledges many requests, and the
order of the log is the order of effects.
"""

from __future__ import annotations

import math
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

import structlog

from bureau import tracing
from bureau.clock import Clock, Moment
from bureau.errors import Refusal
from bureau.ledger import log
from bureau.ledger.entry_keys import EntryKeys
from bureau.ledger.known_checkpoint import KnownCheckpoint
from bureau.ledger.log import LoggedEntry, LogProof, NewLeaf, SignedStatement
from bureau.ledger.node_checks import ForkedLogError, check_clock
from bureau.ledger.quota_meter import QuotaMeter
from bureau.ledger.unit_queue import UnitQueue
from bureau.metrics import observe_commit
from bureau.quotas import Party, Quotas, parties_of
from bureau.store import queries as q
from bureau.store.database import Connection, Database
from bureau.store.errors import StorageError
from bureau.waker import Waker
from bureau_keys.denial import denial_digest
from bureau_keys.signer_name import subject_id_of
from bureau_keys.signing import SigningKey

T = TypeVar("T")

logger = structlog.get_logger("bureau.ledger")

# Units that may wait; more are refused with OVERLOADED.
MAX_WAITING = 2048
# Units in one transaction, and seconds after which it takes no further one: they limit the wait of
# the first of them.
MAX_BATCH, MAX_BATCH_S = 256, 0.1
# Seconds that a caller waits for its commit; then it gets DEADLINE, outcome unknown.
MAX_WAIT_S = 60.0
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
    """

    db: Connection
    now_us: int
    entry_key: int
    new_key: Callable[[], int]
    answer_digest: bytes = b""
    subjects: set[str] = field(default_factory=set)

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


@dataclass(slots=True)
class Unit(Generic[T]):
    """A unit of work in the queue, and its outcome.

    Attributes:
        deadline: Monotonic time after which the caller has given up.
        load: The call that it comes with.
        span: The span of its commit; None if the call is not traced.
        waker: Wakes the caller when there is an outcome.
    """

    statement: SignedStatement
    work: Work[T]
    deadline: float
    load: Load
    span: tracing.Span | None
    waker: Waker
    tries: int = 0
    committed: Committed[T] | None = None
    error: Exception | None = None

    @classmethod
    def of_call(cls, statement: SignedStatement, work: Work[T], waker: Waker) -> Unit[T]:
        """Return a unit of the call in whose context this runs."""
        span = tracing.start_step("commit")
        return cls(statement, work, deadline.get(), load.get(), span, waker)

    @property
    def parties(self) -> list[Party]:
        """The parties whose quotas the unit counts for."""
        return parties_of(self.statement.signer, self.load.carrier)

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


class Writer(ABC):
    """The place where journeys commit statements."""

    @abstractmethod
    def enqueue(self, unit: Unit[T]) -> None:
        """Queue a unit of work; one that cannot be queued is refused at once."""

    def commit(self, statement: SignedStatement, work: Work[T]) -> Committed[T]:
        """Run a unit of work and append its statement to the log, durably and once.

        A statement accepted before is not run again; its first proof is returned. Blocks
        until the outcome is on disk.

        Raises:
            Refusal: The refusal that the unit raised or recorded; IDEMPOTENCY_CONFLICT if the
                request id was used for other bytes; OVERLOADED,
                DATABASE_UNAVAILABLE, NODE_UNFIT, STORAGE_FULL, SHUTTING_DOWN, DEADLINE.
        """
        unit = Unit.of_call(statement, work, Waker())
        self.enqueue(unit)
        return unit.result()


class Ledger(Writer):
    """The writer and its queue."""

    def __init__(
        self,
        database: Database,
        key: SigningKey,
        origin: str,
        clock: Clock,
        known: KnownCheckpoint,
        *,
        quotas: Quotas | None = None,
        on_commit: Callable[[str], None] = lambda _note: None,
        on_fatal: Callable[[str], None] = lambda _why: None,
        on_fork: Callable[[ForkedLogError], None] = lambda _error: None,
        before_batch: Callable[[], None] = lambda: None,
    ) -> None:
        """Create the writer without starting it.

        Args:
            database: Database of the log and of everything else.
            key: Key that signs checkpoints.
            origin: Origin of the log.
            clock: Clock of the node.
            known: The newest checkpoint that this node knows; the writer adds its own.
            quotas: Quotas of parties for which the operator signed no others.
            on_commit: Called with each checkpoint after its commit.
            on_fatal: Called with the reason when the process must not go on.
            on_fork: Called when the log does not hold the known checkpoint.
            before_batch: Called before each batch; a Refusal that it raises refuses the batch.
        """
        self._database = database
        self._key = key
        self._origin = origin
        self._clock = clock
        self._on_commit = on_commit
        self._on_fatal = on_fatal
        self._on_fork = on_fork
        self._known = known
        self._quotas = quotas or Quotas()
        self._before_batch = before_batch
        self._queue: UnitQueue[Unit[Any]] = UnitQueue(MAX_WAITING, MAX_BATCH)
        self._keys = EntryKeys()
        self._dead = False
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)

    def start(self) -> None:
        """Start the writer."""
        self._thread.start()

    def stop(self) -> None:
        """Refuse new units, finish the queued ones, and stop the writer."""
        self._queue.close()
        if self._thread.is_alive():
            self._thread.join()

    def enqueue(self, unit: Unit[T]) -> None:
        """Queue a unit of work for the writer: see `Writer.enqueue`."""
        try:
            self._queue.put(unit)
        except Refusal as refusal:
            unit.fail(refusal)

    def _run(self) -> None:
        while batch := self._queue.get():
            self._queue.put_back(self._commit_batch(batch))

    def _commit_batch(self, batch: list[Unit[Any]]) -> list[Unit[Any]]:
        """Commit a batch; return the units that the next batch must take."""
        if self._dead:
            # The state on disk is unknown: nothing may be added to it.
            for unit in batch:
                unit.fail(Refusal("DATABASE_UNAVAILABLE", "the disk failed; this node ends"))
            return []
        try:
            return self._transact(batch)
        except StorageError as error:
            # Another node may have used a request id of this batch, or held the head row for too
            # long: its units are tried again, and a duplicate finds the entry of the other node.
            passing = error.conflict or error.too_long
            again = [unit for unit in batch if passing and unit.try_again()]
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
            # A fault of this node: nothing of the batch was stored.
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

    def _transact(self, batch: list[Unit[Any]]) -> list[Unit[Any]]:
        request_ids: set[tuple[str, str]] = set()
        begun = time.monotonic()
        self._before_batch()

        with self._database.transaction() as db:
            # The batch is judged by the later of this node's clock and the log's newest time.
            newest_us, server_us = db.one(q.times) or (0, None)
            self._clock.follow(newest_us)
            moment = self._clock.moment()
            check_clock(moment, newest_us, server_us)
            parties = {party for unit in batch for party in unit.parties}
            meter = QuotaMeter(db, self._quotas, parties, moment.now_us)
            results = _BatchResult(moment.now_us)
            end = time.monotonic() + MAX_BATCH_S
            for unit in batch:
                name = (unit.statement.signer, unit.statement.request_id)
                if time.monotonic() > unit.deadline:
                    results.refused.append(
                        (unit, Refusal("DEADLINE", "the deadline passed before the write began"))
                    )
                elif name in request_ids or (request_ids and time.monotonic() > end):
                    # A duplicate request id in this batch is answered from the log in the next.
                    results.deferred.append(unit)
                else:
                    request_ids.add(name)
                    self._run_unit(db, unit, meter, results)
            leaves, at_head = [leaf for _, leaf, _ in results.accepted], time.monotonic()
            proofs = self._append(db, leaves, moment)
            meter.store(db)
            if results.answered and not leaves:
                log.confirm_durable(
                    db
                )  # a replayed entry must be durable before its receipt goes out

        # On disk. A crash from here on loses only replies; a retry returns them.
        if proofs:
            self._known.see(proofs[-1].checkpoint)
            settled = time.monotonic()
            observe_commit(len(proofs), settled - begun, settled - at_head)
            self._on_commit(proofs[-1].checkpoint)
        for (unit, _, result), proof in zip(results.accepted, proofs, strict=True):
            if isinstance(result, RecordedDenial):
                unit.fail(result.refusal)
            else:
                unit.succeed(Committed(result, proof, replayed=False))
        for unit, committed in results.answered:
            unit.succeed(committed)
        for unit, error in results.refused:
            unit.fail(error)
        return results.deferred

    def _append(self, db: Connection, leaves: list[NewLeaf], moment: Moment) -> list[LogProof]:
        if not leaves:
            return []
        return log.append(db, leaves, self._key, self._origin, moment, self._known.note)

    def _run_unit(
        self,
        db: Connection,
        unit: Unit[Any],
        meter: QuotaMeter,
        results: _BatchResult,
    ) -> None:
        """Run one unit under its savepoint and record its result."""
        statement = unit.statement
        new_key = partial(self._keys.next, results.now_us)
        tx = Transaction(db, results.now_us, new_key(), new_key)
        tx.subjects.update(subjects_of(statement))
        db.execute_raw("SAVEPOINT unit")
        try:
            if entry := _entry_of(db, statement):
                results.answered.append((unit, _replay(db, entry, statement)))
            else:
                meter.check(unit.parties)
                with tracing.within(unit.span), tracing.step("unit of work"):
                    result = unit.work(tx)
                if not isinstance(result, RecordedDenial):
                    leaf = NewLeaf(tx.entry_key, statement, tx.answer_digest, tx.subjects)
                    results.accepted.append((unit, leaf, result))
                    meter.charge(unit.parties, unit.size)
                elif not self._answer_as_duplicate(db, unit, results):
                    leaf = result.leaf(tx, statement)
                    results.accepted.append((unit, leaf, result))
                    meter.charge(unit.parties, unit.size)
        except Refusal as refusal:
            if not self._answer_as_duplicate(db, unit, results):
                db.execute_raw("ROLLBACK TO SAVEPOINT unit")
                results.refused.append((unit, refusal))
        except StorageError as error:
            if not (error.conflict or error.too_long):
                raise
            # A deadlock with another node, a row that it wrote or locks, or a statement that
            # took too long concerns this unit alone. Roll the unit back, which releases its
            # locks; try it again after a conflict.
            db.execute_raw("ROLLBACK TO SAVEPOINT unit")
            if error.conflict and unit.try_again():
                results.deferred.append(unit)
            else:
                results.refused.append((unit, _refusal_of(error)))
        except Exception:
            # A bug in one unit must not fail the others.
            logger.exception("unit_broken", request_id=statement.request_id)
            db.execute_raw("ROLLBACK TO SAVEPOINT unit")
            results.refused.append((unit, Refusal("INTERNAL", "the bureau failed on this request")))
        db.execute_raw("RELEASE SAVEPOINT unit")
        results.now_us = max(results.now_us, tx.now_us)

    def _answer_as_duplicate(self, db: Connection, unit: Unit[Any], results: _BatchResult) -> bool:
        """Answer a refused unit with the receipt of the same statement, if another node has
        accepted it while this unit waited for a row: its effect there is the cause of the
        refusal here. Return false if no node has.
        """
        statement = unit.statement
        entry = _entry_of(db, statement)
        if entry is None or entry.digest != statement.digest:
            return False
        db.execute_raw("ROLLBACK TO SAVEPOINT unit")
        results.answered.append((unit, _replay(db, entry, statement)))
        return True


@dataclass(slots=True)
class _BatchResult:
    """The results of a batch's units, before its commit.

    Attributes:
        now_us: The time of the next unit, microseconds since 1970.
    """

    now_us: int
    accepted: list[tuple[Unit[Any], NewLeaf, Any]] = field(default_factory=list)
    answered: list[tuple[Unit[Any], Committed[Any]]] = field(default_factory=list)
    refused: list[tuple[Unit[Any], Exception]] = field(default_factory=list)
    deferred: list[Unit[Any]] = field(default_factory=list)


def subjects_of(statement: SignedStatement) -> set[str]:
    """Return the subject who signed a statement; the empty set for a member."""
    return {subject_id_of(statement.signer)} - {""}


def _entry_of(db: Connection, statement: SignedStatement) -> LoggedEntry | None:
    row = db.one(q.entry_of_request, signer=statement.signer, request_id=statement.request_id)
    return LoggedEntry(*row) if row else None


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
        return Refusal("CONFLICT", "another request changed the same rows; retry")
    if error.outcome_known:
        return Refusal("DATABASE_UNAVAILABLE", "the database did not answer; nothing was stored")
    return Refusal("DATABASE_UNAVAILABLE", "the database did not answer; the outcome is unknown")
