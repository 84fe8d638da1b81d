"""Stored complaints: their rows, their lines in the register, and what proves them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bureau.credit_file.complaint_state import complaints_of, withheld_inquiries
from bureau.credit_file.consent_proof import KeyProofs
from bureau.credit_file.subject_state import (
    COMPLAINT,
    COMPLAINT_ANSWER,
    COMPLAINT_DECISION,
    OF_COMPLAINTS,
    SubjectEvent,
)
from bureau.ledger.units import Transaction
from bureau.policy import Policy
from bureau.signed_statement import unerased_statement
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.complaint_register import line_digest
from creditbureau.v1 import complaint_pb2
from creditbureau.v1.complaint_pb2 import (
    Complaint,
    ComplaintAnswer,
    ComplaintDecision,
    ComplaintLine,
    ComplaintOpening,
    ComplaintProof,
)
from creditbureau.v1.complaints_pb2 import WatchComplaintsResponse
from creditbureau.v1.members_pb2 import LoggedStatement


class StoredComplaint(NamedTuple):
    """The columns of a complaint, in the order of its table."""

    complaint_id: str
    subject_id: str
    member_id: str
    deed_type: int
    deed_id: str
    record_index: int
    entry_key: int
    open_us: int
    answer_key: int | None
    escalation_key: int | None
    decision_key: int | None


class StoredLine(NamedTuple):
    """The columns of a line of the register, in the order of its table."""

    number: int
    complaint_number: int
    entry_key: int
    member_id: str
    kind: int
    outcome: int

    @property
    def line(self) -> ComplaintLine:
        """The line as everybody reads it."""
        return ComplaintLine(
            number=self.number,
            complaint_number=self.complaint_number,
            member_id=self.member_id,
            kind=self.kind,  # type: ignore[arg-type]
            outcome=self.outcome,  # type: ignore[arg-type]
        )


# Writing ---------------------------------------------------------------------


def fold(tx: Transaction, subject_id: str, event: SubjectEvent) -> None:
    """Fold an event of a complaint into its row, and add its line to the register.

    The event is stored already. The entry's leaf commits to the line.
    """
    row = tx.db.one(q.newest_line_number)
    number = (row[0] if row else 0) + 1
    if event.kind == COMPLAINT:
        opening = ComplaintOpening.FromString(event.body)
        complaint = StoredComplaint(
            event.about,
            subject_id,
            opening.member_id,
            opening.deed.type,
            opening.deed.id,
            opening.deed.record_index,
            tx.entry_key,
            event.time_us,
            None,
            None,
            None,
        )
        tx.db.execute(q.add_complaint, **complaint._asdict())
        stored = StoredLine(number, number, tx.entry_key, opening.member_id, opening.kind, 0)
    else:
        first = _first_line(tx.db, event.about)
        outcome = 0
        if event.kind == COMPLAINT_ANSWER:
            outcome = ComplaintAnswer.FromString(event.body).outcome
            tx.db.execute(q.set_complaint_answered, which=event.about, entry_key=tx.entry_key)
        elif event.kind == COMPLAINT_DECISION:
            outcome = ComplaintDecision.FromString(event.body).outcome
            tx.db.execute(q.set_complaint_decided, which=event.about, entry_key=tx.entry_key)
        else:
            tx.db.execute(q.set_complaint_escalated, which=event.about, entry_key=tx.entry_key)
        stored = first._replace(number=number, entry_key=tx.entry_key, outcome=outcome)
    tx.db.execute(q.add_complaint_line, **stored._asdict())
    tx.answer_digest = line_digest(stored.line)


def _first_line(db: Connection, complaint_id: str) -> StoredLine:
    complaint = find_complaint(db, complaint_id)
    assert complaint is not None, "an event of a complaint comes after its opening"
    return read_line(db, complaint.entry_key)


# Reading ---------------------------------------------------------------------


def find_complaint(db: Connection, complaint_id: str) -> StoredComplaint | None:
    """Find a complaint by its id, without its words."""
    row = db.one(q.complaint_by_id, complaint_id=complaint_id)
    return StoredComplaint(*row) if row else None


def read_line(db: Connection, entry_key: int) -> StoredLine:
    """Read the line of an entry in the register."""
    row = db.one(q.line_of_entry, entry_key=entry_key)
    assert row is not None, "every statement of a complaint has its line"
    return StoredLine(*row)


def read_complaints(
    db: Connection, complaint_ids: Iterable[str], policy: Policy, now_us: int
) -> dict[str, Complaint]:
    """Read complaints with all that was said of them, in the order of their ids."""
    wanted = list(complaint_ids)
    rows = db.all_in(q.events_about, wanted)
    events = [event for row in rows if (event := SubjectEvent(*row)).kind in OF_COMPLAINTS]
    complaints = complaints_of(events, policy, now_us)
    return {complaint_id: complaints[complaint_id] for complaint_id in wanted}


def read_withheld_inquiries(
    db: Connection, subject_id: str, policy: Policy, now_us: int
) -> frozenset[tuple[str, str]]:
    """Read the inquiries about a subject that reports for other members leave out now."""
    about = {"subject_id": subject_id, "deed_type": complaint_pb2.DEED_TYPE_INQUIRY}
    ids = [complaint_id for (complaint_id,) in db.all(q.complaints_of_type, **about)]
    if not ids:
        return frozenset()
    return withheld_inquiries(read_complaints(db, ids, policy, now_us).values())


def show_complaint(
    db: Connection, complaint: Complaint, keys: KeyProofs
) -> WatchComplaintsResponse:
    """Return a complaint with its proof, and with the keys not read before; without a cursor."""
    proof = ComplaintProof()
    rows = db.all_in(q.entries_of_complaint, OF_COMPLAINTS, complaint_id=complaint.complaint_id)
    for (entry_key,) in rows:
        proof.statements.append(unerased_statement(db, entry_key))
        proof.lines.append(read_line(db, entry_key).line)
    own = list(_own_key_ids(proof.statements))
    return WatchComplaintsResponse(
        complaint=complaint, proof=proof, keys=keys.of(complaint.subject_id, own)
    )


def _own_key_ids(statements: Iterable[LoggedStatement]) -> Iterator[str]:
    """Yield the subject's keys that signed the statements that are shown."""
    for logged in statements:
        if logged.receipt.kind in {"complaint", "complaint-escalation"}:
            for signature in logged.envelope.signatures:
                yield signature.keyid
