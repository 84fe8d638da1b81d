"""Read and write subject events: statements about a subject's own credit file."""

from __future__ import annotations

from google.protobuf.message import Message

from bureau.calendar import DAY_US
from bureau.credit_file import own_entries
from bureau.credit_file.complaint_state import complaints_of, withheld_inquiries
from bureau.credit_file.subject_state import SubjectEvent, SubjectState, state_of
from bureau.errors import Refusal
from bureau.ledger.units import Transaction
from bureau.policy import Policy
from bureau.store import queries as q
from bureau.store.database import Connection


def read_state_at(
    db: Connection, subject_id: str, policy: Policy, now_us: int, log_size: int
) -> SubjectState:
    """Fold all events of a subject below a log size into the state at a time."""
    rows = db.all(q.subject_events, subject_id=subject_id, log_size=log_size)
    events = [SubjectEvent(*row) for row in rows]
    state = state_of(events, policy, now_us)
    state.withheld_inquiries = withheld_inquiries(complaints_of(events, policy, now_us).values())
    return state


def add_event(
    tx: Transaction,
    about: str,
    subject_id: str,
    kind: int,
    payload: Message,
    *,
    member_id: str = "",
) -> None:
    """Store a subject event under the unit's entry, and fold it into the stored state."""
    body = payload.SerializeToString(deterministic=True)
    event = SubjectEvent(kind, about, member_id, tx.now_us, body)
    tx.db.execute(
        q.add_subject_event, entry_key=tx.entry_key, subject_id=subject_id, **event._asdict()
    )
    own_entries.fold(tx, subject_id, event)


def check_count(tx: Transaction, subject_id: str, policy: Policy) -> None:
    """Raise LIMIT_REACHED if a subject has made all the statements that the policy allows."""
    bounds = policy.bounds
    row = tx.db.one(
        q.events_since, subject_id=subject_id, since_us=tx.now_us - bounds.days * DAY_US
    )
    if row and row[0] >= bounds.statements:
        raise Refusal(
            "LIMIT_REACHED",
            f"at most {bounds.statements} statements about a person's own file in "
            f"{bounds.days} days",
        )
