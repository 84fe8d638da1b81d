"""Queries of the events of a subject's chain that the subject gets a notice of."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import and_, case, literal, select

from bureau.store import tables as t
from bureau.store.compiled import Query
from bureau.store.queries.builders import (
    bind,
    consent_event,
    entry,
    inquiry,
    table,
)

_link = table(t.EventLinkRow)
# The kinds of entries. Those that no other member than the subject's own signed, and that
# `notice` has rows of, are not among them.
TOLD_ENTRIES = (
    "consent",
    "consent-change",
    "consent-request",
    "consent-request-withdrawal",
    "deletion",
    "hold",
    "hold-lift",
    "inquiry",
    "inquiry-denial",
    "portfolio-inquiry",
    "replay",
)
# `consent_event.kind` of the last use of a consent.
_EXHAUSTED = literal(5)


class ToldEvent(NamedTuple):
    """An event of a subject, and its entry."""

    number: int
    entry_key: int
    leaf_index: int
    kind: str
    signer: str
    request_id: str
    time_us: int


_events = (
    select(
        _link.c.number,
        entry.c.entry_key,
        entry.c.leaf_index,
        entry.c.kind,
        entry.c.signer,
        entry.c.request_id,
        entry.c.time_us,
    )
    .join_from(_link, entry, entry.c.leaf_index == _link.c.leaf_index)
    .where(_link.c.subject_id == bind("subject_id"), entry.c.kind.in_(map(literal, TOLD_ENTRIES)))
    .limit(bind("limit"))
)
# Events after a number of the chain, oldest first.
told_events_after = Query(
    _events.where(_link.c.number > bind("number")).order_by(_link.c.number), ToldEvent
)
# Events up to a number of the chain, newest first.
told_events_before = Query(
    _events.where(_link.c.number <= bind("number")).order_by(_link.c.number.desc()), ToldEvent
)


class ToldInquiry(NamedTuple):
    """An inquiry about a subject, for their notice.

    Attributes:
        outcome: An InquiryOutcome.
        used_up: 1 if it was the last use of its consent.
    """

    inquiry_id: str
    consent_id: str
    outcome: int
    used_up: int


told_inquiries = Query(
    select(
        inquiry.c.inquiry_id,
        inquiry.c.consent_id,
        inquiry.c.outcome,
        case((consent_event.c.kind == _EXHAUSTED, 1), else_=0).label("used_up"),
    )
    .join_from(
        inquiry,
        consent_event,
        and_(
            consent_event.c.consent_id == inquiry.c.consent_id,
            consent_event.c.entry_key == inquiry.c.entry_key,
            consent_event.c.kind == _EXHAUSTED,
        ),
        isouter=True,
    )
    .where(inquiry.c.entry_key == bind("entry_key"), inquiry.c.subject_id == bind("subject_id")),
    ToldInquiry,
)
