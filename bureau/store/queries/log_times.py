"""The times in the log of consents, of their ends, and of requests, for conditions of queries.

A row has the time at which its unit of work began. Its entry may be later: the unit waits its turn
behind the entries of other nodes. What the clock brings is compared with the entries, whose times
follow the order of the log.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, case, exists, func, literal, or_, select

from bureau.store.queries.builders import consent, consent_change, consent_request, entry

# `consent.state` of a consent that its subject revoked, or replaced by a newer one, and the
# ConsentTransition of either.
_FINAL = (literal(3), literal(7))
_FINAL_TRANSITIONS = (literal(3), literal(4))

_grant = entry.alias("grant_entry")
_final = entry.alias("final_entry")
_answer = entry.alias("answer_entry")
_granted_us = (
    select(_grant.c.time_us).where(_grant.c.entry_key == consent.c.entry_key).scalar_subquery()
)
# At most one entry ends a consent for good.
_final_us = (
    select(func.min(_final.c.time_us))
    .select_from(consent_change)
    .join(_final, _final.c.entry_key == consent_change.c.entry_key)
    .where(
        consent_change.c.consent_id == consent.c.consent_id,
        consent_change.c.transition.in_(_FINAL_TRANSITIONS),
    )
    .scalar_subquery()
)
_requested_us = (
    select(_grant.c.time_us)
    .where(_grant.c.entry_key == consent_request.c.entry_key)
    .scalar_subquery()
)
_answered_us = (
    select(_answer.c.time_us)
    .where(_answer.c.entry_key == consent_request.c.answer_entry)
    .scalar_subquery()
)
# The time from which a consent allows nothing more: `bureau_keys.deletion_checks.end_of_consent`.
end_of_consent_us = case(
    (and_(consent.c.state.in_(_FINAL), _final_us < consent.c.expire_us), _final_us),
    else_=consent.c.expire_us,
)


def lasted_until(time_us: ColumnElement[int]) -> ColumnElement[bool]:
    """Return the condition that a consent was granted before a time, and neither revoked nor
    replaced before it.
    """
    return and_(_granted_us < time_us, or_(consent.c.state.not_in(_FINAL), _final_us >= time_us))


def waited_until(time_us: ColumnElement[int]) -> ColumnElement[bool]:
    """Return the condition that a request was made before a time, and not answered before it."""
    return and_(
        _requested_us < time_us,
        or_(consent_request.c.answer_entry.is_(None), _answered_us >= time_us),
    )


def changed_since(time_us: ColumnElement[int]) -> ColumnElement[bool]:
    """Return the condition that a request was made or answered at a time or later."""
    return exists(
        select(literal(1))
        .select_from(_answer)
        .where(
            _answer.c.entry_key.in_((consent_request.c.entry_key, consent_request.c.answer_entry)),
            _answer.c.time_us >= time_us,
        )
    )
