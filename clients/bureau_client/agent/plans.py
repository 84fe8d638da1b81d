"""Plans: the decision on each line of a person, and the facility action that follows. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from bureau_client.agent.actions import ActionTerms, action_for
from bureau_client.models.decisions import Decision
from bureau_client.models.lines import Line
from bureau_client.models.records import FacilityAction
from bureau_client.models.reports import Report
from bureau_client.protocols import DecisionPolicy
from bureau_client.risk.documents import Problem
from bureau_client.risk.engine import EngineError
from bureau_client.risk.inputs import InputError, inputs_document


@dataclass(frozen=True, slots=True)
class LinePlan:
    """The plan for one line.

    Attributes:
        inputs: The document of the inputs beside the report; an auditor needs it to decide again.
        decision: The decision; None if the policy does not decide.
        action: The facility action; None for a line that stays as it is.
        problem: The reason that the policy does not decide; empty with a decision.
    """

    account_ref: str
    inputs: bytes = b"{}"
    decision: Decision | None = None
    action: FacilityAction | None = None
    problem: str = ""

    @property
    def facts(self) -> dict[str, bool | int | float | str | None]:
        """The inputs beside the report, by name of field."""
        fields: dict[str, bool | int | float | str | None] = json.loads(self.inputs)
        return fields


@dataclass(frozen=True, slots=True)
class LinePlanner:
    """Makes plans for the lines of a member under one policy.

    Attributes:
        policy: An active policy for existing lines.
        terms: Terms of the facility actions.
        member_id: The member whose lines are reviewed.
    """

    policy: DecisionPolicy
    terms: ActionTerms
    member_id: str

    def plans(self, report: Report, lines: Iterable[Line], now: datetime) -> Iterator[LinePlan]:
        """Decide on each line of a person; a line that cannot be decided on stops no other.

        Args:
            report: The verified report on the person.
            lines: The person's lines.
            now: Time of the facility actions.
        """
        for line in lines:
            try:
                yield self._plan(report, line, now)
            except (InputError, EngineError) as error:
                yield LinePlan(line.account_ref, problem=str(error))

    def _plan(self, report: Report, line: Line, now: datetime) -> LinePlan:
        inputs = inputs_document(line.applicant, self._tradeline_id(report, line))
        decision = self.policy.decide(report, inputs)
        action = action_for(decision, line.account_ref, report, self.terms, now)
        return LinePlan(line.account_ref, inputs, decision, action)

    def _tradeline_id(self, report: Report, line: Line) -> str:
        """Return the id of a line, by default of the member's only open line in the report.

        Raises:
            InputError: The report has none of this member, or several, or the line is not one of
                this member's.
        """
        own = [each for each in report.tradelines if each.member_id == self.member_id]
        if line.tradeline_id:
            candidates = [each for each in own if each.tradeline_id == line.tradeline_id]
        else:
            candidates = [
                each for each in own if each.close_date is None and each.sold_month is None
            ]
        if len(candidates) != 1:
            message = (
                f"{len(candidates)} open lines of {self.member_id} are in the report: name one"
            )
            if line.tradeline_id:
                message = f"{line.tradeline_id} is not a line of {self.member_id} in the report"
            raise InputError([Problem("tradeline_id", message)])
        return candidates[0].tradeline_id
