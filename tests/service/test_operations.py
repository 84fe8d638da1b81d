"""What an engineer and the operator see: calls, stories of requests, deadlines, alerts, growth."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bureau.journeys import operations
from bureau.recent_calls import KEPT, RecentCalls
from bureau.store import queries as q
from bureau_client import (
    AlertKind,
    ComplaintKind,
    ConsentRevoked,
    ConsentState,
    DeadlineKind,
    DisputeOutcome,
    DisputeReason,
    Lender,
    NotAuthenticated,
    NotFound,
    Observer,
    Purpose,
    SigningKey,
)
from bureau_client.models.checks import CheckState, walk_checks
from bureau_client.models.operations import Story
from bureau_keys import envelope as envelopes
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.reporting_pb2 import Inquiry
from tests.service.scenario import AUTUMN_2026, DAY, Scenario, account, clock_of, open_scenario
from tests.service.watching import MAY, monitored


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    clock = clock_of(AUTUMN_2026)
    with open_scenario("acme", "brook", clock=clock, database_url=database_url) as scenario:
        yield scenario


def observer(scenario: Scenario, name: str) -> Observer:
    """The observer of a lender, or of `operator`."""
    profile = scenario.bureau.operator if name == "operator" else scenario.profiles[name]
    client = Observer(replace(profile, memory_folder=None), clock=scenario.now)
    return scenario.closing.enter_context(client)


def digest_in(story: Story) -> bytes:
    """The digest of the one entry of a story."""
    (entry,) = story.entries
    assert entry.logged is not None
    return entry.logged.digest


def test_a_member_sees_its_own_calls_and_the_operator_those_of_all(scenario: Scenario) -> None:
    person = scenario.person()
    report = scenario.report(person, "acme")
    own, all_of_them = observer(scenario, "acme"), observer(scenario, "operator")
    calls = own.calls(limit=1000)
    assert {call.member_id for call in calls} == {"acme"}
    (query,) = [call for call in calls if call.statement_id == report.request_id]
    assert (query.method, query.outcome) == ("Reporting/QueryReport", "OK")
    assert query.purpose is Purpose.CREDIT_APPLICATION
    assert query.duration > timedelta(0)
    members = {call.member_id for call in all_of_them.calls(limit=1000)}
    assert {"acme", "agent"} <= members
    # Not even an id of a person is in it.
    assert person.subject_id not in repr(all_of_them.calls(limit=1000))
    # A cursor leads on from where a list ended.
    later = own.calls(after=calls[-1].cursor)
    assert later
    assert all(call.method.startswith("Operations/") for call in later)
    assert [call.cursor for call in later] == sorted({call.cursor for call in later})


def test_the_story_of_a_report_has_what_was_sent_and_what_proves_it(scenario: Scenario) -> None:
    person = scenario.person()
    report = scenario.report(person, "acme")
    story = observer(scenario, "acme").story(report.request_id)
    (entry,), (call,) = story.entries, story.calls
    # The id of the call leads to the same statement.
    assert observer(scenario, "acme").story(call.call_id) == story
    assert (entry.signer, entry.denial_reason, story.outcome) == ("members/acme", "", "OK")
    assert entry.logged is not None
    sent = Envelope.FromString(entry.logged.statement)
    assert Inquiry.FromString(sent.payload).subject_id == person.subject_id
    assert report.receipt is not None
    assert entry.logged.receipt.leaf_index == report.receipt.leaf_index
    assert entry.consent is not None
    assert entry.consent.state is ConsentState.ACTIVE
    assert entry.consent.consent_id == report.consent_id
    assert entry.consent.logged is not None
    assert entry.consent.logged.statement
    # The operator verifies the same leaf, and reads neither statement; others find nothing.
    shown = observer(scenario, "operator").story(report.request_id)
    assert digest_in(shown) == envelopes.digest(sent)
    assert person.subject_id not in repr(shown)
    assert shown.entries[0].logged is not None
    assert not shown.entries[0].logged.statement
    with pytest.raises(NotFound):
        observer(scenario, "brook").story(report.request_id)


def test_the_story_cites_the_consent_that_was_used(scenario: Scenario) -> None:
    """And not the one that has replaced it since."""
    person = scenario.person()
    first = scenario.inquiring(person, "acme")
    report = scenario.lenders["acme"].query(
        person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=first
    )
    scenario.inquiring(person, "acme", replaces=first)
    (entry,) = observer(scenario, "acme").story(report.request_id).entries
    assert entry.consent is not None
    assert (entry.consent.consent_id, entry.consent.state) == (first, ConsentState.REPLACED)


def test_what_a_person_signed_has_no_name_for_the_operator(scenario: Scenario) -> None:
    person = scenario.person()
    consent = person.consents()[0]
    (entry,) = observer(scenario, "operator").story(consent.consent_id).entries
    assert entry.signer == "subjects"
    assert entry.logged is not None
    assert entry.logged.receipt.kind == "consent"
    assert person.subject_id not in repr(entry)


def test_the_story_of_a_denial_names_consent_and_check(scenario: Scenario) -> None:
    person = scenario.person()
    consent_id = scenario.inquiring(person, "acme")
    person.revoke(consent_id)
    with pytest.raises(ConsentRevoked) as denied:
        scenario.lenders["acme"].query(
            person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent_id
        )
    story = observer(scenario, "acme").story(denied.value.request_id)
    (entry,) = story.entries
    assert (story.outcome, entry.denial_reason) == ("CONSENT_REVOKED", "CONSENT_REVOKED")
    assert entry.logged is not None
    assert entry.logged.receipt.kind == "inquiry-denial"
    assert entry.consent is not None
    assert entry.consent.state is ConsentState.REVOKED
    steps = {step.check.name: step.state for step in walk_checks(story.outcome, is_inquiry=True)}
    assert steps["signature"] is CheckState.PASSED
    assert steps["consent"] is CheckState.PASSED
    assert steps["consent_state"] is CheckState.STOPPED
    assert steps["hold"] is CheckState.NOT_REACHED


def test_what_was_refused_before_had_no_effect(scenario: Scenario) -> None:
    person = scenario.person()
    consent_id = scenario.inquiring(person, "acme")
    stranger = Lender(
        scenario.profiles["acme"], signing_key=SigningKey.generate(), clock=scenario.now
    )
    with stranger, pytest.raises(NotAuthenticated) as refused:
        stranger.query(person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent_id)
    story = observer(scenario, "acme").story(refused.value.request_id)
    assert not story.entries
    assert story.outcome == "BAD_SIGNATURE"
    # What nobody verified is not in the list of calls.
    assert story.calls[0].statement_id == ""
    with pytest.raises(NotFound):
        observer(scenario, "operator").story(str(uuid.uuid4()))


def test_deadlines_that_pass_are_overdue(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY), account(person, "loan", MAY))
    lines = person.file().tradelines
    opened, answered = (
        person.dispute(
            line.tradeline_id, field="balance_minor", reason=DisputeReason.WRONG_AMOUNT
        ).dispute_id
        for line in lines
    )
    scenario.lenders["acme"].answer_dispute(answered, DisputeOutcome.ACCURATE)
    consent_id = scenario.inquiring(person, "acme")
    complaint = person.complain("acme", ComplaintKind.DATA_KEPT_TOO_LONG, consent_id)

    def waiting(name: str) -> dict[str, tuple[str, bool]]:
        return {
            each.id: (each.kind.name, each.overdue)
            for each in observer(scenario, name).deadlines()
            if each.id in {opened, answered, complaint.complaint_id}
        }

    assert waiting("acme")[opened] == ("DISPUTE", False)
    assert waiting("brook") == {}
    assert waiting("operator") == waiting("acme")
    (dispute,) = [each for each in person.disputes() if each.dispute_id == opened]
    due = {each.id: each.due_time for each in observer(scenario, "acme").deadlines()}
    assert (due[opened], due[complaint.complaint_id]) == (dispute.due_time, complaint.due_time)
    scenario.later(61 * DAY)
    assert waiting("operator")[opened] == ("DISPUTE", True)
    assert waiting("operator")[complaint.complaint_id] == ("COMPLAINT", True)
    person.escalate(complaint.complaint_id)
    assert waiting("acme")[complaint.complaint_id][0] == DeadlineKind.DECISION.name
    times = [each.due_time for each in observer(scenario, "operator").deadlines() if each.due_time]
    assert times == sorted(times)


def test_alerts_are_counted_until_they_are_acknowledged(scenario: Scenario) -> None:
    person = monitored(scenario, "brook")
    scenario.submit("acme", account(person, "new", MAY))
    alert = next(iter(scenario.lenders["brook"].alerts()))
    assert alert.kind is AlertKind.NEW_TRADELINE
    (count,) = observer(scenario, "brook").alert_counts()
    assert (count.member_id, count.count, count.unacknowledged_count) == ("brook", 1, 1)
    scenario.lenders["brook"].acknowledge(alert.cursor)
    (count,) = observer(scenario, "operator").alert_counts()
    assert (count.count, count.unacknowledged_count) == (1, 0)
    assert observer(scenario, "acme").alert_counts() == []


def test_alerts_are_counted_by_an_index_and_no_further_than_a_number(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = monitored(scenario, "brook")
    for ref in ("one", "two", "three"):
        scenario.submit("acme", account(person, ref, MAY))
    monkeypatch.setattr(operations, "MOST_ALERTS", 2)
    (count,) = observer(scenario, "operator").alert_counts()
    assert (count.count, count.unacknowledged_count) == (2, 2)
    values = {"member_id": "brook", "since_key": 0, "limit": 2, "places": 1, "cursor": 0}
    queries = (
        q.alerted_members,
        q.alerted_member,
        q.count_alerts_since,
        q.count_alerts_after,
    )
    with scenario.database() as database, database.snapshot() as db:
        for query in queries if db.dialect_name == "sqlite" else ():
            text, _, bind = query.sql(db._dialect)
            db._cursor.execute(f"EXPLAIN QUERY PLAN {text}", bind(values))
            steps = " ".join(row[-1] for row in db._cursor.fetchall())
            assert "SEARCH alert USING" in steps
            assert "alert_by_member (member_id=?" in steps
            assert "SCAN alert" not in steps


def test_the_log_grows_by_day(scenario: Scenario) -> None:
    before = observer(scenario, "brook").log_growth()[-1]
    scenario.later(2 * DAY)
    scenario.person()
    days = observer(scenario, "brook").log_growth(days=200)
    assert len(days) == 200
    sizes = [each.tree_size for each in days]
    assert sizes == sorted(sizes)
    assert (sizes[0], sizes[-3], sizes[-2]) == (0, before.tree_size, before.tree_size)
    assert sizes[-1] > before.tree_size
    assert (days[-1].day, days[-3].day) == (scenario.now().date(), before.day)


def test_a_node_keeps_the_newest_calls_alone() -> None:
    calls = RecentCalls()
    for number in range(KEPT + 10):
        calls.add(
            time_us=0,
            method="Log/GetTile",
            member_id="even" if number % 2 == 0 else "odd",
            outcome="OK",
            seconds=0.001,
            call_id=f"{number}",
        )
    assert [call.call_id for call in calls.newest(2)] == [f"{KEPT + 8}", f"{KEPT + 9}"]
    assert len(calls.newest(KEPT * 2)) == KEPT
    assert [call.call_id for call in calls.newest(1, "even")] == [f"{KEPT + 8}"]
    first = calls.newest(KEPT)[0]
    assert [call.call_id for call in calls.after(first.cursor, 1, "even")] == ["12"]
    assert [*calls.of_request("11", "even")] == []
