"""The commit queue: one writer for all changes of a node.

Request threads queue a unit of work each for what they have verified. The
writer drains the queue, runs the units one after another in one transaction,
under savepoints so that a failed unit affects no other, appends their leaves and
commits once: one durable commit acknowledges many requests, and the order of the
log is the order of effects. Units that concern nothing in common may run together,
each step for all of them.
"""

from __future__ import annotations

import math
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Generic, NamedTuple, Self, TypeVar, cast

import structlog

from bureau import tracing
from bureau.clock import Clock, Moment
from bureau.errors import Refusal
from bureau.ledger import log
from bureau.ledger.entry_keys import EntryKeys
from bureau.ledger.known_checkpoint import KnownCheckpoint
from bureau.ledger.log import LoggedEntry, LogProof, NewLeaf, SignedStatement, StatementName
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
        span: The span of the unit's work; None if its call is not traced.
        kept_keys: Members and the keys of theirs that this unit, or one that it runs together
            with, has locked and found in force.
    """

    db: Connection
    now_us: int
    entry_key: int
    new_key: Callable[[], int]
    answer_digest: bytes = b""
    subjects: set[str] = field(default_factory=set)
    span: tracing.Span | None = None
    kept_keys: set[tuple[str, str]] = field(default_factory=set)

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
            A Refusal for a work that was not done: it has written nothing.
        """

    def __call__(self, tx: Transaction) -> T | RecordedDenial:
        """Run this work alone."""
        (result,) = self.do_together([self], [tx])
        if isinstance(result, Refusal):
            raise result
        return result


@dataclass(slots=True)
class Unit(Generic[T]):
    """A unit of work in the queue, and its outcome.

    Attributes:
        deadline: Monotonic time after which the caller has given up.
        load: The call that it comes with.
        parties: The parties whose quotas it counts for.
        span: The span of its commit; None if the call is not traced.
        waker: Wakes the caller when there is an outcome.
        is_alone: True if it runs together with no other, as something failed when it did.
    """

    statement: SignedStatement
    work: Work[T]
    deadline: float
    load: Load
    parties: Sequence[Party]
    span: tracing.Span | None
    waker: Waker
    is_alone: bool = False
    tries: int = 0
    committed: Committed[T] | None = None
    error: Exception | None = None

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
        begun = time.monotonic()
        self._before_batch()

        with self._database.transaction() as db:
            # The batch is judged by the later of this node's clock and the log's newest time.
            newest_us, server_us = db.one(q.times) or (0, None)
            self._clock.follow(newest_us)
            moment = self._clock.moment()
            check_clock(moment, newest_us, server_us)
            run = _BatchRun(db, self._keys, self._quotas, batch, moment.now_us)
            run.run_all()
            leaves, at_head = [leaf for _, leaf, _ in run.accepted], time.monotonic()
            proofs = self._append(db, leaves, moment)
            run.meter.store(db)
            if run.answered and not leaves:
                log.confirm_durable(
                    db
                )  # a replayed entry must be durable before its receipt goes out

        # On disk. A crash from here on loses only replies; a retry returns them.
        if proofs:
            self._known.see(proofs[-1].checkpoint)
            settled = time.monotonic()
            observe_commit(len(proofs), settled - begun, settled - at_head)
            self._on_commit(proofs[-1].checkpoint)
        for (unit, _, result), proof in zip(run.accepted, proofs, strict=True):
            if isinstance(result, RecordedDenial):
                unit.fail(result.refusal)
            else:
                unit.succeed(Committed(result, proof, replayed=False))
        for unit, committed in run.answered:
            unit.succeed(committed)
        for unit, error in run.refused:
            unit.fail(error)
        return run.deferred

    def _append(self, db: Connection, leaves: list[NewLeaf], moment: Moment) -> list[LogProof]:
        if not leaves:
            return []
        return log.append(db, leaves, self._key, self._origin, moment, self._known.note)


class _BatchRun:
    """The run of a batch's units in its transaction, and their results before its commit.

    Attributes:
        meter: The quotas of their parties.
        accepted: Units with their leaves and results, in the order of the log.
        answered: Units whose statements were accepted before, with their receipts.
        refused: Units that are not committed, with the reasons.
        deferred: Units that the next batch must take.
    """

    def __init__(
        self,
        db: Connection,
        keys: EntryKeys,
        quotas: Quotas,
        batch: Sequence[Unit[Any]],
        now_us: int,
    ) -> None:
        """Read what the units' parties have used.

        Args:
            now_us: The time of the first unit, microseconds since 1970.
        """
        self._db = db
        self._keys = keys
        self._now_us = now_us
        parties = {party for unit in batch for party in unit.parties}
        self.meter = QuotaMeter(db, quotas, parties, now_us)
        self.accepted: list[tuple[Unit[Any], NewLeaf, Any]] = []
        self.answered: list[tuple[Unit[Any], Committed[Any]]] = []
        self.refused: list[tuple[Unit[Any], Exception]] = []
        named: dict[StatementName, Unit[Any]] = {}
        for unit in batch:
            named.setdefault(unit.statement.name, unit)
        # Duplicate request ids in this batch: the next answers them from the log.
        self.deferred = [unit for unit in batch if named[unit.statement.name] is not unit]
        self._waiting = deque(named.values())

    def run_all(self) -> None:
        """Run the units, as long as the transaction may go on."""
        end = time.monotonic() + MAX_BATCH_S
        while self._waiting:
            units = self._within_quotas(self._new(self._next_units()))
            if units:
                self._run(units)
            if time.monotonic() > end:
                self.deferred += self._waiting
                self._waiting.clear()

    def _next_units(self) -> list[Unit[Any]]:
        """Take the units that run next: one, or several that may run together."""
        units: list[Unit[Any]] = []
        changed: set[str] = set()
        while self._waiting and _may_join(self._waiting[0], units, changed):
            unit = self._waiting.popleft()
            if time.monotonic() > unit.deadline:
                reason = "the deadline passed before the write began"
                self.refused.append((unit, Refusal("DEADLINE", reason)))
                continue
            units.append(unit)
            if isinstance(unit.work, JointWork):
                changed.add(unit.work.about)
        return units

    def _new(self, units: Sequence[Unit[Any]]) -> list[Unit[Any]]:
        """Answer the units whose statements were accepted before; return the others."""
        rows = self._db.all_in(q.entries_of_requests, [unit.statement.name for unit in units])
        entries = {entry.name: entry for row in rows for entry in [LoggedEntry(*row)]}
        new = []
        for unit in units:
            if entry := entries.get(unit.statement.name):
                with self._savepoint([unit]):
                    self._answer(unit, entry)
            else:
                new.append(unit)
        return new

    def _within_quotas(self, units: Sequence[Unit[Any]]) -> list[Unit[Any]]:
        """Refuse the units whose parties have used up a quota; return the others, as far as the
        quotas have something left for all of them.
        """
        allowed: list[Unit[Any]] = []
        for index, unit in enumerate(units):
            refusal = self.meter.refusal(unit.parties)
            if refusal and allowed:
                # What the quota has left depends on the results of those before.
                self._waiting.extendleft(reversed(units[index:]))
                break
            if refusal:
                self._refuse(unit, refusal)
                continue
            self.meter.reserve(unit.parties, unit.size)
            allowed.append(unit)
        self.meter.release()
        return allowed

    def _run(self, units: Sequence[Unit[Any]]) -> None:
        """Run one unit, or several together, under a savepoint, and record their results."""
        new_key, kept_keys = partial(self._keys.next, self._now_us), set[tuple[str, str]]()
        txs = [
            Transaction(
                self._db,
                self._now_us,
                new_key(),
                new_key,
                subjects=subjects_of(unit.statement),
                kept_keys=kept_keys,
            )
            for unit in units
        ]
        with self._savepoint(units):
            results = _results(units, txs)
            for unit, result in zip(units, results, strict=True):
                refusal = result.refusal if isinstance(result, RecordedDenial) else result
                if isinstance(refusal, Refusal) and self._entry_elsewhere(unit):
                    raise refusal
            for unit, tx, result in zip(units, txs, results, strict=True):
                self._record(unit, tx, result)
        self._now_us = max(self._now_us, *(tx.now_us for tx in txs))

    def _record(self, unit: Unit[Any], tx: Transaction, result: Any) -> None:
        """Record the result of a unit that has run."""
        if isinstance(result, Refusal):
            self.refused.append((unit, result))
            return
        leaf = NewLeaf(tx.entry_key, unit.statement, tx.answer_digest, tx.subjects)
        if isinstance(result, RecordedDenial):
            leaf = result.leaf(tx, unit.statement)
        self.accepted.append((unit, leaf, result))
        self.meter.charge(unit.parties, unit.size)

    @contextmanager
    def _savepoint(self, units: Sequence[Unit[Any]]) -> Iterator[None]:
        """Roll back what units do in the block if it fails: that concerns them alone."""
        self._db.execute_raw("SAVEPOINT unit")
        try:
            yield
        except Exception as error:
            if isinstance(error, StorageError) and not (error.conflict or error.too_long):
                raise
            # This releases the locks that they took, too.
            self._db.execute_raw("ROLLBACK TO SAVEPOINT unit")
            self._take_back(units, error)
        self._db.execute_raw("RELEASE SAVEPOINT unit")

    def _take_back(self, units: Sequence[Unit[Any]], error: Exception) -> None:
        """Refuse a unit that has failed, or let it run again."""
        unit, *others = units
        if not isinstance(error, Refusal | StorageError):
            ids = " ".join(each.statement.request_id for each in units)
            logger.error("unit_broken", request_id=ids, exc_info=error)
        if others:
            # It may be the fault of one of them: each runs by itself.
            for each in units:
                each.is_alone = True
            self._waiting.extendleft(reversed(units))
        elif isinstance(error, Refusal):
            self._refuse(unit, error)
        elif not isinstance(error, StorageError):
            broken = Refusal("INTERNAL", "the bureau failed on this request")
            self.refused.append((unit, broken))
        elif error.conflict and unit.try_again():
            # A deadlock with another node, or a row that it wrote or locks.
            self.deferred.append(unit)
        else:
            self.refused.append((unit, _refusal_of(error)))

    def _refuse(self, unit: Unit[Any], refusal: Refusal) -> None:
        """Refuse a unit; if another node has accepted the same statement meanwhile, answer with
        its receipt: the effect there is the cause of the refusal here.
        """
        if entry := self._entry_elsewhere(unit):
            self._answer(unit, entry)
        else:
            self.refused.append((unit, refusal))

    def _answer(self, unit: Unit[Any], entry: LoggedEntry) -> None:
        """Answer a unit with the receipt of its statement's entry."""
        if entry.digest != unit.statement.digest:
            raise Refusal("IDEMPOTENCY_CONFLICT", "this request id was used for another request")
        committed: Committed[Any] = Committed(None, log.proof_of(self._db, entry), replayed=True)
        self.answered.append((unit, committed))

    def _entry_elsewhere(self, unit: Unit[Any]) -> LoggedEntry | None:
        """Return the entry of a unit's statement that another node has made meanwhile."""
        statement = unit.statement
        row = self._db.one(
            q.entry_of_request, signer=statement.signer, request_id=statement.request_id
        )
        entry = LoggedEntry(*row) if row else None
        return entry if entry and entry.digest == statement.digest else None


def _may_join(unit: Unit[Any], units: Sequence[Unit[Any]], changed: Collection[str]) -> bool:
    """Return True if a unit may run together with units.

    Args:
        changed: The names of what they change.
    """
    work = unit.work
    return not units or (
        isinstance(work, JointWork)
        and type(work) is type(units[0].work)
        and work.about not in changed
        and not (unit.is_alone or units[0].is_alone)
    )


def _results(units: Sequence[Unit[Any]], txs: Sequence[Transaction]) -> list[Any]:
    """Run the work of units, each in its transaction; return their results."""
    with tracing.steps([unit.span for unit in units], "unit of work") as spans:
        for tx, span in zip(txs, spans, strict=True):
            tx.span = span
        work = units[0].work
        if len(units) > 1:
            assert isinstance(work, JointWork), "other work is done alone"
            return work.do_together([cast("JointWork[Any]", unit.work) for unit in units], txs)
        with tracing.within(txs[0].span):
            return [work(txs[0])]


def subjects_of(statement: SignedStatement) -> set[str]:
    """Return the subject who signed a statement; the empty set for a member."""
    return {subject_id_of(statement.signer)} - {""}


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
