"""Witnesses' cosignatures, as the database has them: stored by one node, served by all."""

from __future__ import annotations

from collections.abc import Collection

from bureau.errors import Refusal
from bureau.store import queries as q
from bureau.store.database import Connection

# Cosignatures, from the newest back, among which enough are looked for: whoever asks for
# more than there ever were must not keep the database busy.
LOOK_BACK = 5000


def newest_checkpoint(
    db: Connection, count: int, witnesses: Collection[str], at_least: int = 0
) -> str:
    """The newest checkpoint that enough witnesses have cosigned, with every
    cosignature that the bureau has of it.

    Args:
        count: How many are enough.
        witnesses: Names of those that count; all if empty.
        at_least: Its smallest size.

    Raises:
        Refusal: NOT_WITNESSED.
    """
    terms = {"cosignatures": count, "at_least": at_least, "look_back": LOOK_BACK}
    if witnesses:
        rows = db.all_in(q.newest_cosigned_by, sorted(set(witnesses)), **terms)
    else:
        rows = db.all(q.newest_cosigned, **terms)
    if not rows:
        told = f"no checkpoint from size {at_least} on has {count} cosignatures"
        raise Refusal("NOT_WITNESSED", told)
    return cosigned_note(db, rows[0][0])


def cosigned_note(db: Connection, size: int) -> str:
    """A checkpoint with every cosignature that the bureau has of it."""
    row = db.one(q.checkpoint_at, tree_size=size)
    assert row is not None, "what is cosigned was signed"
    return str(row[0]) + "".join(line for _, line in db.all(q.cosignatures_of, tree_size=size))
