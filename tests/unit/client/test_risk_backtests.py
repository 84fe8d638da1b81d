"""Champion against challenger on a portfolio whose figures are worked by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from bureau_client import Month
from bureau_client.models.codes import DecisionOutcome
from bureau_client.risk.backtest import Backtest, backtest
from bureau_client.risk.backtest_figures import (
    BacktestFigures,
    Draws,
    Group,
    backtest_figures,
)
from bureau_client.risk.backtest_page import backtest_html, figure_rows
from bureau_client.risk.training import LeakError
from tests.unit.client.risk_portfolio import (
    APPLICANT,
    CASES,
    FEBRUARY,
    JANUARY,
    Case,
    challenger,
    inputs,
    outcomes,
    reports,
)
from tests.unit.client.risk_values import LINE, OTHER_LINE, active, report_of, tradeline
from tests.unit.client.test_risk_charts import Reader

DRAWS = Draws(seed=1, count=200)


@cache
def of_both() -> Backtest:
    return backtest(
        active("cards-US"),
        challenger(),
        reports(),
        inputs=inputs(),
        outcomes=outcomes(),
        loss_given_default=0.5,
    )


@cache
def counted() -> BacktestFigures:
    return backtest_figures(of_both(), DRAWS)


def counts(group: Group) -> tuple[int, int, int]:
    return group.count, group.known, group.bad


def test_both_decide_on_every_report_that_has_its_inputs() -> None:
    decided = {
        pair.report_id[-1]: (pair.champion.outcome.name, pair.challenger.outcome.name)
        for pair in of_both().pairs
    }
    assert decided == {
        "a": ("APPROVE", "APPROVE"),
        "b": ("APPROVE", "DECLINE"),
        "c": ("APPROVE", "DECLINE"),
        "d": ("DECLINE", "APPROVE"),
        "e": ("DECLINE", "APPROVE"),
        "f": ("DECLINE", "APPROVE"),
        "9": ("DECLINE", "DECLINE"),
        "8": ("APPROVE", "APPROVE"),
        "7": ("REFER", "REFER"),
        "5": ("COUNTER_OFFER", "COUNTER_OFFER"),
    }
    assert of_both().reports == len(CASES) == 11


def test_a_decision_that_is_refused_is_named_and_stops_no_other() -> None:
    refused = of_both().refusals
    assert [(each.policy, each.report_id) for each in refused] == [
        ("champion", "report-6"),
        ("challenger", "report-6"),
    ]
    assert refused[0].problem.startswith("input 'monthly_income': applicant")
    assert list(counted().refused.values()) == [1, 1]


def test_rates_of_both_are_those_by_hand() -> None:
    figures = counted()
    one, other = figures.champion, figures.challenger
    assert (figures.decided, figures.persons, figures.known) == (10, 10, 9)
    assert one.approval_rate is not None
    assert other.approval_rate is not None
    assert (one.approval_rate.value, other.approval_rate.value) == (0.5, 0.6)
    # a b c 8 5; a d e f 8 5, of which f has no outcome yet.
    assert counts(one.granted) == (5, 5, 3)
    assert counts(other.granted) == (6, 5, 3)
    assert one.granted.bad_rate is not None
    assert one.granted.bad_rate.value == 0.6
    assert one.granted.bad_rate.low <= 0.6 <= one.granted.bad_rate.high
    difference = figures.difference
    assert difference.approval_rate is not None
    assert difference.bad_rate is not None
    assert difference.approval_rate.value == pytest.approx(0.1)
    assert difference.bad_rate.value == 0
    assert one.outcomes == {
        DecisionOutcome.APPROVE: 4,
        DecisionOutcome.DECLINE: 4,
        DecisionOutcome.REFER: 1,
        DecisionOutcome.COUNTER_OFFER: 1,
    }
    assert one.reasons == {
        "regb.inquiries": 3,
        "regb.collection_or_judgment": 1,
        "regb.limited_experience": 1,
    }


def test_swap_sets_are_those_by_hand() -> None:
    figures = counted()
    assert counts(figures.swap_in.group) == (3, 2, 1)  # d e f
    assert counts(figures.swap_out.group) == (2, 2, 1)  # b c
    assert figures.swap_in.expected_loss_minor == {"USD": 100_000}
    assert figures.swap_out.expected_loss_minor == {"USD": 150_000}
    both = {(cell.champion.name, cell.challenger.name): cell.group for cell in figures.cells}
    assert counts(both["DECLINE", "APPROVE"]) == (3, 2, 1)
    assert counts(both["DECLINE", "DECLINE"]) == (1, 1, 1)
    assert sum(group.count for group in both.values()) == 10


def test_expected_losses_are_of_the_exposure_up_to_the_limit() -> None:
    figures = counted()
    # b 300,000; 8 its limit of 400,000; 5 its offer of 100,000, not its exposure of 150,000.
    assert figures.champion.expected_loss_minor["USD"].value == 400_000
    # d 400,000 of 500,000 at a quarter; 8; 5.
    assert figures.challenger.expected_loss_minor["USD"].value == 350_000
    assert figures.difference.expected_loss_minor["USD"].value == -50_000
    assert figures.champion.unpriced == figures.challenger.unpriced == 0


def test_bad_approvals_without_a_share_that_is_lost_are_counted_apart() -> None:
    some = backtest(
        active("cards-US"), challenger(), reports(), inputs=inputs(), outcomes=outcomes()
    )
    figures = backtest_figures(some, DRAWS)
    assert (figures.champion.unpriced, figures.challenger.unpriced) == (3, 2)
    assert figures.challenger.expected_loss_minor["USD"].value == 100_000  # d


def test_months_are_those_of_the_reports() -> None:
    january, february = counted().months
    assert (january.month, january.count) == (Month(2026, 1), 6)
    assert (february.month, february.count) == (Month(2026, 2), 4)
    assert counts(january.champion) == (3, 3, 2)  # a b 5
    assert counts(february.challenger) == (3, 2, 1)  # e f 8
    assert february.champion_approvals is not None
    assert february.champion_approvals.value == 0.5
    assert (counted().start, counted().end) == (JANUARY, FEBRUARY)


def test_roles_that_are_exchanged_give_the_same_figures_the_other_way_round() -> None:
    turned = backtest_figures(
        backtest(
            challenger(),
            active("cards-US"),
            reports(),
            inputs=inputs(),
            outcomes=outcomes(),
            loss_given_default=0.5,
        ),
        DRAWS,
    )
    assert turned.champion == counted().challenger
    assert turned.swap_in == counted().swap_out
    assert turned.difference.expected_loss_minor["USD"].value == 50_000


def test_a_policy_against_itself_swaps_nobody() -> None:
    champion = active("cards-US")
    same = backtest_figures(
        backtest(champion, champion, reports(), inputs=inputs(), outcomes=outcomes()), DRAWS
    )
    assert same.champion == same.challenger
    assert (same.swap_in.group.count, same.swap_out.group.count) == (0, 0)
    assert same.difference.bad_rate is not None
    assert same.difference.bad_rate.low == same.difference.bad_rate.high == 0


def test_reports_of_one_person_are_resampled_together() -> None:
    """A person whose reports all agree adds no more certainty than one report."""
    cases = (Case("a", bad=False), Case("b", bad=True))
    once = reports(cases)
    often = [
        replace(report, request_id=f"{report.request_id}-{number}")
        for number in range(20)
        for report in once
    ]
    rows = [
        {**row, "report_id": f"{row['report_id']}-{number}"}
        for number in range(20)
        for row in outcomes(cases).to_pylist()
    ]
    known = pa.Table.from_pylist(rows, schema=outcomes(cases).schema)
    rates = [
        backtest_figures(
            backtest(
                active("cards-US"), challenger(), some, inputs=inputs(cases), outcomes=outcome
            ),
            DRAWS,
        ).champion.granted.bad_rate
        for some, outcome in ((once, outcomes(cases)), (often, known))
    ]
    assert rates[0] == rates[1]


def test_a_simulation_needs_no_outcomes() -> None:
    figures = backtest_figures(
        backtest(active("cards-US"), challenger(), reports(), inputs=inputs()), DRAWS
    )
    assert figures.known == 0
    assert figures.champion.granted.bad_rate is None
    assert figures.difference.bad_rate is None
    assert figures.champion.expected_loss_minor == {}
    assert figures.swap_in.group.count == 3


@pytest.mark.parametrize("convert", [pl.DataFrame, lambda table: table.to_pandas()])
def test_tables_may_be_frames(convert: Any) -> None:
    frames = {"inputs": convert(inputs()), "outcomes": convert(outcomes())}
    assert isinstance(frames["inputs"], pl.DataFrame | pd.DataFrame)
    again = backtest(active("cards-US"), challenger(), reports(), **frames, loss_given_default=0.5)
    assert again.pairs == of_both().pairs


def test_an_outcome_that_is_not_later_than_its_report_is_refused() -> None:
    early = outcomes(outcome_time=datetime(2026, 1, 10, tzinfo=UTC))
    with pytest.raises(LeakError, match="report-a"):
        backtest(active("cards-US"), challenger(), reports(), inputs=inputs(), outcomes=early)


def test_a_report_that_comes_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="is the second of report report-a"):
        backtest(
            active("cards-US"),
            challenger(),
            [*reports(), reports()[0]],
            inputs=inputs(),
            outcomes=outcomes(),
        )


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"inputs": pa.table({"income": [1]})}, "neither report_id nor subject_id"),
        ({"loss_given_default": 1.5}, "loss_given_default 1.5 is not a share"),
        ({"outcomes": outcomes(exposure_minor=-1)}, "row 0 of the outcomes has the exposure"),
        ({"outcomes": outcomes(loss_given_default=2.0)}, "row 0 of the outcomes: loss_given"),
        ({"outcomes": outcomes().drop_columns("outcome")}, "lack the columns outcome"),
    ],
)
def test_tables_that_are_wrong_are_refused(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        backtest(active("cards-US"), challenger(), reports(), **arguments)


def test_policies_of_different_kinds_are_not_compared() -> None:
    with pytest.raises(ValueError, match="has the kind application, the challenger line"):
        backtest(active("cards-US"), active("card-lines-US"), [])


def test_a_policy_for_lines_decides_on_each_line() -> None:
    report = report_of(
        {"tradelines_ever_lost": 0.0, "months_30_plus_12m": 0.0},
        (tradeline(LINE, days_past_due=60), tradeline(OTHER_LINE)),
    )
    lines = pa.table({"report_id": [report.request_id] * 2, "tradeline_id": [LINE, OTHER_LINE]})
    policy = active("card-lines-US")
    both = backtest(policy, policy, [report], inputs=lines)
    assert [(pair.tradeline_id, pair.champion.outcome.name) for pair in both.pairs] == [
        (LINE, "FREEZE"),
        (OTHER_LINE, "KEEP"),
    ]
    assert [pair.champion.grants for pair in both.pairs] == [False, True]
    none = backtest(policy, policy, [report])
    assert [each.policy for each in none.refusals] == ["champion", "challenger"]


def test_the_page_has_every_figure_and_is_the_same_each_time() -> None:
    page = backtest_html(of_both(), counted())
    assert page == backtest_html(of_both(), backtest_figures(of_both(), DRAWS))
    read = Reader(page)
    assert read.tags.count("svg") == 3
    assert not {"script", "link", "img"} & set(read.tags)
    texts = "\n".join(read.texts)
    for text in (
        "Backtest: cards-us 2 against cards-us 1",
        "10 of 11 reports on 10 persons, from 2026-01-15 to 2026-02-15; the outcome of 9 is known.",
        "50.0 % → 60.0 %",
        "4,000.00 USD",
        "report-6",
        "input 'monthly_income': applicant 'monthly_income' is missing",
        "regb.inquiries",
        challenger().policy.digest.hex(),
    ):
        assert text in texts, text
    assert CASES[0].subject_id not in page, "no person is named"


def test_a_page_without_any_decision_says_so() -> None:
    nothing = backtest(active("cards-US"), challenger(), reports(), inputs=inputs(CASES[9:10]))
    figures = backtest_figures(nothing, DRAWS)
    assert (figures.decided, figures.champion.approval_rate) == (0, None)
    assert "both policies decided on none" in backtest_html(nothing, figures)
    assert figure_rows(figures)[2]["champion"] == "–"


def test_fields_that_only_the_challenger_reads_do_not_stop_the_champion() -> None:
    more = inputs().append_column("segment", pa.array(["x"] * len(CASES)))
    again = backtest(active("cards-US"), challenger(), reports(), inputs=more)
    assert len(again.pairs) == 10
    assert APPLICANT.keys() <= set(more.column_names)
