"""Run a batch of units in one transaction, with the effects of one after another.

Each unit runs under a savepoint, so that one that fails affects no other. Units that change nothing
in common may run together, each step for all of them, under one savepoint.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import structlog

from bureau import tracing
from bureau.errors import Refusal
from bureau.ledger import log
from bureau.ledger.entry_keys import EntryKeys
from bureau.ledger.log import LoggedEntry, NewLeaf, StatementName
from bureau.ledger.quota_meter import QuotaMeter
from bureau.ledger.units import (
    Committed,
    JointWork,
    KeptKey,
    RecordedDenial,
    Transaction,
    Unit,
    subjects_of,
)
from bureau.quotas import Quotas
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau.store.errors import StorageError

logger = structlog.get_logger("bureau.ledger")

# Seconds after which a transaction takes no further unit: limits the wait of its first one.
MAX_RUN_S = 0.1
# Units that run together: what fails in one of them, all of them do again.
MAX_TOGETHER = 32


class BatchRun:
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
        """Read what the units' parties have used, and which statements were accepted before.

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
        rows = db.all_in(q.entries_of_requests, list(named))
        self._entries = {entry.name: entry for row in rows for entry in [LoggedEntry(*row)]}
        self._kept_keys: set[KeptKey] = set()
        self._waiting = deque(named.values())
        # Duplicate request ids in this batch: the next answers them from the log.
        self._duplicates = [unit for unit in batch if named[unit.statement.name] is not unit]
        self.deferred: list[Unit[Any]] = []
        self._end = math.inf

    def run_all(self) -> None:
        """Run the units, as long as the transaction may go on."""
        self._end = time.monotonic() + MAX_RUN_S
        while self._waiting:
            units = self._refuse_over_quota(self._answer_replays(self._next_units()))
            if units:
                self._run(units)
            if time.monotonic() > self._end:
                break
        # In the order in which they came: a duplicate comes after the unit that it repeats.
        self.deferred += [*self._waiting, *self._duplicates]

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

    def _answer_replays(self, units: Sequence[Unit[Any]]) -> list[Unit[Any]]:
        """Answer the units whose statements were accepted before; return the others."""
        new = []
        for unit in units:
            if entry := self._entries.get(unit.statement.name):
                with self._savepoint([unit]):
                    self._answer(unit, entry)
            else:
                new.append(unit)
        return new

    def _refuse_over_quota(self, units: Sequence[Unit[Any]]) -> list[Unit[Any]]:
        """Refuse the units whose parties have used up a quota; return the others, as far as the
        quotas have something left for all of them.
        """
        allowed: list[Unit[Any]] = []
        for index, unit in enumerate(units):
            if refusal := self.meter.refusal(unit.parties):
                self._refuse(unit, refusal)
                continue
            if self.meter.refusal(unit.parties, with_reserved=True):
                # Whether the quota has enough left depends on how the units before it end.
                self._waiting.extendleft(reversed(units[index:]))
                break
            self.meter.reserve(unit.parties, unit.size)
            allowed.append(unit)
        self.meter.release()
        return allowed

    def _run(self, units: Sequence[Unit[Any]]) -> None:
        """Run one unit, or several together, under a savepoint, and record their results."""
        # A copy: what is rolled back holds no lock on a key.
        new_key, kept_keys = partial(self._keys.next, self._now_us), set(self._kept_keys)
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
                if isinstance(result, Refusal):
                    raise result
                if isinstance(result, RecordedDenial) and self._find_entry(unit):
                    raise result.refusal
            self._db.settle()  # a change that fails is the fault of these units
            for unit, tx, result in zip(units, txs, results, strict=True):
                self._record(unit, tx, result)
            self._kept_keys = kept_keys
        self._now_us = max(self._now_us, *(tx.now_us for tx in txs))

    def _record(self, unit: Unit[Any], tx: Transaction, result: Any) -> None:
        """Record the result of a unit that has run."""
        leaf = NewLeaf(tx.entry_key, unit.statement, tx.answer_digest, tx.subjects)
        if isinstance(result, RecordedDenial):
            leaf = result.leaf(tx, unit.statement)
        self.accepted.append((unit, leaf, result))
        self.meter.charge(unit.parties, unit.size)

    @contextmanager
    def _savepoint(self, units: Sequence[Unit[Any]]) -> Iterator[None]:
        """Roll back what units do in the block if it fails: that concerns them alone."""
        self._db.begin_savepoint("unit")
        begun = time.monotonic()
        try:
            yield
        except Exception as error:
            if isinstance(error, StorageError) and not (error.conflict or error.too_long):
                raise
            # This releases the locks that they took, too.
            self._db.roll_back("unit")
            if isinstance(error, StorageError):
                # The others do not make up for its wait for a lock.
                self._end += time.monotonic() - begun
            self._handle_failure(units, error)
            error.__traceback__ = None  # it refers to the units, and so to their calls
        self._db.release_savepoint("unit")

    def _handle_failure(self, units: Sequence[Unit[Any]], error: Exception) -> None:
        """Refuse a unit that has failed, or let it run again."""
        unit, *others = units
        if others:
            # It may be the fault of one of them: each runs by itself.
            # Without the message, which may name a value of a request.
            reason = error.reason if isinstance(error, Refusal) else type(error).__name__
            logger.warning("units_apart", units=len(units), reason=reason)
            for each in units:
                each.is_alone = True
            self._waiting.extendleft(reversed(units))
        elif isinstance(error, Refusal):
            self._refuse(unit, error)
        elif not isinstance(error, StorageError):
            logger.error("unit_broken", request_id=unit.statement.request_id, exc_info=error)
            broken = Refusal("INTERNAL", "the bureau failed on this request")
            self.refused.append((unit, broken))
        elif error.conflict and unit.try_again():
            # A deadlock with another node, or a row that it wrote or locks.
            unit.is_apart = True
            self.deferred.append(unit)
        else:
            self.refused.append((unit, refusal_of(error)))

    def _refuse(self, unit: Unit[Any], refusal: Refusal) -> None:
        """Refuse a unit; if another node has accepted the same statement meanwhile, answer with
        its receipt: the effect there is the cause of the refusal here.
        """
        if entry := self._find_entry(unit):
            self._answer(unit, entry)
        else:
            self.refused.append((unit, refusal))

    def _answer(self, unit: Unit[Any], entry: LoggedEntry) -> None:
        """Answer a unit with the receipt of its statement's entry."""
        if entry.digest != unit.statement.digest:
            raise Refusal("IDEMPOTENCY_CONFLICT", "this request id was used for another request")
        committed: Committed[Any] = Committed(None, log.proof_of(self._db, entry), replayed=True)
        self.answered.append((unit, committed))

    def _find_entry(self, unit: Unit[Any]) -> LoggedEntry | None:
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
        len(units) < MAX_TOGETHER
        and isinstance(work, JointWork)
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
        if isinstance(work, JointWork):
            return work.do_together([cast("JointWork[Any]", unit.work) for unit in units], txs)
        with tracing.within(txs[0].span):
            return [work(txs[0])]


def refusal_of(error: StorageError) -> Refusal:
    """Return the refusal of what a failure of the database stopped."""
    if error.unfit:
        return Refusal("NODE_UNFIT", str(error))
    if error.full:
        return Refusal("STORAGE_FULL", "the bureau's disk is full")
    if error.conflict:
        return Refusal("CONFLICT", "another request changed the same rows; retry")
    if error.outcome_known:
        return Refusal("DATABASE_UNAVAILABLE", "the database did not answer; nothing was stored")
    return Refusal("DATABASE_UNAVAILABLE", "the database did not answer; the outcome is unknown")
