"""Complaints about deeds of members: answered, overdue, taken to the operator, and counted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta

import pytest

from bureau.admin.operator import Operator
from bureau_client import (
    ActionReason,
    Auditor,
    BureauError,
    Complaint,
    ComplaintKind,
    ComplaintOutcome,
    ComplaintState,
    DisputeOutcome,
    DisputeReason,
    FacilityAction,
    FacilityActionKind,
    Initiator,
    InvalidRequest,
    Month,
    NotFound,
    NoticeKind,
    Purpose,
    RecordRef,
    Wallet,
    WrongState,
)
from creditbureau.v1 import complaint_pb2
from creditbureau.v1.complaint_pb2 import ComplaintAnswer
from tests.service.scenario import DAY, Scenario, account, open_scenario

MAY = Month(2024, 5)
UPHELD, REJECTED = ComplaintOutcome.UPHELD, ComplaintOutcome.REJECTED
NOT_ASKED_FOR = ComplaintKind.INQUIRY_NOT_ASKED_FOR


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    with open_scenario("acme", "brook", "coast", database_url=database_url) as scenario:
        yield scenario


@pytest.fixture(scope="module")
def beijing() -> Iterator[Scenario]:
    with open_scenario("acme", "brook", jurisdiction="CN") as scenario:
        yield scenario


def inquired(scenario: Scenario, person: Wallet, name: str = "acme") -> str:
    """A hard inquiry about somebody; its id."""
    return scenario.report(person, name).request_id


def seen_by(scenario: Scenario, person: Wallet, name: str) -> tuple[int, float]:
    """The inquiries of acme that a report to a member shows, and the number of those of all
    others in its figures.
    """
    report = scenario.report(person, name)
    shown = sum(inquiry.member_id == "acme" for inquiry in report.inquiries)
    return shown, report.figures["inquiries_12m"] or 0


def days_between(start: datetime | None, end: datetime | None) -> int:
    """The whole days between two times of a complaint, which has both."""
    assert start
    assert end
    return (end - start).days


def decide(
    scenario: Scenario, complaint_id: str, outcome: int, narrative: str = "So it is."
) -> None:
    """The operator decides a complaint."""
    with Operator(scenario.bureau.operator, scenario.clock) as operator:
        (waiting,) = [
            complaint
            for complaint, _ in operator.complaints()
            if complaint.complaint_id == complaint_id
        ]
        operator.decide(waiting, outcome, narrative)


def received(scenario: Scenario, name: str, complaint: Complaint) -> Complaint:
    """A complaint, as the member that it is about lists it."""
    (listed,) = [
        each
        for each in scenario.lenders[name].complaints()
        if each.complaint_id == complaint.complaint_id
    ]
    return listed


def test_a_freeze_without_a_reason_is_answered(scenario: Scenario) -> None:
    person, acme = scenario.person(), scenario.lenders["acme"]
    snapshot = account(person, "card", MAY)
    scenario.submit("acme", snapshot)
    frozen = FacilityAction(
        account_ref=snapshot.account_ref,
        kind=FacilityActionKind.FREEZE,
        initiator=Initiator.LENDER,
        reasons=(ActionReason.POLICY_CHANGE,),
        effective_time=scenario.now() - timedelta(minutes=1),
    )
    scenario.submit("acme", frozen)
    (line,) = person.file().tradelines
    record = line.actions[0].record
    assert record is not None
    complaint = person.complain(
        "acme", ComplaintKind.ACTION_WITHOUT_REASON, record, narrative="No one told me why."
    )
    assert (complaint.state, complaint.proved) == (ComplaintState.OPEN, True)
    assert days_between(complaint.create_time, complaint.due_time) == 60
    # The member reads it; others know nothing of it.
    assert received(scenario, "acme", complaint) == complaint
    assert scenario.lenders["brook"].complaints() == []
    with pytest.raises(InvalidRequest):
        acme.answer_complaint(complaint, UPHELD, "We are sorry.")
    with pytest.raises(NotFound):
        scenario.lenders["brook"].answer_complaint(complaint, REJECTED, "No.")
    answered = acme.answer_complaint(
        complaint, UPHELD, "We are sorry.", remedy="The reasons are in the notice of today."
    )
    assert answered.state is ComplaintState.ANSWERED
    with pytest.raises(WrongState):
        acme.answer_complaint(complaint, REJECTED, "On second thoughts, no.")
    # The person gets a notice, and has nothing to take to the operator.
    assert person.complaints() == [answered]
    assert person.complaints()[0].proved
    assert person.notices()[0].kind is NoticeKind.COMPLAINT
    with pytest.raises(WrongState):
        person.escalate(complaint.complaint_id)
    # One deed has one complaint, ever.
    with pytest.raises(WrongState):
        person.complain("acme", ComplaintKind.REVIEW_MISSED, record)


def test_a_silent_member_is_taken_to_the_operator(scenario: Scenario) -> None:
    person = scenario.person()
    consent_id = scenario.inquiring(person, "acme")
    complaint = person.complain("acme", ComplaintKind.DATA_KEPT_TOO_LONG, consent_id)
    with pytest.raises(WrongState):
        person.escalate(complaint.complaint_id)
    scenario.later(61 * DAY)
    assert person.complaints()[0].state is ComplaintState.OVERDUE
    escalated = person.escalate(complaint.complaint_id, "They do not answer.")
    assert escalated.state is ComplaintState.ESCALATED
    assert days_between(escalated.escalate_time, escalated.decide_until_time) == 30
    # A late answer is heard, too; the operator decides all the same, once.
    late = scenario.lenders["acme"].answer_complaint(complaint, REJECTED, "We deleted it in time.")
    assert late.state is ComplaintState.ESCALATED
    decide(scenario, complaint.complaint_id, complaint_pb2.COMPLAINT_OUTCOME_UPHELD)
    (decided,) = person.complaints()
    assert (decided.state, decided.proved) == (ComplaintState.DECIDED, True)
    assert decided.decision is not None
    assert decided.decision.outcome is UPHELD
    assert received(scenario, "acme", complaint) == decided
    with pytest.raises(Exception, match="decided"):
        decide(scenario, complaint.complaint_id, complaint_pb2.COMPLAINT_OUTCOME_REJECTED)
    with pytest.raises(WrongState):
        person.escalate(complaint.complaint_id)


def test_an_inquiry_under_complaint_is_hidden_and_gone_for_good_if_upheld(
    scenario: Scenario,
) -> None:
    person, acme = scenario.person(), scenario.lenders["acme"]
    inquiry_id = inquired(scenario, person)
    assert seen_by(scenario, person, "brook") == (1, 1)
    before = scenario.report(person, "brook")
    complaint = person.complain("acme", NOT_ASKED_FOR, inquiry_id)
    # Hidden from others, in the list and in the figures; not from the person and the member.
    assert seen_by(scenario, person, "brook") == (0, 0)
    assert seen_by(scenario, person, "acme")[0] == 1
    assert inquiry_id in {each.inquiry_id for each in person.file().inquiries}
    # A report of the log before the complaint is replayed as it was.
    assert scenario.lenders["brook"].replay(before.request_id).digest == before.digest
    # Rejected, it is back beside the one that acme made just now; with the operator, it is
    # hidden again.
    acme.answer_complaint(complaint, REJECTED, "You applied on our site.")
    assert seen_by(scenario, person, "brook") == (2, 2)
    person.escalate(complaint.complaint_id, "I did not.")
    assert seen_by(scenario, person, "brook") == (1, 1)
    coast = scenario.lenders["coast"]
    hidden = scenario.report(person, "coast")
    decide(scenario, complaint.complaint_id, complaint_pb2.COMPLAINT_OUTCOME_UPHELD)
    assert coast.replay(hidden.request_id).digest == hidden.digest
    scenario.later(100 * DAY)
    # What is left are the later inquiries of acme and of coast.
    assert seen_by(scenario, person, "brook") == (1, 2)
    assert inquiry_id in {each.inquiry_id for each in person.inquiries()}


def test_an_inquiry_is_back_when_the_operator_rejects(scenario: Scenario) -> None:
    person = scenario.person()
    inquiry_id = inquired(scenario, person)
    complaint = person.complain("acme", NOT_ASKED_FOR, inquiry_id)
    scenario.lenders["acme"].answer_complaint(complaint, REJECTED, "You did.")
    person.escalate(complaint.complaint_id)
    decide(scenario, complaint.complaint_id, complaint_pb2.COMPLAINT_OUTCOME_REJECTED)
    assert seen_by(scenario, person, "brook") == (1, 1)
    with pytest.raises(WrongState):
        person.complain("acme", NOT_ASKED_FOR, inquiry_id)


def test_a_rejected_complaint_goes_to_the_operator_for_a_time_only(scenario: Scenario) -> None:
    person = scenario.person()
    complaint = person.complain("acme", NOT_ASKED_FOR, inquired(scenario, person))
    scenario.lenders["acme"].answer_complaint(complaint, REJECTED, "You did.")
    scenario.later(61 * DAY)
    with pytest.raises(WrongState):
        person.escalate(complaint.complaint_id)


def test_a_deed_of_others_is_refused_like_an_unknown_one(scenario: Scenario) -> None:
    person, other = scenario.person(), scenario.person()
    foreign = inquired(scenario, other)
    unknown = "00000000-0000-4000-8000-000000000000"
    refusals = []
    for member_id, deed in (("acme", foreign), ("acme", unknown), ("brook", foreign)):
        with pytest.raises(NotFound) as caught:
            person.complain(member_id, NOT_ASKED_FOR, deed)
        refusals.append((caught.value.message, caught.value.violations))
    assert refusals[0] == refusals[1] == refusals[2]
    # An action is a record of an account that names the person, and of no other kind.
    submission_id = scenario.submit("acme", account(other, "card", MAY))
    for subject in (person, other):
        with pytest.raises(NotFound):
            subject.complain("acme", ComplaintKind.REVIEW_MISSED, RecordRef(submission_id, 0))
    with pytest.raises(NotFound):
        person.escalate(unknown)


def test_a_dispute_needs_an_answer_before_the_answer_is_empty(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    (line,) = person.file().tradelines
    dispute = person.dispute(
        line.tradeline_id, field="balance_minor", reason=DisputeReason.WRONG_AMOUNT
    )
    with pytest.raises(WrongState):
        person.complain("acme", ComplaintKind.EMPTY_ANSWER, dispute.dispute_id)
    scenario.lenders["acme"].answer_dispute(dispute.dispute_id, DisputeOutcome.ACCURATE)
    complaint = person.complain("acme", ComplaintKind.EMPTY_ANSWER, dispute.dispute_id)
    news = next(
        each
        for each in scenario.lenders["acme"].watch_complaints()
        if each.complaint.complaint_id == complaint.complaint_id
    )
    assert news.complaint == complaint


def test_a_person_hides_no_search_for_credit(scenario: Scenario) -> None:
    person = scenario.person()
    consent_id = scenario.inquiring(person, "acme", max_uses=10, expire=20 * DAY)
    more = scenario.inquiring(person, "acme", max_uses=10, expire=20 * DAY)
    asked = [
        scenario.lenders["acme"]
        .query(person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent)
        .request_id
        for consent in (consent_id, more)
        for _ in range(7)
    ]
    for inquiry_id in asked[:12]:
        person.complain("acme", NOT_ASKED_FOR, inquiry_id)
    with pytest.raises(BureauError) as caught:
        person.complain("acme", NOT_ASKED_FOR, asked[12])
    assert caught.value.reason == "LIMIT_REACHED"


def test_the_law_of_china_sets_other_deadlines(beijing: Scenario) -> None:
    person = beijing.person()
    inquiry_id = inquired(beijing, person)
    complaint = person.complain("acme", NOT_ASKED_FOR, inquiry_id, narrative="未曾申请。")
    assert days_between(complaint.create_time, complaint.due_time) == 20
    beijing.later(21 * DAY)
    # Silence never helps the member: the inquiry stays hidden.
    assert seen_by(beijing, person, "brook")[0] == 0
    escalated = person.escalate(complaint.complaint_id)
    assert days_between(escalated.escalate_time, escalated.decide_until_time) == 30
    decide(beijing, complaint.complaint_id, complaint_pb2.COMPLAINT_OUTCOME_UPHELD, "投诉成立。")
    assert seen_by(beijing, person, "brook")[0] == 0
    assert beijing.findings() == []


def test_everybody_counts_complaints_from_the_log(scenario: Scenario) -> None:
    person, coast = scenario.person(), scenario.lenders["coast"]
    complaint = person.complain(
        "coast", ComplaintKind.DATA_KEPT_TOO_LONG, scenario.inquiring(person, "coast")
    )
    coast.answer_complaint(complaint, REJECTED, "We deleted it in time.")
    person.escalate(complaint.complaint_id, "They did not.")
    decide(scenario, complaint.complaint_id, complaint_pb2.COMPLAINT_OUTCOME_UPHELD)
    counts = coast.complaint_counts()
    auditor = scenario.closing.enter_context(
        Auditor(scenario.bureau.add_member("watchdog", ["auditor"]), clock=scenario.now)
    )
    assert auditor.complaint_counts() == counts == scenario.lenders["acme"].complaint_counts()
    assert person.complaint_counts() == scenario.person().complaint_counts() == counts
    with Operator(scenario.bureau.operator, scenario.clock) as operator:
        assert [tuple(count) for count in operator.complaint_counts()] == [
            tuple(getattr(count, name) for name in type(count).__dataclass_fields__)
            for count in counts
        ]
    (about_data,) = [count for count in counts if count.member_id == "coast"]
    assert about_data.kind is ComplaintKind.DATA_KEPT_TOO_LONG
    assert (about_data.opened, about_data.unanswered, about_data.rejected) == (1, 0, 1)
    assert (about_data.escalated, about_data.operator_upheld) == (1, 1)
    assert about_data.unproved == 0


def test_the_check_replays_complaints_and_their_erasure(scenario: Scenario) -> None:
    person = scenario.person()
    inquiry_id = inquired(scenario, person)
    complaint = person.complain("acme", NOT_ASKED_FOR, inquiry_id, narrative="A secret of mine.")
    answered = scenario.lenders["acme"].answer_complaint(
        complaint, UPHELD, "We are sorry.", remedy="It is withdrawn."
    )
    numbers = len(scenario.lenders["acme"].complaints())
    scenario.erase(person.subject_id)
    (left,) = person.complaints()
    assert (left.narrative, left.proved, left.state) == ("", False, answered.state)
    assert left.answer is not None
    assert (left.answer.narrative, left.answer.outcome) == ("", UPHELD)
    assert seen_by(scenario, person, "brook")[0] == 0
    assert len(scenario.lenders["acme"].complaints()) == numbers
    counts = scenario.lenders["brook"].complaint_counts()
    assert sum(count.unproved for count in counts) == 2
    assert scenario.findings() == []


def test_the_check_finds_another_outcome_of_an_erased_answer() -> None:
    """The entry's leaf covers the line of the register, which no erasure changes."""
    with open_scenario("acme") as scenario:
        person = scenario.person()
        complaint = person.complain("acme", NOT_ASKED_FOR, inquired(scenario, person))
        scenario.lenders["acme"].answer_complaint(
            complaint, UPHELD, "We are sorry.", remedy="It is withdrawn."
        )
        scenario.erase(person.subject_id)
        assert scenario.findings() == []
        with scenario.database() as database, closing(sqlite3.connect(database.file)) as db, db:
            where = (
                "WHERE entry_key = (SELECT entry_key FROM entry WHERE kind = 'complaint-answer')"
            )
            ((body,),) = db.execute(f"SELECT body FROM subject_event {where}")
            answer = ComplaintAnswer.FromString(body)
            answer.outcome = complaint_pb2.COMPLAINT_OUTCOME_REJECTED
            changed = answer.SerializeToString(deterministic=True)
            db.execute(f"UPDATE subject_event SET body = ? {where}", (changed,))
            db.execute(f"UPDATE complaint_line SET outcome = {int(answer.outcome)} {where}")
        assert [finding.what for finding in scenario.findings()] == [
            "its line in the register is not the one that was logged"
        ]
