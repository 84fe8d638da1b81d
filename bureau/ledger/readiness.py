"""Readiness of this node: its database answers in time, takes this version and waits for a
standby where one is required, and its clock is right. Checked once a second, and at once when
the clock jumps.
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

logger = structlog.get_logger("bureau.readiness")

# Seconds between two checks.
CHECK_S = 1.0
# Seconds that a stopping node waits for a check under way: the database may be silent.
STOP_S = 1.0
# Checks in a row with a slow database until the node is unfit: a single one may have waited
# for this node's own threads.
SLOW_CHECKS = 3


class ReadinessProbe:
    """The probe of the node: it checks the node and reports changes of its readiness."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        revision: str,
        on_change: Callable[[bool], None],
    ) -> None:
        """Create the probe without starting it.

        Args:
            revision: Schema revision of this version.
            on_change: Called with the readiness when it changes.
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
        self._thread = threading.Thread(target=self._run, name="readiness", daemon=True)

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
        """Raise NODE_UNFIT unless this node is ready to serve.

        Raises:
            Refusal: NODE_UNFIT if the clock is wrong, the version too old, the database slow,
                or its commits do not wait for a required standby.
        """
        if abs(self._started_us() - self._since_us) > MAX_SKEW_US:
            self.check()
        if self._unfit:
            raise Refusal("NODE_UNFIT", self._unfit)

    def check(self) -> None:
        """Check the database and the clock once and update readiness."""
        self._since_us = self._started_us()
        why = ""
        try:
            with self._database.snapshot() as db:
                started = time.monotonic()
                newest_us, server_us = db.one(q.times) or (0, None)
                between = time.monotonic()
                (floor,) = db.one(q.schema_floor) or ("",)
                # The faster of two: a single one may have waited for other threads.
                quicker_s = min(between - started, time.monotonic() - between)
                db.check_commit_wait()
            check_version(self._revision, floor)
            self._slow = self._slow + 1 if quicker_s > MAX_ROUND_TRIP_S else 0
            if self._slow >= SLOW_CHECKS:
                check_database_latency(quicker_s)
            self._clock.follow(newest_us)
            check_clock(self._clock.moment(), newest_us, server_us)
        except StorageError as error:
            if error.conflict:
                return  # the database is there, and busy
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
        while not self._stopping.wait(CHECK_S):
            self.check()

    def _started_us(self) -> int:
        """Return the boot time of the machine by its clock: a jump of the clock moves it."""
        return self._clock.machine_us() - time.monotonic_ns() // 1000
