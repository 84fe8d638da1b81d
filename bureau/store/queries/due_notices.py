"""Queries of the notices that come by the clock: what ends soon, and what was not done in time.

Nothing is signed at such a time, and nothing is stored: each notice follows from rows that signed
statements gave, judged as they were at its time, by the times of their entries. What is logged at
the same time comes after it. A notice that came once stays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, exists, literal, or_, select, union_all

from bureau.store.compiled import Query
from bureau.store.queries.builders import (
    bind,
    complaint,
    consent,
    consent_end,
    consent_event,
    consent_request,
    dispute,
    entry,
)
from bureau.store.queries.log_times import end_of_consent_us, lasted_until, waited_until
from bureau.store.queries.overdue_notices import (
    complaints_overdue,
    complaints_undecided,
    disputes_overdue,
)

_DAY_US = 86_400_000_000
# Microseconds before its end at which a consent, and a request for one, ends soon. A consent
# lasts for months; a request may be for a loan that is needed tomorrow. What lasts no longer than
# that has no such notice.
CONSENT_ENDING_US = 7 * _DAY_US
REQUEST_ENDING_US = 2 * _DAY_US
# NoticeKind of each.
_CONSENT_ENDING, _REQUEST_ENDING, _DELETION_MISSING = literal(32), literal(35), literal(39)
# `consent_event.kind` of the last use of a consent.
_EXHAUSTED = literal(5)


class DueNotice(NamedTuple):
    """A notice that comes by the clock.

    Attributes:
        due_us: Its time.
        kind: A NoticeKind.
        about_id: The consent, the request, the dispute or the complaint.
        member_id: The consent's grantee, the member that made the request, or the member that a
            dispute or a complaint is about.
        entry_key: The entry of what it is about; of what the operator has not decided, that of the
            escalation.
        end_us: The end of the consent or the request; 0 for others.
        subject_id: The subject that it is to.
    """

    due_us: int
    kind: int
    about_id: str
    member_id: str
    entry_key: int
    end_us: int
    subject_id: str


def _consents_ending(whose: ColumnElement[bool]) -> Any:
    due = consent.c.expire_us - literal(CONSENT_ENDING_US)
    used_up = exists(
        select(literal(1))
        .select_from(consent_event)
        .join(entry, entry.c.entry_key == consent_event.c.entry_key)
        .where(
            consent_event.c.consent_id == consent.c.consent_id,
            consent_event.c.kind == _EXHAUSTED,
            entry.c.time_us < due,
        )
    )
    return select(
        due.label("due_us"),
        _CONSENT_ENDING.label("kind"),
        consent.c.consent_id.label("about_id"),
        consent.c.grantee.label("member_id"),
        consent.c.entry_key,
        consent.c.expire_us.label("end_us"),
        consent.c.subject_id,
    ).where(whose, lasted_until(due), ~used_up)


def _requests_ending(whose: ColumnElement[bool]) -> Any:
    due = consent_request.c.expire_us - literal(REQUEST_ENDING_US)
    return select(
        due.label("due_us"),
        _REQUEST_ENDING.label("kind"),
        consent_request.c.request_id.label("about_id"),
        consent_request.c.member_id,
        consent_request.c.entry_key,
        consent_request.c.expire_us.label("end_us"),
        consent_request.c.subject_id,
    ).where(whose, waited_until(due))


def _deletions_missing(whose: ColumnElement[bool]) -> Any:
    due = end_of_consent_us + consent_end.c.data_life_us
    return (
        select(
            due.label("due_us"),
            _DELETION_MISSING.label("kind"),
            consent.c.consent_id.label("about_id"),
            consent.c.grantee.label("member_id"),
            consent.c.entry_key,
            literal(0).label("end_us"),
            consent.c.subject_id,
        )
        .join_from(consent, consent_end, consent_end.c.consent_id == consent.c.consent_id)
        .join(entry, entry.c.entry_key == consent_end.c.deletion_entry, isouter=True)
        .where(
            whose,
            consent_end.c.data_life_us > literal(0),
            consent.c.use_count > literal(0),
            or_(consent_end.c.deletion_entry.is_(None), entry.c.time_us >= due),
        )
    )


def all_due(whose: Callable[[Any], ColumnElement[bool]]) -> Any:
    """Return the notices to some subjects, of any time.

    Args:
        whose: Makes the condition of a column of subject ids.
    """
    consents = whose(consent.c.subject_id)
    disputes, complaints = whose(dispute.c.subject_id), whose(complaint.c.subject_id)
    return union_all(
        _consents_ending(consents),
        _requests_ending(whose(consent_request.c.subject_id)),
        _deletions_missing(consents),
        disputes_overdue(disputes),
        complaints_overdue(complaints),
        complaints_undecided(complaints),
    ).subquery()


_due = all_due(lambda subject_id: subject_id == bind("subject_id"))
# The notices of a subject after a position and up to a time, in the order of time.
due_notices_after = Query(
    select(*_due.c)
    .where(
        _due.c.due_us <= bind("settled_us"),
        or_(
            _due.c.due_us > bind("due_us"),
            and_(
                _due.c.due_us == bind("due_us"),
                or_(
                    _due.c.kind > bind("kind"),
                    and_(_due.c.kind == bind("kind"), _due.c.about_id > bind("about_id")),
                ),
            ),
        ),
    )
    .order_by(_due.c.due_us, _due.c.kind, _due.c.about_id)
    .limit(bind("limit")),
    DueNotice,
)
# The notices of a subject before a position and up to a time, newest first.
due_notices_before = Query(
    select(*_due.c)
    .where(
        _due.c.due_us <= bind("settled_us"),
        or_(
            _due.c.due_us < bind("due_us"),
            and_(
                _due.c.due_us == bind("due_us"),
                or_(
                    _due.c.kind < bind("kind"),
                    and_(_due.c.kind == bind("kind"), _due.c.about_id < bind("about_id")),
                ),
            ),
        ),
    )
    .order_by(_due.c.due_us.desc(), _due.c.kind.desc(), _due.c.about_id.desc())
    .limit(bind("limit")),
    DueNotice,
)
