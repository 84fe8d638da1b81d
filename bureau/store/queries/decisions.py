"""Queries of the decisions that members recorded on reports."""

from __future__ import annotations

from sqlalchemy import ColumnElement, func, select

from bureau.store import tables as t
from bureau.store.compiled import Query
from bureau.store.queries.builders import bind, decision, entry, insert

add_decision = insert(t.DecisionRow)
_on_report = (
    decision.c.inquiry_entry == bind("inquiry_entry"),
    decision.c.subject_id == bind("subject_id"),
)
decision_count = Query[tuple[int]](select(func.count()).select_from(decision).where(*_on_report))
# In order of the log: another node may have given a later one an earlier key.
decisions_on_report = Query[tuple[int]](
    select(decision.c.entry_key)
    .join_from(decision, entry, decision.c.entry_key == entry.c.entry_key)
    .where(*_on_report)
    .order_by(entry.c.leaf_index)
)


def _decisions_before(*which: ColumnElement[bool]) -> Query[tuple[int]]:
    """Select the entries of decisions, newest first, before a position."""
    return Query[tuple[int]](
        select(decision.c.entry_key)
        .where(decision.c.entry_key < bind("before"), *which)
        .order_by(decision.c.entry_key.desc())
        .limit(bind("limit"))
    )


_about = decision.c.subject_id == bind("subject_id")
_own = decision.c.member_id == bind("member_id")
decisions_about_before = _decisions_before(_about)
own_decisions_before = _decisions_before(_own)
own_decisions_about_before = _decisions_before(_own, _about)
