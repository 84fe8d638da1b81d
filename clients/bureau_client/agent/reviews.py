"""Reviews: the outcome of an alert, line by line, as the agent reports it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from bureau_client.agent.plans import LinePlan
from bureau_client.models.alerts import Alert
from bureau_client.models.codes import AlertKind, DecisionOutcome, FacilityActionKind


class ReviewState(StrEnum):
    """State of a review."""

    DONE = "done"  # each line is decided on, and acted on where something changes
    REFUSED = "refused"  # the bureau gives no report; the person's next alert asks again
    FAILED = "failed"  # a report fails, or a line has no decision or action; a start tries again
    PREVIEW = "preview"  # a dry run: nothing was sent


@dataclass(frozen=True, slots=True, kw_only=True)
class LineReview:
    """The review of one line.

    Attributes:
        outcome: Outcome of the decision; None if the policy does not decide.
        reasons: Codes of the decision's principal reasons.
        action: Facility action; None for a line that stays as it is.
        limit: New limit in minor units; None for none.
        inputs: The inputs beside the report, which an auditor needs to decide again.
        decision_leaf: Leaf index of the recorded decision; None if none is recorded.
        submission_id: Submission of the facility action; empty without one.
        problem: The reason that the line is not decided or not acted on; empty otherwise.
    """

    account_ref: str
    tradeline_id: str = ""
    outcome: DecisionOutcome | None = None
    reasons: tuple[str, ...] = ()
    action: FacilityActionKind | None = None
    limit: int | None = None
    review_by_date: date | None = None
    inputs: Mapping[str, bool | int | float | str | None] = field(default_factory=dict)
    decision_leaf: int | None = None
    submission_id: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """The review that an alert caused.

    Attributes:
        inquiry_id: Request id of the inquiry whose report the decisions rest on; empty without
            a report.
        problem: The reason of the refusal; empty otherwise.
    """

    alert_id: str
    kind: AlertKind
    subject_id: str
    state: ReviewState
    inquiry_id: str = ""
    problem: str = ""
    lines: tuple[LineReview, ...] = ()

    @classmethod
    def of(
        cls,
        alert: Alert,
        state: ReviewState,
        lines: tuple[LineReview, ...] = (),
        *,
        inquiry_id: str = "",
        problem: str = "",
    ) -> Review:
        """Return the review of an alert."""
        return cls(
            alert_id=alert.alert_id,
            kind=alert.kind,
            subject_id=alert.subject_id,
            state=state,
            inquiry_id=inquiry_id,
            problem=problem,
            lines=lines,
        )


def line_review(
    plan: LinePlan,
    *,
    decision_leaf: int | None = None,
    submission_id: str = "",
    problem: str = "",
) -> LineReview:
    """Return the review of a line, from its plan and what was sent."""
    decision, action = plan.decision, plan.action
    if decision is None:
        return LineReview(account_ref=plan.account_ref, problem=plan.problem)
    return LineReview(
        account_ref=plan.account_ref,
        tradeline_id=decision.tradeline_id,
        outcome=decision.outcome,
        reasons=tuple(reason.code for reason in decision.reasons),
        action=action.kind if action else None,
        limit=action.credit_limit_minor if action else None,
        review_by_date=action.review_by_date if action else None,
        inputs=plan.facts,
        decision_leaf=decision_leaf,
        submission_id=submission_id,
        problem=problem,
    )
