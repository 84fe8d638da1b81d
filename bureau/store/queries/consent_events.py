"""Queries of the changes of consents that their grantees hear of."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import and_, or_, select

from bureau.store import tables as t
from bureau.store.compiled import Query
from bureau.store.queries.builders import bind, consent, consent_end, consent_event, entry, insert
from bureau.store.queries.log_times import lasted_until


class LoggedConsentEvent(NamedTuple):
    """A change of a consent that an entry caused, with its place in the log."""

    consent_id: str
    kind: int
    entry_key: int
    leaf_index: int
    time_us: int


add_consent_event = insert(t.ConsentEventRow)
# The changes of a member's consents after a position in the log, in its order.
consent_events_after = Query(
    select(
        consent_event.c.consent_id,
        consent_event.c.kind,
        entry.c.entry_key,
        entry.c.leaf_index,
        entry.c.time_us,
    )
    .join_from(consent_event, entry, consent_event.c.entry_key == entry.c.entry_key)
    .where(
        consent_event.c.member_id == bind("member_id"),
        consent_event.c.entry_key >= bind("floor"),
        or_(
            entry.c.leaf_index > bind("leaf_index"),
            and_(
                entry.c.leaf_index == bind("leaf_index"),
                consent_event.c.consent_id > bind("consent_id"),
            ),
        ),
    )
    .order_by(entry.c.leaf_index, consent_event.c.consent_id)
    .limit(bind("limit")),
    LoggedConsentEvent,
)
# A member's consents that ended by time after a position, in the order of their ends. A consent
# that was revoked or replaced before did not, nor did one that was granted after its own end.
consents_expired_after = Query[tuple[str, int]](
    select(consent_end.c.consent_id, consent_end.c.expire_us)
    .join_from(consent_end, consent, consent.c.consent_id == consent_end.c.consent_id)
    .where(
        consent_end.c.member_id == bind("member_id"),
        consent_end.c.expire_us <= bind("until_us"),
        or_(
            consent_end.c.expire_us > bind("expire_us"),
            and_(
                consent_end.c.expire_us == bind("expire_us"),
                consent_end.c.consent_id > bind("consent_id"),
            ),
        ),
        lasted_until(consent_end.c.expire_us),
    )
    .order_by(consent_end.c.expire_us, consent_end.c.consent_id)
    .limit(bind("limit"))
)
