"""Consents, by id, by subject and by grantee."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, update
from sqlalchemy import text as text_clause

from bureau.store import tables as t
from bureau.store.compiled import Change, InQuery, Query
from bureau.store.queries.builders import (
    bind,
    consent,
    consent_change,
    consent_event,
    entry,
    insert,
    statement,
)
from bureau.store.queries.log_times import lasted_until
from bureau.store.queries.members import EntryAndEnvelope

# The columns of a consent, in the order of its table.
ConsentColumns: TypeAlias = tuple[
    str,
    str,
    str,
    int,
    int,
    int,
    int,
    int,
    int,
    int,
    int,
    int,
    int,
    int,
    int,
    int,
    int,
    int,
    int,
    int,
    str,
    str | None,
]
# The columns of an entry that changed a consent, its statement, and its ConsentTransition.
ChangeColumns: TypeAlias = tuple[*EntryAndEnvelope, int]

add_consent = insert(t.ConsentRow)
consent_by_id = Query[ConsentColumns](
    select(*consent.columns).where(consent.c.consent_id == bind("consent_id"))
)
consents_by_id = InQuery[ConsentColumns](
    lambda consent_ids: select(*consent.columns).where(consent.c.consent_id.in_(consent_ids))
)
lock_consent = Query[ConsentColumns](
    select(*consent.columns).where(consent.c.consent_id == bind("consent_id")).with_for_update()
)
# A ConsentState: a newer consent of the arrangement is in its place.
REPLACED = 7
_in_force = consent.c.state != literal(REPLACED)
# The consent of an arrangement, by the id of its first, that no other has replaced.
newest_of_arrangement = Query[tuple[str]](
    select(consent.c.consent_id).where(
        consent.c.arrangement_id == bind("arrangement_id"), _in_force
    )
)
lock_consents = InQuery[ConsentColumns](
    lambda consent_ids: (
        select(*consent.columns)
        .where(consent.c.consent_id.in_(consent_ids))
        .order_by(consent.c.consent_id)
        .with_for_update()
    )
)
count_use = Change(
    update(consent)
    .where(consent.c.consent_id == bind("which"))
    .values(
        use_count=consent.c.use_count + 1, period=bind("period"), period_count=bind("period_count")
    )
)
set_consent_state = Change(
    update(consent)
    .where(consent.c.consent_id == bind("which"))
    .values(state=bind("state"), update_us=bind("update_us"), note=bind("note"))
)


class ConsentsBefore(NamedTuple):
    """The consents that there are before a new one.

    Attributes:
        in_use: Those of the subject that the member may use, without the one that is replaced.
        with_id: Those that have the id of the new one.
    """

    in_use: int
    with_id: int


_same_id = consent.alias("same_id")
consents_before = Query(
    select(
        func.count().label("in_use"),
        select(func.count())
        .select_from(_same_id)
        .where(_same_id.c.consent_id == bind("consent_id"))
        .scalar_subquery()
        .label("with_id"),
    )
    .select_from(consent)
    .where(
        consent.c.grantee == bind("grantee"),
        consent.c.subject_id == bind("subject_id"),
        # As the index says it.
        text_clause("consent.state <> 3"),
        _in_force,
        consent.c.expire_us > bind("now_us"),
        consent.c.consent_id != bind("replaces"),
    ),
    ConsentsBefore,
)
add_consent_change = insert(t.ConsentChangeRow)
count_consent_changes = Query[tuple[int]](
    select(func.count())
    .select_from(consent_change)
    .where(consent_change.c.consent_id == bind("consent_id"))
)
changes_of_consent = Query[ChangeColumns](
    select(*entry.columns, statement.c.envelope, consent_change.c.transition)
    .join_from(consent_change, entry, consent_change.c.entry_key == entry.c.entry_key)
    .join(statement, statement.c.entry_key == entry.c.entry_key)
    .where(consent_change.c.consent_id == bind("consent_id"))
    .order_by(entry.c.leaf_index)
)
consents_granted_in = Query[tuple[str]](
    select(consent.c.consent_id)
    .where(
        consent.c.subject_id == bind("subject_id"),
        consent.c.create_us >= bind("start_us"),
        consent.c.create_us <= bind("end_us"),
    )
    .order_by(consent.c.create_us.desc(), consent.c.consent_id.desc())
)


def _consents_before(whose: ColumnElement[bool]) -> Query[ConsentColumns]:
    """Select a page of consents, newest first, before the position (create_us, consent_id)."""
    below = or_(
        consent.c.create_us < bind("before_us"),
        and_(consent.c.create_us == bind("before_us"), consent.c.consent_id < bind("before_id")),
    )
    return Query[ConsentColumns](
        select(*consent.columns)
        .where(whose, below)
        .order_by(consent.c.create_us.desc(), consent.c.consent_id.desc())
        .limit(bind("limit"))
    )


consents_of_subject = _consents_before(consent.c.subject_id == bind("subject_id"))
consents_of_grantee = _consents_before(consent.c.grantee == bind("grantee"))
consents_of_grantee_on = _consents_before(
    and_(consent.c.grantee == bind("grantee"), consent.c.subject_id == bind("subject_id"))
)
# Of a member's consents those that were granted or changed, expired or were used up at a time or
# later, newest first.
# Grants, changes and last uses each have a row.
_logged_since = (
    select(consent_event.c.consent_id)
    .join_from(consent_event, entry, consent_event.c.entry_key == entry.c.entry_key)
    .where(consent_event.c.consent_id == consent.c.consent_id, entry.c.time_us >= bind("since_us"))
)
_changed_since = or_(
    _logged_since.exists(),
    and_(
        consent.c.expire_us >= bind("since_us"),
        consent.c.expire_us <= bind("now_us"),
        # A consent that ended before does not expire.
        lasted_until(consent.c.expire_us),
    ),
)
consents_of_grantee_changed = _consents_before(
    and_(consent.c.grantee == bind("grantee"), _changed_since)
)
consents_of_grantee_on_changed = _consents_before(
    and_(
        consent.c.grantee == bind("grantee"),
        consent.c.subject_id == bind("subject_id"),
        _changed_since,
    )
)
subjects_with_consent = InQuery[tuple[str, int]](
    lambda subject_ids: (
        select(consent.c.subject_id, consent.c.portfolio_types)
        .where(
            consent.c.grantee == bind("grantee"),
            consent.c.subject_id.in_(subject_ids),
            consent.c.state == bind("state"),
            consent.c.actions.op("&")(bind("action")) != 0,
            consent.c.start_us <= bind("now_us"),
            consent.c.expire_us > bind("now_us"),
        )
        .with_for_update(read=True)
    )
)
