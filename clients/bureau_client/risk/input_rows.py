"""Rows of a lender's other inputs, and decisions on many reports that name those refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from bureau_client.models.decisions import Decision
from bureau_client.models.reports import Report
from bureau_client.risk.active_policy import ActivePolicy
from bureau_client.risk.engine import EngineError
from bureau_client.risk.inputs import TRADELINE_ID, InputError, inputs_document
from bureau_client.risk.policy import Scalar

REPORT_ID, SUBJECT_ID = "report_id", "subject_id"

Facts = Mapping[str, Scalar | None]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A decision that a policy refused, since its inputs are not complete.

    Attributes:
        policy: Name of the policy, for example `champion`.
        problem: The problems that the policy names.
    """

    report_id: str
    subject_id: str
    tradeline_id: str
    policy: str
    problem: str


class InputRows:
    """Rows of the lender's other inputs, by the report that they are for."""

    def __init__(self, table: Any) -> None:
        """Read the table; None for no inputs.

        Raises:
            ValueError: It has neither `report_id` nor `subject_id`.
        """
        self._rows: dict[tuple[str, ...], list[Facts]] = defaultdict(list)
        self._by: tuple[str, ...] = ()
        if table is None:
            return
        read = pa.table(table)
        self._by = tuple(name for name in (REPORT_ID, SUBJECT_ID) if name in read.column_names)
        if not self._by:
            raise ValueError("the inputs have neither report_id nor subject_id; add one of them")
        for row in read.to_pylist():
            key = tuple(row.pop(name) for name in self._by)
            self._rows[key].append(
                {name: value for name, value in row.items() if value is not None}
            )

    def of(self, report: Report) -> Sequence[Facts]:
        """Return the rows of a report; one without facts if there is none."""
        ids = {REPORT_ID: report.request_id, SUBJECT_ID: report.subject_id}
        return self._rows.get(tuple(ids[name] for name in self._by), [{}])


def decide_or_refuse(
    policy: ActivePolicy, name: str, report: Report, facts: Facts, refusals: list[Refusal]
) -> Decision | None:
    """Decide on a report; note the refusal and return None if the policy refuses to.

    Args:
        name: Name of the policy in the refusal.
        facts: Row of the inputs: the policy reads the fields that it declares.
        refusals: List to append the refusal to.
    """
    declared = {each.key for each in policy.policy.inputs if each.source == "applicant"}
    tradeline_id = str(facts.get(TRADELINE_ID, ""))
    applicant = {field: value for field, value in facts.items() if field in declared}
    try:
        return policy.decide(report, inputs_document(applicant, tradeline_id))
    except InputError as error:
        problem = "; ".join(map(str, error.problems))
    except EngineError as error:
        problem = str(error)
    refusals.append(Refusal(report.request_id, report.subject_id, tradeline_id, name, problem))
    return None
