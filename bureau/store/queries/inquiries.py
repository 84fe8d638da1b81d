"""Inquiries, granted and denied."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from sqlalchemy import ColumnElement, func, not_, select

from bureau.store import tables as t
from bureau.store.compiled import Query
from bureau.store.queries.builders import bind, entry, inquiry, insert

# The columns of an inquiry, in the order of its table; then its leaf's index.
InquiryColumns: TypeAlias = tuple[
    int, str, str, str, str, int, int, int, str, int, int | None, int, str, int, bytes | None
]
InquiryAndLeaf: TypeAlias = tuple[*InquiryColumns, int]


class MemberInquiry(NamedTuple):
    """An inquiry, by its member and the member's id of it."""

    member_id: str
    inquiry_id: str


add_inquiry = insert(t.InquiryRow)
inquiry_of_entry = Query[InquiryColumns](
    select(*inquiry.columns).where(inquiry.c.entry_key == bind("entry_key"))
)
# A report was given under a granted one; a denied one and a replay have no log size.
_granted = inquiry.c.log_size >= 0
# Granted ones by the request id of the entry that they belong to.
inquiries_of_id = Query[InquiryColumns](
    select(*inquiry.columns)
    .join_from(entry, inquiry, inquiry.c.entry_key == entry.c.entry_key)
    .where(entry.c.request_id == bind("inquiry_id"), _granted)
)
# The number of replays of one report by one member: a replay's row names the inquiry whose
# report it made again.
replays_of_report = Query[tuple[int]](
    select(func.count()).where(
        inquiry.c.subject_id == bind("subject_id"),
        inquiry.c.member_id == bind("member_id"),
        inquiry.c.inquiry_id == bind("inquiry_id"),
        inquiry.c.consent_id == bind("consent_id"),
        inquiry.c.outcome == bind("outcome"),
    )
)
# The inquiries of one entry, after a position among them.
inquiries_of_entry = Query[InquiryColumns](
    select(*inquiry.columns)
    .where(inquiry.c.entry_key == bind("entry_key"), inquiry.c.inquiry_key > bind("after"))
    .order_by(inquiry.c.inquiry_key)
    .limit(bind("limit"))
)
# The place of each report of an entry.
reports_of_entry = Query[tuple[int, bytes | None]](
    select(inquiry.c.inquiry_key, inquiry.c.report_digest)
    .where(inquiry.c.entry_key == bind("entry_key"))
    .order_by(inquiry.c.inquiry_key)
)
_inquiry_entry = entry.alias("inquiry_entry")
# Hard inquiries since a time, as of a log size; granted ones only.
file_inquiries = Query[tuple[str, str, str, int, int, int, int, int]](
    select(
        inquiry.c.inquiry_id,
        inquiry.c.member_id,
        inquiry.c.consent_id,
        inquiry.c.purpose,
        inquiry.c.kind,
        inquiry.c.outcome,
        inquiry.c.create_us,
        _inquiry_entry.c.leaf_index,
    )
    .join_from(inquiry, _inquiry_entry, inquiry.c.entry_key == _inquiry_entry.c.entry_key)
    .where(
        inquiry.c.subject_id == bind("subject_id"),
        inquiry.c.kind == bind("kind"),
        inquiry.c.create_us >= bind("since_us"),
        _inquiry_entry.c.leaf_index < bind("log_size"),
        _granted,
    )
    .order_by(_inquiry_entry.c.leaf_index.desc())
    .limit(bind("limit"))
)

# Hard or soft ones since a time, those of this very transaction among them.
_since = (
    inquiry.c.subject_id == bind("subject_id"),
    inquiry.c.kind == bind("kind"),
    inquiry.c.create_us >= bind("since_us"),
    _granted,
)
inquiry_count = Query[tuple[int]](select(func.count()).select_from(inquiry).where(*_since))
# The member and the id of each of them.
inquiry_ids_since = Query(
    select(inquiry.c.member_id, inquiry.c.inquiry_id).where(*_since),
    MemberInquiry,
)


def _inquiries_before(*which: ColumnElement[bool]) -> Query[InquiryAndLeaf]:
    """Select inquiries, newest first, before a position."""
    return Query[InquiryAndLeaf](
        select(*inquiry.columns, func.coalesce(_inquiry_entry.c.leaf_index, -1))
        .join_from(
            inquiry, _inquiry_entry, inquiry.c.entry_key == _inquiry_entry.c.entry_key, isouter=True
        )
        .where(inquiry.c.inquiry_key < bind("before"), *which)
        .order_by(inquiry.c.inquiry_key.desc())
        .limit(bind("limit"))
    )


_about = inquiry.c.subject_id == bind("subject_id")
inquiries_before = _inquiries_before(_about)
inquiries_between = _inquiries_before(
    _about, inquiry.c.create_us >= bind("start_us"), inquiry.c.create_us <= bind("end_us")
)
granted_before = _inquiries_before(_about, _granted)
# Denied, or replayed.
other_inquiries_before = _inquiries_before(_about, not_(_granted))
# A member's own, about all subjects or about one.
_own = inquiry.c.member_id == bind("member_id")
own_inquiries_before = _inquiries_before(_own)
own_inquiries_about_before = _inquiries_before(_own, _about)
