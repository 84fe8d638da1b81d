"""Disputes: what a person challenges, how its furnisher answers, and what follows."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from bureau_client import (
    BureauError,
    DisputeNews,
    DisputeOutcome,
    DisputeReason,
    DisputeState,
    InvalidRequest,
    Month,
    NotFound,
    NoticeKind,
    OmissionReason,
    RecordRef,
    SubmissionKind,
    Wallet,
    WrongState,
)
from bureau_keys.envelope import seal
from creditbureau.v1 import dispute_pb2, subjects_pb2
from tests.service.heard import heard
from tests.service.raw import Answer, Raw
from tests.service.scenario import DAY, Scenario, account, open_scenario

APRIL, MAY, JUNE = Month(2024, 4), Month(2024, 5), Month(2024, 6)


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    with open_scenario("acme", "brook", database_url=database_url) as scenario:
        yield scenario


def challenged(scenario: Scenario, person: Wallet, month: Month | None = MAY) -> str:
    (line,) = person.file().tradelines
    dispute = person.dispute(
        line.tradeline_id,
        field="balance_minor",
        reason=DisputeReason.WRONG_AMOUNT,
        month=month,
        narrative="I paid this.\nSee the receipt.",
        attachment_digests=[b"\1" * 32],
    )
    assert dispute.state is DisputeState.OPEN
    return dispute.dispute_id


def test_a_dispute_to_its_correction(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    dispute_id = challenged(scenario, person)
    # Shown at once, and known to the furnisher alone.
    (shown,) = scenario.report(person, "brook").disputes
    assert (shown.dispute_id, shown.state) == (dispute_id, DisputeState.OPEN)
    (dispute,) = scenario.lenders["acme"].disputes()
    assert (dispute.narrative, dispute.reason) == (shown.narrative, DisputeReason.WRONG_AMOUNT)
    assert scenario.lenders["brook"].disputes() == []
    with pytest.raises(WrongState):
        challenged(scenario, person)
    with pytest.raises(NotFound):
        scenario.lenders["brook"].answer_dispute(dispute_id, DisputeOutcome.ACCURATE)
    # A correction, and an answer that names it.
    fixed = account(person, "card", MAY, balance_minor=0)
    submission_id = scenario.submit("acme", fixed, kind=SubmissionKind.CORRECTION)
    with pytest.raises(InvalidRequest):
        scenario.lenders["acme"].answer_dispute(dispute_id, DisputeOutcome.MODIFIED)
    with pytest.raises(InvalidRequest):
        scenario.lenders["acme"].answer_dispute(
            dispute_id, DisputeOutcome.MODIFIED, correction=RecordRef(submission_id, 7)
        )
    correction = RecordRef(submission_id, 0)
    closed = scenario.lenders["acme"].answer_dispute(
        dispute_id, DisputeOutcome.MODIFIED, narrative="So it is.", correction=correction
    )
    assert (closed.state, closed.outcome) == (DisputeState.ANSWERED, DisputeOutcome.MODIFIED)
    assert (closed.answer_narrative, closed.correction) == ("So it is.", correction)
    assert person.disputes() == [closed]
    # What the furnisher said is for the person and itself alone.
    (shown,) = scenario.report(person, "acme").disputes
    assert shown == closed
    (shown,) = scenario.report(person, "brook").disputes
    assert shown == replace(closed, answer_narrative="", correction=None)
    assert scenario.report(person, "brook").tradelines[0].balance_minor == 0
    with pytest.raises(WrongState):
        scenario.lenders["acme"].answer_dispute(dispute_id, DisputeOutcome.ACCURATE)


@pytest.mark.parametrize("outcome", [DisputeOutcome.DELETED, DisputeOutcome.FRAUD])
def test_what_a_dispute_deleted_returns_only_certified(
    scenario: Scenario, outcome: DisputeOutcome
) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    (line,) = person.file().tradelines
    dispute_id = challenged(scenario, person, month=None)
    scenario.lenders["acme"].answer_dispute(dispute_id, outcome)
    assert scenario.report(person, "brook").tradelines == ()
    # The person still sees that it was there, what became of it, and what they were told.
    file = person.file()
    assert [(omission.reason, omission.tradeline_id) for omission in file.omissions] == [
        (OmissionReason.DELETED, line.tradeline_id)
    ]
    assert [dispute.outcome for dispute in file.disputes] == [outcome]
    assert [one.notice_id for one in file.notices if one.kind is NoticeKind.DISPUTE] == [
        one.notice_id for one in heard(person)
    ]
    assert scenario.report(person, "brook").notices == ()
    with pytest.raises(BureauError) as caught:
        scenario.submit("acme", account(person, "card", MAY + 1))
    assert caught.value.reason == "DELETED_ITEM"
    scenario.submit("acme", account(person, "card", MAY + 1, certified=True))
    assert len(scenario.report(person, "brook").tradelines) == 1


def test_what_nobody_answers_is_withdrawn_until_it_is_certified(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    dispute_id = challenged(scenario, person)
    scenario.later(29 * DAY)
    assert len(scenario.report(person, "brook").tradelines) == 1
    scenario.later(2 * DAY)
    assert scenario.report(person, "brook").tradelines == ()
    file = person.file()
    assert len(file.tradelines) == 1
    assert [omission.reason for omission in file.omissions] == [OmissionReason.DELETED]
    assert person.disputes()[0].state is DisputeState.LAPSED
    # Reported again, and again, it stays away; so it does if the answer is late.
    scenario.submit("acme", account(person, "card", JUNE, certified=True))
    acme = scenario.lenders["acme"]
    with pytest.raises(BureauError) as caught:
        acme.answer_dispute(dispute_id, DisputeOutcome.ACCURATE)
    assert caught.value.reason == "DELETED_ITEM"
    assert [violation.field for violation in caught.value.violations] == ["certified"]
    assert scenario.report(person, "brook").tradelines == ()
    acme.answer_dispute(dispute_id, DisputeOutcome.ACCURATE, certified=True)
    assert len(scenario.report(person, "brook").tradelines) == 1
    # The person is told that it is back.
    assert {notice.kind for notice in heard(person)} == {
        NoticeKind.DISPUTE,
        NoticeKind.REINSERTION,
    }


def test_an_item_is_back_only_when_nothing_of_it_waits_any_more(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    (line,) = person.file().tradelines
    first, second = (
        person.dispute(line.tradeline_id, field=field, reason=DisputeReason.INACCURATE)
        for field in ("status", "open_date")
    )
    scenario.later(31 * DAY)
    acme = scenario.lenders["acme"]
    acme.answer_dispute(first.dispute_id, DisputeOutcome.ACCURATE, certified=True)
    assert scenario.report(person, "brook").tradelines == ()
    assert [notice.kind for notice in heard(person)] == [NoticeKind.DISPUTE]
    # Deleting needs no certification.
    acme.answer_dispute(second.dispute_id, DisputeOutcome.DELETED)
    assert scenario.report(person, "brook").tradelines == ()
    assert person.file().tradelines == ()
    assert {dispute.outcome for dispute in person.file().disputes} == {
        DisputeOutcome.ACCURATE,
        DisputeOutcome.DELETED,
    }


def test_in_china_an_unanswered_dispute_stays_beside_the_item() -> None:
    with open_scenario("acme", "brook", jurisdiction="CN") as scenario:
        person = scenario.person()
        scenario.submit("acme", account(person, "card", MAY))
        challenged(scenario, person)
        scenario.later(21 * DAY)
        report = scenario.report(person, "brook")
        assert len(report.tradelines) == 1
        assert [dispute.state for dispute in report.disputes] == [DisputeState.LAPSED]
        # Nothing was withdrawn, so nothing has to be certified.
        (dispute,) = report.disputes
        scenario.lenders["acme"].answer_dispute(dispute.dispute_id, DisputeOutcome.ACCURATE)
        assert [notice.kind for notice in heard(person)] == [NoticeKind.DISPUTE]


def opened_as(scenario: Scenario, person: Wallet, dispute_id: str, field: str = "status") -> Answer:
    """A dispute under an id of one's own choice."""
    (line,) = person.file().tradelines
    signing = scenario.signing(person)
    opening = dispute_pb2.DisputeOpening(
        header=signing.header(request_id=dispute_id),
        subject_id=person.subject_id,
        tradeline_id=line.tradeline_id,
        field=field,
        reason=dispute_pb2.DISPUTE_REASON_WRONG_STATUS,
    )
    opening.header.issue_time.FromDatetime(scenario.now())
    request = subjects_pb2.OpenDisputeRequest(opening=seal(opening, signing.key))
    return Raw(scenario.agent).send("Subjects/OpenDispute", request)


def test_the_id_of_a_dispute_is_nobody_elses(scenario: Scenario) -> None:
    """Else the furnisher's answer would close the dispute of the wrong person."""
    first, second = scenario.person(), scenario.person()
    for person in (first, second):
        scenario.submit("acme", account(person, "card", MAY))
    dispute_id = str(uuid.uuid4())
    assert opened_as(scenario, first, dispute_id).code == "OK"
    assert opened_as(scenario, second, dispute_id).reason == "ALREADY_EXISTS"
    assert second.disputes() == []
    scenario.lenders["acme"].answer_dispute(dispute_id, DisputeOutcome.ACCURATE)
    assert [dispute.state for dispute in first.disputes()] == [DisputeState.ANSWERED]


@pytest.mark.parametrize("case", ["older", "other month", "other account", "original"])
def test_a_correction_answers_only_what_was_disputed(scenario: Scenario, case: str) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    older = scenario.submit(
        "acme", account(person, "card", MAY, balance_minor=7), kind=SubmissionKind.CORRECTION
    )
    (line,) = person.file().tradelines
    dispute = person.dispute(
        line.tradeline_id, field="balance_minor", reason=DisputeReason.WRONG_AMOUNT, month=MAY
    )
    corrections = {
        "older": older,
        "other month": scenario.submit(
            "acme", account(person, "card", APRIL), kind=SubmissionKind.CORRECTION
        ),
        "other account": scenario.submit(
            "acme", account(person, "loan", MAY), kind=SubmissionKind.CORRECTION
        ),
        # It came after the dispute, and holds nothing: a correction stands before it.
        "original": scenario.submit("acme", account(person, "card", MAY, balance_minor=8)),
    }
    with pytest.raises(InvalidRequest) as caught:
        scenario.lenders["acme"].answer_dispute(
            dispute.dispute_id,
            DisputeOutcome.MODIFIED,
            correction=RecordRef(corrections[case], 0),
        )
    assert [violation.field for violation in caught.value.violations] == ["correction"]


@pytest.mark.parametrize("outcome", [DisputeOutcome.ACCURATE, DisputeOutcome.DELETED])
def test_a_dispute_about_what_was_erased_can_be_answered(
    scenario: Scenario, outcome: DisputeOutcome
) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    dispute_id = challenged(scenario, person, month=None)
    assert scenario.erase(person.subject_id).account_count == 1
    answered = scenario.lenders["acme"].answer_dispute(dispute_id, outcome)
    assert answered.state is DisputeState.ANSWERED
    assert person.file().tradelines == ()
    assert scenario.findings() == []


# Facts that come later ---------------------------------------------------------------


def test_more_facts_are_forwarded_and_give_more_time_once(scenario: Scenario) -> None:
    """15 U.S.C. 1681i(a)(1)(B): up to 15 days more."""
    person, stranger = scenario.person(), scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    acme = scenario.lenders["acme"]
    opened = challenged(scenario, person)
    (dispute,) = person.disputes()
    assert dispute.create_time is not None
    with pytest.raises(NotFound):
        stranger.add_to_dispute(opened, "It was me.")
    more = person.add_to_dispute(opened, "Here is the receipt.", [b"\2" * 32])
    assert more.due_time == dispute.create_time + timedelta(days=45)
    again = person.add_to_dispute(opened, "And here another.")
    assert again.due_time == more.due_time
    assert [addition.narrative for addition in again.additions] == [
        "Here is the receipt.",
        "And here another.",
    ]
    assert again.additions[0].attachment_digests == (b"\2" * 32,)
    # In the list it is one dispute; on the stream it comes each time, as it is by then.
    assert [dispute for dispute in acme.disputes() if dispute.dispute_id == opened] == [again]
    listed = [news.dispute for news in take(acme.watch_disputes(), opened, 3)]
    assert listed == [again] * 3
    (shown,) = scenario.report(person, "brook").disputes
    assert len(shown.additions) == 2
    scenario.later(31 * DAY)
    assert len(scenario.report(person, "brook").tradelines) == 1
    acme.answer_dispute(opened, DisputeOutcome.ACCURATE)
    with pytest.raises(WrongState):
        person.add_to_dispute(opened, "Too late.")


def test_facts_do_not_revive_what_has_lapsed(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    dispute_id = challenged(scenario, person)
    scenario.later(31 * DAY)
    with pytest.raises(WrongState):
        person.add_to_dispute(dispute_id, "One more thing.")
    assert scenario.report(person, "brook").tradelines == ()


def take(stream: Iterator[DisputeNews], dispute_id: str, count: int) -> list[DisputeNews]:
    """The first news of one dispute."""
    received: list[DisputeNews] = []
    for news in stream:
        if news.dispute.dispute_id == dispute_id:
            received.append(news)
        if len(received) == count:
            break
    return received


# At the same time ----------------------------------------------------------------------


def outcomes(work: Callable[[int], object], count: int) -> list[str]:
    """What comes of the same thing done so many times at once: reasons, "" for success."""

    def run(index: int) -> str:
        try:
            work(index)
        except BureauError as error:
            return error.reason
        return ""

    with ThreadPoolExecutor(count) as pool:
        return sorted(pool.map(run, range(count)))


def test_of_many_answers_at_once_one_counts(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    dispute_id = challenged(scenario, person)
    answers = [DisputeOutcome.ACCURATE, DisputeOutcome.DELETED] * 3
    acme = scenario.lenders["acme"]
    reasons = outcomes(lambda index: acme.answer_dispute(dispute_id, answers[index]), len(answers))
    assert reasons == ["", *["WRONG_STATE"] * 5]
    (dispute,) = person.disputes()
    lines = scenario.report(person, "brook").tradelines
    assert len(lines) == (dispute.outcome is DisputeOutcome.ACCURATE)
    assert len(heard(person)) == 1


def test_of_many_disputes_of_the_same_at_once_one_stands(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    reasons = outcomes(lambda _: challenged(scenario, person), 6)
    assert reasons == ["", *["WRONG_STATE"] * 5]
    assert len(person.disputes()) == 1


def test_a_month_in_dispute_is_one_of_the_calendar(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    (line,) = person.file().tradelines
    signing = scenario.signing(person)
    opening = dispute_pb2.DisputeOpening(
        header=signing.header(),
        subject_id=person.subject_id,
        tradeline_id=line.tradeline_id,
        month=202413,
        field="status",
        reason=dispute_pb2.DISPUTE_REASON_WRONG_STATUS,
    )
    opening.header.issue_time.FromDatetime(scenario.now())
    request = subjects_pb2.OpenDisputeRequest(opening=seal(opening, signing.key))
    answer = Raw(scenario.agent).send("Subjects/OpenDispute", request)
    assert (answer.reason, answer.fields) == ("INVALID_FIELD", ("month",))
