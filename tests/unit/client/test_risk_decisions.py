"""Decisions on reports, and the reasons that they give."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bureau_client import Month, VerificationFailed
from bureau_client.models.codes import (
    DecisionOutcome,
    FacilityActionKind,
    FlagKind,
    Initiator,
    ReportOutcome,
    Section,
)
from bureau_client.models.decisions import DecisionBasis
from bureau_client.models.reports import Flag, Standing
from bureau_client.models.tradelines import TradelineAction
from bureau_client.protocols import DecisionPolicy
from bureau_client.risk.activation import activate
from bureau_client.risk.active_policy import ActivePolicy
from bureau_client.risk.cells import boundaries
from bureau_client.risk.inputs import InputError, inputs_document
from bureau_client.risk.policy import Scalar, Values
from bureau_client.risk.reasons import MAX_REASONS, principal_reasons
from bureau_client.verify.decisions import verify_outcome
from tests.unit.client.risk_values import (
    APPLICANT,
    GOOD,
    KNOWN,
    LINE,
    OTHER_LINE,
    active,
    document,
    history,
    input_of,
    policy_of,
    report_of,
    rule_of,
    tradeline,
)

INPUTS = inputs_document(APPLICANT)
NAMES = ["cards-US", "card-lines-US", KNOWN]


def values_of(policy: ActivePolicy) -> st.SearchStrategy[Values]:
    """Values of every input, at and around the boundaries of the tables."""
    columns = {}
    for declared in policy.policy.inputs:
        cells = [
            rule.tests[declared.name]
            for table in policy.engine.tables
            for rule in table.rules
            if declared.name in rule.tests
        ]
        points: list[Scalar | None] = [*boundaries(declared, cells)]
        if declared.neutral is not None:
            # Neutral for half of the cases, so that few causes meet.
            points += [declared.neutral] * len(points)
        columns[declared.name] = st.sampled_from(points)
    return st.fixed_dictionaries(columns)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25)
@given(st.data())
def test_reasons_are_among_the_true_drivers(name: str, data: st.DataObject) -> None:
    policy = active(name)
    values = data.draw(values_of(policy))
    assessment = policy.engine.assess(values)
    reasons = principal_reasons(policy.policy, policy.engine, values, {})
    assert bool(reasons) == assessment.outcome.is_adverse, "no adverse outcome without a reason"
    assert len(reasons) <= MAX_REASONS
    assert len({reason.code for reason in reasons}) == len(reasons)
    neutral = dict(values)
    for reason in reasons:
        changed = {declared.name: declared.neutral for declared in reason.inputs}
        assert all(values[name] != value for name, value in changed.items())
        without = values | changed
        others = principal_reasons(policy.policy, policy.engine, without, {})
        assert (policy.engine.assess(without), others) != (assessment, reasons)
        left = {declared.name for other in others for declared in other.inputs}
        assert not left & {*changed}
        neutral |= changed
    if len(reasons) < MAX_REASONS:
        assert not policy.engine.assess(neutral).outcome.is_adverse, "the reasons are complete"


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25)
@given(st.data())
def test_the_first_reason_alone_changes_the_rule_that_applies(
    name: str, data: st.DataObject
) -> None:
    policy = active(name)
    values = data.draw(values_of(policy))
    for reason in principal_reasons(policy.policy, policy.engine, values, {})[:1]:
        first = reason.inputs[0]
        before = policy.engine.assess(values)
        after = policy.engine.assess(values | {first.name: first.neutral})
        assert after.rule != before.rule or after.limit != before.limit


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25)
@given(st.data())
def test_every_input_that_changes_an_adverse_outcome_alone_is_a_reason_for_it(
    name: str, data: st.DataObject
) -> None:
    policy = active(name)
    values = data.draw(values_of(policy))
    assessment = policy.engine.assess(values)
    reasons = principal_reasons(policy.policy, policy.engine, values, {})
    drivers = {declared.name for reason in reasons for declared in reason.inputs}
    if not assessment.outcome.is_adverse or len(reasons) == MAX_REASONS:
        return
    for declared in policy.policy.inputs:
        if declared.reason is not None:
            other = policy.engine.assess(values | {declared.name: declared.neutral})
            changed = (other.rule, other.limit) != (assessment.rule, assessment.limit)
            assert not changed or declared.name in drivers


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25)
@given(st.data())
def test_what_is_declared_worse_never_betters_a_decision(name: str, data: st.DataObject) -> None:
    policy = active(name)
    values = data.draw(values_of(policy))
    declared = data.draw(
        st.sampled_from([each for each in policy.policy.inputs if each.worse is not None])
    )
    values_drawn = data.draw(values_of(policy)), data.draw(values_of(policy))
    low, high = sorted(float(drawn[declared.name] or 0) for drawn in values_drawn)
    better, worse = (low, high) if declared.worse == "higher" else (high, low)
    severity = [
        policy.engine.severity(policy.engine.assess(values | {declared.name: value}))
        for value in (better, worse)
    ]
    assert severity[0] <= severity[1]


def test_the_same_inputs_give_the_same_decision() -> None:
    report = report_of(GOOD)
    again = activate(policy_of(document("cards-US")))
    assert active("cards-US").decide(report, INPUTS) == again.decide(report, INPUTS)


def test_an_auditor_takes_the_decision_again() -> None:
    policy: DecisionPolicy = active("cards-US")
    late = GOOD | {"months_30_plus_24m": 4.0}
    report = report_of(late, tradelines=(tradeline(history=history("0011221")),))
    decision = policy.decide(report, INPUTS)
    verify_outcome(decision, report, policy, INPUTS)
    for changed in (
        replace(decision, outcome=DecisionOutcome.APPROVE, limit=400_000, currency="USD"),
        replace(decision, reasons=()),
        replace(decision, policy_digest=bytes(32)),
    ):
        with pytest.raises(VerificationFailed, match="does not follow"):
            verify_outcome(changed, report, policy, INPUTS)


def test_a_reason_names_its_attributes_and_the_months_that_it_rests_on() -> None:
    late = GOOD | {"months_30_plus_24m": 3.0, "tradelines_now_30_plus": 1.0}
    lines = (tradeline(history=history("1002")), tradeline(OTHER_LINE, history=history("0000")))
    decision = active("cards-US").decide(report_of(late, tradelines=lines), INPUTS)
    assert decision.outcome is DecisionOutcome.DECLINE
    (reason,) = decision.reasons
    assert reason.code == "regb.delinquent_elsewhere"
    assert reason.attributes == ("tradelines_now_30_plus", "months_30_plus_24m")
    assert reason.basis == (
        DecisionBasis(LINE, Month(2026, 1)),
        DecisionBasis(LINE, Month(2025, 10)),
    )


def test_a_computed_input_names_the_attributes_behind_it() -> None:
    report = report_of(GOOD | {"scheduled_payment.USD": 300_000.0}, tradelines=(tradeline(),))
    decision = active("cards-US").decide(report, INPUTS)
    (reason,) = decision.reasons
    assert reason.code == "regb.excessive_obligations"
    assert reason.attributes == ("scheduled_payment.USD", "monthly_income")
    assert reason.basis == (DecisionBasis(LINE, Month(2026, 1)),)


def test_the_standard_of_credit_is_an_input_like_any_other() -> None:
    standings = (
        Standing(1, "max_unsecured_exposure_minor", 10, 5, within=True),
        Standing(2, "max_unsecured_exposure_minor", 4, 5, within=False),
    )
    decision = active("cards-US").decide(report_of(GOOD, standings=standings), INPUTS)
    assert decision.outcome is DecisionOutcome.DECLINE
    assert [reason.code for reason in decision.reasons] == ["regb.other"]
    assert decision.reasons[0].attributes == ("within_exposure",)


def test_a_person_without_a_credit_file_gets_a_small_limit_and_the_reason() -> None:
    report = report_of(outcome=ReportOutcome.NO_HIT)
    decision = active("cards-US").decide(replace(report, sections=()), INPUTS)
    assert (decision.outcome, decision.limit) == (DecisionOutcome.COUNTER_OFFER, 50_000)
    assert decision.currency == "USD"
    assert decision.reasons[0].code == "regb.no_credit_file"


def test_a_fraud_alert_is_referred_to_a_person() -> None:
    flag = Flag(FlagKind.FRAUD_ALERT, (), {})
    decision = active("cards-US").decide(report_of(GOOD, flags=(flag,)), INPUTS)
    assert (decision.outcome, decision.reasons) == (DecisionOutcome.REFER, ())


def frozen() -> TradelineAction:
    return TradelineAction(FacilityActionKind.FREEZE, Initiator.LENDER, (), None, None, "", None)


@pytest.mark.parametrize(
    ("values", "attributes", "outcome", "limit"),
    [
        ({}, {}, DecisionOutcome.KEEP, None),
        ({"days_past_due": 75}, {}, DecisionOutcome.FREEZE, None),
        ({"actions": (frozen(),)}, {}, DecisionOutcome.RESTORE, None),
        ({"balance_minor": 900_000}, {}, DecisionOutcome.INCREASE, 1_200_000),
        ({}, {"months_30_plus_12m": 5.0}, DecisionOutcome.REDUCE, 500_000),
    ],
)
def test_a_line_is_kept_frozen_restored_raised_or_reduced(
    values: dict[str, Any],
    attributes: dict[str, float],
    outcome: DecisionOutcome,
    limit: int | None,
) -> None:
    report = report_of(GOOD | attributes, tradelines=(tradeline(**values),))
    decision = active("card-lines-US").decide(report, inputs_document({}, LINE))
    assert (decision.outcome, decision.limit) == (outcome, limit)
    assert decision.tradeline_id == LINE
    assert bool(decision.reasons) == outcome.is_adverse


def refused(
    message: str, report: Any = None, inputs: bytes = INPUTS, name: str = "cards-US"
) -> None:
    with pytest.raises(InputError, match=message):
        active(name).decide(report or report_of(GOOD), inputs)


def test_nothing_is_decided_without_what_the_policy_needs() -> None:
    unopened = replace(report_of(GOOD), sections=(Section.SUMMARY,))
    refused("section ATTRIBUTES: is not opened by the consent", unopened)
    refused("applicant 'monthly_income' is missing", inputs=inputs_document({"requested_limit": 1}))
    refused(
        "applicant field 'income': is not an input",
        inputs=inputs_document(APPLICANT | {"income": 1}),
    )
    refused(
        "input 'monthly_income': is -5, outside",
        inputs=inputs_document(APPLICANT | {"monthly_income": -5}),
    )
    refused(
        "input 'monthly_income': is 'much', not a number",
        inputs=inputs_document(APPLICANT | {"monthly_income": "much"}),
    )
    refused("input 'inquiries_?': is 1.5, not an integer", report_of(GOOD | {"inquiries_6m": 1.5}))
    unknown = {key: value for key, value in GOOD.items() if key != "inquiries_6m"}
    refused("attribute 'inquiries_6m': is not in the report", report_of(unknown))
    two = report_of(unknown | {"inquiries_6m.USD": 1.0, "inquiries_6m.EUR": 2.0})
    refused(
        "attribute 'inquiries_6m': has a currency: name inquiries_6m.USD or inquiries_6m.EUR", two
    )
    refused("a policy for applications takes none", inputs=inputs_document(APPLICANT, LINE))
    refused("name the line to decide on", inputs=b"{}", name="card-lines-US")
    euro = report_of(GOOD, tradelines=(tradeline(currency="EUR"),))
    refused("is a line in EUR, not in USD", euro, inputs_document({}, LINE), name="card-lines-US")
    refused("are not JSON", inputs=b"{")
    refused("the same key twice", inputs=b'{"monthly_income": 1, "monthly_income": 2}')
    refused("not an object", inputs=b"[]")
    refused("has a value of another type", inputs=b'{"monthly_income": [1]}')


def test_a_missing_value_takes_its_own_branch_where_the_policy_declares_one() -> None:
    changed = document("cards-US")
    input_of(changed, "history_months").update(missing="branch")
    del input_of(changed, "history_months")["default"]
    rule_of(changed, "short-history")["outcome_history_months"] = "$ == null or $ < 12"
    rule_of(changed, "prime", "Price")["price_history_months"] = "$ != null and $ >= 36"
    policy = activate(policy_of(changed))
    report = report_of(GOOD | {"oldest_account_age": None})
    decision = policy.decide(report, INPUTS)
    assert (decision.outcome, decision.limit) == (DecisionOutcome.COUNTER_OFFER, 100_000)
    assert [reason.code for reason in decision.reasons] == ["regb.limited_experience"]


def test_a_division_by_zero_is_a_missing_value() -> None:
    changed = document("cards-US")
    input_of(changed, "monthly_income").update(minimum=0)
    policy = activate(policy_of(changed))
    with pytest.raises(InputError, match="computed 'scheduled / monthly_income' is missing"):
        policy.decide(report_of(GOOD), inputs_document(APPLICANT | {"monthly_income": 0}))


def test_an_integer_that_json_rounds_is_refused() -> None:
    with pytest.raises(InputError, match="inputs"):
        inputs_document({"monthly_income": 2**60})
