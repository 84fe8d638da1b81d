"""Queries of what is on file about people, of any kind."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import CompoundSelect, Text, literal_column, select, union

from bureau.store.compiled import InQuery
from bureau.store.queries.builders import bind, dispute, monitor, party, tradeline

DISPUTED, DELETED, MONITORED = "disputed", "deleted", "monitored"


class KnownOfPerson(NamedTuple):
    """A thing that is on file about a person: DISPUTED, DELETED or MONITORED."""

    subject_id: str
    thing: str


def _thing(name: str) -> Any:
    return literal_column(f"'{name}'", Text).label("thing")


def _known_of(subject_ids: list[Any]) -> CompoundSelect[tuple[str, str]]:
    return union(
        select(dispute.c.subject_id, _thing(DISPUTED)).where(
            dispute.c.subject_id.in_(subject_ids), dispute.c.answer_key.is_(None)
        ),
        select(party.c.subject_id, _thing(DELETED))
        .join_from(party, tradeline, tradeline.c.tradeline_key == party.c.tradeline_key)
        .where(party.c.subject_id.in_(subject_ids), tradeline.c.marks.op("&")(bind("mask")) != 0),
        select(monitor.c.subject_id, _thing(MONITORED)).where(
            monitor.c.subject_id.in_(subject_ids)
        ),
    )


# Of these people those with a dispute that was not answered, those with an account that has some
# kinds of record, and those whom a member monitors.
known_of_people = InQuery(_known_of, KnownOfPerson)
