"""The line agent: it acts once on each alert, with reasons, whatever stops it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bureau_client import (
    ActionReason,
    AlertKind,
    Auditor,
    Conflict,
    DecisionOutcome,
    FacilityActionKind,
    Initiator,
    InquiryOutcome,
    InvalidRequest,
    Outcome,
    Unavailable,
    VerificationFailed,
    Wallet,
)
from bureau_client.agent.line_agent import LineAgent
from bureau_client.agent.reviews import Review, ReviewState
from bureau_client.agent.state import MAX_AGE, AgentState
from bureau_client.risk.inputs import inputs_document
from bureau_client.sync.lender import Lender
from tests.service.line_agents import (
    FIRST,
    TERMS,
    Lines,
    agent_of,
    customer,
    fall_late,
    line_of,
    lines_policy,
    recover,
    waiting_alerts,
)
from tests.service.scenario import DAY, Scenario, account, open_scenario

FREEZE, RESTORE = FacilityActionKind.FREEZE, FacilityActionKind.RESTORE
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", "brook") as opened:
        yield opened


@pytest.fixture(scope="module")
def auditor(scenario: Scenario) -> Iterator[Auditor]:
    with ExitStack() as closing:
        profile = scenario.bureau.add_member("auditor", ["auditor"])
        yield closing.enter_context(Auditor(profile, clock=scenario.now))


@pytest.fixture
def lines(scenario: Scenario) -> Lines:
    """No lines yet; the alerts of earlier tests are acknowledged."""
    for alert in waiting_alerts(scenario):
        scenario.lenders["acme"].acknowledge(alert.cursor)
    return Lines()


def run(scenario: Scenario, lines: Lines, state: Path) -> list[Review]:
    with agent_of(scenario, lines, state) as agent:
        return list(agent.run(waiting_alerts(scenario)))


def actions(person: Wallet) -> list[FacilityActionKind]:
    return [action.kind for action in line_of(person).actions]


def reports(scenario: Scenario, person: Wallet) -> list[str]:
    """The ids of acme's inquiries about a person that were answered with a report."""
    lines = scenario.lenders["acme"].inquiries(person.subject_id)
    return [line.inquiry_id for line in lines if line.outcome is InquiryOutcome.REPORTED]


def test_a_line_is_frozen_with_reasons_and_restored_once_they_are_over(
    scenario: Scenario, auditor: Auditor, lines: Lines, tmp_path: Path
) -> None:
    person, state = customer(scenario, lines), tmp_path / "agent.sqlite"
    fall_late(scenario, person)
    (frozen,) = run(scenario, lines, state)
    assert (frozen.kind, frozen.state) == (AlertKind.FIRST_DELINQUENCY, ReviewState.DONE)
    (reviewed,) = frozen.lines
    assert (reviewed.outcome, reviewed.action) == (DecisionOutcome.FREEZE, FREEZE)

    line = line_of(person)
    (freeze,) = line.actions
    assert (freeze.kind, freeze.initiator) == (FREEZE, Initiator.LENDER)
    assert freeze.reasons == (ActionReason.DELINQUENCY_ELSEWHERE,)
    assert freeze.review_by_date == reviewed.review_by_date == (scenario.now() + 30 * DAY).date()
    assert freeze.appeal_route == TERMS.appeal_route
    (card,) = (each for each in person.file().tradelines if each.member_id == "brook")
    assert freeze.record_refs == (card.record,)

    (shown,) = person.decisions()
    assert shown.decision.tradeline_id == line.tradeline_id
    assert [reason.code for reason in shown.decision.reasons] == ["regb.delinquent_elsewhere"]
    assert shown.receipt.leaf_index == reviewed.decision_leaf
    decided = auditor.decisions(frozen.inquiry_id, person.subject_id, member_id="acme")
    facts = dict(reviewed.inputs)
    inputs = inputs_document({}, str(facts.pop("tradeline_id")))
    assert facts == {}
    auditor.check_decision(decided.decisions[0], decided.report, lines_policy(), inputs)

    recover(scenario, person)
    # The freeze itself alerts acme to a divergence, and is no cause to look again.
    (restored,) = run(scenario, lines, state)
    assert restored.kind is AlertKind.STATUS_BETTER
    assert actions(person) == [RESTORE, FREEZE]
    assert line_of(person).actions[0].reasons == freeze.reasons
    assert len(person.decisions()) == len(reports(scenario, person)) == 2
    assert scenario.findings() == []


def test_an_action_that_is_in_force_is_not_submitted_again(
    scenario: Scenario, lines: Lines, tmp_path: Path
) -> None:
    person, state = customer(scenario, lines), tmp_path / "agent.sqlite"
    fall_late(scenario, person)
    run(scenario, lines, state)
    scenario.submit("brook", account(person, "loan", FIRST))
    (again,) = run(scenario, lines, state)
    assert again.kind is AlertKind.NEW_TRADELINE
    (reviewed,) = again.lines
    assert (reviewed.outcome, reviewed.action) == (DecisionOutcome.FREEZE, None)
    assert actions(person) == [FREEZE]
    assert len(person.decisions()) == 2


def test_one_report_answers_all_alerts_that_it_covers(
    scenario: Scenario, lines: Lines, tmp_path: Path
) -> None:
    person = customer(scenario, lines)
    fall_late(scenario, person)
    scenario.submit("brook", account(person, "loan", FIRST))
    (review,) = run(scenario, lines, tmp_path / "agent.sqlite")
    assert review.kind is AlertKind.FIRST_DELINQUENCY
    assert len(reports(scenario, person)) == 1
    assert run(scenario, lines, tmp_path / "agent.sqlite") == []


class Killed(BaseException):
    """The end of the process."""


# Where the agent is killed: after each call that changes the state or the bureau.
STEPS: list[tuple[type, str]] = [
    (AgentState, "begin"),
    (AgentState, "sealed"),
    (Lender, "query_many"),
    (AgentState, "keep"),
    (Lender, "record_decision"),
    (Lender, "submit"),
    (AgentState, "acted"),
    (AgentState, "finish"),
    (Lender, "acknowledge"),
]


def run_killed_after(
    owner: type,
    step: str,
    scenario: Scenario,
    lines: Lines,
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(owner, step, killed_after(getattr(owner, step)))
        with pytest.raises(Killed):
            run(scenario, lines, state)


@pytest.mark.parametrize(("owner", "step"), STEPS, ids=[step for _, step in STEPS])
def test_a_kill_after_any_step_makes_nothing_twice(
    scenario: Scenario,
    lines: Lines,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    step: str,
) -> None:
    person, state = customer(scenario, lines), tmp_path / "agent.sqlite"
    fall_late(scenario, person)
    run_killed_after(owner, step, scenario, lines, state, monkeypatch)
    # What was signed before the kill is too old to be sent for the first time.
    scenario.later(6 * MINUTE)
    run(scenario, lines, state)
    assert actions(person) == [FREEZE]
    assert len(reports(scenario, person)) == 1
    ((consent_id,),) = [[line.consent_id for line in lines(person.subject_id)]]
    (consent,) = (each for each in person.consents() if each.consent_id == consent_id)
    assert consent.use_count == 1
    (shown,) = person.decisions()
    assert shown.decision.outcome is DecisionOutcome.FREEZE
    with AgentState(state, "acme", scenario.lenders["acme"].origin) as after:
        after.prune(scenario.now() + MAX_AGE + MINUTE)
        assert after.unfinished() == []


@pytest.mark.parametrize("is_late", [False, True], ids=["soon", "a-day-later"])
@pytest.mark.parametrize(("owner", "step"), [STEPS[0], STEPS[1], STEPS[3], STEPS[4]])
def test_an_alert_that_does_not_come_again_is_finished_by_the_next_start(
    scenario: Scenario,
    lines: Lines,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    step: str,
    is_late: bool,
) -> None:
    person, state = customer(scenario, lines), tmp_path / "agent.sqlite"
    fall_late(scenario, person)
    run_killed_after(owner, step, scenario, lines, state, monkeypatch)
    for alert in waiting_alerts(scenario):
        scenario.lenders["acme"].acknowledge(alert.cursor)
    scenario.later(MAX_AGE + MINUTE if is_late else MINUTE)
    # A day later only a decision is carried out: the log may have it already.
    is_finished = not is_late or step in {"keep", "record_decision"}
    for times in (1, 0):
        reviews = run(scenario, lines, state)
        assert [review.state for review in reviews] == [ReviewState.DONE] * is_finished * times
        assert actions(person) == [FREEZE] * is_finished
        assert len(person.decisions()) == len(reports(scenario, person)) == is_finished
    with AgentState(state, "acme", scenario.lenders["acme"].origin) as after:
        after.prune(scenario.now() + MAX_AGE + MINUTE)
        assert rows(after) == (0, 0)


def test_a_decision_is_carried_out_once_if_its_alert_comes_again_a_day_later(
    scenario: Scenario, lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, state = customer(scenario, lines), tmp_path / "agent.sqlite"
    fall_late(scenario, person)
    with monkeypatch.context() as patch:
        patch.setattr(Lender, "record_decision", killed_after(Lender.record_decision))
        with pytest.raises(Killed):
            run(scenario, lines, state)
    scenario.later(MAX_AGE + MINUTE)
    (review,) = run(scenario, lines, state)
    assert review.state is ReviewState.DONE
    assert actions(person) == [FREEZE]
    assert len(person.decisions()) == len(reports(scenario, person)) == 1


def killed_after(real: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        result = real(*arguments, **options)
        if real.__name__ == "query_many":
            list(result)
        raise Killed(real.__name__)

    return call


def test_a_decision_that_is_recorded_is_carried_out_without_a_further_report(
    scenario: Scenario, lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, state = customer(scenario, lines), tmp_path / "agent.sqlite"
    fall_late(scenario, person)
    with monkeypatch.context() as patch:
        patch.setattr(Lender, "record_decision", killed_after(Lender.record_decision))
        with pytest.raises(Killed):
            run(scenario, lines, state)
    (line,) = lines.pop(person.subject_id)
    person.revoke(line.consent_id)
    (review,) = run(scenario, lines, state)
    assert review.state is ReviewState.DONE
    assert actions(person) == [FREEZE]
    assert len(person.decisions()) == 1


def test_a_bureau_that_is_away_ends_the_run_and_the_next_one_continues(
    scenario: Scenario, lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, state = customer(scenario, lines), tmp_path / "agent.sqlite"
    fall_late(scenario, person)

    def refuse(*_: Any, **__: Any) -> None:
        raise Unavailable("away", reason="UNAVAILABLE")

    alerts = list(waiting_alerts(scenario))
    with monkeypatch.context() as patch:
        patch.setattr(Lender, "submit", refuse)
        with agent_of(scenario, lines, state) as agent, pytest.raises(Unavailable):
            list(agent.run(alerts))
    assert actions(person) == []
    (review,) = run(scenario, lines, state)
    assert review.state is ReviewState.DONE
    assert actions(person) == [FREEZE]
    assert len(person.decisions()) == len(reports(scenario, person)) == 1


def test_a_person_who_cannot_be_reviewed_stops_no_other(
    scenario: Scenario, lines: Lines, tmp_path: Path
) -> None:
    state = tmp_path / "agent.sqlite"
    gone, unclear, well = (customer(scenario, lines) for _ in range(3))
    ((right,), (revoked,)) = lines[unclear.subject_id], lines[gone.subject_id]
    lines[unclear.subject_id] = [replace(right, tradeline_id="0" * 32)]
    gone.revoke(revoked.consent_id)
    for person in (gone, unclear, well):
        fall_late(scenario, person)
    first = {review.subject_id: review for review in run(scenario, lines, state)}
    assert [first[person.subject_id].state for person in (gone, unclear, well)] == [
        ReviewState.REFUSED,
        ReviewState.FAILED,
        ReviewState.DONE,
    ]
    assert "revoked" in first[gone.subject_id].problem
    (line,) = first[unclear.subject_id].lines
    assert "0" * 32 in line.problem
    assert actions(unclear) == []
    # The next start tries the failed one again, with the report that it has.
    lines[unclear.subject_id] = [right]
    (again,) = run(scenario, lines, state)
    assert (again.subject_id, again.state) == (unclear.subject_id, ReviewState.DONE)
    assert actions(unclear) == [FREEZE]
    assert len(reports(scenario, unclear)) == 1
    assert run(scenario, lines, state) == []


def test_a_report_that_does_not_verify_is_asked_for_again_with_the_next_start(
    scenario: Scenario, lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, state = customer(scenario, lines), tmp_path / "agent.sqlite"
    fall_late(scenario, person)
    real = Lender.query_many

    def spoiled(*arguments: Any, **options: Any) -> Iterator[Outcome[Any, Any]]:
        for outcome in real(*arguments, **options):
            yield Outcome(outcome.request, VerificationFailed("The report is spoiled"))

    with monkeypatch.context() as patch:
        patch.setattr(Lender, "query_many", spoiled)
        (failed,) = run(scenario, lines, state)
    assert (failed.state, failed.problem) == (ReviewState.FAILED, "The report is spoiled.")
    (review,) = run(scenario, lines, state)
    assert review.state is ReviewState.DONE
    assert actions(person) == [FREEZE]
    assert len(reports(scenario, person)) == 1


def test_a_state_file_has_one_agent_and_one_member(
    scenario: Scenario, lines: Lines, tmp_path: Path
) -> None:
    state = tmp_path / "agent.sqlite"
    with agent_of(scenario, lines, state):
        with pytest.raises(Conflict) as caught, agent_of(scenario, lines, state):
            raise AssertionError("two agents share a state file")
        assert caught.value.reason == "STATE_IN_USE"
    brook = LineAgent(scenario.lenders["brook"], lines_policy(), lines, state, TERMS)
    with pytest.raises(InvalidRequest, match="of acme"), brook:
        raise AssertionError("brook has acme's state file")
    with agent_of(scenario, lines, state):
        assert state.stat().st_mode & 0o777 == 0o600


def test_the_state_file_keeps_no_alert_for_longer_than_a_day(
    scenario: Scenario, lines: Lines, tmp_path: Path
) -> None:
    state = tmp_path / "agent.sqlite"
    fall_late(scenario, customer(scenario, lines))
    run(scenario, lines, state)
    with AgentState(state, "acme", scenario.lenders["acme"].origin) as kept:
        assert rows(kept) == (1, 1)
        kept.prune(scenario.now() + MAX_AGE + MINUTE)
        assert rows(kept) == (0, 0)


def rows(state: AgentState) -> tuple[int, int]:
    """The numbers of alerts and plans in a state file."""
    counts = "SELECT (SELECT COUNT(*) FROM alert), (SELECT COUNT(*) FROM plan)"
    alerts, plans = state._db.execute(counts).fetchone()
    return alerts, plans
