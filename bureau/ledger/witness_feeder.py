"""Feeders send the log's checkpoints to its witnesses and store their cosignatures: one
thread for each witness, outside the path of requests.

A receipt needs several cosignatures of one checkpoint. So time is cut into ticks, and the
checkpoint that was newest when the present tick began is due, for every feeder of every
node. Two feeders that send the same checkpoint get the same answer.

A witness that has cosigned another log remembers what this database lost. So no write begins
before every witness was asked, and none while one of them contradicts the database.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

import structlog

from bureau import metrics
from bureau.clock import Clock
from bureau.config import Witness
from bureau.errors import Refusal
from bureau.ledger import log
from bureau.ledger.witness_client import Outcome, WitnessClient, WitnessError
from bureau.store import queries as q
from bureau.store.database import Database
from bureau.store.errors import StorageError

logger = structlog.get_logger("bureau.witnesses")

# Microseconds of a tick.
TICK_US = 500_000
# A time after every checkpoint's.
NEWEST = 1 << 62
# Seconds between two checks, after n failures doubled n times up to the longest.
PAUSE_S, LONGEST_PAUSE_S = 0.25, 30.0
# Seconds that a stopping node waits for a request in flight.
STOP_S = 1.0
# Seconds from the first request to a witness, however many addresses and attempts it takes:
# when they have passed, the witness could not be reached, and writes begin without its answer.
FIRST_ANSWER_S = 9.0
# Seconds that a write waits for the first answers of the witnesses.
FIRST_WRITE_S = 10.0


class WitnessFeeders:
    """All witness feeders of one node."""

    def __init__(
        self,
        witnesses: Iterable[Witness],
        database: Database,
        clock: Clock,
        on_fatal: Callable[[str], None],
    ) -> None:
        """Create one feeder for each witness.

        Args:
            on_fatal: Called with the reason when the process must not go on.
        """
        self._feeders = [WitnessFeeder(witness, database, clock, on_fatal) for witness in witnesses]

    def start(self) -> None:
        """Start every feeder."""
        for feeder in self._feeders:
            feeder.start()

    def require_agreement(self) -> None:
        """Raise NODE_UNFIT unless the witnesses were asked and none has cosigned another log.

        Waits for the first answers. A witness that cannot be reached was asked, and so was one
        that gives no answer within FIRST_ANSWER_S.

        Raises:
            Refusal: NODE_UNFIT.
        """
        end = time.monotonic() + FIRST_WRITE_S
        for feeder in self._feeders:
            if not feeder.asked.wait(max(end - time.monotonic(), 0)):
                raise Refusal("NODE_UNFIT", f"the witness {feeder.name} was not asked yet")
            if feeder.contradiction:
                raise Refusal(
                    "NODE_UNFIT",
                    f"the witness {feeder.name} has cosigned another log than this database "
                    f"holds: {feeder.contradiction}",
                )

    def stop(self) -> None:
        """Stop all feeders; wait at most STOP_S for each request in flight."""
        for feeder in self._feeders:
            feeder.request_stop()
        for feeder in self._feeders:
            feeder.join()


class WitnessFeeder:
    """The feeder of one witness with the log's checkpoints.

    Attributes:
        name: Name of the witness.
        asked: Set when the witness has answered or could not be reached, at the latest
            FIRST_ANSWER_S after the first request.
        contradiction: The answer that contradicts the database; empty if there is none.
    """

    def __init__(
        self,
        witness: Witness,
        database: Database,
        clock: Clock,
        on_fatal: Callable[[str], None],
    ) -> None:
        verifier = witness.verifier
        self.name = verifier.name
        self.asked = threading.Event()
        self.contradiction = ""
        self._database = database
        self._clock = clock
        self._on_fatal = on_fatal
        self._client = WitnessClient(witness.url, verifier)
        self._failures = 0
        self._last_error = ""
        self._met = False
        self._limit: threading.Timer | None = None  # runs from the first request on
        self._losses = database.losses
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"feeder {self.name}", daemon=True)

    def start(self) -> None:
        """Start feeding."""
        self._thread.start()

    def request_stop(self) -> None:
        """Ask the feeder to stop after its request in flight."""
        self._stopping.set()

    def join(self) -> None:
        """Wait at most STOP_S for the feeder to stop: a slow witness holds its request."""
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def _run(self) -> None:
        while not self._stopping.wait(self._pause_s()):
            try:
                self._feed()
            except WitnessError as error:
                self._failed(error)
                self.asked.set()
            except StorageError as error:
                # The ledger reports database errors; here we only back off.
                self._failures = min(self._failures + 1, 10)
                if error.fatal:
                    self._on_fatal(str(error))
            except Exception:
                logger.exception("witness_feeder_broken", witness=self.name)
                self._failures = min(self._failures + 1, 10)
        self._client.close()

    def _pause_s(self) -> float:
        """Return the seconds until the next request; the first one is not put off for long."""
        if not self.asked.is_set():
            return PAUSE_S
        return min(PAUSE_S * float(2**self._failures), LONGEST_PAUSE_S)

    def _feed(self) -> None:
        """Send the checkpoint that is due, unless the witness has cosigned it: that of the
        last tick, so that all nodes send the same. The first time, and after connections to
        the database broke, the newest one is sent in any case: the witness may know a
        checkpoint that this database lost.
        """
        if self._losses != self._database.losses:
            self._losses, self._met = self._database.losses, False
        tick_us = self._clock.now_us() // TICK_US * TICK_US
        with self._database.snapshot() as db:
            due = db.one(q.newest_checkpoint_before, time_us=tick_us if self._met else NEWEST)
            cosigned = db.one(q.cosigned_size, witness=self.name)
        have = cosigned[0] if cosigned else 0
        metrics.witness_size.labels(self.name).set(have)
        if due is None or (self._met and have >= due[0]):
            return
        size, note = due
        self._make_durable(have)
        if self._limit is None:
            self._limit = threading.Timer(FIRST_ANSWER_S, self.asked.set)
            self._limit.daemon = True
            self._limit.start()
        try:
            line = self._client.cosign(note, size, lambda old: self._proof(old, size))
        except WitnessError as error:
            if error.outcome is Outcome.AHEAD and not self._is_ahead(error.size):
                # Another node has sent a newer checkpoint, or the witness has seen another
                # log as long as this one: the next request tells.
                return
            raise
        with self._database.transaction() as db:
            db.execute(q.put_cosignature, tree_size=size, witness=self.name, line=line)
        self._worked(size)

    def _make_durable(self, have: int) -> None:
        """Commit a write, so that the checkpoint just read is durable before a witness has it
        (`log.confirm_durable`). The write goes to this witness's own row, for which no other
        transaction waits. On SQLite only a checkpoint of an earlier process needs this.
        """
        if self._met and self._database.is_sqlite:
            return
        with self._database.transaction() as db:
            if not db.count(q.touch_cosignature, which_size=have, which=self.name):
                log.confirm_durable(db)  # this witness has no row yet

    def _proof(self, old_size: int, size: int) -> list[bytes]:
        with self._database.snapshot() as db:
            return log.consistency_proof(db, old_size, size)

    def _is_ahead(self, size: int) -> bool:
        """Return true for a size beyond this log."""
        with self._database.snapshot() as db:
            return size > log.size_of(db)

    def _worked(self, size: int) -> None:
        metrics.witness_errands.labels(self.name, Outcome.COSIGNED).inc()
        metrics.witness_size.labels(self.name).set(size)
        if self._failures:
            logger.info("witness_back", witness=self.name, size=size)
        self._failures, self._last_error, self._met = 0, "", True
        self.contradiction = ""
        self.asked.set()

    def _failed(self, error: WitnessError) -> None:
        self._failures = min(self._failures + 1, 10)
        if error.other_log:
            self.contradiction = str(error)
        metrics.witness_errands.labels(self.name, error.outcome).inc()
        if (message := f"{error.outcome}: {error}") == self._last_error:
            return  # logged before
        self._last_error = message
        # A witness may be away; any other outcome says something about the log.
        write = logger.warning if error.outcome is Outcome.UNREACHABLE else logger.error
        write(f"witness_{error.outcome}", witness=self.name, error=str(error))
