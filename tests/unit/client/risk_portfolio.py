"""A small portfolio, whose decisions under two policies and whose outcomes are worked by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import pyarrow as pa

from bureau_client import Report
from bureau_client.models.codes import FlagKind
from bureau_client.models.reports import Flag
from bureau_client.risk.activation import activate
from bureau_client.risk.active_policy import ActivePolicy
from bureau_client.risk.declarations import KEY
from bureau_client.risk.outcomes import LOSS, OUTCOME
from tests.unit.client.risk_values import GOOD, document, policy_of, report_of, rule_of

JANUARY, FEBRUARY = datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 2, 15, tzinfo=UTC)
APPLICANT = {"monthly_income": 500_000, "requested_limit": 400_000}


@cache
def challenger() -> ActivePolicy:
    """cards-US, which declines from two late months on instead of three, and from ten inquiries
    on instead of seven.
    """
    changed = document("cards-US") | {"version": "2"}
    rule_of(changed, "late")["outcome_late_months"] = ">= 2"
    rule_of(changed, "inquiries")["outcome_inquiries"] = "> 9"
    (many,) = [case for case in changed["golden"] if case["name"] == "many inquiries"]
    many["inputs"]["inquiries"] = 10
    return activate(policy_of(changed))


@dataclass(frozen=True)
class Case:
    """A report of one person with its outcome.

    Attributes:
        figures: Attributes that differ from GOOD.
    """

    name: str
    bad: bool | None
    figures: Mapping[str, float] = field(default_factory=dict)
    time: datetime = JANUARY
    facts: Mapping[str, Any] = field(default_factory=lambda: APPLICANT)
    values: Mapping[str, Any] = field(default_factory=dict)
    exposure: int | None = None
    lost: float | None = None

    @property
    def subject_id(self) -> str:
        return self.name * 32

    def report(self, number: int) -> Report:
        return report_of(
            GOOD | dict(self.figures),
            request_id=f"report-{self.name}",
            subject_id=self.subject_id,
            issue_time=self.time,
            log_size=100 + number,
            **self.values,
        )


LATE, ASKED = {"months_30_plus_24m": 2.0}, {"inquiries_6m": 8.0}
ALERT = {"flags": (Flag(FlagKind.FRAUD_ALERT, (), {}),)}
CASES = (
    Case("a", bad=False),
    # The challenger declines, the champion does not.
    Case("b", bad=True, figures=LATE, exposure=300_000),
    Case("c", bad=False, figures=LATE, time=FEBRUARY),
    # The other way round. The exposure is more than the limit of 400,000.
    Case("d", bad=True, figures=ASKED, exposure=500_000, lost=0.25),
    Case("e", bad=False, figures=ASKED, time=FEBRUARY),
    Case("f", bad=None, figures=ASKED, time=FEBRUARY),
    # Both decline; both approve at the whole limit; a person at the lender decides.
    Case("9", bad=True, figures={"tradelines_ever_lost": 1.0}),
    Case("8", bad=True, time=FEBRUARY),
    Case("7", bad=False, values=ALERT),
    # Neither decides without an income.
    Case("6", bad=True, facts={"requested_limit": 400_000}),
    # Both offer a limit of 100,000.
    Case("5", bad=True, figures={"oldest_account_age": 5.0}, exposure=150_000),
)


def reports(cases: Sequence[Case] = CASES) -> list[Report]:
    return [case.report(number) for number, case in enumerate(cases)]


def inputs(cases: Sequence[Case] = CASES) -> pa.Table:
    return pa.Table.from_pylist([{"subject_id": case.subject_id, **case.facts} for case in cases])


def outcomes(cases: Sequence[Case] = CASES, **changes: Any) -> pa.Table:
    """The outcomes of reports, a year later."""
    rows = [
        {
            "report_id": f"report-{case.name}",
            "subject_id": case.subject_id,
            "report_time": case.time,
            "log_size": 100 + number,
            "outcome_from": date(2026, 3, 1),
            "outcome_until": date(2027, 2, 1),
            "outcome_time": None if case.bad is None else datetime(2027, 3, 1, tzinfo=UTC),
            "outcome_log_size": None,
            "outcome": case.bad,
            "exposure_minor": case.exposure,
            "currency": None,
            "loss_given_default": case.lost,
        }
        | changes
        for number, case in enumerate(cases)
    ]
    schema = pa.schema([pa.field(c.name, c.kind.type) for c in (*KEY, *OUTCOME, *LOSS)])
    return pa.Table.from_pylist(rows, schema=schema)
