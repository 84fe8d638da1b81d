"""The chains of subjects' events, extended where leaves get their indices.

There one node at a time orders the log, so the order of every chain is that of the log
(`bureau_keys/event_chain.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.event_chain import ChainHead, extend

# A log size above every real one: the head as of now.
ALL = 1 << 62


class NewEvent(NamedTuple):
    """A leaf that concerns subjects.

    Attributes:
        leaf_hash: The RFC 6962 leaf hash.
        subjects: Ids of the subjects; empty for a leaf that is no event.
    """

    leaf_index: int
    leaf_hash: bytes
    subjects: Collection[str]


def extend_chains(db: Connection, events: Iterable[NewEvent]) -> None:
    """Extend the chains of the subjects whom new leaves concern, in the order of the leaves."""
    events, links = list(events), []
    people = sorted({subject_id for event in events for subject_id in event.subjects})
    rows = db.all_in(q.newest_event_links, people) if people else []
    heads = {row.subject_id: ChainHead(row.number, row.hash) for row in rows}
    for event in events:
        for subject_id in sorted(event.subjects):
            head = extend(heads.get(subject_id, ChainHead()), [event.leaf_hash])
            heads[subject_id] = head
            links.append((subject_id, head.events, event.leaf_index, head.hash))
    if links:
        columns = ("subject_id", "number", "leaf_index", "hash")
        db.execute_many_tuples(q.add_event_link, columns, links)


def head_of(db: Connection, subject_id: str, log_size: int = ALL) -> ChainHead:
    """Read the head of a subject's chain, as of a log size."""
    row = db.one(q.newest_event_link, subject_id=subject_id, log_size=log_size)
    return ChainHead(*row) if row else ChainHead()
