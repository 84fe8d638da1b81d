"""Judge by its entry a unit of work that begins before the newest entry of the log, as another node
was faster: it takes the later time, and so does all that the clock brings.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from bureau.calendar import MICROSECONDS
from bureau.clock import Clock, Moment
from bureau_client import (
    ConsentEventKind,
    ConsentMode,
    ConsentState,
    Notice,
    Purpose,
    Section,
    SigningKey,
    Wallet,
)
from bureau_client.models.codes import Action
from tests.service.scenario import DAY, Scenario, open_scenario

SECOND = timedelta(seconds=1)
LATE_US = 30 * MICROSECONDS


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", "brook") as scenario:
        yield scenario


@contextmanager
def late(scenario: Scenario) -> Iterator[None]:
    """Let units of work begin half a minute before an entry that is logged now."""
    scenario.person("acme")
    reading = Clock.moment

    def earlier(clock: Clock) -> Moment:
        return Moment(*(time_us - LATE_US for time_us in reading(clock)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Clock, "moment", earlier)
        yield


def known(scenario: Scenario) -> Wallet:
    """Return a person whose key was in force before a late unit begins."""
    person = scenario.person("acme")
    scenario.later(60 * SECOND)
    return person


def by_the_clock(person: Wallet) -> list[Notice]:
    """Return the notices that come by the clock; the wallet verifies each against its cause."""
    return [one for one in person.notices()[::-1] if one.notice_id.startswith("due-")]


def requested(scenario: Scenario, person: Wallet, expire: timedelta) -> str:
    request = scenario.lenders["brook"].request_consent(
        person.subject_id,
        [Action.INQUIRE],
        [Purpose.CREDIT_APPLICATION],
        [Section.TRADELINES],
        period=20 * DAY,
        max_uses=1,
        text="a loan",
        expire=expire,
    )
    return request.consent_request_id


def test_no_notice_is_of_before_its_cause(scenario: Scenario) -> None:
    person = known(scenario)
    with late(scenario):
        scenario.inquiring(person, "brook", expire=7 * DAY - 10 * SECOND)
        requested(scenario, person, 2 * DAY - 10 * SECOND)
    scenario.later(DAY)
    scenario.person("acme")
    assert by_the_clock(person) == []


def test_what_came_by_the_clock_stays(scenario: Scenario) -> None:
    person, brook = known(scenario), scenario.lenders["brook"]
    consent_id = scenario.inquiring(person, "brook", expire=7 * DAY + 60 * SECOND)
    request_id = requested(scenario, person, 2 * DAY + 60 * SECOND)
    scenario.later(80 * SECOND)
    scenario.person("acme")
    came = by_the_clock(person)
    assert {notice.about_id for notice in came} == {consent_id, request_id}
    with late(scenario):
        person.revoke(consent_id)
        brook.withdraw_consent_request(request_id)
    assert by_the_clock(person) == came


def test_an_expiry_stays_and_the_change_follows(scenario: Scenario) -> None:
    person, brook = known(scenario), scenario.lenders["brook"]
    consent_id = scenario.inquiring(person, "brook", expire=60 * SECOND)
    scenario.later(80 * SECOND)
    with late(scenario):
        person.revoke(consent_id)
    last = scenario.inquiring(person, "brook")
    events = []
    for event in brook.watch_consents():
        if event.consent.consent_id == last:
            break
        events.append(event)
    mine = [event for event in events if event.consent.consent_id == consent_id]
    assert [event.kind for event in mine] == [
        ConsentEventKind.GRANTED,
        ConsentEventKind.EXPIRED,
        ConsentEventKind.REVOKED,
    ]
    times = [event.event_time for event in events]
    assert times == sorted(times)
    # Whoever asks for what changed at the time of the change hears of it.
    revoked = mine[-1]
    assert revoked.consent.state is ConsentState.EXPIRED
    assert consent_id in {
        one.consent_id for one in brook.consents(changed_since=revoked.event_time)
    }
    assert scenario.findings() == []


def test_a_deletion_is_missing_from_the_time_that_the_consent_shows(scenario: Scenario) -> None:
    person, brook = known(scenario), scenario.lenders["brook"]
    consent_id = scenario.inquiring(person, "brook", mode=ConsentMode.STORE, data_life=DAY)
    brook.query(person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent_id)
    with late(scenario):
        person.revoke(consent_id)
    (consent,) = (one for one in person.consents() if one.consent_id == consent_id)
    scenario.later(2 * DAY)
    scenario.person("acme")
    (missing,) = by_the_clock(person)
    assert missing.create_time == consent.delete_by_time


def test_a_request_that_was_answered_late_is_among_the_changed(scenario: Scenario) -> None:
    person, brook = known(scenario), scenario.lenders["brook"]
    request_id = requested(scenario, person, 10 * DAY)
    scenario.later(60 * SECOND)
    with late(scenario):
        withdrawn = brook.withdraw_consent_request(request_id)
    changed = brook.consent_requests(changed_since=withdrawn.update_time)
    assert request_id in {one.consent_request_id for one in changed}


def test_a_repudiation_undoes_what_another_node_logged_just_before(scenario: Scenario) -> None:
    person, key = known(scenario), SigningKey.generate()
    thief = scenario.attested("brook", person.subject_id, key=key, replaces=True)
    scenario.later(15 * DAY)
    consent_id = scenario.inquiring(thief, "brook")
    with late(scenario):
        person.repudiate_key(key.verify_key.key_id)
    (consent,) = (one for one in person.consents() if one.consent_id == consent_id)
    assert consent.state is ConsentState.REVOKED
    assert scenario.findings() == []
