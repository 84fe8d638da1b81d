"""Consent requests, by id, by member and by subject."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, update

from bureau.store import tables as t
from bureau.store.compiled import Change, Query
from bureau.store.queries.builders import bind, consent_request, insert
from bureau.store.queries.log_times import changed_since

# A ConsentRequestState: without an answer.
PENDING = 1


class StoredRequest(NamedTuple):
    """A consent request as its row holds it, in the order of the table's columns.

    Attributes:
        terms: The signed payload without its words.
        state: The ConsentRequestState by the statements; PENDING is EXPIRED after `expire_us`.
        update_us: Time of the answer; without one, of the request.
        answer_entry: Key of the entry of the answer; None without one.
    """

    request_id: str
    member_id: str
    subject_id: str
    terms: bytes
    expire_us: int
    state: int
    create_us: int
    update_us: int
    entry_key: int
    answer_entry: int | None


add_consent_request = insert(t.ConsentRequestRow)
_by_id = select(*consent_request.columns).where(
    consent_request.c.request_id == bind("consent_request_id")
)
consent_request_by_id = Query(_by_id, StoredRequest)
lock_consent_request = Query(_by_id.with_for_update(), StoredRequest)
answer_consent_request = Change(
    update(consent_request)
    .where(consent_request.c.request_id == bind("which"))
    .values(state=bind("state"), update_us=bind("update_us"), answer_entry=bind("answer_entry"))
)
_of_pair = (
    consent_request.c.member_id == bind("member_id"),
    consent_request.c.subject_id == bind("subject_id"),
)


class RequestCounts(NamedTuple):
    """Numbers of the requests of one member to one subject.

    Attributes:
        recent: Requests since a time.
        pending: Requests that can be answered.
    """

    recent: int
    pending: int


consent_request_counts = Query(
    select(
        func.count().filter(consent_request.c.create_us > bind("since_us")).label("recent"),
        func.count()
        .filter(
            consent_request.c.state == literal(PENDING),
            consent_request.c.expire_us > bind("now_us"),
        )
        .label("pending"),
    ).where(*_of_pair),
    RequestCounts,
)


def _requests_before(*which: ColumnElement[bool]) -> Query[StoredRequest]:
    """Select a page of requests that changed since a time, newest first, before the position
    (create_us, request_id).
    """
    below = or_(
        consent_request.c.create_us < bind("before_us"),
        and_(
            consent_request.c.create_us == bind("before_us"),
            consent_request.c.request_id < bind("before_id"),
        ),
    )
    changed = or_(
        changed_since(bind("since_us")),
        and_(
            consent_request.c.state == literal(PENDING),
            consent_request.c.expire_us >= bind("since_us"),
            consent_request.c.expire_us <= bind("now_us"),
        ),
    )
    return Query(
        select(*consent_request.columns)
        .where(*which, below, changed)
        .order_by(consent_request.c.create_us.desc(), consent_request.c.request_id.desc())
        .limit(bind("limit")),
        StoredRequest,
    )


_own = consent_request.c.member_id == bind("member_id")
consent_requests_to_before = _requests_before(consent_request.c.subject_id == bind("subject_id"))
consent_requests_of_before = _requests_before(_own)
consent_requests_of_to_before = _requests_before(*_of_pair)
