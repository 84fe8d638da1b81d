"""Queries of deadlines, of alerts, and of the growth of the log."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import ColumnElement, func, select, true

from bureau.store.compiled import Query
from bureau.store.queries.builders import alert, bind, complaint, dispute, entry, member
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
    """A member, and the entry of its newest alert; none without alerts."""

    member_id: str
    newest_key: int | None


_newest_alert = (
    select(func.max(alert.c.entry_key))
    .where(alert.c.member_id == member.c.member_id)
    .scalar_subquery()
)
# The members, one step in an index for each.
alerted_members = Query(
    select(member.c.member_id, _newest_alert.label("newest_key")).order_by(member.c.member_id),
    AlertedMember,
)
alerted_member = Query(
    select(member.c.member_id, _newest_alert.label("newest_key")).where(
        member.c.member_id == bind("member_id")
    ),
    AlertedMember,
)
_alerts_since = (alert.c.member_id == bind("member_id"), alert.c.entry_key >= bind("since_key"))
# The number of a member's alerts since an entry key, up to a limit.
count_alerts_since = Query[tuple[int]](
    select(func.count()).select_from(
        select(alert.c.entry_key).where(*_alerts_since).limit(bind("limit")).subquery()
    )
)
# The number of those that lie after a mark, too: leaf index, then ordinal.
count_alerts_after = Query[tuple[int]](
    select(func.count()).select_from(
        select(alert.c.entry_key)
        .join_from(alert, entry, entry.c.entry_key == alert.c.entry_key)
        .where(
            *_alerts_since,
            entry.c.leaf_index * bind("places") + alert.c.ordinal > bind("cursor"),
        )
        .limit(bind("limit"))
        .subquery()
    )
)
# The newest entry before an entry key, which follows time almost as leaf indices do.
leaf_before = Query[tuple[int]](
    select(entry.c.leaf_index)
    .where(entry.c.entry_key < bind("key"))
    .order_by(entry.c.entry_key.desc())
    .limit(1)
)
