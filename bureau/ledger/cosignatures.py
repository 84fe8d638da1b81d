"""Witnesses' cosignatures, as the database has them: stored by one node, served by all."""

from __future__ import annotations

from collections.abc import Collection

from bureau.errors import Refusal
from bureau.store import queries as q
from bureau.store.database import Connection

# Number of the newest cosignatures that a search reads. A request for more cosignatures than
# any checkpoint has would otherwise read the whole table.
LOOK_BACK = 5000


def newest_checkpoint(
    db: Connection, count: int, witnesses: Collection[str], at_least: int = 0
) -> str:
    """Return the newest checkpoint that enough witnesses have cosigned, with every
    cosignature of it that the bureau has.

    Args:
        count: Number of cosignatures that the checkpoint needs.
        witnesses: Names of the witnesses that count; all if empty.
        at_least: Smallest tree size of the checkpoint.

    Raises:
        Refusal: NOT_WITNESSED if no checkpoint has enough cosignatures.
    """
    terms = {"cosignatures": count, "at_least": at_least, "look_back": LOOK_BACK}
    if witnesses:
        rows = db.all_in(q.newest_cosigned_by, sorted(set(witnesses)), **terms)
    else:
        rows = db.all(q.newest_cosigned, **terms)
    if not rows:
        missing = f"no checkpoint from size {at_least} on has {count} cosignatures"
        raise Refusal("NOT_WITNESSED", missing)
    return cosigned_note(db, rows[0][0])


def cosigned_note(db: Connection, size: int) -> str:
    """Return a checkpoint with every cosignature of it that the bureau has."""
    row = db.one(q.checkpoint_at, tree_size=size)
    assert row is not None, "a cosigned checkpoint is stored"
    return str(row[0]) + "".join(line for _, line in db.all(q.cosignatures_of, tree_size=size))
