"""The facility action that follows from a decision on an existing line. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bureau_client.models.codes import (
    ActionReason,
    DecisionOutcome,
    FacilityActionKind,
    Initiator,
)
from bureau_client.models.decisions import Decision
from bureau_client.models.months import Month
from bureau_client.models.reasons import ACTION_REASONS
from bureau_client.models.records import FacilityAction, RecordRef
from bureau_client.models.reports import Report
from bureau_client.models.tradelines import Tradeline, TradelineAction

# Records that support the reasons of one action: the contract's limit
# (FacilityAction.record_refs).
MAX_RECORD_REFS = 16
REVIEW_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionTerms:
    """Terms of the facility actions that an agent submits.

    Attributes:
        appeal_route: Address for the person's objections.
        review_days: Days from a freeze or a change of limit to the lender's next review; until
            then the agent does not change the limit again.
        reasons: Reason of an action by code of the decision's reasons.
    """

    appeal_route: str
    review_days: int = REVIEW_DAYS
    reasons: Mapping[str, ActionReason] = field(default_factory=lambda: ACTION_REASONS)

    def reason_of(self, code: str) -> ActionReason:
        """Return the reason of an action for a reason of a decision."""
        return self.reasons.get(code, ActionReason.POLICY_CHANGE)


def action_for(
    decision: Decision, account_ref: str, report: Report, terms: ActionTerms, now: datetime
) -> FacilityAction | None:
    """Return the facility action that a decision on a line calls for.

    None for a line that stays as it is: the outcome is KEEP or REFER, or what it asks for is in
    force already, so that no alert that an action causes leads to the same action again.
    """
    line = next(line for line in report.tradelines if line.tradeline_id == decision.tradeline_id)
    kind, reasons, limit = _change(decision, line, terms, now)
    if kind is None:
        return None
    is_restoration = kind is FacilityActionKind.RESTORE
    return FacilityAction(
        account_ref=account_ref,
        kind=kind,
        initiator=Initiator.LENDER,
        reasons=reasons,
        effective_time=now,
        record_refs=_records(decision, report),
        review_by_date=None if is_restoration else (now + timedelta(terms.review_days)).date(),
        appeal_route=terms.appeal_route,
        credit_limit_minor=limit,
    )


def _change(
    decision: Decision, line: Tradeline, terms: ActionTerms, now: datetime
) -> tuple[FacilityActionKind | None, tuple[ActionReason, ...], int | None]:
    """Return kind, reasons and limit of the action; no kind if nothing changes."""
    reasons = tuple(dict.fromkeys(terms.reason_of(each.code) for each in decision.reasons))
    freeze = current_freeze(line)
    if decision.outcome is DecisionOutcome.FREEZE and freeze is None:
        return FacilityActionKind.FREEZE, reasons, None
    # A freeze that the person or an authority asked for is not the policy's to end.
    if (
        decision.outcome is DecisionOutcome.RESTORE
        and freeze is not None
        and freeze.initiator is Initiator.LENDER
    ):
        return FacilityActionKind.RESTORE, freeze.reasons, None
    if decision.limit is not None and _changes_limit(decision, line, now):
        reasons = reasons or (ActionReason.POLICY_CHANGE,)
        return FacilityActionKind.LIMIT_CHANGE, reasons, decision.limit
    return None, (), None


def current_freeze(line: Tradeline) -> TradelineAction | None:
    """Return the freeze of a line that no restoration has ended, or None."""
    kinds = {FacilityActionKind.FREEZE, FacilityActionKind.RESTORE}
    newest = next((action for action in line.actions if action.kind in kinds), None)
    return newest if newest is not None and newest.kind is FacilityActionKind.FREEZE else None


def _changes_limit(decision: Decision, line: Tradeline, now: datetime) -> bool:
    """Return True if a decision lowers or raises the limit, and no review of it is due later."""
    newest = next(
        (action for action in line.actions if action.kind is FacilityActionKind.LIMIT_CHANGE), None
    )
    if newest and newest.review_by_date and newest.review_by_date > now.date():
        return False
    limit = line.credit_limit_minor
    if newest and newest.effective_time and line.month:
        # A month that was reported since has the new limit itself.
        limit = newest.credit_limit_minor if Month.of(newest.effective_time) > line.month else limit
    if limit is None or decision.limit is None:
        return False
    if decision.outcome is DecisionOutcome.REDUCE:
        return decision.limit < limit
    return decision.outcome is DecisionOutcome.INCREASE and decision.limit > limit


def _records(decision: Decision, report: Report) -> tuple[RecordRef, ...]:
    """Return the records of the tradelines that the reasons of a decision rest on."""
    records = {line.tradeline_id: line.record for line in report.tradelines}
    refs = [records.get(entry.tradeline_id) for why in decision.reasons for entry in why.basis]
    return tuple(dict.fromkeys(ref for ref in refs if ref is not None))[:MAX_RECORD_REFS]
