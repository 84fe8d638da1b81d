"""Use case of passing notices on: an agent follows the notices to the people whose choice names it.

The agent learns that there is a notice, and of which kind; what it says the person reads with
their own key. The agent keeps the cursor, and sends mail or messages in its own time: nothing here
waits for it, and nothing is queued for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from bureau.calendar import MICROSECONDS, timestamp_of
from bureau.codes import CodeSet
from bureau.context import Bureau, Caller
from bureau.credit_file.notices import notice_id_of, settled_at
from bureau.credit_file.told_events import notices_of
from bureau.ledger.entry_keys import KEY_SLACK
from bureau.store import queries as q
from bureau.store.database import Connection
from creditbureau.v1.notices_pb2 import RelayedNotice, RelayNoticesResponse

PAGE = 200
# Microseconds between two looks at what comes by the clock: they read the consents of all people
# who chose the agent, and such a notice is about days.
DUE_INTERVAL_US = 60 * MICROSECONDS


class RelayPosition(NamedTuple):
    """A cursor: a notice of an entry, and one that comes by the clock; what comes after each is to
    come.

    Attributes:
        leaf_index: Leaf of the last notice of an entry; -1 before the first.
        subject_id: The subject that it was to.
        ordinal: Its number among the notices of that leaf to the subject.
        due_us: Time of the last notice by the clock.
        due_kind: Its NoticeKind.
        due_id: The consent or the request that it is about.
    """

    leaf_index: int = -1
    subject_id: str = ""
    ordinal: int = 0
    due_us: int = 0
    due_kind: int = 0
    due_id: str = ""

    @classmethod
    def parse(cls, cursor: str) -> RelayPosition:
        """Parse a cursor, which the contract's rule has checked; empty for the first position."""
        if not cursor:
            return cls()
        size, subject_id, ordinal, due_us, due_kind, due_id = cursor.split(".")
        logged = int(size) - 1, subject_id, int(ordinal)
        return cls(*logged, int(due_us), int(due_kind), due_id)

    def passing(self, news: News) -> RelayPosition:
        """Return the position after one more notice."""
        if news.leaf_index < 0:
            return self._replace(due_us=news.time_us, due_kind=news.kind, due_id=news.about_id)
        return self._replace(
            leaf_index=news.leaf_index, subject_id=news.subject_id, ordinal=news.ordinal
        )

    def __str__(self) -> str:
        return f"{self.leaf_index + 1}." + ".".join(map(str, self[1:]))


class News(NamedTuple):
    """The news that there is a notice; those by the clock sort before others of their time.

    Attributes:
        leaf_index: Leaf of the entry that caused it; -1 for one that comes by the clock.
        ordinal: Its number among the notices of that leaf to the subject.
        about_id: The consent or the request of one that comes by the clock; otherwise empty.
        muted: Mask of the kinds that the subject's choice leaves out.
    """

    time_us: int
    leaf_index: int
    subject_id: str
    ordinal: int
    kind: int
    about_id: str
    muted: int
    language: str


def relay_notices(
    bureau: Bureau, caller: Caller, cursor: str
) -> Iterator[RelayNoticesResponse | None]:
    """Yield the notices that an agent passes on, after a cursor; None while there is none.

    Args:
        cursor: Empty for all notices.
    """
    position = RelayPosition.parse(cursor)
    looked_us = 0
    while True:
        answers: list[RelayNoticesResponse] = []
        with bureau.database.snapshot() as db:
            settled_us = settled_at(db, bureau.clock.now_us())
            looks = settled_us >= looked_us + DUE_INTERVAL_US
            page = _news_after(db, caller.member_id, position, settled_us if looks else 0)
        for news in page:
            position = position.passing(news)
            if news.kind not in CodeSet(news.muted):
                answers.append(_answer(news, str(position)))
        if looks and not page:
            looked_us = settled_us
        yield from answers
        if not page:
            yield None


def _news_after(
    db: Connection, agent_id: str, position: RelayPosition, settled_us: int
) -> list[News]:
    """Read the next notices after a position, in the order of their times."""
    last = position.leaf_index, position.subject_id, position.ordinal
    row = db.one(q.key_at, leaf_index=position.leaf_index) if position.leaf_index >= 0 else None
    stored = db.all(
        q.relayed_notices_after,
        agent_id=agent_id,
        floor=row[0] - KEY_SLACK if row else 0,
        leaf_index=position.leaf_index,
        subject_id=position.subject_id,
        ordinal=position.ordinal,
        limit=PAGE,
    )
    # One more: the event of the position may have no notice after it.
    events = db.all(
        q.relayed_events_from,
        agent_id=agent_id,
        leaf_index=position.leaf_index,
        subject_id=position.subject_id,
        limit=PAGE + 1,
    )
    due = db.all(
        q.relayed_due_after,
        agent_id=agent_id,
        settled_us=settled_us,
        due_us=position.due_us,
        kind=position.due_kind,
        about_id=position.due_id,
        limit=PAGE,
    )
    pages = (
        [
            News(
                row.time_us,
                row.leaf_index,
                row.subject_id,
                row.ordinal,
                row.kind,
                "",
                row.muted,
                row.language,
            )
            for row in stored
        ],
        [news for event in events for news in _news_of(db, event) if _place(news) > last],
        [
            News(row.due_us, -1, row.subject_id, 0, row.kind, row.about_id, row.muted, row.language)
            for row in due
        ],
    )
    # After a full page more may follow, which the other kinds must not overtake.
    ends = [page[-1] for page in pages if len(page) >= PAGE]
    news = sorted(each for page in pages for each in page)
    return [each for each in news if not ends or each <= min(ends)]


def _news_of(db: Connection, event: q.RelayedEvent) -> Iterator[News]:
    own_event = q.ToldEvent(
        event.number,
        event.entry_key,
        event.leaf_index,
        event.kind,
        event.signer,
        event.request_id,
        event.time_us,
    )
    for each in notices_of(db, event.subject_id, [own_event]):
        yield News(
            event.time_us,
            event.leaf_index,
            event.subject_id,
            each.ordinal,
            each.kind,
            "",
            event.muted,
            event.language,
        )


def _place(news: News) -> tuple[int, str, int]:
    return news.leaf_index, news.subject_id, news.ordinal


def _answer(news: News, cursor: str) -> RelayNoticesResponse:
    number = news.kind if news.leaf_index < 0 else news.ordinal
    return RelayNoticesResponse(
        notice=RelayedNotice(
            notice_id=notice_id_of(news.leaf_index, number, news.time_us, news.about_id),
            subject_id=news.subject_id,
            kind=news.kind,  # type: ignore[arg-type]
            create_time=timestamp_of(news.time_us),
            language=news.language,
        ),
        cursor=cursor,
    )
