"""The checks that stop a node from writing: a wrong clock, a version that is too old, a slow
database, or a log that lacks acknowledged entries. A node that fails one refuses every call.
"""

from __future__ import annotations

from bureau.calendar import MICROSECONDS
from bureau.clock import Moment
from bureau.errors import Refusal
from bureau_keys.checkpoint import read_checkpoint
from bureau_keys.errors import KeysError
from bureau_keys.note import Verifier, parse_note
from bureau_keys.signing import VerifyKey

# Microseconds that two clocks may differ by: as much as a statement's issue time may.
MAX_SKEW_US = 60 * MICROSECONDS
# Seconds that the fastest of two round trips to the database may take. A statement needs
# twenty or thirty, some while it locks rows that every node needs.
MAX_ROUND_TRIP_S = 0.25


class LogKeyError(Exception):
    """The log's key of this node has not signed the checkpoint that it is to continue.

    A node that signed on would ruin the log: half of its checkpoints would not verify.

    Attributes:
        fix: The operator's next step.
    """

    def __init__(self, location: str, note: str, origin: str, key: VerifyKey) -> None:
        """Create the error.

        Args:
            location: Place of the checkpoint: the database or a file.
            note: The checkpoint.
            origin: Origin of the log in the node's settings.
            key: The log's key in the node's keyring.
        """
        super().__init__(
            f"the newest checkpoint in {location} is not signed by this node's log key "
            f"{origin}+{Verifier(origin, key).key_hash.hex()} (server/keyring): {_described(note)}"
        )
        self.fix = (
            "Use the keyring, the passphrase and the origin (bureau.toml) of the bureau whose "
            "checkpoint it is, or name this bureau's own database_url and folder; see "
            "docs/operating.md, 'A keyring of another bureau'."
        )


def _described(note: str) -> str:
    """Return size, origin and signers of a checkpoint."""
    try:
        checkpoint, signatures = read_checkpoint(note), parse_note(note)[1]
    except KeysError as error:
        return f"it is no checkpoint ({error})"
    signers = ", ".join(f"{line.name}+{line.key_hash.hex()}" for line in signatures)
    return f"it has size {checkpoint.size}, origin {checkpoint.origin}, signed by {signers}"


class ForkedLogError(Exception):
    """The database contradicts a checkpoint that is kept apart from it."""

    def __init__(self, kept: str, current: str) -> None:
        super().__init__(
            "the database does not hold the log that this bureau has served\n\n"
            f"kept apart from the database:\n{kept}\nin the database:\n{current}\n"
            "A restored backup or a lagging standby looks like this. See "
            "docs/operating.md, 'A database that went back in time'."
        )
        self.kept = kept
        self.current = current


def check_clock(moment: Moment, newest_us: int, server_us: int | None) -> None:
    """Compare this machine's clock with the newest time of the log and the database's clock.

    A clock that is ahead would move the log's time ahead of every other node and end
    consents too early; a clock that is behind would end them too late.

    Args:
        server_us: Time of the database's machine; None on the same machine.

    Raises:
        Refusal: NODE_UNFIT if the clock differs by more than MAX_SKEW_US.
    """
    behind_us = newest_us - moment.own_us
    if behind_us > MAX_SKEW_US:
        raise _unfit(f"{_seconds(behind_us)} behind the log's newest time")
    if server_us is None:
        return
    ahead_us = moment.machine_us - server_us
    if abs(ahead_us) > MAX_SKEW_US:
        where = "ahead of" if ahead_us > 0 else "behind"
        raise _unfit(f"{_seconds(abs(ahead_us))} {where} the database's")


def check_version(revision: str, floor: str) -> None:
    """Compare the revision of this version with the oldest one that the schema allows.

    Raises:
        Refusal: NODE_UNFIT if this version is older.
    """
    if floor > revision:
        raise Refusal("NODE_UNFIT", f"the database takes nodes of revision {floor} on")


def check_database_latency(round_trip_s: float) -> None:
    """Check the latency of the database: all nodes wait for the rows that a slow one locks.

    Raises:
        Refusal: NODE_UNFIT if a round trip takes longer than MAX_ROUND_TRIP_S.
    """
    if round_trip_s > MAX_ROUND_TRIP_S:
        took = f"{round_trip_s * 1000:.0f} ms"
        raise Refusal("NODE_UNFIT", f"the database's answers take {took} to this node")


def _unfit(how: str) -> Refusal:
    return Refusal("NODE_UNFIT", f"the clock of this node is {how}")


def _seconds(time_us: int) -> str:
    return f"{time_us // MICROSECONDS} s"
