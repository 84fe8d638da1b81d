"""Whether this node may be asked: its database answers soon, has not been migrated beyond it
and waits for a standby where one is required, and its clock is right. Looked at once a second,
and at once when the clock jumps.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from bureau.clock import Clock
from bureau.errors import Refusal
from bureau.ledger.node_checks import (
    MAX_ROUND_TRIP_S,
    MAX_SKEW_US,
    check_clock,
    check_database_latency,
    check_version,
)
from bureau.store import queries as q
from bureau.store.database import Database
from bureau.store.errors import StorageError

logger = structlog.get_logger("bureau.pulse")

BEAT_S = 1.0
# Seconds that a stopping node waits for a check under way: the database may be silent.
STOP_S = 1.0
# Looks in a row at which the database's answers were slow: one alone may have waited for
# this node's own threads.
SLOW_LOOKS = 3


class ReadinessProbe:
    """Looks, and tells whether the node is ready."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        revision: str,
        on_change: Callable[[bool], None],
    ) -> None:
        """Args:
        revision: The schema's that this version was made for.
        on_change: Is told when the node becomes ready, or ceases to be.
        """
        self._database = database
        self._clock = clock
        self._revision = revision
        self._on_change = on_change
        self._ready: bool | None = None
        self._unfit = ""
        self._slow = 0
        self._since_us = self._started_us()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self) -> None:
        """Check once, then once a second in a thread of its own."""
        self.check()
        self._thread.start()

    def stop(self) -> None:
        """Stop the background check."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def require_ready(self) -> None:
        """Lets a call in.

        Raises:
            Refusal: NODE_UNFIT if the clock is wrong, the version too old, the way to the
                database slow, or a required standby not waited for.
        """
        if abs(self._started_us() - self._since_us) > MAX_SKEW_US:
            self.check()
        if self._unfit:
            raise Refusal("NODE_UNFIT", self._unfit)

    def check(self) -> None:
        """Looks."""
        self._since_us = self._started_us()
        why = ""
        try:
            with self._database.snapshot() as db:
                asked = time.monotonic()
                newest_us, server_us = db.one(q.times) or (0, None)
                between = time.monotonic()
                (floor,) = db.one(q.schema_floor) or ("",)
                # The quicker of two: one alone may have waited for something else.
                quicker_s = min(between - asked, time.monotonic() - between)
                db.check_commit_wait()
            check_version(self._revision, floor)
            self._slow = self._slow + 1 if quicker_s > MAX_ROUND_TRIP_S else 0
            if self._slow >= SLOW_LOOKS:
                check_database_latency(quicker_s)
            check_clock(self._clock.moment(), newest_us, server_us)
        except StorageError as error:
            if error.conflict:
                return  # busy, and there
            if error.unfit:
                why = self._unfit = str(error)
            else:
                why = f"the database does not answer: {error}"
        except Refusal as refusal:
            why = self._unfit = refusal.message
        else:
            self._unfit = ""
        if self._ready is not (not why):
            self._ready = not why
            logger.warning("not_ready", why=why) if why else logger.info("ready")
            self._on_change(self._ready)

    def _run(self) -> None:
        while not self._stopping.wait(BEAT_S):
            self.check()

    def _started_us(self) -> int:
        """When the machine was started, by its clock: a jump of the clock moves it."""
        return self._clock.machine_us() - time.monotonic_ns() // 1000
