"""Arrangements: a newer consent replaces an earlier one, and inquiries go on under the same id."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from bureau_client import (
    Action,
    Arrangement,
    BureauError,
    Consent,
    ConsentReplaced,
    ConsentRequestState,
    ConsentRevoked,
    ConsentState,
    InvalidRequest,
    NotFound,
    Purpose,
    Report,
    Section,
    SigningKey,
    VerificationFailed,
    Wallet,
    WrongState,
)
from bureau_client._operations import methods
from bureau_keys.envelope import seal
from creditbureau.v1 import consent_pb2, consents_pb2
from creditbureau.v1.consent_pb2 import Consent as Signed
from creditbureau.v1.envelope_pb2 import Envelope
from tests.service.liar import answers, lists_of
from tests.service.raw import Raw
from tests.service.scenario import DAY, Scenario, account, open_scenario
from tests.service.watching import MAY, monitor

APPLICATION = Purpose.CREDIT_APPLICATION


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    with open_scenario("acme", "brook", database_url=database_url) as opened:
        yield opened


def granted(person: Wallet, replaces: str | Consent | None = None, **changes: Any) -> Consent:
    """A consent to acme to inquire twice; it may replace another."""
    terms: dict[str, Any] = {
        "purposes": [APPLICATION],
        "sections": [Section.SUMMARY],
        "max_uses": 2,
        "expire": 20 * DAY,
    }
    return person.grant("acme", [Action.INQUIRE], **(terms | changes), replaces=replaces)


def report(scenario: Scenario, person: Wallet, consent: str | Consent | Arrangement) -> Report:
    return scenario.lenders["acme"].query(
        person.subject_id, purpose=APPLICATION, consent_id=consent
    )


def test_a_newer_consent_takes_the_place_of_an_earlier_one(scenario: Scenario) -> None:
    person, acme = scenario.person(), scenario.lenders["acme"]
    first = granted(person)
    report(scenario, person, first)
    second = granted(person, first, sections=[Section.SUMMARY, Section.TRADELINES])
    assert (second.replaces, second.arrangement_id) == (first.consent_id, first.consent_id)
    assert (second.use_count, second.state) == (0, ConsentState.ACTIVE)

    shown = {each.consent_id: each for each in person.consents()}
    replaced = shown[first.consent_id]
    assert (replaced.state, replaced.use_count) == (ConsentState.REPLACED, 1)
    assert replaced.receipt.leaf_index == second.receipt.leaf_index
    for change in (person.pause, person.resume, person.revoke):
        with pytest.raises(WrongState, match="REPLACED"):
            change(first)
    with pytest.raises(WrongState, match="REPLACED"):
        granted(person, first)

    # The arrangement's id goes on to name the consent that is in force.
    assert report(scenario, person, second).consent_id == second.consent_id
    again = report(scenario, person, first.arrangement_id)
    assert again.consent_id == second.consent_id
    assert {Section.TRADELINES} <= set(again.sections)
    third = granted(person, second.consent_id)
    assert third.arrangement_id == first.consent_id
    with pytest.raises(ConsentReplaced) as refused:
        report(scenario, person, second.consent_id)
    assert first.consent_id in refused.value.message

    (arrangement,) = [
        each for each in acme.arrangements(person.subject_id) if len(each.consents) > 1
    ]
    assert [each.consent_id for each in arrangement.consents] == [
        third.consent_id,
        second.consent_id,
        first.consent_id,
    ]
    assert arrangement.state is ConsentState.ACTIVE
    assert arrangement in person.arrangements()
    assert report(scenario, person, arrangement).consent_id == third.consent_id

    lines = [line for line in person.inquiries() if line.arrangement_id]
    assert {(line.arrangement_id, line.consent_id) for line in lines} == {
        (first.consent_id, second.consent_id),
        (first.consent_id, third.consent_id),
    }
    assert all(line.proved for line in lines)
    assert scenario.findings() == []


def test_uses_and_days_of_the_newer_consent_are_its_own(scenario: Scenario) -> None:
    person = scenario.person()
    first = granted(person, expire=2 * DAY)
    for _ in range(2):
        report(scenario, person, first)
    second = granted(person, first)
    for _ in range(2):
        report(scenario, person, first.arrangement_id)
    with pytest.raises(BureauError, match="all 2 uses"):
        report(scenario, person, first.arrangement_id)
    states = {each.consent_id: each.state for each in person.consents()}
    assert states[first.consent_id] is ConsentState.EXHAUSTED
    # What has ended is renewed; it keeps the state in which it ended.
    scenario.later(21 * DAY)
    third = granted(person, second)
    states = {each.consent_id: each.state for each in person.consents()}
    assert states[second.consent_id] is ConsentState.EXPIRED
    assert report(scenario, person, first.arrangement_id).consent_id == third.consent_id
    assert scenario.findings() == []


def test_a_pause_and_a_revocation_hold_for_the_arrangement(scenario: Scenario) -> None:
    person = scenario.person()
    first = granted(person)
    person.pause(first)
    second = granted(person, first)
    assert report(scenario, person, first.arrangement_id).consent_id == second.consent_id
    person.revoke(second)
    with pytest.raises(ConsentRevoked):
        report(scenario, person, first.arrangement_id)
    with pytest.raises(WrongState, match="REVOKED"):
        granted(person, second)
    line = person.inquiries()[0]
    assert (line.denial_reason, line.consent_id) == ("CONSENT_REVOKED", second.consent_id)
    assert scenario.findings() == []


def test_only_the_persons_consent_for_the_member_is_replaced(scenario: Scenario) -> None:
    person, other = scenario.person(), scenario.person()
    consent = granted(person)
    with pytest.raises(NotFound):
        granted(other, consent)
    with pytest.raises(NotFound):
        granted(other, consent.consent_id)
    with pytest.raises(NotFound):
        person.grant("brook", [Action.FURNISH], expire=DAY, replaces=consent)
    with pytest.raises(NotFound):
        granted(person, str(uuid4()))
    # No client can take a consent into another arrangement.
    raw, answers_of = Raw(scenario.agent), []
    for arrangement_id in ("", str(uuid4())):
        message = Signed.FromString(Envelope.FromString(consent.envelope).payload)
        message.header.CopyFrom(scenario.signing(person).header())
        message.header.issue_time.FromDatetime(scenario.now())
        message.replaces, message.arrangement_id = consent.consent_id, arrangement_id
        sent = consents_pb2.GrantConsentRequest(
            consent=seal(message, scenario.keys[person.subject_id])
        )
        answers_of.append(raw.send("Consents/GrantConsent", sent))
    assert {(each.reason, each.fields) for each in answers_of} == {
        ("INVALID_FIELD", ("arrangement_id",))
    }
    assert person.consents()[0].state is ConsentState.ACTIVE


def test_no_change_replaces_a_consent(scenario: Scenario) -> None:
    person = scenario.person()
    consent = granted(person)
    change = consent_pb2.ConsentChange(
        header=scenario.signing(person).header(),
        consent_id=consent.consent_id,
        transition=consent_pb2.CONSENT_TRANSITION_REPLACE,
    )
    change.header.issue_time.FromDatetime(scenario.now())
    sent = consents_pb2.ChangeConsentRequest(change=seal(change, scenario.keys[person.subject_id]))
    answer = Raw(scenario.agent).send("Consents/ChangeConsent", sent)
    assert answer.code == "INVALID_ARGUMENT"
    assert answer.fields == ("transition",)


def test_a_consent_on_a_request_replaces_an_earlier_one(scenario: Scenario) -> None:
    person, acme = scenario.person(), scenario.lenders["acme"]
    first = granted(person)
    request = acme.request_consent(
        person.subject_id,
        [Action.INQUIRE],
        [APPLICATION],
        [Section.SUMMARY, Section.TRADELINES],
        text="We also need your accounts",
        period=10 * DAY,
        max_uses=2,
    )
    second = person.grant_request(request, replaces=first)
    assert (second.consent_request_id, second.arrangement_id) == (
        request.consent_request_id,
        first.consent_id,
    )
    assert acme.consent_requests(person.subject_id)[0].state is ConsentRequestState.GRANTED
    assert report(scenario, person, first.arrangement_id).consent_id == second.consent_id
    # What the bureau refuses leaves the earlier one as it was.
    with pytest.raises(WrongState):
        person.grant_request(request, replaces=second)
    with pytest.raises(InvalidRequest):
        granted(person, second, expire=90 * DAY)
    states = {each.consent_id: each.state for each in person.consents()}
    assert states[second.consent_id] is ConsentState.ACTIVE


def test_a_replaced_consent_to_monitor_and_to_furnish_ends(scenario: Scenario) -> None:
    person, brook = scenario.person(), scenario.lenders["brook"]
    scenario.submit("brook", account(person, "card", MAY))
    monitor(person, "brook")
    (monitoring,) = [each for each in person.consents() if Action.MONITOR in each.actions]
    person.grant("brook", [Action.FURNISH], expire=DAY, replaces=monitoring)
    assert list(brook.portfolio(Purpose.ACCOUNT_REVIEW, [person.subject_id])) == []
    scenario.submit("brook", account(person, "card", MAY, balance_minor=1_00))


def test_an_inquiry_and_a_replacement_at_once(scenario: Scenario) -> None:
    person = scenario.person()
    first = granted(person, max_uses=10)
    results: list[Any] = []

    def ask() -> None:
        results.extend(report(scenario, person, first.arrangement_id) for _ in range(6))

    asking = threading.Thread(target=ask)
    asking.start()
    chain = [first]
    for _ in range(4):
        chain.append(granted(person, chain[-1], max_uses=10))
    asking.join()
    assert len(results) == 6
    order = [each.consent_id for each in chain]
    places = [order.index(each.consent_id) for each in results]
    assert places == sorted(places)
    assert scenario.findings() == []


def test_a_new_key_goes_on_with_the_arrangement(scenario: Scenario) -> None:
    person = scenario.person()
    first = granted(person)
    second = granted(person, first)
    fresh = SigningKey.generate()
    person.rotate_key(fresh)
    third = granted(person, second)
    assert third.arrangement_id == first.consent_id
    assert scenario.findings() == []


def unreplaced(reply: Any) -> None:
    """Show the replaced consent in force, with the newer consent beside it."""
    for view in reply.consents:
        if view.state == consent_pb2.CONSENT_STATE_REPLACED:
            del view.changes[:]
            view.state = consent_pb2.CONSENT_STATE_ACTIVE


def still_active(reply: Any) -> None:
    for view in reply.consents:
        if view.state == consent_pb2.CONSENT_STATE_REPLACED:
            view.state = consent_pb2.CONSENT_STATE_ACTIVE


def revoked(reply: Any) -> None:
    for view in reply.consents:
        if view.state == consent_pb2.CONSENT_STATE_REPLACED:
            view.state = consent_pb2.CONSENT_STATE_REVOKED


def replaced_by_another(reply: Any) -> None:
    """Show a consent that replaces nothing as the one that replaced another."""
    plain = reply.consents[-1]
    for view in reply.consents:
        if view.state == consent_pb2.CONSENT_STATE_REPLACED:
            view.changes[0].envelope.CopyFrom(plain.consent)
            view.changes[0].receipt.CopyFrom(plain.receipt)


def hidden(reply: Any) -> None:
    """Leave the newer consent out."""
    views = [view for view in reply.consents if view.state != consent_pb2.CONSENT_STATE_ACTIVE]
    del reply.consents[:]
    reply.consents.extend(views)


@pytest.mark.parametrize("lie", [still_active, revoked, replaced_by_another, hidden])
@pytest.mark.parametrize("kind", ["wallet", "lender"])
def test_no_client_believes_a_lie_about_an_arrangement(
    scenario: Scenario, kind: str, lie: Any
) -> None:
    person = scenario.person()
    granted(person, granted(person))
    false = lists_of(methods.LIST_CONSENTS.path, lie)

    def arrangements(client: Any) -> Any:
        return client.arrangements()

    for shown in answers(scenario, kind, person, arrangements, false):
        assert isinstance(shown, VerificationFailed)


def test_a_consent_that_is_replaced_is_not_shown_in_force_beside_the_newer_one(
    scenario: Scenario,
) -> None:
    """The list alone cannot tell that a change is missing; the newer consent does."""
    person = scenario.person()
    granted(person, granted(person))
    false = lists_of(methods.LIST_CONSENTS.path, unreplaced)
    for shown in answers(scenario, "wallet", person, lambda client: client.consents(), false):
        assert isinstance(shown, VerificationFailed)


def test_the_time_of_a_report_is_within_the_consent_that_was_in_force(scenario: Scenario) -> None:
    person = scenario.person()
    first = granted(person)
    late = granted(person, first, start=scenario.now() + timedelta(days=1))
    with pytest.raises(BureauError, match="begins at"):
        report(scenario, person, first.arrangement_id)
    assert person.consents()[0].consent_id == late.consent_id
