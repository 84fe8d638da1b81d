"""When a node must not write: its clock is wrong, its version is too old, or the log is not
the one that it has acknowledged. It fails closed, and says why.
"""

from __future__ import annotations

from bureau.calendar import MICROSECONDS
from bureau.clock import Moment
from bureau.errors import Refusal

# How far clocks may be apart: what is forgiven a signer's.
MAX_SKEW_US = 60 * MICROSECONDS


# Seconds that the quickest answer of the database may take. A statement takes twenty or
# thirty of them, some with rows locked that every node needs.
MAX_ROUND_TRIP_S = 0.25


class ForkedLogError(Exception):
    """The database and the checkpoint kept apart from it cannot both be true."""

    def __init__(self, kept: str, found: str) -> None:
        super().__init__(
            "the database does not hold the log that this node has served\n\n"
            f"kept apart from the database:\n{kept}\nin the database:\n{found}\n"
            "A restored backup or a lagging standby looks like this. See "
            "docs/operating.md, 'A database that went back in time'."
        )
        self.kept = kept
        self.found = found


def check_clock(moment: Moment, newest_us: int, server_us: int | None) -> None:
    """Holds this machine's clock against the log's newest time and the database's clock.

    A clock that is ahead would lead the log's time away from every other node, and
    let consents end too early; one that is behind would let them live on.

    Args:
        server_us: The time of the database's machine, if it is another.

    Raises:
        Refusal: NODE_UNFIT.
    """
    behind_us = newest_us - moment.now_us
    if behind_us > MAX_SKEW_US:
        raise _unfit(f"{_seconds(behind_us)} behind the log's newest time")
    if server_us is None:
        return
    ahead_us = moment.machine_us - server_us
    if abs(ahead_us) > MAX_SKEW_US:
        where = "ahead of" if ahead_us > 0 else "behind"
        raise _unfit(f"{_seconds(abs(ahead_us))} {where} the database's")


def check_version(revision: str, floor: str) -> None:
    """Holds the revision that this version was made for against the schema's floor.

    Raises:
        Refusal: NODE_UNFIT.
    """
    if floor > revision:
        raise Refusal("NODE_UNFIT", f"the database takes nodes of revision {floor} on")


def check_database_latency(round_trip_s: float) -> None:
    """Holds a node back whose way to the database is so slow that all others would wait
    for the rows and the head that it locks.

    Raises:
        Refusal: NODE_UNFIT.
    """
    if round_trip_s > MAX_ROUND_TRIP_S:
        took = f"{round_trip_s * 1000:.0f} ms"
        raise Refusal("NODE_UNFIT", f"the database's answers take {took} to this node")


def _unfit(how: str) -> Refusal:
    return Refusal("NODE_UNFIT", f"the clock of this node is {how}")


def _seconds(time_us: int) -> str:
    return f"{time_us // MICROSECONDS} s"
