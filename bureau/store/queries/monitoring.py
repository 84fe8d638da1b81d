"""Alerts, and the members that get them."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import and_, delete, func, or_, select

from bureau.store import tables as t
from bureau.store.compiled import Change, InQuery, Query
from bureau.store.queries.builders import (
    alert,
    bind,
    consent,
    entry,
    insert,
    mark,
    member,
    monitor,
    party,
    tradeline,
    upsert,
)
from bureau.store.queries.consents import ConsentColumns

add_monitor = insert(t.MonitorRow)
MONITOR_COLUMNS = tuple(c.name for c in monitor.columns)
# Consents to monitor any of these people that are in force at a time, and the purposes that
# their grantees are admitted for.
monitors_of = InQuery[tuple[str, str, str, int, int, int, int]](
    lambda subject_ids: (
        select(
            monitor.c.subject_id,
            monitor.c.consent_id,
            monitor.c.grantee,
            consent.c.sections,
            consent.c.portfolio_types,
            consent.c.purposes,
            member.c.purposes.label("admitted"),
        )
        .join_from(monitor, consent, monitor.c.consent_id == consent.c.consent_id)
        .join(member, member.c.member_id == monitor.c.grantee)
        .where(
            monitor.c.subject_id.in_(subject_ids),
            consent.c.state == bind("state"),
            consent.c.start_us <= bind("now_us"),
            consent.c.expire_us > bind("now_us"),
        )
        .order_by(monitor.c.subject_id, monitor.c.consent_id)
    )
)
# A member's own consents to monitor, and to what end.
monitored_by = Query[ConsentColumns](
    select(*consent.columns)
    .join_from(monitor, consent, monitor.c.consent_id == consent.c.consent_id)
    .where(
        monitor.c.grantee == bind("grantee"),
        consent.c.state == bind("state"),
        consent.c.start_us <= bind("now_us"),
        consent.c.expire_us > bind("now_us"),
    )
    .order_by(monitor.c.subject_id, monitor.c.consent_id)
)
drop_monitor = Change(
    delete(monitor).where(
        monitor.c.subject_id == bind("whose"), monitor.c.consent_id == bind("which")
    )
)
_expired = select(consent.c.consent_id).where(
    consent.c.consent_id == monitor.c.consent_id, consent.c.expire_us <= bind("now_us")
)
drop_expired_monitors = Change(
    delete(monitor).where(
        monitor.c.subject_id == bind("subject_id"),
        monitor.c.grantee == bind("grantee"),
        _expired.exists(),
    )
)
monitor_count = Query[tuple[int]](
    select(func.count()).where(
        monitor.c.subject_id == bind("subject_id"), monitor.c.grantee == bind("grantee")
    )
)
# The people with an account that a member furnishes.
furnished_among = InQuery[tuple[str]](
    lambda subject_ids: (
        select(party.c.subject_id)
        .join_from(party, tradeline, tradeline.c.tradeline_key == party.c.tradeline_key)
        .where(party.c.subject_id.in_(subject_ids), tradeline.c.member_id == bind("member_id"))
        .distinct()
    )
)
add_alert = insert(t.AlertRow)
ALERT_COLUMNS = tuple(c.name for c in alert.columns)


class LoggedAlert(NamedTuple):
    """An alert, its place in the log, and the end of its consent."""

    ordinal: int
    subject_id: str
    consent_id: str
    kind: int
    tradelines: str
    leaf_index: int
    time_us: int
    state: int
    expire_us: int
    purposes: int


# A member's alerts after a position in the log, in its order, with the consent's state.
alerts_after = Query(
    select(
        alert.c.ordinal,
        alert.c.subject_id,
        alert.c.consent_id,
        alert.c.kind,
        alert.c.tradelines,
        entry.c.leaf_index,
        entry.c.time_us,
        consent.c.state,
        consent.c.expire_us,
        consent.c.purposes,
    )
    .join_from(alert, entry, alert.c.entry_key == entry.c.entry_key)
    .join(consent, consent.c.consent_id == alert.c.consent_id)
    .where(
        alert.c.member_id == bind("member_id"),
        alert.c.entry_key >= bind("floor"),
        or_(
            entry.c.leaf_index > bind("leaf_index"),
            and_(entry.c.leaf_index == bind("leaf_index"), alert.c.ordinal > bind("ordinal")),
        ),
    )
    .order_by(entry.c.leaf_index, alert.c.ordinal)
    .limit(bind("limit")),
    LoggedAlert,
)
# Alerts of a kind that were caused under a consent since a time; one that this very
# transaction causes has no entry yet.
told_since = Query[tuple[int]](
    select(alert.c.entry_key)
    .join_from(alert, entry, alert.c.entry_key == entry.c.entry_key, isouter=True)
    .where(
        alert.c.consent_id == bind("consent_id"),
        alert.c.kind == bind("kind"),
        or_(entry.c.time_us.is_(None), entry.c.time_us >= bind("since_us")),
    )
    .limit(1)
)
key_at = Query[tuple[int]](
    select(entry.c.entry_key).where(entry.c.leaf_index == bind("leaf_index"))
)
alert_mark = Query[tuple[int]](select(mark.c.cursor).where(mark.c.member_id == bind("member_id")))
_mark = upsert(mark).values(member_id=bind("member_id"), cursor=bind("cursor"))
set_alert_mark = Change(
    _mark.on_conflict_do_update(
        index_elements=[mark.c.member_id],
        set_={"cursor": _mark.excluded.cursor},
        where=mark.c.cursor < _mark.excluded.cursor,
    )
)
