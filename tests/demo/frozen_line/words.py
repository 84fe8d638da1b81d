"""Decisions and facility actions in words, in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator

from bureau_client import Decision, DecisionBasis, DecisionReason, RecordedDecision, Report
from bureau_client.models.reasons import OTHER, reason_text
from bureau_client.models.tradelines import TradelineAction
from bureau_client.risk.notices import STATUS
from bureau_client.risk.policy import Policy
from bureau_client.risk.specified import specified_text
from tests.demo.frozen_line.timeline import Words, amount, texts


def outcome_words(decision: Decision) -> Words:
    """Return the outcome of a decision."""
    return decision.outcome.text_in


def decision_words(recorded: RecordedDecision) -> Words:
    """Return a decision in one line: day, lender, outcome, first reason."""

    def words(language: str) -> str:
        decision = recorded.decision
        member = texts(language)["parties"][recorded.member_id]
        reasons = [reason_text(reason.code, language).text for reason in decision.reasons[:1]]
        outcome = decision.outcome.text_in(language)
        return "; ".join([f"{recorded.time:%Y-%m-%d} {member}: {outcome}", *reasons])

    return words


def reason_words(decision: Decision, policy: Policy, report: Report) -> Iterator[Words]:
    """Yield each reason of a decision, and each record that it rests on."""
    for reason in decision.reasons:
        yield _labelled("reason", _reason(reason, policy))
        for entry in reason.basis[:3]:
            yield _labelled("record", _record(entry, report))


def action_words(action: TradelineAction) -> Iterator[Words]:
    """Yield the lines of a facility action: reasons, day of review, address for objections."""
    for reason in action.reasons:
        yield _labelled("reason", reason.text_in)
    if action.review_by_date is not None:
        day = action.review_by_date.isoformat()
        yield _labelled("review", lambda _language: day)
    if action.appeal_route:
        yield _labelled("objection", lambda _language: action.appeal_route)


def _labelled(label: str, words: Words) -> Words:
    return lambda language: f"{texts(language)['page'][label]}: {words(language)}"


def _reason(reason: DecisionReason, policy: Policy) -> Words:
    if reason.code == OTHER:
        return lambda language: specified_text(policy, reason, language)
    return lambda language: reason_text(reason.code, language).text


def _record(entry: DecisionBasis, report: Report) -> Words:
    (line,) = (line for line in report.tradelines if line.tradeline_id == entry.tradeline_id)
    months = line.history.months() if line.history else ()
    statuses = {month.month: month.status for month in months}
    status = STATUS.get(statuses.get(entry.month, "")) if entry.month else None

    def words(language: str) -> str:
        member = texts(language)["parties"][line.member_id]
        value = status.text_in(language) if status else amount(line.balance_minor)
        return ", ".join(filter(None, (member, str(entry.month or ""), value)))

    return words
