"""Bring an agent its notices: in which order, by whose choice, and what the stream reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from bureau.codes import CodeSet
from bureau.context import Caller
from bureau.journeys import notice_relay
from bureau.ledger import log
from bureau.store import queries as q
from bureau.store.compiled import Query
from bureau.store.database import Connection
from bureau_client import HoldKind, Month, NoticeKind, Purpose, SigningKey, Wallet
from creditbureau.v1.notice_pb2 import NoticeKind as Kind
from creditbureau.v1.notices_pb2 import RelayedNotice, RelayNoticesResponse
from tests.service.scenario import DAY, Scenario, account, open_scenario

MAY = Month(2026, 5)
AGENT = Caller("agent", CodeSet(), CodeSet(), "US")
LOGGED = (q.relayed_notices_between, q.relayed_events_between)


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", "brook") as scenario:
        yield scenario


class Following:
    """An agent's stream, read inside the node as its servicer reads it."""

    def __init__(self, scenario: Scenario, cursor: str = "") -> None:
        bureau = scenario.bureau.server.bureau
        self._answers = notice_relay.relay_notices(bureau, AGENT, cursor)

    def waiting(self) -> list[RelayNoticesResponse]:
        """Read what is there."""
        return [answer for answer in iter(self._answers.__next__, None) if answer]


@contextmanager
def reads() -> Iterator[list[tuple[Query[Any], dict[str, Any], int]]]:
    """Note each query with its parameters, and the number of its rows."""
    noted: list[tuple[Query[Any], dict[str, Any], int]] = []
    read = Connection.all

    def noting(db: Connection, query: Query[Any], **values: Any) -> list[Any]:
        rows = read(db, query, **values)
        noted.append((query, values, len(rows)))
        return rows

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "all", noting)
        yield noted


def chose(scenario: Scenario) -> Wallet:
    """Return a person whose choice names the agent."""
    person = scenario.person("acme")
    person.choose_notices(agent_id="agent")
    return person


def consented(scenario: Scenario, person: Wallet) -> str:
    """Grant a consent, which has a notice, and none that it ends."""
    return scenario.inquiring(person, "brook", expire=DAY)


def kinds_to(person: Wallet, answers: list[RelayNoticesResponse]) -> list[str]:
    return [
        Kind.Name(answer.notice.kind).removeprefix("NOTICE_KIND_")
        for answer in answers
        if answer.notice.subject_id == person.subject_id
    ]


def size_of(scenario: Scenario) -> int:
    with scenario.bureau.server.bureau.database.snapshot() as db:
        return log.size_of(db)


# What it reads ------------------------------------------------------------------------


def test_a_stream_reads_each_leaf_once(scenario: Scenario) -> None:
    person = chose(scenario)
    consented(scenario, person)
    stream = Following(scenario)
    assert kinds_to(person, stream.waiting()) == ["CONSENT_GRANTED"]
    with reads() as noted:
        # Nothing is logged: no entry is read, old or new.
        assert stream.waiting() == []
        assert [each for each in noted if each[0] in LOGGED] == []
        # Others' entries are read once, and bring nothing.
        size = size_of(scenario)
        consented(scenario, scenario.person("acme"))
        noted.clear()
        assert stream.waiting() == stream.waiting() == []
        read = [(values, count) for query, values, count in noted if query in LOGGED]
        assert [count for _, count in read] == [0, 0]
        assert all(values["leaf_index"] == size for values, _ in read)
        assert all(values["until_leaf"] == size_of(scenario) for values, _ in read)
        noted.clear()
        size = size_of(scenario)
        consented(scenario, person)
        assert kinds_to(person, stream.waiting()) == ["CONSENT_GRANTED"]
        assert sum(count for query, _, count in noted if query in LOGGED) == 1


@pytest.mark.parametrize("query", LOGGED)
def test_entries_are_read_by_their_leaves(scenario: Scenario, query: Query[Any]) -> None:
    """Between two leaves of an index, not the whole chains of people."""
    with scenario.database() as database, database.snapshot() as db:
        text, places, bind = query.sql(db._dialect)
        ordinal = {"ordinal": 0} if "ordinal" in places else {}
        span = {"agent_id": "agent", "subject_id": "", "leaf_index": 1, "until_leaf": 2}
        db._cursor.execute(f"EXPLAIN QUERY PLAN {text}", bind({**span, **ordinal, "limit": 9}))
        steps = [row[-1] for row in db._cursor.fetchall()]
    assert "leaf_index>? AND leaf_index<?" in steps[0]
    assert not [step for step in steps if step.startswith("SCAN")]


def test_a_new_stream_begins_where_somebody_chose_the_agent(scenario: Scenario) -> None:
    bureau = scenario.bureau.server.bureau
    stream = notice_relay.relay_notices(bureau, replace(AGENT, member_id="brook"), "")
    with reads() as noted:
        assert next(stream) is None
    assert [each for each in noted if each[0] in LOGGED] == []


def test_a_new_stream_brings_by_the_clock_what_came_since_somebody_chose_the_agent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notice_relay, "PAGE", 1)
    with open_scenario("acme", "brook") as scenario:
        early, late = scenario.person("acme"), scenario.person("acme")
        old = [scenario.inquiring(early, "brook", expire=9 * DAY) for _ in range(3)]
        scenario.later(3 * DAY)
        early.choose_notices(agent_id="agent")
        dropped = [scenario.inquiring(late, "brook", expire=9 * DAY) for _ in range(3)]
        scenario.later(5 * DAY)
        late.choose_notices(agent_id="agent")
        soon = scenario.inquiring(late, "brook", expire=8 * DAY)
        scenario.later(2 * DAY)
        consented(scenario, scenario.person("acme"))
        stream = Following(scenario)
        with reads() as noted:
            # It does not wait for more while pages are full.
            answers = stream.waiting()
        assert [ending(answer) for answer in answers if ending(answer)] == [soon]
        rows = [count for query, _, count in noted if query is q.relayed_due_between]
        assert sum(rows) == len(dropped) + 1 < len([*old, *dropped, soon])


def test_what_comes_by_the_clock_is_looked_for_once_a_minute(scenario: Scenario) -> None:
    person = chose(scenario)
    stream = Following(scenario)
    stream.waiting()
    with reads() as noted:

        def looks() -> int:
            return sum(query is q.relayed_due_between for query, _, _ in noted)

        for _ in range(5):
            consented(scenario, person)
            assert kinds_to(person, stream.waiting()) == ["CONSENT_GRANTED"]
        assert looks() == 0
        scenario.later(DAY)
        for _ in range(5):
            consented(scenario, person)
            stream.waiting()
        assert looks() == 1


# In which order -----------------------------------------------------------------------


def test_the_order_and_no_loss_from_any_cursor_at_any_size_of_a_page(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [chose(scenario) for _ in range(3)]
    for number, person in enumerate(people):
        scenario.inquiring(person, "brook", expire=(9 + number) * DAY)
        consent_id = scenario.inquiring(person, "brook", max_uses=1)
        scenario.lenders["brook"].query(
            person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent_id
        )
        scenario.later(DAY)
        consented(scenario, person)
    scenario.submit("acme", *(account(person, "card", MAY) for person in people))
    scenario.later(5 * DAY)
    consented(scenario, people[0])
    logged, due = in_two(Following(scenario).waiting())
    assert len(due) >= 3
    # Those of entries in the order of the log, those by the clock in that of their times.
    leaves = [int(notice.notice_id.split("-")[0]) for notice in logged]
    assert leaves == sorted(leaves)
    assert len({(notice.notice_id, notice.subject_id) for notice in logged}) == len(logged)
    times = [notice.create_time.ToMicroseconds() for notice in due]
    assert times == sorted(times)
    for page, window in ((200, 10_000), (1, 7), (3, 1)):
        monkeypatch.setattr(notice_relay, "PAGE", page)
        monkeypatch.setattr(notice_relay, "LEAVES", window)
        answers = Following(scenario).waiting()
        assert in_two(answers) == (logged, due)
        for number in range(page % 4, len(answers), 4):
            rest = Following(scenario, answers[number].cursor).waiting()
            assert in_two(rest) == in_two(answers[number + 1 :])


def test_what_comes_by_the_clock_at_one_time_comes_once(scenario: Scenario) -> None:
    """It is told apart by its kind and by what it is about, not by whom it is to."""
    people = sorted((chose(scenario) for _ in range(2)), key=lambda person: person.subject_id)
    expire = scenario.now() + 9 * DAY
    # The ids sort against the people.
    second = [scenario.inquiring(people[1], "brook", expire=expire)]
    first = [scenario.inquiring(people[0], "brook", expire=expire)]
    while first[-1] < second[0]:
        first.append(scenario.inquiring(people[0], "brook", expire=expire))
    consents = sorted((*first, *second))
    stream = Following(scenario)
    stream.waiting()
    scenario.later(3 * DAY)
    consented(scenario, people[0])
    answers = [answer for answer in stream.waiting() if ending(answer)]
    assert [ending(answer) for answer in answers] == consents
    for number, answer in enumerate(answers, 1):
        rest = Following(scenario, answer.cursor).waiting()
        assert [ending(each) for each in rest if ending(each)] == consents[number:]
    # The stream looks again, after the last of them.
    scenario.later(DAY)
    consented(scenario, people[0])
    assert [each for each in stream.waiting() if ending(each)] == []


def ending(answer: RelayNoticesResponse) -> str:
    """Return the id of a consent that ends soon; empty of another notice."""
    kind, notice_id = answer.notice.kind, answer.notice.notice_id
    return notice_id.split("-", 3)[3] if kind == Kind.NOTICE_KIND_CONSENT_ENDING else ""


def in_two(
    answers: list[RelayNoticesResponse],
) -> tuple[list[RelayedNotice], list[RelayedNotice]]:
    """Return the notices of entries, and those by the clock, of which none comes before a notice of
    an earlier entry.
    """
    logged: list[RelayedNotice] = []
    due: list[RelayedNotice] = []
    for answer in answers:
        notice = answer.notice
        if notice.notice_id.startswith("due-"):
            due.append(notice)
            continue
        time_us = notice.create_time.ToMicroseconds()
        assert all(time_us >= each.create_time.ToMicroseconds() for each in due)
        logged.append(notice)
    return logged, due


# By whose choice ----------------------------------------------------------------------


def test_each_choice_holds_from_its_entry_to_the_next(scenario: Scenario) -> None:
    person = chose(scenario)
    consented(scenario, person)
    person.choose_notices([NoticeKind.CONSENT_GRANTED], agent_id="agent", language="zh-CN")
    person.revoke(consented(scenario, person))
    person.choose_notices()
    consented(scenario, person)
    person.choose_notices(agent_id="agent", language="en")
    consented(scenario, person)
    answers = Following(scenario).waiting()
    assert kinds_to(person, answers) == ["CONSENT_GRANTED", "CONSENT_CHANGED", "CONSENT_GRANTED"]
    languages = [
        answer.notice.language
        for answer in answers
        if answer.notice.subject_id == person.subject_id
    ]
    assert languages == ["", "zh-CN", "en"]
    # The person's own stream goes by the same choices.
    last = person.place_hold(HoldKind.SECURITY_FREEZE).hold_id
    heard = []
    for notice in person.watch_notices():
        heard.append(notice.kind.name)
        if notice.about_id == last:
            break
    assert heard == [
        "CONSENT_GRANTED",
        "CONSENT_GRANTED",
        "CONSENT_CHANGED",
        "CONSENT_GRANTED",
        "CONSENT_GRANTED",
        "HOLD_PLACED",
    ]


def test_a_repudiation_undoes_the_choices_of_its_key(scenario: Scenario) -> None:
    person = chose(scenario)
    own = person.notice_choice()
    key = SigningKey.generate()
    thief = scenario.attested("brook", person.subject_id, key=key, replaces=True)
    scenario.later(15 * DAY)
    thief.choose_notices([NoticeKind.CONSENT_GRANTED])
    scenario.inquiring(thief, "brook")
    before = Following(scenario).waiting()
    assert kinds_to(person, before) == ["KEY_PENDING"]
    person.repudiate_key(key.verify_key.key_id)
    assert person.notice_choice() == own
    # A stream that has passed what the thief did goes on with the repudiation.
    rest = Following(scenario, before[-1].cursor).waiting()
    assert kinds_to(person, rest)[-2:] == ["CONSENT_GRANTED", "KEY_REPUDIATED"]
    assert "CONSENT_GRANTED" in [notice.kind.name for notice in person.notices()]
    assert scenario.findings() == []
