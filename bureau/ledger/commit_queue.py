"""The commit queue: one writer for all changes of a node.

Request threads queue a unit of work each for what they have verified. The
writer takes what waits (`unit_queue.py`), runs the units one after another in
one transaction (`batch_run.py`), appends their leaves and commits once: one
durable commit acknowledges many requests, and the order of the log is the order
of effects.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import structlog

from bureau.clock import Clock, Moment
from bureau.errors import Refusal
from bureau.ledger import log
from bureau.ledger.batch_run import BatchRun, refusal_of
from bureau.ledger.entry_keys import EntryKeys
from bureau.ledger.known_checkpoint import KnownCheckpoint
from bureau.ledger.log import LogProof, NewLeaf, SignedStatement
from bureau.ledger.node_checks import ForkedLogError, check_clock
from bureau.ledger.unit_queue import UnitQueue
from bureau.ledger.units import Committed, RecordedDenial, T, Unit, Work
from bureau.metrics import observe_commit
from bureau.quotas import Quotas
from bureau.store import queries as q
from bureau.store.database import Connection, Database
from bureau.store.errors import StorageError
from bureau.waker import Waker
from bureau_keys.signing import SigningKey

logger = structlog.get_logger("bureau.ledger")

# Units that may wait; more are refused with OVERLOADED.
MAX_WAITING = 2048
# Units in one transaction: limits the wait of the first of them.
MAX_BATCH = 256


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
            refusal = refusal_of(error)
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
            run = BatchRun(db, self._keys, self._quotas, batch, moment.now_us)
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
