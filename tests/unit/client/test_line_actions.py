"""The facility action that follows from a decision, and the file of lines."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from bureau_client import (
    ActionReason,
    Decision,
    DecisionBasis,
    DecisionOutcome,
    DecisionReason,
    FacilityAction,
    FacilityActionKind,
    Initiator,
    InvalidRequest,
    RecordRef,
    Report,
    Tradeline,
)
from bureau_client._codec.records import encode_record, read_action
from bureau_client.agent.actions import ActionTerms, action_for
from bureau_client.files.lines import load_lines
from bureau_client.models.reasons import ACTION_REASONS, REASON_CODES
from bureau_client.models.tradelines import TradelineAction
from tests.unit.client.risk_values import LINE, OTHER_LINE, report_of, tradeline

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
TERMS = ActionTerms(appeal_route="appeals@birch.example", review_days=30)
RECORD = RecordRef("0b1fa0a0-5f0d-4d2c-8f8e-0a1b2c3d4e5f", 7)
LATE = DecisionReason("regb.delinquent_elsewhere", basis=(DecisionBasis(OTHER_LINE),))
FREEZE, RESTORE = FacilityActionKind.FREEZE, FacilityActionKind.RESTORE
LIMIT = FacilityActionKind.LIMIT_CHANGE


def earlier(kind: FacilityActionKind, **values: Any) -> TradelineAction:
    """An action on the line in March, after its newest month."""
    fields: dict[str, Any] = {
        "kind": kind,
        "initiator": Initiator.LENDER,
        "reasons": (ActionReason.DELINQUENCY_ELSEWHERE,),
        "effective_time": datetime(2026, 3, 1, tzinfo=UTC),
        "review_by_date": date(2026, 3, 31),
        "appeal_route": "",
        "record": None,
    }
    return TradelineAction(**(fields | values))


def action(
    outcome: DecisionOutcome, *actions: TradelineAction, limit: int | None = None
) -> FacilityAction | None:
    """The action of a decision on a line with a limit of 1,000,000 and earlier actions."""
    lines: tuple[Tradeline, ...] = (
        tradeline(actions=actions),
        tradeline(OTHER_LINE, record=RECORD),
    )
    report: Report = replace(report_of(), tradelines=lines)
    decision = Decision(
        subject_id=report.subject_id,
        inquiry_id=report.request_id,
        report_digest=report.digest,
        policy_name="lines",
        policy_version="1",
        policy_digest=bytes(32),
        inputs_digest=bytes(32),
        outcome=outcome,
        limit=limit,
        currency="" if limit is None else "USD",
        tradeline_id=LINE,
        reasons=(LATE, LATE) if outcome.is_adverse else (),
    )
    return action_for(decision, "A-1", report, TERMS, NOW)


def test_a_freeze_has_the_decisions_reasons_records_and_a_review_date() -> None:
    assert action(DecisionOutcome.FREEZE) == FacilityAction(
        account_ref="A-1",
        kind=FREEZE,
        initiator=Initiator.LENDER,
        reasons=(ActionReason.DELINQUENCY_ELSEWHERE,),
        effective_time=NOW,
        record_refs=(RECORD,),
        review_by_date=date(2026, 4, 9),
        appeal_route=TERMS.appeal_route,
    )


def test_a_restoration_has_the_reasons_of_the_freeze_that_it_ends() -> None:
    freeze = earlier(FREEZE, reasons=(ActionReason.INQUIRIES,))
    restored = action(DecisionOutcome.RESTORE, freeze)
    assert restored is not None
    assert (restored.kind, restored.reasons) == (RESTORE, (ActionReason.INQUIRIES,))
    assert restored.review_by_date is None


@pytest.mark.parametrize("outcome", [DecisionOutcome.KEEP, DecisionOutcome.REFER])
def test_a_line_that_stays_as_it_is_has_no_action(outcome: DecisionOutcome) -> None:
    assert action(outcome, earlier(FREEZE)) is None


IN_FORCE: list[tuple[DecisionOutcome, tuple[TradelineAction, ...], int | None]] = [
    (DecisionOutcome.FREEZE, (earlier(FREEZE),), None),
    (DecisionOutcome.RESTORE, (), None),
    (DecisionOutcome.RESTORE, (earlier(RESTORE), earlier(FREEZE)), None),
    # A freeze that the person or an authority asked for is not the agent's to end.
    (DecisionOutcome.RESTORE, (earlier(FREEZE, initiator=Initiator.SUBJECT),), None),
    (DecisionOutcome.RESTORE, (earlier(FREEZE, initiator=Initiator.AUTHORITY),), None),
    (DecisionOutcome.REDUCE, (), 1_000_000),
    (DecisionOutcome.INCREASE, (), 900_000),
    # The limit was changed already, and its review is still to come.
    (DecisionOutcome.REDUCE, (earlier(LIMIT, credit_limit_minor=500_000),), 400_000),
    (
        DecisionOutcome.REDUCE,
        (earlier(LIMIT, credit_limit_minor=500_000, review_by_date=date(2026, 3, 10)),),
        500_000,
    ),
]


@pytest.mark.parametrize(("outcome", "actions", "limit"), IN_FORCE)
def test_an_action_that_is_in_force_is_not_repeated(
    outcome: DecisionOutcome, actions: tuple[TradelineAction, ...], limit: int | None
) -> None:
    assert action(outcome, *actions, limit=limit) is None


def test_a_limit_changes_again_once_its_review_is_due() -> None:
    due = earlier(LIMIT, credit_limit_minor=500_000, review_by_date=date(2026, 3, 10))
    reduced = action(DecisionOutcome.REDUCE, due, limit=400_000)
    assert reduced is not None
    assert (reduced.kind, reduced.credit_limit_minor) == (LIMIT, 400_000)
    raised = action(DecisionOutcome.INCREASE, limit=1_200_000)
    assert raised is not None
    assert raised.reasons == (ActionReason.POLICY_CHANGE,)
    assert raised.review_by_date == date(2026, 4, 9)


def test_every_reason_of_a_decision_has_one_of_an_action() -> None:
    assert list(ACTION_REASONS) == list(REASON_CODES)
    other = ActionTerms(appeal_route="", reasons={"regb.other": ActionReason.COLLATERAL})
    assert other.reason_of("regb.other") is ActionReason.COLLATERAL
    assert other.reason_of("house.rule") is ActionReason.POLICY_CHANGE


@pytest.mark.parametrize(
    "submitted", [action(DecisionOutcome.FREEZE), action(DecisionOutcome.INCREASE, limit=1_200_000)]
)
def test_an_action_is_read_back_as_it_was_written(submitted: FacilityAction) -> None:
    assert read_action(encode_record(submitted, b"")) == submitted


HEADER = "subject_id,account_ref,consent_id,tradeline_id,inputs"
CONSENT = "0b1fa0a0-5f0d-4d2c-8f8e-0a1b2c3d4e5f"
PERSON = "ab" * 16


def test_a_file_of_lines_is_read_by_person(tmp_path: Path) -> None:
    file = tmp_path / "lines.csv"
    inputs = '"{""monthly_income"": 500000, ""employed"": true}"'
    file.write_text(
        f"{HEADER}\n{PERSON},A-1,{CONSENT.upper()},{LINE},{inputs}\n"
        f"{PERSON},A-2,{CONSENT},{OTHER_LINE},\n{'cd' * 16},A-3,{CONSENT},,\n"
    )
    lines = load_lines(file)
    first, second = lines(PERSON)
    assert (first.account_ref, first.consent_id, first.tradeline_id) == ("A-1", CONSENT, LINE)
    assert first.applicant == {"monthly_income": 500_000, "employed": True}
    assert second.applicant == {}
    assert list(lines("00" * 16)) == []


def test_a_wrong_file_of_lines_names_every_cell(tmp_path: Path) -> None:
    file = tmp_path / "lines.csv"
    other = "1b1fa0a0-5f0d-4d2c-8f8e-0a1b2c3d4e5f"
    file.write_text(
        f'{HEADER}\nnobody,A 1,x,y,"[1]"\n{PERSON},A-2,{CONSENT},,\n{PERSON},A-2,{other},,{{\n'
        f'{PERSON},A-2,{other},,"{{""a"": {{}}}}"\n{PERSON},A-2,{other},,\n'
    )
    with pytest.raises(InvalidRequest) as caught:
        load_lines(file)
    assert [violation.field for violation in caught.value.violations] == [
        *(f"line 2, {name}" for name in ("subject_id", "account_ref", "tradeline_id")),
        *("line 2, consent_id", "line 2, inputs", "line 4, inputs", "line 5, inputs"),
        *(f"line 6, {name}" for name in ("account_ref", "consent_id", "tradeline_id")),
    ]
