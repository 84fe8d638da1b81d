"""Policies that decide by a score: their pins, their reasons and the disclosure of the score."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bureau_client import Month, Report
from bureau_client.models.codes import DecisionOutcome, ReportOutcome, Section
from bureau_client.models.decisions import DecisionBasis
from bureau_client.risk.activation import activate
from bureau_client.risk.active_policy import ActivePolicy
from bureau_client.risk.backtest import backtest
from bureau_client.risk.inputs import InputError, inputs_document
from bureau_client.risk.notice_formats import notice_text
from bureau_client.risk.notices import adverse_notice
from bureau_client.risk.policy import PolicyError
from bureau_client.risk.reasons import MAX_REASONS
from bureau_client.risk.scorecard import Scorecard, read_scorecard
from bureau_client.verify.decisions import verify_outcome
from tests.unit.client.risk_values import (
    APPLICANT,
    LINE,
    active,
    document,
    history,
    input_of,
    policy_of,
    report_of,
    tradeline,
)
from tests.unit.client.test_risk_notices import LETTERHEAD
from tests.unit.client.test_risk_scorecards import (
    BEST,
    DOCUMENT,
    WORST,
    figures_of,
    small,
)

INPUTS = inputs_document(APPLICANT)
# Attributes that the policy needs beside those of the scorecard.
OTHERS = {"scheduled_payment.USD": 50_000.0}
FAIR = BEST | {"utilisation": 1.2, "opened_12m": 3.0}
MIDDLING = BEST | {"months_30_plus_12m": 4.0, "opened_12m": 3.0}
LATE_REASON = "regb.delinquent_elsewhere"


def changed_policy() -> dict[str, Any]:
    """`cards-score-US` by the small scorecard, with golden cases for its points."""
    changed = document("cards-score-US")
    card = small()
    changed["scorecards"] = [
        {"name": card.name, "version": card.version, "digest": card.digest.hex()}
    ]
    input_of(changed, "score").update(key=card.name, neutral=card.neutral, default=card.neutral)
    changed["golden"] = [
        case(BEST, outcome="APPROVE", limit=400_000, price_band="A"),
        case(FAIR, outcome="APPROVE", limit=400_000, price_band="B"),
        case(
            MIDDLING,
            outcome="COUNTER_OFFER",
            limit=200_000,
            price_band="C",
            reasons=[LATE_REASON, "regb.other"],
        ),
        case(
            WORST,
            outcome="DECLINE",
            reasons=[LATE_REASON, "regb.other", "regb.limited_experience", "regb.inquiries"],
        ),
        case(WORST, outcome="REFER", name="alert", applicant={"fraud_alert": True}),
        case(
            BEST,
            outcome="DECLINE",
            reasons=["regb.excessive_obligations"],
            name="burden",
            applicant={"scheduled": 300_000},
        ),
        case(
            BEST,
            outcome="COUNTER_OFFER",
            limit=1_000_000,
            price_band="A",
            reasons=["regb.insufficient_income"],
            name="income",
            applicant={"requested_limit": 2_000_000},
        ),
        case(
            {},
            outcome="COUNTER_OFFER",
            limit=50_000,
            price_band="B",
            reasons=["regb.no_credit_file"],
            name="no file",
            applicant={"file": "NO_HIT"},
        ),
    ]
    return changed


def case(
    figures: dict[str, float],
    name: str = "",
    applicant: dict[str, Any] | None = None,
    **expect: Any,
) -> dict[str, Any]:
    inputs = {"fraud_alert": False, "file": "HIT", "scheduled": 50_000, **APPLICANT}
    return {
        "name": name or f"{expect['outcome']} {expect.get('price_band', '')}",
        "inputs": inputs | (applicant or {}),
        "figures": figures,
        "expect": expect,
    }


@cache
def by_score() -> ActivePolicy:
    return activate(policy_of(changed_policy()), [small()])


def scored_report(figures: Mapping[str, float | None], **values: Any) -> Report:
    return report_of({**OTHERS, **figures}, **values)


def test_two_versions_of_a_scorecard_are_backtested_against_each_other() -> None:
    """Each policy scores with the version that it pins, whatever the order of the files."""
    document = copy.deepcopy(DOCUMENT)
    document.update(version="2", base_points=DOCUMENT["base_points"] - 1)
    newer, changed = read_scorecard(json.dumps(document)), changed_policy()
    changed["version"] = "2"
    changed["scorecards"][0].update(version="2", digest=newer.digest.hex())
    input_of(changed, "score").update(neutral=newer.neutral, default=newer.neutral)
    for cards in ([small(), newer], [newer, small()]):
        champion = activate(policy_of(changed_policy()), cards)
        challenger = activate(policy_of(changed), cards)
        report = scored_report(BEST)
        points = [policy.scores(report)["score"].points for policy in (champion, challenger)]
        assert points[0] == points[1] + 1
        applicant = {name: [value] for name, value in APPLICANT.items()}
        inputs = {"subject_id": [report.subject_id], **applicant}
        tested = backtest(champion, challenger, [report], inputs=inputs)
        assert (len(tested.pairs), tested.refusals) == (1, ())


def test_the_reference_policy_is_active_with_the_reference_scorecard() -> None:
    policy = active("cards-score-US")
    assert policy.policy.scorecards[0].name in policy.scorecards
    assert {case.expect.outcome for case in policy.policy.golden} == {
        DecisionOutcome.APPROVE,
        DecisionOutcome.COUNTER_OFFER,
        DecisionOutcome.DECLINE,
        DecisionOutcome.REFER,
    }


def test_a_low_score_declines_for_the_factors_that_lost_points() -> None:
    lines = (tradeline(history=history("1200")),)
    report = scored_report(WORST, tradelines=lines)
    decision = by_score().decide(report, INPUTS)
    assert decision.outcome is DecisionOutcome.DECLINE
    factors = small().score(WORST).key_factors
    assert [reason.code for reason in decision.reasons] == [
        *dict.fromkeys(factor.code for factor in factors)
    ][:MAX_REASONS]
    late, other = decision.reasons[:2]
    assert late.attributes == ("months_30_plus_12m", "tradelines_now_30_plus")
    assert late.basis == (
        DecisionBasis(LINE, Month(2026, 1)),
        DecisionBasis(LINE, Month(2025, 12)),
    )
    assert other.attributes == ("utilisation", "opened_12m")


def test_an_auditor_with_the_same_scorecard_takes_the_decision_again() -> None:
    report = scored_report(WORST)
    decision = by_score().decide(report, INPUTS)
    again = activate(policy_of(changed_policy()), [read_scorecard(json.dumps(DOCUMENT))])
    assert again.decide(report, INPUTS) == decision
    verify_outcome(decision, report, again, INPUTS)


@settings(max_examples=50)
@given(st.data())
def test_reasons_of_a_score_are_its_true_drivers(data: st.DataObject) -> None:
    """With all characteristics of the reasons at their neutral points, the rule ends."""
    figures = data.draw(figures_of(small()))
    policy, score = by_score(), small().score(figures)
    decision = policy.decide(scored_report(figures), INPUTS)
    assert bool(decision.reasons) == decision.outcome.is_adverse == (score.points < 560)
    codes = [reason.code for reason in decision.reasons]
    listed = [factor for factor in score.key_factors if factor.code in codes]
    assert {factor.code for factor in listed} == {*codes}
    if codes:
        assert codes[0] == score.key_factors[0].code, "the most points lost come first"
        every = {factor.code for factor in score.key_factors}
        assert len(codes) == min(len(every), MAX_REASONS)
        if len(codes) == len(every):
            points = score.points + sum(factor.points_lost for factor in listed)
            assert points >= small().neutral


def test_a_person_without_a_credit_file_has_no_score() -> None:
    report = dataclasses.replace(report_of(outcome=ReportOutcome.NO_HIT), sections=())
    assert by_score().scores(report) == {}
    decision = by_score().decide(report, INPUTS)
    assert (decision.outcome, decision.limit) == (DecisionOutcome.COUNTER_OFFER, 50_000)
    assert [reason.code for reason in decision.reasons] == ["regb.no_credit_file"]


def test_an_attribute_that_is_not_in_the_report_is_an_error_and_a_missing_one_is_scored() -> None:
    lacking = {key: value for key, value in BEST.items() if key != "utilisation"}
    with pytest.raises(InputError, match="attribute 'utilisation': is not in the report"):
        by_score().decide(scored_report(lacking), INPUTS)
    missing = scored_report(BEST | {"utilisation": None})
    assert by_score().scores(missing)["score"].parts[2].points == 5


def test_a_consent_that_opens_no_attributes_gives_no_score() -> None:
    report = dataclasses.replace(scored_report(BEST), sections=(Section.TRADELINES,))
    with pytest.raises(InputError, match="section ATTRIBUTES: is not opened by the consent"):
        by_score().decide(report, INPUTS)


def other_scorecard() -> Scorecard:
    return read_scorecard(json.dumps(DOCUMENT | {"base_points": 581}))


Change = Callable[[dict[str, Any]], object]
BROKEN: list[tuple[str, Change, str]] = [
    (
        "a scorecard that is not passed",
        lambda changed: (
            changed["scorecards"][0].update(name="absent")
            or input_of(changed, "score").update(key="absent")
        ),
        "scorecard 'absent': is missing; give its file (--scorecard), or pass it to `activate`",
    ),
    (
        "another version",
        lambda changed: changed["scorecards"][0].update(version="2"),
        "not the pinned version 2",
    ),
    (
        "another digest",
        lambda changed: changed["scorecards"][0].update(digest="00" * 32),
        f"scorecard 'small': is version 1 with digest {small().digest.hex()}, not the pinned",
    ),
    (
        "a score without a pin",
        lambda changed: changed.update(scorecards=[]),
        "input 'score': is the score of 'small', which `scorecards` does not pin",
    ),
    (
        "a pin without a score",
        lambda changed: changed["scorecards"].append(
            {"name": "unused", "version": "1", "digest": "00" * 32}
        ),
        "scorecard 'unused': is the source of no input; remove it",
    ),
    (
        "neutral points of another scorecard",
        lambda changed: input_of(changed, "score").update(neutral=600, default=600),
        "input 'score': `neutral` is 600, not the neutral score 607",
    ),
    (
        "a default that declines without a factor",
        lambda changed: input_of(changed, "score").update(default=500),
        "input 'score': `default` is 500; a person without a score has lost no points",
    ),
    (
        "a range that scores leave",
        lambda changed: input_of(changed, "score").update(maximum=650),
        "input 'score': has the range 0 to 650, but scores are 396 to 671",
    ),
    (
        "a golden case with a score and no figures",
        lambda changed: changed["golden"][0]["inputs"].update(score=700),
        "golden case 'APPROVE A', input 'score': is a score: give the `figures`",
    ),
    (
        "a golden case with a figure that is not scored",
        lambda changed: changed["golden"][0]["figures"].update(total_balance=1),
        "golden case 'APPROVE A', figure 'total_balance': is used by no scorecard",
    ),
    (
        "a reason of the score's own",
        lambda changed: input_of(changed, "score").update(reason="regb.inquiries"),
        "a score is an integer, lower ones are worse, and its reasons are those of its scorecard",
    ),
    (
        "a cut-off above the neutral score",
        lambda changed: next(
            rule
            for rule in changed["graph"]["nodes"][1]["content"]["rules"]
            if rule["_id"] == "score"
        ).update(outcome_score="< 610"),
        "rule 'score', cell 'score', '< 610': holds for the neutral value 607",
    ),
]


@pytest.mark.parametrize(
    ("change", "expected"), [pytest.param(*rest, id=name) for name, *rest in BROKEN]
)
def test_a_policy_whose_score_is_at_fault_is_refused(change: Change, expected: str) -> None:
    changed = changed_policy()
    changed["golden"] = json.loads(json.dumps(changed["golden"]))
    change(changed)
    with pytest.raises(PolicyError) as refused:
        activate(policy_of(changed), [small()])
    assert expected in str(refused.value)


def test_another_scorecard_of_the_name_is_refused() -> None:
    with pytest.raises(PolicyError, match="not the pinned version 1"):
        activate(policy_of(changed_policy()), [other_scorecard()])


def test_the_notice_discloses_the_score_with_its_range_date_maker_and_key_factors() -> None:
    report = scored_report(WORST)
    decision = by_score().decide(report, INPUTS)
    day = date(2026, 3, 2)
    text = " ".join(
        notice_text(adverse_notice(decision, by_score(), report, LETTERHEAD, day, "en")).split()
    )
    card = small()
    for part in (
        "1. Delinquent past or present credit obligations with others",
        "2. Balances are high beside the limits; Many accounts were opened within a year",
        f"Your credit score: {card.lowest}. Date: {report.issue_time.date()}.",
        f"Scores range from a low of {card.lowest} to a high of {card.highest}.",
        "made with the scorecard small 1 by Hillside Credit, from the report of Shared Credit",
        "Key factors that adversely affected your credit score: – Delinquent past or present",
        "– Balances are high beside the limits – Limited credit experience – Many accounts were",
        "opened within a year – Number of recent inquiries on credit bureau report",
    ):
        assert part in text
    chinese = adverse_notice(decision, by_score(), report, LETTERHEAD, day, "zh")
    (score,) = [each for each in chinese.parts if each.title == "您的信用评分"]
    assert f"您的信用评分：{card.lowest}" in score.paragraphs[1]
    assert "– 余额占额度比例偏高" in score.paragraphs
    assert score.source.startswith("15 U.S.C. 1681m(a)(2)")


def test_a_score_that_helped_to_decide_is_disclosed_for_other_reasons_too() -> None:
    report = scored_report(BEST | {"scheduled_payment.USD": 300_000.0})
    decision = by_score().decide(report, INPUTS)
    assert [reason.code for reason in decision.reasons] == ["regb.excessive_obligations"]
    notice = adverse_notice(decision, by_score(), report, LETTERHEAD, date(2026, 3, 2), "en")
    (part,) = [part for part in notice.parts if part.title == "Your credit score"]
    assert f"Your credit score: {small().highest}." in part.paragraphs[1]
    assert not any(paragraph.startswith("Key factors") for paragraph in part.paragraphs)


def test_a_notice_without_a_score_discloses_none() -> None:
    report = dataclasses.replace(report_of(outcome=ReportOutcome.NO_HIT), sections=())
    for policy in (by_score(), active("cards-US")):
        decision = policy.decide(report, INPUTS)
        notice = adverse_notice(decision, policy, report, LETTERHEAD, date(2026, 3, 2), "en")
        assert "Your credit score" not in [part.title for part in notice.parts]
