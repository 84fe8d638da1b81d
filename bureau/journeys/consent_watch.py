"""Use case of following consents: every change of the consents that a member holds, once and in
order, however late the member asks.

A change by a statement has a place in the log. An expiry has none: nothing is signed when the
time of a consent ends. A cursor therefore has two positions, one among the changes in the log
and one among the expiries, so that neither passes over a change of the other; both are read
from the database alone, and so mean the same on every node.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from bureau.calendar import timestamp_of
from bureau.context import Bureau, Caller
from bureau.credit_file.consent_proof import KeyProofs, show_consent
from bureau.credit_file.consent_state import HeldConsent
from bureau.credit_file.notices import settled_at
from bureau.ledger.entry_keys import KEY_SLACK
from bureau.signed_statement import logged_statement
from bureau.store import queries as q
from bureau.store.database import Connection
from creditbureau.v1.consent_event_pb2 import (
    CONSENT_EVENT_KIND_EXHAUSTED,
    CONSENT_EVENT_KIND_EXPIRED,
    ConsentEvent,
)
from creditbureau.v1.consents_pb2 import WatchConsentsResponse

# Changes that are read at once: a consent with its changes has up to 100 kB.
PAGE = 50


class Position(NamedTuple):
    """A cursor: a change in the log, and an expiry; what comes after each is to come.

    Attributes:
        leaf_index: Leaf of the last change in the log; -1 before the first.
        changed_id: Consent of that change.
        expire_us: Time of the last expiry.
        expired_id: Consent of that expiry.
    """

    leaf_index: int = -1
    changed_id: str = ""
    expire_us: int = 0
    expired_id: str = ""

    @classmethod
    def parse(cls, cursor: str) -> Position:
        """Parse a cursor, which the contract's rule has checked; empty for the first position."""
        if not cursor:
            return cls()
        size, changed_id, expire_us, expired_id = cursor.split(".")
        return cls(int(size) - 1, changed_id, int(expire_us), expired_id)

    def __str__(self) -> str:
        return f"{self.leaf_index + 1}.{self.changed_id}.{self.expire_us}.{self.expired_id}"


class Change(NamedTuple):
    """A change of a consent; changes sort by their time, expiries before entries.

    Attributes:
        leaf_index: Leaf of its entry; -1 for an expiry.
        entry_key: Its entry; 0 for an expiry.
    """

    time_us: int
    leaf_index: int
    consent_id: str
    kind: int
    entry_key: int


def watch_consents(
    bureau: Bureau, caller: Caller, cursor: str
) -> Iterator[WatchConsentsResponse | None]:
    """Yield the changes of a member's consents after a cursor; None while there is none.

    Args:
        cursor: Empty for all changes.
    """
    position = Position.parse(cursor)
    while True:
        now_us = bureau.clock.now_us()
        answers: list[WatchConsentsResponse] = []
        with bureau.database.snapshot() as db:
            for change in _changes_after(db, caller.member_id, position, now_us):
                if change.kind == CONSENT_EVENT_KIND_EXPIRED:
                    position = position._replace(
                        expire_us=change.time_us, expired_id=change.consent_id
                    )
                else:
                    position = position._replace(
                        leaf_index=change.leaf_index, changed_id=change.consent_id
                    )
                answers.append(_answer(db, change, str(position), now_us))
        yield from answers
        if not answers:
            yield None


def _changes_after(db: Connection, member_id: str, position: Position, now_us: int) -> list[Change]:
    """Read the next changes after a position, in the order of their times."""
    row = db.one(q.key_at, leaf_index=position.leaf_index)
    logged = [
        Change(event.time_us, event.leaf_index, event.consent_id, event.kind, event.entry_key)
        for event in db.all(
            q.consent_events_after,
            member_id=member_id,
            floor=row[0] - KEY_SLACK if row else 0,
            leaf_index=position.leaf_index,
            consent_id=position.changed_id,
            limit=PAGE,
        )
    ]
    expired = [
        Change(expire_us, -1, consent_id, CONSENT_EVENT_KIND_EXPIRED, 0)
        for consent_id, expire_us in db.all(
            q.consents_expired_after,
            member_id=member_id,
            until_us=settled_at(db, now_us),
            expire_us=position.expire_us,
            consent_id=position.expired_id,
            limit=PAGE,
        )
    ]
    # After a full page more may follow, which the other kind must not overtake.
    ends = [page[-1] for page in (logged, expired) if len(page) == PAGE]
    changes = sorted((*logged, *expired))
    return [change for change in changes if not ends or change <= min(ends)]


def _answer(db: Connection, change: Change, cursor: str, now_us: int) -> WatchConsentsResponse:
    """Return a change with its consent as it is now, and with the statements that prove both."""
    row = db.one(q.consent_by_id, consent_id=change.consent_id)
    assert row is not None, "a consent that changed has a row"
    shown = show_consent(db, HeldConsent(*row), KeyProofs(db), now_us)
    is_use = change.kind == CONSENT_EVENT_KIND_EXHAUSTED
    return WatchConsentsResponse(
        event=ConsentEvent(
            consent_id=change.consent_id,
            kind=change.kind,  # type: ignore[arg-type]
            event_time=timestamp_of(change.time_us),
            leaf_index=change.leaf_index if change.entry_key else None,
        ),
        consent=shown.consents[0],
        keys=shown.keys,
        use=logged_statement(db, change.entry_key) if is_use else None,
        cursor=cursor,
    )
