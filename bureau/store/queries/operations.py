"""Queries of deadlines, of alerts, and of the growth of the log."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import ColumnElement, func, select, true

from bureau.store.compiled import Query
from bureau.store.queries.builders import alert, bind, complaint, dispute, entry, mark
from bureau.store.queries.log import EntryColumns

# The entries of a request id, of any signer.
entries_of_request_id = Query[EntryColumns](
    select(*entry.columns)
    .where(entry.c.request_id == bind("request_id"))
    .order_by(entry.c.leaf_index)
    .limit(bind("limit"))
)


class WaitingDispute(NamedTuple):
    """A dispute without an answer."""

    dispute_id: str
    member_id: str
    open_us: int
    addition_count: int


def _waiting_disputes(of_member: ColumnElement[bool]) -> Query[WaitingDispute]:
    return Query(
        select(
            dispute.c.dispute_id, dispute.c.member_id, dispute.c.open_us, dispute.c.addition_count
        )
        .where(dispute.c.answer_key.is_(None), dispute.c.open_us > bind("since_us"), of_member)
        .order_by(dispute.c.open_us, dispute.c.dispute_id)
        .limit(bind("limit")),
        WaitingDispute,
    )


waiting_disputes = _waiting_disputes(true())
waiting_disputes_of_member = _waiting_disputes(dispute.c.member_id == bind("member_id"))


class WaitingComplaint(NamedTuple):
    """A complaint that waits for its member, or for the operator since an entry."""

    complaint_id: str
    member_id: str
    open_us: int
    escalate_us: int | None


_escalation = entry.alias("escalation")
_waits = (
    complaint.c.decision_key.is_(None),
    complaint.c.answer_key.is_(None) | complaint.c.escalation_key.is_not(None),
    complaint.c.open_us > bind("since_us"),
)


def _waiting_complaints(of_member: ColumnElement[bool]) -> Query[WaitingComplaint]:
    return Query(
        select(
            complaint.c.complaint_id,
            complaint.c.member_id,
            complaint.c.open_us,
            _escalation.c.time_us.label("escalate_us"),
        )
        .join_from(
            complaint,
            _escalation,
            _escalation.c.entry_key == complaint.c.escalation_key,
            isouter=True,
        )
        .where(*_waits, of_member)
        .order_by(complaint.c.open_us, complaint.c.complaint_id)
        .limit(bind("limit")),
        WaitingComplaint,
    )


waiting_complaints = _waiting_complaints(true())
waiting_complaints_of_member = _waiting_complaints(complaint.c.member_id == bind("member_id"))


class AlertedMember(NamedTuple):
    """The alerts of a member since an entry key, and the entry of the newest."""

    member_id: str
    alert_count: int
    newest_key: int


def _alerted(of_member: ColumnElement[bool]) -> Query[AlertedMember]:
    return Query(
        select(
            alert.c.member_id,
            func.count().label("alert_count"),
            func.max(alert.c.entry_key).label("newest_key"),
        )
        .where(alert.c.entry_key >= bind("since_key"), of_member)
        .group_by(alert.c.member_id)
        .order_by(alert.c.member_id),
        AlertedMember,
    )


alerted_members = _alerted(true())
alerted_member = _alerted(alert.c.member_id == bind("member_id"))
# A member's alerts since an entry key that lie up to its mark: leaf index, then ordinal.
acknowledged_alerts = Query[tuple[int]](
    select(func.count())
    .select_from(alert)
    .join(entry, entry.c.entry_key == alert.c.entry_key)
    .join(mark, mark.c.member_id == alert.c.member_id)
    .where(
        alert.c.member_id == bind("member_id"),
        alert.c.entry_key >= bind("since_key"),
        entry.c.leaf_index * bind("places") + alert.c.ordinal <= mark.c.cursor,
    )
)
# The newest entry before an entry key, which follows time almost as leaf indices do.
leaf_before = Query[tuple[int]](
    select(entry.c.leaf_index)
    .where(entry.c.entry_key < bind("key"))
    .order_by(entry.c.entry_key.desc())
    .limit(1)
)
