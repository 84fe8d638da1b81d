"""Holds, and a statement of one's own: what people put on their file."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from bureau.credit_file.report_versions import current_version
from bureau.texts import flag_texts
from bureau_client import (
    Frequency,
    FrequencyUnit,
    HoldKind,
    HoldState,
    InvalidRequest,
    Month,
    NotFound,
    PermissionDenied,
    Purpose,
    Wallet,
    WrongState,
)
from bureau_keys.envelope import seal
from creditbureau.v1 import hold_pb2, subjects_pb2
from tests.service.raw import Raw
from tests.service.scenario import DAY, Scenario, account, open_scenario

NEWEST = Month.of(datetime.now(UTC).date()) - 1
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    with open_scenario("acme", "brook", "cedar", database_url=database_url) as scenario:
        yield scenario


def test_a_freeze_stops_new_credit_and_leaves_the_review_of_an_account(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("brook", account(person, "card", NEWEST))
    review = scenario.inquiring(
        person,
        "brook",
        purposes=[Purpose.ACCOUNT_REVIEW],
        max_uses=0,
        frequency=Frequency(FrequencyUnit.MONTH, 5),
    )
    hold = person.place_hold(HoldKind.SECURITY_FREEZE)
    assert hold.state is HoldState.IN_FORCE
    with pytest.raises(PermissionDenied) as caught:
        scenario.report(person, "brook")
    assert caught.value.reason == "HOLD"
    newest = person.inquiries()[0]
    assert newest.denial_reason == "HOLD"
    report = scenario.lenders["brook"].query(
        person.subject_id, purpose=Purpose.ACCOUNT_REVIEW, consent_id=review
    )
    assert [hold.kind for hold in report.holds] == [HoldKind.SECURITY_FREEZE]
    with pytest.raises(WrongState):
        person.place_hold(HoldKind.SECURITY_FREEZE)


def test_a_freeze_is_lifted_for_one_member_and_for_a_time(scenario: Scenario) -> None:
    person = scenario.person()
    hold = person.place_hold(HoldKind.SECURITY_FREEZE)
    until = scenario.now() + timedelta(days=2)
    lifted = person.lift_hold(hold.hold_id, until=until, member_id="brook")
    assert lifted.state is HoldState.LIFTED_FOR_A_TIME
    scenario.report(person, "brook")
    with pytest.raises(PermissionDenied):
        scenario.report(person, "acme")
    scenario.later(3 * DAY)
    with pytest.raises(PermissionDenied):
        scenario.report(person, "brook")
    assert person.lift_hold(hold.hold_id).state is HoldState.ENDED
    scenario.report(person, "acme")
    with pytest.raises(WrongState):
        person.lift_hold(hold.hold_id)
    with pytest.raises(InvalidRequest):
        person.lift_hold(hold.hold_id, member_id="brook")


def test_nobody_lifts_the_hold_of_another(scenario: Scenario) -> None:
    person, stranger = scenario.person(), scenario.person()
    hold = person.place_hold(HoldKind.SECURITY_FREEZE)
    with pytest.raises(NotFound):
        stranger.lift_hold(hold.hold_id)


def test_a_fraud_alert_is_on_every_report(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", NEWEST))
    person.place_hold(HoldKind.FRAUD_ALERT, expire=scenario.now() + 30 * DAY)
    report = scenario.report(person, "brook")
    (flag,) = report.flags
    assert flag.texts == flag_texts(current_version().flag_texts, "FRAUD_ALERT")
    scenario.later(40 * DAY)
    assert scenario.report(person, "brook").flags == ()


def test_a_statement_is_read_by_all(scenario: Scenario) -> None:
    person = scenario.person()
    person.set_statement("I was ill in 2023.\nI am working again.")
    assert scenario.report(person, "brook").subject_statement.startswith("I was ill")
    person.set_statement("")
    assert scenario.report(person, "brook").subject_statement == ""
    with pytest.raises(InvalidRequest):
        person.set_statement("turn \u202e around")


# Lifts beside each other ----------------------------------------------------------


def opens(scenario: Scenario, person: Wallet, *names: str) -> bool:
    """Whether each of these lenders gets a report; all of them, or none."""
    (answer,) = {_refusal(scenario, person, name) for name in names}
    assert answer in {"", "HOLD"}
    return not answer


def _refusal(scenario: Scenario, person: Wallet, name: str) -> str:
    try:
        scenario.report(person, name)
    except PermissionDenied as error:
        return error.reason
    return ""


def test_a_freeze_is_lifted_for_several_members_at_once(scenario: Scenario) -> None:
    person = scenario.person()
    hold = person.place_hold(HoldKind.SECURITY_FREEZE)
    person.lift_hold(hold.hold_id, until=scenario.now() + 3 * DAY, member_id="acme")
    person.lift_hold(hold.hold_id, until=scenario.now() + 5 * DAY, member_id="brook")
    # The second lift does not end the first one; the person sees both, a lender its own.
    assert opens(scenario, person, "acme", "brook")
    (own,) = person.file().holds
    assert [lift.member_id for lift in own.lifts] == ["acme", "brook"]
    (shown,) = scenario.report(person, "acme").holds
    assert [lift.member_id for lift in shown.lifts] == ["acme"]
    assert not opens(scenario, person, "cedar")
    # One for all stands beside those for members.
    person.lift_hold(hold.hold_id, until=scenario.now() + DAY)
    assert opens(scenario, person, "acme", "brook", "cedar")
    scenario.later(2 * DAY)
    assert opens(scenario, person, "acme", "brook")
    assert not opens(scenario, person, "cedar")
    scenario.later(2 * DAY)
    assert opens(scenario, person, "brook")
    assert not opens(scenario, person, "acme")
    scenario.later(2 * DAY)
    assert not opens(scenario, person, "acme", "brook", "cedar")


def test_a_window_is_made_shorter(scenario: Scenario) -> None:
    person = scenario.person()
    hold = person.place_hold(HoldKind.SECURITY_FREEZE)
    person.lift_hold(hold.hold_id, until=scenario.now() + 9 * DAY, member_id="acme")
    assert opens(scenario, person, "acme")
    shorter = person.lift_hold(hold.hold_id, until=scenario.now() + HOUR, member_id="acme")
    assert shorter.lifted_until_time is not None
    assert shorter.lifted_until_time < scenario.now() + DAY
    scenario.later(2 * HOUR)
    # Not back in the longer one, which it replaced.
    assert not opens(scenario, person, "acme")


def test_nobody_reads_for_whom_else_a_hold_is_lifted(scenario: Scenario) -> None:
    person = scenario.person()
    hold = person.place_hold(HoldKind.FRAUD_ALERT)
    person.lift_hold(hold.hold_id, until=scenario.now() + DAY, member_id="acme")
    (own,) = person.file().holds
    assert (own.state, own.lifted_for_member_id) == (HoldState.LIFTED_FOR_A_TIME, "acme")
    report = scenario.report(person, "acme")
    (acme,) = report.holds
    assert (acme.state, acme.lifted_for_member_id) == (HoldState.LIFTED_FOR_A_TIME, "acme")
    assert report.flags == ()
    report = scenario.report(person, "brook")
    (brook,) = report.holds
    assert [flag.kind.name for flag in report.flags] == ["FRAUD_ALERT"]
    assert brook.state is HoldState.IN_FORCE
    assert (brook.lifted_for_member_id, brook.lifted_until_time) == ("", None)


def test_a_hold_is_lifted_for_members_that_there_are(scenario: Scenario) -> None:
    person = scenario.person()
    hold = person.place_hold(HoldKind.SECURITY_FREEZE)
    with pytest.raises(InvalidRequest) as caught:
        person.lift_hold(hold.hold_id, until=scenario.now() + DAY, member_id="acmee")
    assert [violation.field for violation in caught.value.violations] == ["member_id"]


# At the same time ------------------------------------------------------------------


def test_what_was_frozen_before_a_request_blocks_it(scenario: Scenario) -> None:
    """From the acknowledgement of a freeze on, no report for new credit leaves."""
    for _ in range(5):
        person = scenario.person()
        consents = {name: scenario.inquiring(person, name) for name in ("acme", "brook")}
        assert freeze_while_asked(scenario, person, consents) <= {"HOLD"}
        assert {_answer(scenario, person, *consent) for consent in consents.items()} == {"HOLD"}


def freeze_while_asked(scenario: Scenario, person: Wallet, consents: dict[str, str]) -> set[str]:
    """What was answered to questions that came after the freeze was acknowledged."""
    frozen = threading.Event()
    late: set[str] = set()

    def ask(name: str) -> None:
        for _ in range(6):
            was_frozen = frozen.is_set()
            answer = _answer(scenario, person, name, consents[name])
            if was_frozen:
                late.add(answer)

    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(ask, name) for name in consents]
        person.place_hold(HoldKind.SECURITY_FREEZE)
        frozen.set()
        for asked in asking:
            asked.result(60)
    return late


def _answer(scenario: Scenario, person: Wallet, name: str, consent_id: str) -> str:
    try:
        scenario.lenders[name].query(
            person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent_id
        )
    except PermissionDenied as error:
        return error.reason
    return ""


def test_of_many_freezes_at_once_one_stands(scenario: Scenario) -> None:
    person = scenario.person()

    def freeze(_: int) -> str:
        try:
            person.place_hold(HoldKind.SECURITY_FREEZE)
        except WrongState as error:
            return error.reason
        return ""

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(freeze, range(6))) == ["", *["WRONG_STATE"] * 5]
    assert len(person.file().holds) == 1


def test_the_same_lift_sent_again_is_one(scenario: Scenario) -> None:
    """A lift for good that comes again later does not end the freeze that came after."""
    person = scenario.person()
    first = person.place_hold(HoldKind.SECURITY_FREEZE)
    signing = scenario.signing(person)
    lift = hold_pb2.HoldLift(header=signing.header(), hold_id=first.hold_id)
    lift.header.issue_time.FromDatetime(scenario.now())
    request = subjects_pb2.LiftHoldRequest(lift=seal(lift, signing.key))
    agent = Raw(scenario.agent)
    assert agent.send("Subjects/LiftHold", request).code == "OK"
    person.place_hold(HoldKind.SECURITY_FREEZE)
    again = agent.send("Subjects/LiftHold", request)
    assert again.code == "OK"
    assert not opens(scenario, person, "acme")
    # Nor does another one carry it under the freeze's new name.
    lift.hold_id = person.file().holds[0].hold_id
    forged = subjects_pb2.LiftHoldRequest(lift=seal(lift, signing.key))
    assert agent.send("Subjects/LiftHold", forged).reason == "IDEMPOTENCY_CONFLICT"
