"""The page on scale says what the model makes of the measured costs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scale.costs import CallCost, Costs
from tests.scale.model import Bureau, Setting, head_limit
from tests.scale.nation import Demand, need
from tests.scale.tables import filled

CALL = CallCost(
    node_s=0.001,
    database_s=0.0005,
    unit_s=0.0004,
    head_fixed_s=0.002,
    head_unit_s=0.0001,
    stored_bytes=1000,
)


def test_the_page_is_what_the_model_says() -> None:
    page = Path("docs/scale.md").read_text("utf-8")
    assert filled(page, Costs.committed()) == page


def test_costs_are_read_as_they_are_written(tmp_path: Path) -> None:
    costs = Costs.committed()
    assert Costs.committed().toml() == costs.toml()


def test_a_page_without_a_table_s_place_is_told() -> None:
    with pytest.raises(ValueError, match="costs"):
        filled("no tables", Costs.committed())


def test_one_caller_waits_for_its_own_work_alone() -> None:
    outcome = Bureau(Setting(CALL, 1, 8, standby_s=0.001), 1).closed_loop(1, 5)
    alone = CALL.node_s + CALL.database_s + CALL.head_fixed_s + 0.001
    assert outcome.percentile_s(0.5) == pytest.approx(alone)
    assert outcome.batch == pytest.approx(1, rel=0.01)


@settings(max_examples=25)
@given(
    nodes=st.integers(1, 6),
    callers=st.integers(1, 60),
    fixed=st.floats(0.0005, 0.01),
    each=st.floats(0, 0.001),
)
def test_nothing_is_done_twice_or_faster_than_its_resources(
    nodes: int, callers: int, fixed: float, each: float
) -> None:
    cost = replace(CALL, head_fixed_s=fixed, head_unit_s=each)
    outcome = Bureau(Setting(cost, nodes, 4), 3).closed_loop(callers, 0.5)
    for busy in (outcome.head_busy, outcome.nodes_busy, outcome.database_busy):
        assert 0 <= busy <= 1.05  # what was begun in the last moment counts in full
    inside = cost.unit_s + cost.head_unit_s
    assert outcome.rate * max(cost.node_s, inside / 2) <= nodes * 1.05
    assert outcome.rate <= head_limit(cost) * 1.05
    assert all(latency >= inside for latency in outcome.latencies_s)
    again = Bureau(Setting(cost, nodes, 4), 3).closed_loop(callers, 0.5)
    assert again.latencies_s == outcome.latencies_s


def test_more_nodes_answer_more_until_the_head_row_is_always_held() -> None:
    slow = replace(CALL, head_fixed_s=0.004)
    rates = [Bureau(Setting(slow, n, 64), 5).closed_loop(8 * n, 3).rate for n in (1, 2, 4, 32)]
    assert rates[0] < rates[1] < rates[2]
    held = Bureau(Setting(slow, 32, 64), 5).closed_loop(8 * 32, 3)
    assert held.head_busy > 0.98


def test_a_part_of_the_demand_needs_a_part_of_the_cores() -> None:
    costs, whole = Costs.committed(), Demand()
    part = replace(whole, tradelines=whole.tradelines / 4, reports_day=whole.reports_day / 4)
    assert sum(need(part, costs).node_cores) == pytest.approx(
        sum(need(whole, costs).node_cores) / 4
    )
    assert need(part, costs).head_share == pytest.approx(need(whole, costs).head_share / 4)
