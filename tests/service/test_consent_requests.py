"""A lender asks a person for a consent: granted, narrowed, declined, expired, withdrawn."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bureau_client import (
    Action,
    BureauError,
    Consent,
    ConsentMode,
    ConsentRequest,
    ConsentRequestState,
    ConsentState,
    Frequency,
    FrequencyUnit,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    Purpose,
    Section,
    SigningKey,
    Wallet,
    WrongState,
)
from bureau_client.wallet_folder import WalletFolder
from bureau_keys.envelope import seal
from creditbureau.v1 import consents_pb2
from creditbureau.v1.consent_pb2 import Consent as Signed
from creditbureau.v1.consent_request_pb2 import ConsentRequest as Request
from creditbureau.v1.envelope_pb2 import Envelope
from tests.programs import output_of
from tests.service.raw import Raw
from tests.service.scenario import DAY, Scenario, fresh_number, open_scenario

APPLICATION = Purpose.CREDIT_APPLICATION


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    with open_scenario("acme", "brook", database_url=database_url) as opened:
        yield opened


def asked(
    scenario: Scenario, subject_id: str, name: str = "acme", **changes: Any
) -> ConsentRequest:
    """A request for a consent to inquire once about an application."""
    terms: dict[str, Any] = {
        "purposes": [APPLICATION],
        "sections": [Section.SUMMARY, Section.TRADELINES],
        "text": "Your application for a car loan",
        "period": 20 * DAY,
        "max_uses": 2,
    }
    return scenario.lenders[name].request_consent(subject_id, [Action.INQUIRE], **(terms | changes))


def state_of(scenario: Scenario, request: ConsentRequest, name: str = "acme") -> ConsentRequest:
    """The request as its lender sees it now."""
    shown = scenario.lenders[name].consent_requests(request.subject_id)
    (now,) = [each for each in shown if each.consent_request_id == request.consent_request_id]
    return now


def test_a_request_is_granted_as_it_was_made(scenario: Scenario) -> None:
    person = scenario.person()
    request = asked(scenario, person.subject_id)
    assert (request.state, request.member_id) == (ConsentRequestState.PENDING, "acme")
    assert request.receipt.kind == "consent-request"

    (shown,) = person.consent_requests()
    assert shown == request
    assert shown.text == "Your application for a car loan"
    consent = person.grant_request(shown)
    assert consent.consent_request_id == request.consent_request_id
    assert (consent.grantee, consent.max_uses) == ("acme", 2)
    assert consent.expire_time - consent.start_time == 20 * DAY

    answered = state_of(scenario, request)
    assert (answered.state, answered.consent_id) == (
        ConsentRequestState.GRANTED,
        consent.consent_id,
    )
    assert answered.receipt.leaf_index == consent.receipt.leaf_index
    assert answered == person.consent_requests()[0]
    report = scenario.lenders["acme"].query(
        person.subject_id, purpose=APPLICATION, consent_id=answered.consent_id
    )
    assert report.consent_id == consent.consent_id
    kinds = [event.kind for event in person.events()]
    assert kinds[-3:] == ["consent-request", "consent", "inquiry"]
    assert all(event.proved for event in person.events())
    assert scenario.findings() == []


def test_a_person_grants_less_than_was_asked(scenario: Scenario) -> None:
    person = scenario.person()
    request = asked(scenario, person.subject_id)
    consent = person.grant_request(
        request.consent_request_id, sections=[Section.SUMMARY], expire=5 * DAY
    )
    assert consent.sections == (Section.SUMMARY,)
    assert state_of(scenario, request).state is ConsentRequestState.NARROWED
    assert person.consent_requests()[0].state is ConsentRequestState.NARROWED
    assert scenario.findings() == []


WIDER: dict[str, dict[str, Any]] = {
    "actions": {"actions": [Action.INQUIRE, Action.FURNISH]},
    "purposes": {"purposes": [APPLICATION, Purpose.WRITTEN_INSTRUCTION]},
    "sections": {"sections": [Section.SUMMARY, Section.INQUIRIES]},
    "history_months": {"history_months": 25},
    "expire_time": {"expire": 21 * DAY},
    "max_uses": {"max_uses": 3},
    "mode": {"mode": ConsentMode.STORE, "data_life": DAY},
}


@pytest.mark.parametrize("field", WIDER)
def test_no_answer_is_wider_than_its_request(scenario: Scenario, field: str) -> None:
    person = scenario.person()
    request = asked(scenario, person.subject_id)
    with pytest.raises(InvalidRequest) as before:
        person.grant_request(request, **WIDER[field])
    assert before.value.reason == "WIDER_THAN_REQUEST"
    assert field in {each.field for each in before.value.violations}
    assert person.consent_requests()[0].state is ConsentRequestState.PENDING


def test_the_bureau_takes_no_wider_consent_as_an_answer(scenario: Scenario) -> None:
    person = scenario.person()
    narrow = person.grant_request(asked(scenario, person.subject_id), max_uses=1)
    request = asked(scenario, person.subject_id)
    signed = consents_pb2.GrantConsentRequest(consent=resigned(scenario, person, narrow, request))
    answer = Raw(scenario.agent).send("Consents/GrantConsent", signed)
    assert (answer.code, answer.reason) == ("INVALID_ARGUMENT", "WIDER_THAN_REQUEST")
    assert answer.fields == ("max_uses",)
    assert state_of(scenario, request).state is ConsentRequestState.PENDING


def resigned(
    scenario: Scenario, person: Wallet, consent: Consent, request: ConsentRequest
) -> Envelope:
    """A consent with three uses that answers another request, signed by the person."""
    message = Signed.FromString(Envelope.FromString(consent.envelope).payload)
    message.header.CopyFrom(scenario.signing(person).header())
    message.header.issue_time.FromDatetime(scenario.now())
    message.consent_request_id = request.consent_request_id
    message.max_uses = 3
    return seal(message, scenario.keys[person.subject_id])


def test_a_person_declines_and_may_say_why(scenario: Scenario) -> None:
    person = scenario.person()
    request = asked(scenario, person.subject_id)
    declined = person.decline_request(request, "I found another lender")
    assert declined.state is ConsentRequestState.DECLINED
    shown = state_of(scenario, request)
    assert (shown.state, shown.note) == (ConsentRequestState.DECLINED, "I found another lender")
    with pytest.raises(WrongState, match="DECLINED"):
        person.grant_request(request)
    with pytest.raises(WrongState, match="DECLINED"):
        scenario.lenders["acme"].withdraw_consent_request(request)
    assert [event.kind for event in person.events()][-2:] == [
        "consent-request",
        "consent-request-decline",
    ]


def test_a_lender_withdraws_what_is_not_answered(scenario: Scenario) -> None:
    person = scenario.person()
    request = asked(scenario, person.subject_id)
    ended = scenario.lenders["acme"].withdraw_consent_request(request.consent_request_id)
    assert ended.state is ConsentRequestState.WITHDRAWN
    assert person.consent_requests()[0].state is ConsentRequestState.WITHDRAWN
    for answer in (person.grant_request, person.decline_request):
        with pytest.raises(WrongState, match="WITHDRAWN"):
            answer(request)
    event = person.events()[-1]
    assert (event.kind, event.signer, event.proved) == (
        "consent-request-withdrawal",
        "members/acme",
        True,
    )


def test_a_request_belongs_to_one_member_and_one_person(scenario: Scenario) -> None:
    person, other = scenario.person(), scenario.person()
    request = asked(scenario, person.subject_id)
    for refused in (
        lambda: other.grant_request(request),
        lambda: other.grant_request(request.consent_request_id),
        lambda: other.decline_request(request),
        lambda: scenario.lenders["brook"].withdraw_consent_request(request),
    ):
        with pytest.raises(NotFound):
            refused()
    assert other.consent_requests() == []
    assert scenario.lenders["brook"].consent_requests() == []
    # A consent for another member does not answer it either.
    consent = person.grant(
        "brook", [Action.INQUIRE], [APPLICATION], [Section.SUMMARY], expire=DAY, max_uses=1
    )
    signed = resigned(scenario, person, consent, request)
    sent = consents_pb2.GrantConsentRequest(consent=signed)
    answer = Raw(scenario.agent).send("Consents/GrantConsent", sent)
    assert (answer.code, answer.reason, answer.fields) == (
        "NOT_FOUND",
        "NOT_FOUND",
        ("consent_request_id",),
    )
    assert state_of(scenario, request).state is ConsentRequestState.PENDING


def test_nobody_known_looks_like_somebody_who_does_not_answer(scenario: Scenario) -> None:
    acme, person = scenario.lenders["acme"], scenario.person()
    nobody = secrets.token_hex(16)
    requests = [asked(scenario, subject_id) for subject_id in (nobody, person.subject_id)]
    same = [
        (each.state, each.update_time >= each.create_time, each.note, each.consent_id, each.proved)
        for each in requests
    ]
    assert same[0] == same[1]
    # The limits count alike, and say the same.
    refusals = []
    for subject_id in (nobody, person.subject_id):
        for _ in range(2):
            asked(scenario, subject_id)
        with pytest.raises(WrongState) as refused:
            asked(scenario, subject_id)
        refusals.append((refused.value.reason, refused.value.message, refused.value.violations))
    assert refusals[0] == refusals[1]
    assert refusals[0][0] == "LIMIT_REACHED"

    states = {each.state for each in acme.consent_requests(nobody)}
    assert states == {ConsentRequestState.PENDING}
    scenario.later(8 * DAY)
    for subject_id in (nobody, person.subject_id):
        states = {each.state for each in acme.consent_requests(subject_id)}
        assert states == {ConsentRequestState.EXPIRED}
    with pytest.raises(WrongState, match="EXPIRED"):
        person.grant_request(requests[1])
    assert scenario.findings() == []


def test_ten_requests_in_thirty_days_are_enough(scenario: Scenario) -> None:
    person, acme = scenario.person(), scenario.lenders["acme"]
    for _ in range(10):
        acme.withdraw_consent_request(asked(scenario, person.subject_id))
    with pytest.raises(WrongState, match="10 requests to this subject in 30 days"):
        asked(scenario, person.subject_id)
    asked(scenario, person.subject_id, "brook")
    scenario.later(31 * DAY)
    asked(scenario, person.subject_id)


def test_a_lender_reads_what_changed(scenario: Scenario) -> None:
    acme, person = scenario.lenders["acme"], scenario.person()
    first = asked(scenario, person.subject_id)
    second = asked(scenario, person.subject_id)
    scenario.later(2 * DAY)
    begin = scenario.now()

    def changed() -> list[str]:
        listed = acme.consent_requests(person.subject_id, changed_since=begin)
        return [each.consent_request_id for each in listed]

    assert changed() == []
    person.decline_request(first)
    assert changed() == [first.consent_request_id]
    scenario.later(6 * DAY)
    assert changed() == [second.consent_request_id, first.consent_request_id]
    mine = person.consent_requests(changed_since=begin, limit=1)
    assert [each.state for each in mine] == [ConsentRequestState.EXPIRED]


def test_two_wallets_answer_at_once_and_one_answer_counts(scenario: Scenario) -> None:
    person = scenario.person()
    request = asked(scenario, person.subject_id)
    results: list[object] = []

    def run(answer: Any) -> None:
        try:
            results.append(answer(request))
        except BureauError as refused:
            results.append(refused)

    key = scenario.keys[person.subject_id]
    with Wallet(scenario.agent, person.subject_id, key, clock=scenario.now) as second:
        answers = (person.grant_request, second.decline_request, second.grant_request)
        threads = [threading.Thread(target=run, args=(answer,)) for answer in answers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    refused = [each for each in results if isinstance(each, BureauError)]
    assert [type(each) for each in refused] == [WrongState, WrongState]
    consents = [each for each in person.consents() if each.consent_request_id]
    shown = state_of(scenario, request)
    assert [each.consent_id for each in consents] == [shown.consent_id] * bool(shown.consent_id)
    assert (shown.state is ConsentRequestState.DECLINED) == (not consents)
    assert scenario.findings() == []


def test_what_a_member_may_not_ask_for_is_refused(scenario: Scenario) -> None:
    person = scenario.person()
    refusals: list[tuple[type[BureauError], str, dict[str, Any]]] = [
        (PermissionDenied, "PURPOSE_NOT_PERMITTED", {"purposes": [Purpose.EMPLOYMENT]}),
        (InvalidRequest, "CONSENT_CEILING", {"period": 90 * DAY}),
        (InvalidRequest, "CONSENT_CEILING", {"max_uses": 0}),
        (InvalidRequest, "INVALID_FIELD", {"sections": []}),
        (InvalidRequest, "DATE_ORDER", {"expire": 32 * DAY}),
        (InvalidRequest, "DATE_ORDER", {"expire": -DAY}),
        (InvalidRequest, "BAD_TEXT", {"text": "two\nlines\u202e"}),
        (InvalidRequest, "INVALID_FIELD", {"text": ""}),
    ]
    for error, reason, changes in refusals:
        with pytest.raises(error) as refused:
            asked(scenario, person.subject_id, **changes)
        assert refused.value.reason == reason, changes
    assert person.consent_requests() == []
    with pytest.raises(InvalidRequest) as long:
        asked(scenario, person.subject_id, period=90 * DAY)
    assert [each.field for each in long.value.violations] == ["period"]


def test_the_same_request_again_is_one_request(scenario: Scenario) -> None:
    person, acme = scenario.person(), scenario.lenders["acme"]
    request = asked(scenario, person.subject_id)
    signed = Envelope.FromString(request.envelope)
    message = consents_pb2.RequestConsentRequest(request=signed)
    again = Raw(scenario.profiles["acme"]).send("Consents/RequestConsent", message)
    assert again.code == "OK"
    assert again.reply.receipt.leaf_index == request.receipt.leaf_index
    assert len(acme.consent_requests(person.subject_id)) == 1
    # Another member cannot send it, nor sign in its name.
    by_brook = Raw(scenario.profiles["brook"]).send("Consents/RequestConsent", message)
    assert by_brook.reason == "SIGNER_MISMATCH"
    copied = Request.FromString(signed.payload)
    copied.header.signer = "members/brook"
    brook = Raw(scenario.profiles["brook"])
    resent = consents_pb2.RequestConsentRequest(request=seal(copied, brook.key))
    assert brook.send("Consents/RequestConsent", resent).reason == "ALREADY_EXISTS"


def test_a_frequency_and_the_mode_are_narrowed(scenario: Scenario) -> None:
    person = scenario.person()
    request = asked(
        scenario,
        person.subject_id,
        purposes=[Purpose.ACCOUNT_REVIEW],
        period=365 * DAY,
        max_uses=0,
        frequency=Frequency(FrequencyUnit.MONTH, 5),
        mode=ConsentMode.STORE,
        data_life=30 * DAY,
    )
    consent = person.grant_request(
        request, frequency=Frequency(FrequencyUnit.YEAR, 4), mode=ConsentMode.VIEW
    )
    assert consent.data_life == timedelta(0)
    assert state_of(scenario, request).state is ConsentRequestState.NARROWED
    revoked = person.revoke(consent)
    assert revoked.state is ConsentState.REVOKED
    assert state_of(scenario, request).state is ConsentRequestState.NARROWED


def test_words_are_erased_and_the_answer_stays(scenario: Scenario) -> None:
    person = scenario.person()
    granted, declined, pending = (asked(scenario, person.subject_id) for _ in range(3))
    person.grant_request(granted)
    person.decline_request(declined, "not now")
    scenario.erase(person.subject_id)

    for shown in (person.consent_requests(), scenario.lenders["acme"].consent_requests()):
        mine = {each.consent_request_id: each for each in shown}
        states = [mine[each.consent_request_id] for each in (granted, declined, pending)]
        assert [(each.state.name, each.text, each.note, each.proved) for each in states] == [
            ("GRANTED", "", "", False),
            ("DECLINED", "", "", False),
            ("PENDING", "", "", False),
        ]
    person.grant_request(pending, sections=[Section.SUMMARY])
    assert person.consent_requests()[0].state is ConsentRequestState.NARROWED
    assert len(person.events()) > 0
    assert scenario.findings() == []


def test_both_command_lines(tmp_path: Path) -> None:
    with open_scenario("acme") as scenario:
        acme = scenario.lenders["acme"]
        subject_id = acme.subject_id("US", "ssn", fresh_number())
        WalletFolder.create(tmp_path / "wallet", subject_id)
        key = SigningKey.from_pem((tmp_path / "wallet" / "key.pem").read_bytes())
        person = scenario.attested("acme", subject_id, key=key)
        for name, profile in (("agent", scenario.agent), ("acme", scenario.profiles["acme"])):
            profile.save(tmp_path / name)
        lender = ("--profile", str(tmp_path / "acme"))
        wallet = ("--wallet", str(tmp_path / "wallet"), "--profile", str(tmp_path / "agent"))

        terms = ("--action", "inquire", "--purpose", "credit-application", "--max-uses", "2")
        sections = ("--section", "summary", "--section", "tradelines")
        words = ("--text", "Your new loan", "--output", "json")
        shown = output_of(
            "bureau-lender", "request-consent", subject_id, *lender, *terms, *sections, *words
        )
        request_id = json.loads(shown)["consent_request_id"]
        listed = output_of("bureau-wallet", "consent-requests", *wallet)
        assert "acme" in listed
        assert "Your new loan" in listed
        narrow = ("--section", "summary", "--output", "json")
        consent = json.loads(
            output_of("bureau-wallet", "grant-request", request_id, *wallet, *narrow)
        )
        assert consent["sections"] == ["SUMMARY"]
        assert "narrower consent granted" in output_of("bureau-lender", "consent-requests", *lender)
        second, third = asked(scenario, subject_id), asked(scenario, subject_id)
        note = ("--note", "no")
        output_of("bureau-wallet", "decline-request", second.consent_request_id, *wallet, *note)
        output_of("bureau-lender", "withdraw-request", third.consent_request_id, *lender)
        states = [each.state.name for each in person.consent_requests()]
        assert states == ["WITHDRAWN", "DECLINED", "NARROWED"]

        # A newer consent replaces the one that was granted.
        newer = ("--action", "inquire", "--purpose", "credit-application", "--max-uses", "1")
        output_of(
            *("bureau-wallet", "grant", "acme", *newer, "--section", "summary", *wallet),
            *("--replaces", consent["consent_id"]),
        )
        for command in (("bureau-wallet", *wallet), ("bureau-lender", *lender)):
            listed = output_of(command[0], "arrangements", *command[1:])
            assert "replaced by a newer consent" in listed
            assert consent["consent_id"] in listed
