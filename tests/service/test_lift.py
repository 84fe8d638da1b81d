"""The reports of the lift: read from a real bureau every few months, and scored over time."""

from __future__ import annotations

from bureau_client.risk.scorecard import reference_scorecards
from tests.lift.measure import Plan, read_reports, results_of

PLAN = Plan(people=6, seed=3, later=6)


def test_current_accounts_are_scored_at_opening_and_later() -> None:
    steps: list[str] = []
    reports = read_reports(PLAN, steps.append)
    assert steps[0].startswith("6 people, 12 months")
    assert len(reports) == 6 * 3  # at the ends of months 3 and 6, and after the last month
    assert len({report.subject_id for report in reports}) == 6
    results = results_of(PLAN, reports, reference_scorecards()["reference-us"])
    assert results["refusals"] == 0
    # Month 3 is the score at opening, month 6 that of now; of the last reports no outcome is known.
    assert results["rows"] == results["accounts"] > 0
