"""Read and write subject events: statements about a subject's own credit file."""

from __future__ import annotations

from google.protobuf.message import Message

from bureau.credit_file.subject_state import SubjectEvent, SubjectState, state_of
from bureau.ledger.commit_queue import Transaction
from bureau.policy import Policy
from bureau.store import queries as q
from bureau.store.database import Connection

# A log size above every real one: the state as of now.
ALL = 1 << 62


def read_state(
    db: Connection, subject_id: str, policy: Policy, now_us: int, log_size: int = ALL
) -> SubjectState:
    """Read a subject's holds, disputes and statement, as of a log size and a time."""
    rows = db.all(q.subject_events, subject_id=subject_id, log_size=log_size)
    return state_of([SubjectEvent(*row) for row in rows], policy, now_us)


def add_event(
    tx: Transaction,
    about: str,
    subject_id: str,
    kind: int,
    payload: Message,
    *,
    member_id: str = "",
) -> None:
    """Store a subject event under the unit's entry."""
    tx.db.execute(
        q.add_subject_event,
        entry_key=tx.entry_key,
        subject_id=subject_id,
        kind=kind,
        about=about,
        member_id=member_id,
        time_us=tx.now_us,
        body=payload.SerializeToString(deterministic=True),
    )
