"""Tell people when nobody answers: of the deadlines of disputes and complaints that passed, by the
clock, once, through the real server.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from bureau.calendar import MICROSECONDS
from bureau.store import queries as q
from bureau.store.compiled import Query
from bureau.store.database import Connection
from bureau_client import (
    ComplaintKind,
    ComplaintOutcome,
    DisputeOutcome,
    DisputeReason,
    DisputeState,
    Month,
    Notice,
    NoticeKind,
    Purpose,
    Wallet,
    WrongState,
)
from bureau_client.cli.notices import lines_of
from tests.service.heard import heard
from tests.service.scenario import DAY, Scenario, account, open_scenario

MAY = Month(2026, 5)
SOON = timedelta(seconds=20)
OVERDUE = (
    NoticeKind.DISPUTE_OVERDUE,
    NoticeKind.COMPLAINT_OVERDUE,
    NoticeKind.COMPLAINT_UNDECIDED,
)


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme") as scenario:
        yield scenario


def overdue(wallet: Wallet) -> list[Notice]:
    """Return the notices of deadlines that passed, oldest first."""
    return heard(wallet, *OVERDUE)[::-1]


def kinds(notices: list[Notice]) -> list[str]:
    return [notice.kind.name for notice in notices]


def disputed(scenario: Scenario, person: Wallet, ref: str) -> str:
    """A dispute of a card of the person's."""
    known = {line.tradeline_id for line in person.file().tradelines}
    scenario.submit("acme", account(person, ref, MAY))
    (line,) = (line for line in person.file().tradelines if line.tradeline_id not in known)
    reason = DisputeReason.WRONG_AMOUNT
    return person.dispute(line.tradeline_id, field="balance_minor", reason=reason).dispute_id


def complained(scenario: Scenario, person: Wallet) -> str:
    """A complaint about an inquiry of acme's."""
    consent_id = scenario.inquiring(person, "acme")
    report = scenario.lenders["acme"].query(
        person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent_id
    )
    kind = ComplaintKind.INQUIRY_NOT_ASKED_FOR
    return person.complain("acme", kind, report.request_id).complaint_id


@contextmanager
def logged_meanwhile(time: datetime, awaited: Query[Any] = q.lock_subject) -> Iterator[None]:
    """Let the log pass a time, as by another node, while a unit waits for a lock."""
    lock, one, time_us = Connection.lock, Connection.one, round(time.timestamp() * MICROSECONDS)

    def wait(db: Connection, query: Query[Any]) -> None:
        if query is awaited:
            db.execute_raw(f"UPDATE log_head SET time_us = {time_us}")

    def locking(db: Connection, query: Query[Any], **values: Any) -> None:
        wait(db, query)
        lock(db, query, **values)

    def reading(db: Connection, query: Query[Any], **values: Any) -> Any:
        wait(db, query)
        return one(db, query, **values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "lock", locking)
        patch.setattr(Connection, "one", reading)
        yield


def test_what_waited_for_its_subject_is_judged_after_it(scenario: Scenario) -> None:
    """Else facts that are added would take back a deadline that streams have brought."""
    person = scenario.person("acme")
    dispute_id = disputed(scenario, person, "card")
    due_time = person.disputes()[0].due_time
    assert due_time is not None
    scenario.later(due_time - scenario.now() - SOON)
    with logged_meanwhile(due_time), pytest.raises(WrongState):
        person.add_to_dispute(dispute_id, "here is the receipt")
    scenario.later(DAY)
    assert [notice.about_id for notice in overdue(person)] == [dispute_id]
    complaint_id = complained(scenario, person)
    (received,) = (
        each for each in scenario.lenders["acme"].complaints() if each.complaint_id == complaint_id
    )
    scenario.lenders["acme"].answer_complaint(received, ComplaintOutcome.REJECTED, "asked for")
    until_time = person.complaints()[0].escalate_until_time
    assert until_time is not None
    scenario.later(until_time - scenario.now() - SOON)
    with logged_meanwhile(until_time), pytest.raises(WrongState):
        person.escalate(complaint_id)
    assert scenario.findings() == []


def test_facts_that_were_logged_after_a_deadline_take_no_notice_back(scenario: Scenario) -> None:
    person = scenario.person("acme")
    dispute_id = disputed(scenario, person, "card")
    due_time = person.disputes()[0].due_time
    assert due_time is not None
    scenario.later(due_time - scenario.now() - SOON)
    # The log passes the deadline when the facts are about to be logged.
    with logged_meanwhile(due_time, q.lock_head):
        person.add_to_dispute(dispute_id, "here is the receipt")
    (late,) = overdue(person)
    assert (late.about_id, late.due_time) == (dispute_id, due_time)
    scenario.later(16 * DAY)
    assert overdue(person) == [late]
    assert scenario.findings() == []


def test_a_dispute_without_an_answer_is_heard_of_once(scenario: Scenario) -> None:
    acme, person = scenario.lenders["acme"], scenario.person("acme")
    silent, answered = (disputed(scenario, person, ref) for ref in ("card", "loan"))
    extended = disputed(scenario, person, "shop")
    person.add_to_dispute(extended, "here is the receipt")
    acme.answer_dispute(answered, DisputeOutcome.ACCURATE)
    with pytest.raises(WrongState):
        person.complain("acme", ComplaintKind.EMPTY_ANSWER, silent)
    scenario.later(29 * DAY)
    assert overdue(person) == []
    scenario.later(2 * DAY)
    (late,) = overdue(person)
    (dispute,) = (each for each in person.disputes() if each.dispute_id == silent)
    assert (late.kind, late.about_id) == (NoticeKind.DISPUTE_OVERDUE, silent)
    assert (late.member_id, late.tradeline_id) == ("acme", dispute.tradeline_id)
    assert late.due_time == late.create_time == dispute.due_time
    assert late.proved
    assert "operator" in late.texts["en"]
    assert "运营机构" in late.texts["zh"]
    # Facts that were added extend the deadline. A late answer takes no notice back.
    scenario.later(15 * DAY)
    assert [notice.about_id for notice in overdue(person)] == [silent, extended]
    assert dispute.state is DisputeState.LAPSED
    complaint = person.complain("acme", ComplaintKind.EMPTY_ANSWER, silent)
    assert complaint.deed.id == silent
    acme.answer_dispute(silent, DisputeOutcome.ACCURATE, certified=True)
    assert overdue(person)[0] == late
    assert kinds(heard(person, NoticeKind.DISPUTE)) == ["DISPUTE"] * 2
    # A stream brings it in its place, and not again.
    stream = person.watch_notices()
    following = (notice for notice in stream if notice.kind in OVERDUE)
    assert [next(following), next(following)] == overdue(person)
    assert scenario.findings() == []


def test_a_complaint_without_an_answer_or_a_decision_is_heard_of_once(
    scenario: Scenario,
) -> None:
    acme, person = scenario.lenders["acme"], scenario.person()
    rejected, silent = complained(scenario, person), complained(scenario, person)
    received = {each.complaint_id: each for each in acme.complaints()}
    acme.answer_complaint(received[rejected], ComplaintOutcome.REJECTED, "it was asked for")
    with pytest.raises(WrongState):
        person.escalate(silent)
    scenario.later(61 * DAY)
    (late,) = overdue(person)
    assert (late.kind, late.about_id, late.member_id) == (
        *(NoticeKind.COMPLAINT_OVERDUE, silent, "acme"),
    )
    (complaint,) = (each for each in person.complaints() if each.complaint_id == silent)
    assert late.due_time == late.create_time == complaint.due_time
    # In words: the deadline, and the id that the next command takes.
    assert late.due_time is not None
    words = "\n".join(map(str, lines_of(late, "en")))
    assert f"deadline {late.due_time:%Y-%m-%d %H:%M} UTC" in words
    assert f"about {silent}" in words
    # What the notice says can be done: the operator decides, or does not in time.
    escalated = person.escalate(silent)
    scenario.later(31 * DAY)
    assert kinds(overdue(person)) == ["COMPLAINT_OVERDUE", "COMPLAINT_UNDECIDED"]
    undecided = overdue(person)[1]
    assert undecided.about_id == silent
    assert undecided.due_time == undecided.create_time == escalated.decide_until_time
    assert all(notice.proved for notice in overdue(person))
    # A late answer takes neither back.
    acme.answer_complaint(received[silent], ComplaintOutcome.UPHELD, "sorry", remedy="none left")
    assert kinds(overdue(person)) == ["COMPLAINT_OVERDUE", "COMPLAINT_UNDECIDED"]
    assert scenario.findings() == []


def test_the_deadline_is_that_of_the_jurisdiction() -> None:
    """20 days in China, for a dispute and for a complaint; added facts give no more."""
    with open_scenario("acme", jurisdiction="CN") as scenario:
        person = scenario.person("acme")
        dispute_id, complaint_id = disputed(scenario, person, "card"), complained(scenario, person)
        person.add_to_dispute(dispute_id, "here is the receipt")
        scenario.later(19 * DAY)
        assert overdue(person) == []
        scenario.later(2 * DAY)
        assert {notice.about_id for notice in overdue(person)} == {dispute_id, complaint_id}
        (dispute,), (complaint,) = person.disputes(), person.complaints()
        assert dispute.create_time is not None
        assert complaint.create_time is not None
        assert [notice.due_time for notice in overdue(person)] == [
            *(dispute.create_time + 20 * DAY, complaint.create_time + 20 * DAY),
        ]
        assert person.escalate(complaint_id).decide_until_time is not None
        assert scenario.findings() == []
