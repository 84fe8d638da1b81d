"""The panel of the reference scorecard: read from a real bureau, month by month."""

from __future__ import annotations

import polars as pl

from tests.scorecard.candidates import CANDIDATES
from tests.scorecard.panel import EVENT, FIRST, Plan, read_panel

PLAN = Plan(people=6, seed=3, training=(2,), later=3)


def test_features_are_of_their_month_and_outcomes_are_known() -> None:
    steps: list[str] = []
    rows = read_panel(PLAN, steps.append)
    assert steps[0].startswith("6 people, 15 months")
    assert {*rows["reading"]} == {2, 3}
    assert rows["outcome"].dtype == pl.Boolean
    assert rows["outcome"].null_count() == 0
    assert {candidate.key for candidate in CANDIDATES} <= {*rows.columns}
    for row in rows.to_dicts():
        read = FIRST + (row["reading"] - 1)
        assert (row["report_time"].year, row["report_time"].month) == (read.year, read.month)
        last = read + EVENT.months
        assert (row["outcome_until"].year, row["outcome_until"].month) == (last.year, last.month)
        assert row["months_since_report"] in {0, None}
        assert row["birth_year"] > 1900
    assert rows.select("reading", "person").is_unique().all()
