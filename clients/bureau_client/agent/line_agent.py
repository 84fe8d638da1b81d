"""The line agent: from an alert to decisions on the person's lines, and to what follows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from bureau_client._operations.many import concerns_everyone
from bureau_client._operations.operation import Clock, utc_now
from bureau_client.agent.actions import ActionTerms
from bureau_client.agent.plans import LinePlan, LinePlanner
from bureau_client.agent.reviews import LineReview, Review, ReviewState, line_review
from bureau_client.agent.state import AgentState
from bureau_client.errors import (
    BureauError,
    InvalidRequest,
    NotFound,
    NotWitnessed,
    PermissionDenied,
)
from bureau_client.models.alerts import Alert
from bureau_client.models.codes import Purpose
from bureau_client.models.lines import Line, Lines
from bureau_client.models.many import Inquiry
from bureau_client.models.receipts import Receipt
from bureau_client.models.reports import Report
from bureau_client.protocols import DecisionPolicy
from bureau_client.sync.lender import Lender

# Errors of an inquiry that the bureau would refuse again: another one would only add a denial
# to the log, so that the agent waits for the person's next alert.
REFUSALS = (InvalidRequest, NotFound, PermissionDenied)


class LineAgent:
    """Reviews the existing lines of the people whom a lender monitors, alert by alert.

    One alert is in work at a time, and the state file has everything before it is sent: an agent
    that is killed and started again makes one inquiry, one decision and one action of each alert.

    Example:
        with LineAgent(lender, policy, lines, "agent.sqlite", terms) as agent:
            for review in agent.run(lender.alerts()):
                print(review)
    """

    def __init__(
        self,
        lender: Lender,
        policy: DecisionPolicy,
        lines: Lines,
        state_file: str | Path,
        terms: ActionTerms,
        *,
        clock: Clock = utc_now,
    ) -> None:
        """Prepare an agent; entering it locks the state file.

        Args:
            lender: The client of the member whose lines are reviewed.
            policy: An active policy for existing lines.
            lines: Returns the lines of a person: of a file, or of the lender's own system.
            state_file: File that keeps the alerts in work; created if it is missing.
            terms: Terms of the facility actions.
            clock: Source of the time of facility actions.
        """
        self._lender = lender
        self._lines = lines
        self._clock = clock
        self._planner = LinePlanner(policy, terms, lender.member_id)
        self._state = AgentState(state_file, lender.member_id, lender.origin)

    def __enter__(self) -> Self:
        """Lock and open the state file.

        Raises:
            Conflict: Another agent has the file open.
            InvalidRequest: The file is no state file, or another member's.
        """
        self._state.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._state.__exit__(kind, error, traceback)

    def run(self, alerts: Iterable[Alert]) -> Iterator[Review]:
        """Review each alert as it comes, after those that an earlier run left open or failed.

        Yields:
            The review of each alert that is acted on; none for an alert about a person without
            a line, or that an earlier report covers.

        Raises:
            BureauError: The bureau cannot be reached, or refuses this member; another run
                continues.
        """
        self._state.prune(self._clock())
        for alert in self._state.unfinished():
            if review := self._review(alert):
                yield review
        for alert in alerts:
            if review := self.handle(alert):
                yield review

    def handle(self, alert: Alert) -> Review | None:
        """Act on an alert, once however often it is handled, and acknowledge it.

        Returns:
            The review; None for an alert that is not acted on, as in `run`.

        Raises:
            BureauError: As in `run`.
        """
        review = self._review(alert)
        # 7. Acknowledge the alert: the stream of the next run starts after it.
        self._lender.acknowledge(alert.cursor)
        self._state.prune(self._clock())
        return review

    def _review(self, alert: Alert) -> Review | None:
        # 1. Read the person's lines. A report that has the cause of the alert answers it.
        lines, plans = self._lines(alert.subject_id), self._state.plans(alert)
        if self._state.answers(alert) or not (lines or plans):
            self._state.finish(alert, self._clock())
            return None
        self._state.begin(alert, self._clock())
        if lines and (not plans or any(plan.decision is None for plan in plans)):
            # 2. Query one report; the signed inquiry is in the state before it is sent.
            try:
                report = self._query(alert, lines)
            except BureauError as error:
                if concerns_everyone(error):
                    raise
                if not plans:
                    return self._without_report(alert, error)
            else:
                # 3. Decide on each line; decisions and actions are in the state before they are
                # sent.
                self._decide(alert, report, lines)
                plans = self._state.plans(alert)
        # 4. Record the decisions, so that no line is frozen without one;
        # 5. submit the actions that follow.
        reviews = tuple(self._carry_out(alert, plan) for plan in plans)
        # 6. Mark the alert as done; a failed one is tried again for a day, with each start.
        failed = any(line.problem for line in reviews)
        if failed:
            self._state.fail(alert)
        else:
            self._state.finish(alert, self._clock())
        decided = (plan.decision.inquiry_id for plan in plans if plan.decision)
        return Review.of(
            alert,
            ReviewState.FAILED if failed else ReviewState.DONE,
            reviews,
            inquiry_id=next(decided, ""),
        )

    def _query(self, alert: Alert, lines: Iterable[Line]) -> Report:
        """Return the report on a person, the same one if the inquiry was sent before."""
        inquiry = Inquiry(
            subject_id=alert.subject_id,
            purpose=Purpose.ACCOUNT_REVIEW,
            consent_id=next(iter(lines)).consent_id,
            reference=alert.alert_id,
        )
        (outcome,) = self._lender.query_many([inquiry], journal=self._state, concurrency=1)
        return outcome.answer

    def _without_report(self, alert: Alert, error: BureauError) -> Review:
        """Finish an alert whose report is refused, or for now fails."""
        refused = isinstance(error, REFUSALS)
        if refused:
            self._state.finish(alert, self._clock())
        else:
            self._state.fail(alert)
        state = ReviewState.REFUSED if refused else ReviewState.FAILED
        return Review.of(alert, state, problem=str(error))

    def _decide(self, alert: Alert, report: Report, lines: Iterable[Line]) -> None:
        plans = self._planner.plans(report, lines, self._clock())
        self._state.keep(alert, report.log_size, plans)

    def _carry_out(self, alert: Alert, plan: LinePlan) -> LineReview:
        """Record the decision on a line and submit its action; both take effect once."""
        if plan.decision is None:
            return line_review(plan)
        decision_leaf, submission_id = None, ""
        try:
            decision_leaf = self._record(alert, plan).leaf_index
            submission_id = self._act(alert, plan)
        except BureauError as error:
            if concerns_everyone(error) or isinstance(error, NotWitnessed):
                raise
            return line_review(plan, decision_leaf=decision_leaf, problem=str(error))
        return line_review(plan, decision_leaf=decision_leaf, submission_id=submission_id)

    def _record(self, alert: Alert, plan: LinePlan) -> Receipt:
        assert plan.decision is not None, "only a line with a decision is carried out"
        return self._lender.record_decision(plan.decision, idempotency_key=_key(alert, plan))

    def _act(self, alert: Alert, plan: LinePlan) -> str:
        if plan.action is None:
            return ""
        result = self._lender.submit([plan.action], idempotency_key=_key(alert, plan))
        (submission,) = result.submissions
        self._state.acted(alert, plan.account_ref, submission.leaf_index)
        return submission.submission_id


def _key(alert: Alert, plan: LinePlan) -> str:
    """Return the idempotency key of what an alert causes on one line."""
    return f"agent/{alert.alert_id}/{plan.account_ref}"
