"""Couriers bring the log's checkpoints to its witnesses and their cosignatures home:
a thread for each, off every path of a request.

A cosignature helps most where other witnesses have cosigned the same checkpoint. So
nobody takes simply the newest: time is cut into ticks, and what was newest when the
present tick began is due, for every courier of every node. Two that bring the same
are told the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import structlog

from bureau import metrics
from bureau.clock import Clock
from bureau.config import Witness
from bureau.ledger import log
from bureau.ledger.witness_client import Outcome, WitnessClient, WitnessError
from bureau.store import queries as q
from bureau.store.database import Database
from bureau.store.errors import StorageError

logger = structlog.get_logger("bureau.witnesses")

TICK_US = 500_000
# Seconds between two looks, after n failures doubled n times up to the longest.
PAUSE_S, LONGEST_PAUSE_S = 0.25, 30.0
# Seconds that a stopping node waits for an errand under way.
STOP_S = 1.0


class WitnessFeeders:
    """All of a node."""

    def __init__(
        self,
        witnesses: Iterable[Witness],
        database: Database,
        clock: Clock,
        on_fatal: Callable[[str], None],
    ) -> None:
        """Args:
        on_fatal: Is told when the process must not go on.
        """
        self._all = [WitnessFeeder(witness, database, clock, on_fatal) for witness in witnesses]

    def start(self) -> None:
        """Starts running."""
        for courier in self._all:
            courier.start()

    def stop(self) -> None:
        """Ends; what is under way is hardly waited for."""
        for courier in self._all:
            courier.tell_to_stop()
        for courier in self._all:
            courier.join()


class WitnessFeeder:
    """Runs between the log and one witness."""

    def __init__(
        self,
        witness: Witness,
        database: Database,
        clock: Clock,
        on_fatal: Callable[[str], None],
    ) -> None:
        verifier = witness.verifier
        self._name = verifier.name
        self._database = database
        self._clock = clock
        self._on_fatal = on_fatal
        self._door = WitnessClient(witness.url, verifier)
        self._failures = 0
        self._told = ""
        self._met = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"to {self._name}", daemon=True)

    def start(self) -> None:
        """Starts running."""
        self._thread.start()

    def tell_to_stop(self) -> None:
        """Lets it end."""
        self._stopping.set()

    def join(self) -> None:
        """Waits for its end, not for long: a witness may keep it."""
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def _run(self) -> None:
        while not self._stopping.wait(min(PAUSE_S * 2**self._failures, LONGEST_PAUSE_S)):
            try:
                self._bring()
            except WitnessError as error:
                self._failed(error)
            except StorageError as error:
                # The ledger says what ails the database; here it is only awaited.
                self._failures = min(self._failures + 1, 10)
                if error.fatal:
                    self._on_fatal(str(error))
            except Exception:
                logger.exception("courier_broken", witness=self._name)
                self._failures = min(self._failures + 1, 10)
        self._door.close()

    def _bring(self) -> None:
        """Brings what is due, unless the witness has cosigned it. At first it is asked
        anyway: it may have seen what this database has forgotten.
        """
        tick_us = self._clock.now_us() // TICK_US * TICK_US
        with self._database.snapshot() as db:
            due = db.one(q.newest_checkpoint_before, time_us=tick_us)
            cosigned = db.one(q.cosigned_size, witness=self._name)
        have = cosigned[0] if cosigned else 0
        metrics.witness_size.labels(self._name).set(have)
        if due is None or (self._met and have >= due[0]):
            return
        size, note = due
        self._make_durable(have)
        try:
            line = self._door.cosign(note, size, lambda old: self._proof(old, size))
        except WitnessError as error:
            if error.outcome is Outcome.AHEAD and not self._is_ahead(error.size):
                return  # another node has brought a newer one
            raise
        with self._database.transaction() as db:
            db.execute(q.put_cosignature, tree_size=size, witness=self._name, line=line)
        self._worked(size)

    def _make_durable(self, have: int) -> None:
        """What was read may be on one machine only, and a witness does not forget: a
        commit of one's own comes behind it (`log.touch`). On a row of one's own, as
        nobody waits for it. On SQLite only what a process before left can be so.
        """
        if self._met and self._database.is_sqlite:
            return
        with self._database.transaction() as db:
            if not db.execute(q.touch_cosignature, which_size=have, which=self._name):
                log.confirm_durable(db)  # the first time there is none

    def _proof(self, old_size: int, size: int) -> list[bytes]:
        with self._database.snapshot() as db:
            return log.consistency_proof(db, old_size, size)

    def _is_ahead(self, size: int) -> bool:
        """Whether a size is beyond everything that this log has."""
        with self._database.snapshot() as db:
            return size > log.size_of(db)

    def _worked(self, size: int) -> None:
        metrics.witness_errands.labels(self._name, Outcome.COSIGNED).inc()
        metrics.witness_size.labels(self._name).set(size)
        if self._failures:
            logger.info("witness_back", witness=self._name, size=size)
        self._failures, self._told, self._met = 0, "", True

    def _failed(self, error: WitnessError) -> None:
        self._failures = min(self._failures + 1, 10)
        metrics.witness_errands.labels(self._name, error.outcome).inc()
        if (told := f"{error.outcome}: {error}") == self._told:
            return  # once is enough
        self._told = told
        # That one is away happens; what the others say is about the log.
        tell = logger.warning if error.outcome is Outcome.UNREACHABLE else logger.error
        tell(f"witness_{error.outcome}", witness=self._name, told=str(error))
