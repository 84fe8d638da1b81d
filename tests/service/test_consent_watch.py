"""Changes of consents as their grantees hear of them, and the deletion after the end: whole
lives through the real server, on both databases.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Any

import pytest

from bureau.codes import CodeSet
from bureau.context import Caller
from bureau.journeys import consent_watch
from bureau_client import (
    AsyncLender,
    Consent,
    ConsentEvent,
    ConsentEventKind,
    ConsentExhausted,
    ConsentMode,
    ConsentRevoked,
    InvalidRequest,
    Lender,
    Month,
    NotFound,
    Purpose,
    SigningKey,
    Wallet,
    WrongState,
)
from bureau_client.cli.deletions import lines_of
from tests.service.nodes import further_nodes
from tests.service.scenario import DAY, Scenario, account, open_scenario
from tests.service.watching import monitor

GRANTED, PAUSED, RESUMED, REVOKED, REPLACED, EXHAUSTED, EXPIRED = (
    ConsentEventKind.GRANTED,
    ConsentEventKind.PAUSED,
    ConsentEventKind.RESUMED,
    ConsentEventKind.REVOKED,
    ConsentEventKind.REPLACED,
    ConsentEventKind.EXHAUSTED,
    ConsentEventKind.EXPIRED,
)
# Reports may be kept for 30 days.
STORE: dict[str, Any] = {"mode": ConsentMode.STORE, "data_life": 30 * DAY}


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    with open_scenario("acme", "brook", "cedar", database_url=database_url) as scenario:
        yield scenario


def events_until(scenario: Scenario, name: str, after: str = "") -> list[ConsentEvent]:
    """Return the changes that are there for a member, up to a consent that is granted now."""
    last = scenario.inquiring(scenario.person("acme"), name)
    return until(scenario.lenders[name].watch_consents(after), last)


def until(stream: Iterator[ConsentEvent], last: str) -> list[ConsentEvent]:
    events: list[ConsentEvent] = []
    for event in stream:
        if event.consent.consent_id == last:
            return events
        events.append(event)
    raise AssertionError("a stream of changes has no end")


def of(events: list[ConsentEvent], consent_id: str) -> list[ConsentEventKind]:
    return [event.kind for event in events if event.consent.consent_id == consent_id]


def used(scenario: Scenario, name: str, person: Wallet, consent_id: str, times: int = 1) -> str:
    """Query reports under a consent; return the id of the last inquiry."""
    for _ in range(times):
        report = scenario.lenders[name].query(
            person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent_id
        )
    return report.request_id


def held(scenario: Scenario, name: str, consent_id: str) -> Consent:
    return next(one for one in scenario.lenders[name].consents() if one.consent_id == consent_id)


def refused_reason(call: Any, error: type[Exception]) -> Any:
    with pytest.raises(error) as refused:
        call()
    return refused.value


def test_a_life_from_grant_to_a_late_confirmation(scenario: Scenario) -> None:
    person = scenario.person()
    brook, cedar = scenario.lenders["brook"], scenario.lenders["cedar"]
    consent_id = scenario.inquiring(person, "brook", **STORE)
    used(scenario, "brook", person, consent_id, 2)
    # Nothing is confirmed before the end, and nothing by another member.
    early = refused_reason(lambda: brook.confirm_deletion(consent_id), WrongState)
    assert "neither revoked nor replaced" in early.message
    scenario.later(DAY)
    person.pause(consent_id, "wait")
    person.resume(consent_id, "go on")
    person.revoke(consent_id, "no longer")
    events = [e for e in events_until(scenario, "brook") if e.consent.consent_id == consent_id]
    assert [(event.kind, event.note) for event in events] == [
        (GRANTED, ""),
        (PAUSED, "wait"),
        (RESUMED, "go on"),
        (REVOKED, "no longer"),
    ]
    leaves = [event.leaf_index for event in events if event.leaf_index is not None]
    assert leaves == sorted(set(leaves))
    assert len(leaves) == len(events)
    revoked = events[-1]
    # The change says by when the data must be deleted.
    assert revoked.consent.delete_by_time == revoked.event_time + 30 * DAY
    assert (revoked.consent.deletion, revoked.repudiated) == (None, False)
    assert consent_id not in {e.consent.consent_id for e in events_until(scenario, "cedar")}

    own = held(scenario, "brook", consent_id)
    refused_reason(lambda: cedar.confirm_deletion(own), NotFound)
    wrong = refused_reason(lambda: brook.confirm_deletion(own, report_count=1), InvalidRequest)
    assert "received 2 reports" in wrong.violations[0].message
    ahead = scenario.now() + DAY
    wrong = refused_reason(lambda: brook.confirm_deletion(own, delete_time=ahead), InvalidRequest)
    assert wrong.violations[0].field == "delete_time"

    # The person sees who has not confirmed, and the date that passed.
    (line,) = lines_of(person.consents(), scenario.now())
    assert (line.grantee, line.state, line.confirm_time) == ("brook", "due", None)
    scenario.later(31 * DAY)
    (line,) = lines_of(person.consents(), scenario.now())
    assert (line.state, line.delete_by_time) == ("overdue", revoked.event_time + 30 * DAY)
    deleted = scenario.now() - DAY
    receipt = brook.confirm_deletion(own, delete_time=deleted)
    (line,) = lines_of(person.consents(), scenario.now())
    assert (line.state, line.report_count, line.confirm_time) == (
        "confirmed late",
        2,
        receipt.log_time,
    )
    confirmed = next(one for one in person.consents() if one.consent_id == consent_id).deletion
    assert confirmed is not None
    assert (confirmed.receipt.leaf_index, confirmed.is_late) == (receipt.leaf_index, True)
    again = refused_reason(lambda: brook.confirm_deletion(own), WrongState)
    assert "confirmed already" in again.message
    refused_reason(lambda: used(scenario, "brook", person, consent_id), ConsentRevoked)
    # It is an event of the person's chain, and follows from the log.
    (event,) = (each for each in person.events() if each.kind == "deletion")
    assert (event.leaf_index, event.signer, event.proved) == (
        receipt.leaf_index,
        "members/brook",
        True,
    )
    assert scenario.findings() == []


def test_a_replacement_is_heard_with_the_consent_that_replaces(scenario: Scenario) -> None:
    """At one leaf, from each cursor between the two; the data life runs from there."""
    person, brook = scenario.person(), scenario.lenders["brook"]
    cursor = events_until(scenario, "brook")[-1].cursor
    first = scenario.inquiring(person, "brook", **STORE)
    used(scenario, "brook", person, first)
    scenario.later(DAY)
    second = scenario.inquiring(person, "brook", replaces=first)
    events = events_until(scenario, "brook", cursor)
    mine = [event for event in events if event.consent.consent_id in {first, second}]
    granted, *pair = mine
    assert (granted.consent.consent_id, granted.kind) == (first, GRANTED)
    assert {(event.consent.consent_id, event.kind) for event in pair} == {
        (first, REPLACED),
        (second, GRANTED),
    }
    assert len({event.leaf_index for event in pair}) == 1
    last = scenario.inquiring(scenario.person("acme"), "brook")
    rest = until(brook.watch_consents(pair[0].cursor), last)
    assert (rest[0].consent.consent_id, rest[0].kind) == (
        pair[1].consent.consent_id,
        pair[1].kind,
    )
    replaced = next(event for event in pair if event.kind is REPLACED)
    assert replaced.consent.delete_by_time == replaced.event_time + 30 * DAY
    since = replaced.event_time
    assert {first, second} <= {one.consent_id for one in brook.consents(changed_since=since)}

    # Its own end passes: it ended before, and is not listed as expired since.
    scenario.later(21 * DAY)
    events = events_until(scenario, "brook", cursor)
    assert of(events, first) == [GRANTED, REPLACED]
    assert of(events, second) == [GRANTED, EXPIRED]
    since = scenario.now() - 10 * DAY
    assert first not in {one.consent_id for one in brook.consents(changed_since=since)}
    scenario.later(10 * DAY)
    assert [line.state for line in lines_of(person.consents(), scenario.now())] == ["overdue"]
    assert brook.confirm_deletion(first)
    assert scenario.findings() == []


def test_expiries_while_the_watcher_was_away(scenario: Scenario) -> None:
    """Everything comes, late, once, in order, from any cursor, after a restart too."""
    person = scenario.person()
    cursor = events_until(scenario, "brook")[-1].cursor
    end = scenario.now() + 10 * DAY
    short, twin = (scenario.inquiring(person, "brook", expire=end, **STORE) for _ in range(2))
    revoked = scenario.inquiring(person, "brook", expire=end)
    person.revoke(revoked, "first")
    paused = scenario.inquiring(person, "brook", expire=end + DAY)
    person.pause(paused, "for a while")
    used(scenario, "brook", person, short)
    scenario.later(20 * DAY)
    late = scenario.inquiring(person, "brook")
    # A revocation after the end is heard of, and the end stays the expiry.
    person.revoke(short, "afterwards")
    scenario.later(20 * DAY)
    scenario.bureau.restart()
    events = events_until(scenario, "brook", cursor)
    ids = {short, twin, revoked, paused, late}
    mine = [event for event in events if event.consent.consent_id in ids]
    shown = [(event.consent.consent_id, event.kind) for event in mine]
    assert shown == [
        (short, GRANTED),
        (twin, GRANTED),
        (revoked, GRANTED),
        (revoked, REVOKED),
        (paused, GRANTED),
        (paused, PAUSED),
        *sorted([(short, EXPIRED), (twin, EXPIRED)]),
        (paused, EXPIRED),
        (late, GRANTED),
        (short, REVOKED),
        (late, EXPIRED),
    ]
    times = [event.event_time for event in events]
    assert times == sorted(times)
    by_id = {event.consent.consent_id: event.consent for event in mine}
    assert by_id[short].delete_by_time == end + 30 * DAY
    assert by_id[twin].delete_by_time is None  # nothing was received under it
    nothing = refused_reason(
        lambda: scenario.lenders["brook"].confirm_deletion(by_id[twin]), WrongState
    )
    assert "nothing is to be deleted" in nothing.message
    last = scenario.inquiring(scenario.person("acme"), "brook")
    for index, event in enumerate(events):
        rest = until(scenario.lenders["brook"].watch_consents(event.cursor), last)
        assert [(e.kind, e.cursor) for e in rest[: len(events) - index - 1]] == [
            (e.kind, e.cursor) for e in events[index + 1 :]
        ]
    scenario.lenders["brook"].confirm_deletion(short)
    assert scenario.findings() == []


def test_uses_that_are_used_up(scenario: Scenario) -> None:
    """By an inquiry, by a replay, and by a portfolio; then the end comes by time, too."""
    person, brook = scenario.person(), scenario.lenders["brook"]
    cursor = events_until(scenario, "brook")[-1].cursor
    twice = scenario.inquiring(person, "brook", max_uses=2)
    used(scenario, "brook", person, twice, 2)
    replayed = scenario.inquiring(person, "brook", max_uses=2)
    inquiry_id = used(scenario, "brook", person, replayed)
    brook.replay(inquiry_id, person.subject_id)
    kept = scenario.inquiring(person, "brook", max_uses=2, **STORE)
    brook.replay(used(scenario, "brook", person, kept), person.subject_id)  # no use
    scenario.submit("brook", account(person, "card", Month(2024, 5)))
    watched = monitor(person, "brook", max_uses=1)
    assert len(list(brook.portfolio(Purpose.ACCOUNT_REVIEW, [person.subject_id]))) == 1
    refused_reason(lambda: used(scenario, "brook", person, twice), ConsentExhausted)
    events = events_until(scenario, "brook", cursor)
    for consent_id in (twice, replayed, watched):
        assert of(events, consent_id) == [GRANTED, EXHAUSTED]
    assert of(events, kept) == [GRANTED]
    scenario.later(25 * DAY)
    events = events_until(scenario, "brook", cursor)
    assert of(events, twice) == [GRANTED, EXHAUSTED, EXPIRED]
    assert scenario.findings() == []


def test_uses_are_used_up_by_an_inquiry_that_names_the_arrangement(scenario: Scenario) -> None:
    person = scenario.person()
    cursor = events_until(scenario, "brook")[-1].cursor
    first = scenario.inquiring(person, "brook")
    second = scenario.inquiring(person, "brook", replaces=first, max_uses=1)
    used(scenario, "brook", person, first)
    events = events_until(scenario, "brook", cursor)
    assert of(events, second) == [GRANTED, EXHAUSTED]


def test_two_watchers_hear_the_same(scenario: Scenario) -> None:
    person = scenario.person()
    cursor = events_until(scenario, "acme")[-1].cursor
    person.revoke(scenario.inquiring(person, "acme"), "both hear it")

    async def watch(last: str) -> list[str]:
        events: list[str] = []
        async with AsyncLender(scenario.profiles["acme"], clock=scenario.now) as lender:
            async for event in lender.watch_consents(cursor):
                events.append(event.cursor)
                if event.consent.consent_id == last:
                    return events
        raise AssertionError("a stream of changes has no end")

    async def both(last: str) -> list[list[str]]:
        return list(await asyncio.gather(watch(last), watch(last)))

    one, other = asyncio.run(both(scenario.inquiring(person, "acme")))
    assert one == other
    assert len(one) == 4  # the marker of before is the first


def test_a_repudiated_key_revokes_and_says_so(scenario: Scenario) -> None:
    person = scenario.person()
    key = SigningKey.generate()
    thief = scenario.attested("cedar", person.subject_id, key=key, replaces=True)
    scenario.later(15 * DAY)
    consent_id = scenario.inquiring(thief, "brook")
    used(scenario, "brook", person, consent_id)
    person.repudiate_key(key.verify_key.key_id)
    events = events_until(scenario, "brook")
    mine = [each for each in events if each.consent.consent_id == consent_id]
    assert [(each.kind, each.repudiated, each.note) for each in mine] == [
        (GRANTED, False, ""),
        (REVOKED, True, ""),
    ]
    assert scenario.findings() == []


def test_consents_that_changed_since_a_time(scenario: Scenario) -> None:
    person, brook = scenario.person("acme"), scenario.lenders["brook"]
    ids = {
        name: scenario.inquiring(person, "brook", max_uses=1, expire=20 * DAY)
        for name in ("paused", "used", "still")
    }
    ids["ends"] = scenario.inquiring(person, "brook", expire=8 * DAY)
    ids["revoked before"] = scenario.inquiring(person, "brook", expire=8 * DAY)
    person.revoke(ids["revoked before"])
    scenario.later(5 * DAY)
    since = scenario.now()

    def changed(subject: str | None = person.subject_id) -> set[str]:
        listed = brook.consents(subject, changed_since=since)
        return {name for name, one in ids.items() if one in {each.consent_id for each in listed}}

    assert changed() == set()
    person.pause(ids["paused"])
    assert changed() == {"paused"}
    used(scenario, "brook", person, ids["used"])
    assert changed() == {"paused", "used"}
    scenario.later(5 * DAY)
    assert changed() == changed(None) == {"paused", "used", "ends"}
    naive = scenario.now().replace(tzinfo=None)
    refused_reason(lambda: brook.consents(changed_since=naive), InvalidRequest)


@pytest.mark.parametrize("note", ["\x1b[2J", "a\u202eb", "x" * 513])
def test_a_note_that_could_harm_a_terminal_is_refused(scenario: Scenario, note: str) -> None:
    person = scenario.person("acme")
    consent_id = scenario.inquiring(person, "brook")
    refused_reason(lambda: person.pause(consent_id, note), InvalidRequest)


def test_a_cursor_that_no_change_had_is_refused(scenario: Scenario) -> None:
    brook = scenario.lenders["brook"]
    refused_reason(lambda: next(brook.watch_consents("7")), InvalidRequest)


def test_an_expiry_waits_until_no_entry_can_come_before_it(scenario: Scenario) -> None:
    """An entry settles it at once; without one the bureau waits for its clocks."""
    person, server = scenario.person("acme"), scenario.bureau.server
    cursor = events_until(scenario, "cedar")[-1].cursor
    caller = Caller("cedar", CodeSet(), CodeSet(), "US")

    def waiting() -> list[int]:
        """Return the kinds of the changes that are there; nothing is logged meanwhile."""
        watched = consent_watch.watch_consents(server.bureau, caller, cursor)
        return [int(answer.event.kind) for answer in iter(watched.__next__, None) if answer]

    end = timedelta(minutes=10)
    first, second = (scenario.inquiring(person, "cedar", expire=end * n) for n in (1, 2))
    scenario.later(end + timedelta(seconds=1))
    before = waiting()
    assert EXPIRED not in before[-2:]
    assert of(events_until(scenario, "cedar", cursor), first) == [GRANTED, EXPIRED]
    scenario.later(end)
    assert EXPIRED not in waiting()[-1:]
    scenario.later(timedelta(minutes=3))
    assert waiting()[-1] == EXPIRED
    assert of(events_until(scenario, "cedar", cursor), second) == [GRANTED, EXPIRED]


def test_a_cursor_means_the_same_on_another_node(scenario: Scenario, database_url: str) -> None:
    if not database_url:
        return  # one node at a time serves a SQLite file
    person = scenario.person("acme")
    scenario.inquiring(person, "brook", expire=DAY)
    scenario.later(2 * DAY)
    events = events_until(scenario, "brook")
    profile = scenario.profiles["brook"]
    with further_nodes(scenario.bureau, scenario.clock) as nodes:
        there = replace(profile, addresses=(nodes.addresses[-1],))
        with Lender(there, clock=scenario.now) as brook:
            middle = len(events) // 2
            wanted = [event.cursor for event in events[middle:]]
            rest = islice(brook.watch_consents(events[middle - 1].cursor), len(wanted))
            assert [event.cursor for event in rest] == wanted
