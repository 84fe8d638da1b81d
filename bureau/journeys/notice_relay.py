"""Use case of passing notices on: an agent follows the notices to the people whose choice names it.

The agent learns that there is a notice, and of which kind; what it says the person reads with
their own key. The agent keeps the cursor, and sends mail or messages in its own time: nothing here
waits for it, and nothing is queued for it.

Notices of entries come in the order of the log, those by the clock in the order of their times, and
none of these before a notice of an earlier entry. A stream reads each leaf of the log once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import merge
from typing import NamedTuple

from bureau.calendar import MICROSECONDS, timestamp_of
from bureau.codes import CodeSet
from bureau.context import Bureau, Caller
from bureau.credit_file.due_notices import due_parameters
from bureau.credit_file.notice_choices import choice_at, choices_of
from bureau.credit_file.notices import notice_id_of, settled_at
from bureau.credit_file.told_events import notices_of
from bureau.ledger import log
from bureau.policy import Policy
from bureau.store import queries as q
from bureau.store.database import Connection
from creditbureau.v1.notices_pb2 import RelayedNotice, RelayNoticesResponse

# Notices of one source that are read at once.
PAGE = 200
# Leaves that are read at once, a few milliseconds each time; and readings after which a stream that
# is far behind pauses, so that it ends when its call does.
LEAVES, READINGS = 10_000, 100
# Microseconds between two looks at what comes by the clock: they read the consents, requests,
# disputes and complaints of all people who chose the agent, and such a notice is about days.
DUE_INTERVAL_US = 60 * MICROSECONDS
# After the last notice of a leaf to a subject, with the digits of a cursor.
_LAST = 10**17
# After all times.
_NEVER = 1 << 62


class RelayPosition(NamedTuple):
    """A cursor: a notice of an entry, and one that comes by the clock; what comes after each is to
    come.

    Attributes:
        leaf_index: Leaf of the last notice of an entry; or the next leaf, once all before it is
            read.
        subject_id: The subject that it was to; empty before the first of the leaf.
        ordinal: Its number among the notices of that leaf to the subject.
        due_us: Time of the last notice by the clock.
        due_kind: Its NoticeKind.
        due_id: What it is about: a consent, a request, a dispute or a complaint.
    """

    leaf_index: int = 0
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
        logged = max(int(size) - 1, 0), subject_id, int(ordinal)
        return cls(*logged, int(due_us), int(due_kind), due_id)

    def at(self, leaf_index: int, subject_id: str = "", ordinal: int = 0) -> RelayPosition:
        """Return the position after a notice of an entry, or before all of a leaf."""
        return self._replace(leaf_index=leaf_index, subject_id=subject_id, ordinal=ordinal)

    def passing(self, news: News) -> RelayPosition:
        """Return the position after one more notice."""
        if news.leaf_index < 0:
            return self._replace(due_us=news.time_us, due_kind=news.kind, due_id=news.about_id)
        return self.at(news.leaf_index, news.subject_id, news.ordinal)

    def __str__(self) -> str:
        return f"{self.leaf_index + 1}." + ".".join(map(str, self[1:]))


class News(NamedTuple):
    """The news that there is a notice.

    Attributes:
        leaf_index: Leaf of the entry that caused it; -1 for one that comes by the clock.
        ordinal: Its number among the notices of that leaf to the subject.
        about_id: What one that comes by the clock is about; otherwise empty.
    """

    time_us: int
    leaf_index: int
    subject_id: str
    ordinal: int
    kind: int
    about_id: str = ""


class LoggedNews(NamedTuple):
    """The news of some leaves.

    Attributes:
        news: The news, in the order of the log.
        position: The position after them.
        until_us: Time up to which no more news of entries is to come.
    """

    news: list[News]
    position: RelayPosition
    until_us: int

    @property
    def is_behind(self) -> bool:
        """True if there is more to read."""
        return self.until_us < _NEVER


def relay_notices(
    bureau: Bureau, caller: Caller, cursor: str
) -> Iterator[RelayNoticesResponse | None]:
    """Yield the notices that an agent passes on, after a cursor; None while there is none.

    Args:
        cursor: Empty for all notices.
    """
    agent_id, position = caller.member_id, RelayPosition.parse(cursor)
    due: list[News] = []
    more_due = False
    looked_us, readings = 0, 0
    if not cursor:
        with bureau.database.snapshot() as db:
            position = _first_position(db, agent_id)
    while True:
        answers: list[RelayNoticesResponse] = []
        with bureau.database.snapshot() as db:
            # 1. What comes by the clock, once a minute, and page by page while pages are full.
            settled_us = settled_at(db, bureau.clock.now_us())
            if not due and settled_us >= looked_us + DUE_INTERVAL_US:
                due = _due_after(db, bureau.policy, agent_id, position, settled_us)
                more_due = len(due) == PAGE
                looked_us = looked_us if more_due else settled_us
            # 2. What was logged since. What comes by the clock waits for all that is earlier.
            logged = _logged_after(db, agent_id, position)
            ready = [news for news in due if news.time_us <= logged.until_us]
            due = due[len(ready) :]
            # 3. The choices that held when each arose.
            page = list(merge(ready, logged.news, key=_moment))
            choices = choices_of(db, {news.subject_id for news in page})
        for news in page:
            position = position.passing(news)
            choice = choice_at(choices[news.subject_id], news.time_us, news.leaf_index)
            if choice.agent_id == agent_id and news.kind not in CodeSet(choice.muted):
                answers.append(_answer(news, choice.language, str(position)))
        position = position.at(*logged.position[:3])
        yield from answers
        is_behind = logged.is_behind or more_due
        readings = readings + 1 if is_behind and not answers else 0
        if not answers and not 0 < readings < READINGS:
            yield None
            readings = 0


def _first_position(db: Connection, agent_id: str) -> RelayPosition:
    """Return the position before which no choice named an agent: the log's end if none did."""
    row = db.one(q.first_naming, agent_id=agent_id)
    if row is not None:
        return RelayPosition(leaf_index=row.leaf_index, due_us=row.time_us)
    newest_us, _ = db.one(q.times) or (0, None)
    return RelayPosition(leaf_index=log.size_of(db), due_us=newest_us)


def _logged_after(db: Connection, agent_id: str, position: RelayPosition) -> LoggedNews:
    """Read the next notices of entries after a position."""
    size = log.size_of(db)
    if position.leaf_index >= size:
        return LoggedNews([], position, _NEVER)
    until_leaf = min(size, position.leaf_index + LEAVES)
    span = {
        "agent_id": agent_id,
        "leaf_index": position.leaf_index,
        "subject_id": position.subject_id,
        "until_leaf": until_leaf,
    }
    stored = db.all(q.relayed_notices_between, ordinal=position.ordinal, limit=PAGE, **span)
    # One more: the event of the position may have no notice after it.
    events = db.all(q.relayed_events_between, limit=PAGE + 1, **span)
    # After a full page more may follow, which the others must not overtake.
    ends = [position.at(until_leaf)]
    if len(stored) == PAGE:
        ends.append(position.at(*stored[-1][1:4]))
    if len(events) > PAGE:
        ends.append(position.at(events[-1].leaf_index, events[-1].subject_id, _LAST))
    end = min(ends)
    news = sorted((*(News(*row) for row in stored), *_news_of(db, events)))
    news = [each for each in news if position[:3] < _place(each) <= end[:3]]
    if end[:3] == (size, "", 0):
        return LoggedNews(news, end, _NEVER)
    return LoggedNews(news, end, news[-1].time_us if news else 0)


def _news_of(db: Connection, events: Iterable[q.RelayedEvent]) -> Iterator[News]:
    """Yield the notices of events."""
    for event in events:
        own_event = q.ToldEvent(*event[:-1])
        for each in notices_of(db, event.subject_id, [own_event]):
            yield News(event.time_us, event.leaf_index, event.subject_id, each.ordinal, each.kind)


def _due_after(
    db: Connection, policy: Policy, agent_id: str, position: RelayPosition, settled_us: int
) -> list[News]:
    """Read the next notices by the clock after a position."""
    rows = db.all(
        q.relayed_due_between,
        agent_id=agent_id,
        settled_us=settled_us,
        limit=PAGE,
        **due_parameters(position, policy),
    )
    return [News(row.due_us, -1, row.subject_id, 0, row.kind, row.about_id) for row in rows]


def _moment(news: News) -> tuple[int, int]:
    """Return what merges the two sources: by the clock first, of one time. Each keeps its own order
    within a moment, which its query and the cursor go by.
    """
    return news.time_us, news.leaf_index


def _place(news: News) -> tuple[int, str, int]:
    return news.leaf_index, news.subject_id, news.ordinal


def _answer(news: News, language: str, cursor: str) -> RelayNoticesResponse:
    number = news.kind if news.leaf_index < 0 else news.ordinal
    return RelayNoticesResponse(
        notice=RelayedNotice(
            notice_id=notice_id_of(news.leaf_index, number, news.time_us, news.about_id),
            subject_id=news.subject_id,
            kind=news.kind,  # type: ignore[arg-type]
            create_time=timestamp_of(news.time_us),
            language=language,
        ),
        cursor=cursor,
    )
