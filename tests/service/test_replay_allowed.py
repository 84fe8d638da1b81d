"""A report is served again only while the consent and the subject's holds allow it, and the
subject sees it each time.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from bureau.admin.operator import Operator
from bureau_client import (
    Auditor,
    BureauError,
    ConsentExhausted,
    ConsentMode,
    Frequency,
    FrequencyUnit,
    HoldKind,
    InquiryOutcome,
    InvalidRequest,
    Month,
    NotFound,
    Purpose,
    Wallet,
)
from bureau_keys.envelope import seal
from creditbureau.v1 import codes_pb2, reporting_pb2
from tests.service.raw import Answer, Raw
from tests.service.scenario import DAY, Scenario, account, open_scenario
from tests.service.watching import monitored

MAY = Month(2024, 5)
HOUR = timedelta(hours=1)
STORE: dict[str, Any] = {"mode": ConsentMode.STORE, "data_life": HOUR}


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    with open_scenario("acme", "brook", database_url=database_url) as scenario:
        yield scenario


@pytest.fixture(scope="module", autouse=True)
def auditor(scenario: Scenario) -> Iterator[Auditor]:
    """Return an auditor whose certificate is issued before any time passes."""
    profile = scenario.bureau.add_member("auditor", ["auditor"])
    with Auditor(profile, clock=scenario.now) as auditor:
        yield auditor


def passed(scenario: Scenario) -> timedelta:
    """Return the age of a header of the bureau's present: negative, as time has passed."""
    return -timedelta(microseconds=scenario.clock.offset_us)


def reported(scenario: Scenario, **consent: Any) -> tuple[Wallet, str, str]:
    """Return a person, an inquiry of brook's about them, and its consent."""
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    fields = {"expire": 2 * HOUR} | consent
    report = scenario.report(person, "brook", **fields)
    return person, report.request_id, report.consent_id


def replayed(scenario: Scenario, inquiry_id: str, person: Wallet) -> str:
    """Replay as brook; return the reason of the refusal, or OK."""
    try:
        scenario.lenders["brook"].replay(inquiry_id, person.subject_id)
    except BureauError as error:
        return error.reason
    return "OK"


@pytest.mark.parametrize(
    ("consent", "later", "reason"),
    [
        # Kept for its data life: read again, whatever uses are left.
        (STORE | {"max_uses": 1}, 0 * HOUR, "OK"),
        (STORE, 0.9 * HOUR, "OK"),
        (STORE, HOUR, "CONSENT_EXPIRED"),
        (STORE | {"data_life": 30 * DAY}, 2 * HOUR, "CONSENT_EXPIRED"),
        # Nothing is kept: another look is another use.
        ({}, HOUR, "OK"),
        ({"max_uses": 2}, HOUR, "OK"),
        ({"max_uses": 1}, 0 * HOUR, "CONSENT_EXHAUSTED"),
        ({"frequency": Frequency(FrequencyUnit.YEAR, 1)}, 0 * HOUR, "CONSENT_EXHAUSTED"),
        ({"mode": ConsentMode.QUERY, "max_uses": 1}, 0 * HOUR, "CONSENT_EXHAUSTED"),
        ({}, 2 * HOUR, "CONSENT_EXPIRED"),
    ],
)
def test_the_consent_decides(
    scenario: Scenario, consent: dict[str, Any], later: timedelta, reason: str
) -> None:
    person, inquiry_id, _ = reported(scenario, **consent)
    scenario.later(later)
    assert replayed(scenario, inquiry_id, person) == reason
    replays = [one for one in person.inquiries() if one.outcome is InquiryOutcome.REPLAYED]
    assert len(replays) == (reason == "OK")
    assert all((one.member_id, one.inquiry_id) == ("brook", inquiry_id) for one in replays)


TWICE = Frequency(FrequencyUnit.YEAR, 2)


@pytest.mark.parametrize("mode", [ConsentMode.VIEW, ConsentMode.QUERY])
@pytest.mark.parametrize(
    "terms", [{"max_uses": 3}, {"frequency": Frequency(FrequencyUnit.YEAR, 3)}]
)
def test_a_replay_is_a_use_like_an_inquiry(
    scenario: Scenario, mode: ConsentMode, terms: dict[str, Any]
) -> None:
    person, inquiry_id, consent_id = reported(scenario, mode=mode, **terms)
    assert replayed(scenario, inquiry_id, person) == "OK"
    brook = scenario.lenders["brook"]
    second = brook.query(
        person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent_id
    )
    assert uses(person, consent_id) == 3
    assert replayed(scenario, inquiry_id, person) == "CONSENT_EXHAUSTED"
    assert replayed(scenario, second.request_id, person) == "CONSENT_EXHAUSTED"
    with pytest.raises(ConsentExhausted):
        brook.query(person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent_id)
    assert uses(person, consent_id) == 3
    assert scenario.findings() == []


def test_a_replay_of_a_report_of_a_portfolio_is_a_use(scenario: Scenario) -> None:
    person = monitored(scenario, "acme", frequency=TWICE)
    scenario.submit("acme", account(person, "card", MAY))
    acme = scenario.lenders["acme"]
    (report,) = acme.portfolio(Purpose.ACCOUNT_REVIEW, [person.subject_id])
    acme.replay(report.request_id, person.subject_id)
    with pytest.raises(ConsentExhausted):
        acme.replay(report.request_id, person.subject_id)
    assert list(acme.portfolio(Purpose.ACCOUNT_REVIEW, [person.subject_id])) == []


def test_a_retry_of_a_replay_counts_once(scenario: Scenario) -> None:
    person, inquiry_id, consent_id = reported(scenario, max_uses=2)
    raw = Raw(scenario.profiles["brook"])
    replay = reporting_pb2.Replay(
        header=raw.header(age=passed(scenario)),
        inquiry_id=inquiry_id,
        subject_id=person.subject_id,
    )
    request = reporting_pb2.ReplayReportRequest(replay=seal(replay, raw.key))
    answers = [raw.send("Reporting/ReplayReport", request) for _ in range(3)]
    assert [answer.code for answer in answers] == ["OK"] * 3
    assert len({answer.reply.receipt.leaf_index for answer in answers}) == 1
    assert uses(person, consent_id) == 2


def test_a_report_is_replayed_so_often_by_each_member() -> None:
    """The limit holds where no use is counted: under STORE, and for an auditor."""
    with open_scenario("acme", "brook", limits={"replays_of_report": 2}) as scenario:
        profile = scenario.bureau.add_member("auditor", ["auditor"])
        person, inquiry_id, consent_id = reported(scenario, **STORE)
        other, another, _ = reported(scenario, **STORE)
        assert [replayed(scenario, inquiry_id, person) for _ in range(3)] == [
            "OK",
            "OK",
            "LIMIT_REACHED",
        ]
        assert replayed(scenario, another, other) == "OK"
        with Auditor(profile, clock=scenario.now) as auditor:
            for _ in range(2):
                auditor.replay(inquiry_id, person.subject_id)
            with pytest.raises(BureauError) as refused:
                auditor.replay(inquiry_id, person.subject_id)
        assert refused.value.reason == "LIMIT_REACHED"
        assert uses(person, consent_id) == 1
        assert scenario.findings() == []


def uses(person: Wallet, consent_id: str) -> int:
    """Return the number of uses of a consent."""
    (count,) = (
        consent.use_count for consent in person.consents() if consent.consent_id == consent_id
    )
    return count


def test_what_the_person_decides_since_holds(scenario: Scenario) -> None:
    person, inquiry_id, consent_id = reported(scenario, **STORE)
    hold = person.place_hold(HoldKind.SECURITY_FREEZE)
    assert replayed(scenario, inquiry_id, person) == "HOLD"
    person.lift_hold(hold.hold_id)
    assert replayed(scenario, inquiry_id, person) == "OK"
    person.pause(consent_id)
    assert replayed(scenario, inquiry_id, person) == "CONSENT_PAUSED"
    person.resume(consent_id)
    assert replayed(scenario, inquiry_id, person) == "OK"
    person.revoke(consent_id)
    assert replayed(scenario, inquiry_id, person) == "CONSENT_REVOKED"
    assert scenario.findings() == []


def test_a_member_that_lost_the_purpose_reads_nothing_again() -> None:
    with open_scenario("acme", "brook") as scenario:
        person, inquiry_id, _ = reported(scenario, **STORE)
        assert replayed(scenario, inquiry_id, person) == "OK"
        with Operator(scenario.bureau.operator) as operator:
            member = operator.member("brook")
            del member.purposes[:]
            member.purposes.append(codes_pb2.PURPOSE_ACCOUNT_REVIEW)
            operator.change(member)
        assert replayed(scenario, inquiry_id, person) == "PURPOSE_NOT_PERMITTED"


def test_a_retry_after_a_freeze_brings_no_report(scenario: Scenario) -> None:
    """The same bytes are answered again; not against what was decided in between."""
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    consent_id = scenario.inquiring(person, "brook", max_uses=1)
    raw = Raw(scenario.profiles["brook"])
    header = raw.header(age=passed(scenario))
    inquiry = raw.inquiry(person.subject_id, consent_id, header=header)

    def send() -> Answer:
        request = reporting_pb2.QueryReportRequest(inquiry=inquiry)
        return raw.send("Reporting/QueryReport", request)

    assert send().reply.report.payload == send().reply.report.payload
    hold = person.place_hold(HoldKind.SECURITY_FREEZE)
    assert send().reason == "HOLD"
    person.lift_hold(hold.hold_id)
    assert send().code == "OK"


def test_a_portfolio_is_not_resumed_for_those_who_revoked_nor_after_a_day(
    scenario: Scenario,
) -> None:
    people = [monitored(scenario, "brook", max_uses=1) for _ in range(3)]
    lender = scenario.lenders["brook"]
    for person in people:
        scenario.submit("brook", account(person, "card", MAY))
    reports = list(lender.portfolio(Purpose.ACCOUNT_REVIEW))
    assert len(reports) == 3
    inquiry = reports[0].inquiry
    assert len(list(lender.resume_portfolio(inquiry))) == 3, "its own use does not stop it"
    revoked = next(one for one in people[0].consents() if Purpose.ACCOUNT_REVIEW in one.purposes)
    people[0].revoke(revoked.consent_id)
    left = {one.subject_id for one in lender.resume_portfolio(inquiry)}
    assert left == {people[1].subject_id, people[2].subject_id}
    scenario.later(DAY)
    with pytest.raises(BureauError) as refused:
        list(lender.resume_portfolio(inquiry))
    assert refused.value.reason == "EXPIRED_REQUEST"


def test_an_auditor_names_the_member_where_two_used_one_id(
    scenario: Scenario, auditor: Auditor
) -> None:
    person, shared = scenario.person(), str(uuid.uuid4())
    scenario.submit("acme", account(person, "card", MAY))
    for name in ("acme", "brook"):
        raw = Raw(scenario.profiles[name])
        inquiry = reporting_pb2.Inquiry(
            header=raw.header(request_id=shared, age=passed(scenario)),
            subject_id=person.subject_id,
            purpose=codes_pb2.PURPOSE_CREDIT_APPLICATION,
            consent_id=scenario.inquiring(person, name),
        )
        request = reporting_pb2.QueryReportRequest(inquiry=seal(inquiry, raw.key))
        assert raw.send("Reporting/QueryReport", request).code == "OK"
    with pytest.raises(InvalidRequest) as refused:
        auditor.replay(shared, person.subject_id)
    assert [violation.field for violation in refused.value.violations] == ["member_id"]
    for name in ("acme", "brook"):
        assert auditor.replay(shared, person.subject_id, member_id=name).member_id == name
    with pytest.raises(NotFound):
        auditor.replay(shared, person.subject_id, member_id="cedar")
    # A member sees its own alone.
    assert replayed(scenario, shared, person) == "OK"


def test_a_member_lists_what_it_asked_itself(scenario: Scenario) -> None:
    person, inquiry_id, consent_id = reported(scenario, **STORE)
    assert replayed(scenario, inquiry_id, person) == "OK"
    with pytest.raises(BureauError):
        scenario.lenders["brook"].query(
            person.subject_id, purpose=Purpose.COLLECTION, consent_id=consent_id
        )
    denied, again, first = scenario.lenders["brook"].inquiries(person.subject_id)
    assert (first.inquiry_id, first.consent_id) == (inquiry_id, consent_id)
    assert (again.inquiry_id, again.outcome) == (inquiry_id, InquiryOutcome.REPLAYED)
    assert (denied.outcome, denied.denial_reason) == (InquiryOutcome.DENIED, "CONSENT_SCOPE")
    assert {one.subject_id for one in (denied, again, first)} == {person.subject_id}
    # In pages, and of this member alone.
    for limit in (1, 2):
        assert len(scenario.lenders["brook"].inquiries(limit=limit)) == limit
    everything = scenario.lenders["brook"].inquiries()
    assert everything[:3] == [denied, again, first]
    assert {one.member_id for one in everything} == {"brook"}
    assert scenario.lenders["acme"].inquiries(person.subject_id) == []


def test_no_denial_hides_a_replay(scenario: Scenario) -> None:
    """A request id that was denied is used up, and every replay shows."""
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    raw, shared = Raw(scenario.profiles["brook"]), str(uuid.uuid4())
    granted = scenario.inquiring(person, "brook")
    reasons = []
    for consent_id in (str(uuid.uuid4()), granted):
        header = raw.header(request_id=shared, age=passed(scenario))
        reasons.append(raw.query(person.subject_id, consent_id, header=header).reason)
    assert reasons == ["CONSENT_REQUIRED", "IDEMPOTENCY_CONFLICT"]
    report = scenario.lenders["brook"].query(
        person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=granted
    )
    assert replayed(scenario, report.request_id, person) == "OK"
    assert replayed(scenario, report.request_id, person) == "OK"
    assert [one.outcome for one in person.inquiries()] == [
        InquiryOutcome.REPLAYED,
        InquiryOutcome.REPLAYED,
        InquiryOutcome.REPORTED,
        InquiryOutcome.DENIED,
    ]


def test_the_subject_of_a_replay_is_looked_up_where_none_is_named(scenario: Scenario) -> None:
    person, inquiry_id, _ = reported(scenario, max_uses=3)
    brook = scenario.lenders["brook"]
    assert brook.replay(inquiry_id).subject_id == person.subject_id
    with pytest.raises(NotFound, match="made no inquiry"):
        brook.replay(str(uuid.uuid4()))
