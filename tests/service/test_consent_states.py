"""The state of a consent that has ended, whatever its person signs before and afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from bureau_client import (
    Action,
    Consent,
    ConsentMode,
    ConsentState,
    Month,
    PermissionDenied,
    Purpose,
    Wallet,
    WrongState,
)
from tests.service.scenario import DAY, Scenario, account, open_scenario

HOUR = timedelta(hours=1)


@pytest.fixture
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", "brook") as scenario:
        yield scenario


def granted(scenario: Scenario, person: Wallet, **terms: Any) -> Consent:
    """A consent for brook to inquire, of an hour."""
    consent_id = scenario.inquiring(person, "brook", expire=HOUR, **terms)
    return one(person.consents(), consent_id)


def one(consents: list[Consent], consent_id: str) -> Consent:
    (consent,) = (consent for consent in consents if consent.consent_id == consent_id)
    return consent


def shown(scenario: Scenario, person: Wallet, consent: Consent) -> Consent:
    """The consent as the person and its grantee read it, alike."""
    own = one(person.consents(), consent.consent_id)
    of_grantee = one(scenario.lenders["brook"].consents(person.subject_id), consent.consent_id)
    assert own.state is of_grantee.state
    return own


def ask(scenario: Scenario, person: Wallet, consent: Consent) -> str:
    """The reason for which an inquiry under the consent is refused; empty if it is not."""
    try:
        scenario.lenders["brook"].query(
            person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent.consent_id
        )
    except PermissionDenied as refused:
        return refused.reason
    return ""


def wrong_state(change: Callable[[str], Consent], consent: Consent) -> str:
    with pytest.raises(WrongState) as caught:
        change(consent.consent_id)
    assert caught.value.reason == "WRONG_STATE"
    return str(caught.value)


def test_a_paused_consent_past_its_end_has_expired(scenario: Scenario) -> None:
    person = scenario.person()
    consent = granted(scenario, person)
    person.pause(consent.consent_id)
    assert shown(scenario, person, consent).state is ConsentState.PAUSED
    assert ask(scenario, person, consent) == "CONSENT_PAUSED"
    scenario.later(2 * HOUR)
    assert shown(scenario, person, consent).state is ConsentState.EXPIRED
    assert ask(scenario, person, consent) == "CONSENT_EXPIRED"
    assert "EXPIRED" in wrong_state(person.resume, consent)
    assert shown(scenario, person, consent).state is ConsentState.EXPIRED
    assert scenario.findings() == []


def test_an_ended_consent_is_neither_paused_nor_resumed(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", Month.of(scenario.now().date())))
    expired, used = granted(scenario, person), granted(scenario, person, max_uses=1)
    assert ask(scenario, person, used) == ""
    for change in (person.pause, person.resume):
        assert "EXHAUSTED" in wrong_state(change, used)
    scenario.later(2 * HOUR)
    for change in (person.pause, person.resume):
        assert "EXPIRED" in wrong_state(change, expired)
    assert scenario.findings() == []


def test_a_revocation_does_not_rewrite_how_a_consent_ended(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", Month.of(scenario.now().date())))
    used, paused = granted(scenario, person, max_uses=1), granted(scenario, person)
    expired, revoked = granted(scenario, person), granted(scenario, person)
    assert ask(scenario, person, used) == ""
    assert person.revoke(used.consent_id, "No more.").state is ConsentState.EXHAUSTED
    person.revoke(revoked.consent_id)
    person.pause(paused.consent_id)
    scenario.later(2 * HOUR)
    for consent in (expired, paused):
        assert person.revoke(consent.consent_id, "No more.").state is ConsentState.EXPIRED
        after = shown(scenario, person, consent)
        assert (after.state, after.note) == (ConsentState.EXPIRED, "No more.")
        assert ask(scenario, person, consent) == "CONSENT_EXPIRED"
        assert "REVOKED" in wrong_state(person.revoke, consent)
    # One that was revoked in its time stays revoked after its end.
    assert shown(scenario, person, revoked).state is ConsentState.REVOKED
    assert ask(scenario, person, revoked) == "CONSENT_REVOKED"
    assert scenario.findings() == []


def test_a_revocation_stops_replays_under_a_consent_that_is_used_up(scenario: Scenario) -> None:
    """Its uses are gone, its reports could still be read again."""
    person = scenario.person()
    scenario.submit("acme", account(person, "card", Month.of(scenario.now().date())))
    consent = granted(
        scenario, person, max_uses=1, mode=ConsentMode.STORE, data_life=timedelta(minutes=30)
    )
    brook = scenario.lenders["brook"]
    report = brook.query(
        person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent.consent_id
    )
    assert brook.replay(report.request_id, person.subject_id).digest == report.digest
    person.revoke(consent.consent_id)
    assert shown(scenario, person, consent).state is ConsentState.EXHAUSTED
    with pytest.raises(PermissionDenied) as caught:
        brook.replay(report.request_id, person.subject_id)
    assert caught.value.reason == "CONSENT_REVOKED"


def test_a_consent_to_furnish_ends_the_same_way(scenario: Scenario) -> None:
    person = scenario.person()
    consent = person.grant("brook", [Action.FURNISH], expire=30 * DAY)
    person.pause(consent.consent_id)
    scenario.later(31 * DAY)
    assert shown(scenario, person, consent).state is ConsentState.EXPIRED
    assert "EXPIRED" in wrong_state(person.resume, consent)
    assert person.revoke(consent.consent_id).state is ConsentState.EXPIRED
