"""The report of a backtest: one HTML page with its plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan

from bureau_client.models.money import format_amount
from bureau_client.risk import charts, html_page
from bureau_client.risk.backtest import Backtest
from bureau_client.risk.backtest_figures import (
    BacktestFigures,
    Group,
    MonthFigures,
    PolicyFigures,
    SwapSet,
)
from bureau_client.risk.html_page import Html
from bureau_client.risk.validation import Interval

# Refused decisions and kinds of problems that the page lists; the JSON output has all.
MOST_LISTED = 20
NONE = "–"
SIDES = ("Champion", "Challenger")


def backtest_html(tested: Backtest, figures: BacktestFigures) -> str:
    """Write a backtest as one HTML page that loads and runs nothing."""
    one, other = figures.champion, figures.challenger
    parts = [
        html_page.tiles(_tiles(figures)),
        _figures(figures),
        _swap_sets(figures),
        _by_month(figures.months),
        _reasons(one, other),
        _decisions(figures),
        _refused(tested, figures),
        _method(figures),
    ]
    title = f"Backtest: {other.policy} against {one.policy}"
    return html_page.page(title, _lead(figures), *parts)


def percent(share: float) -> str:
    """Write a share in percent, with one decimal."""
    return f"{100 * share:.1f} %"


def rate_text(interval: Interval | None) -> str:
    """Write a rate and its interval; a dash for a rate that is not defined."""
    if interval is None:
        return NONE
    return f"{percent(interval.value)} ({100 * interval.low:.1f} to {100 * interval.high:.1f})"


def points_text(interval: Interval | None) -> str:
    """Write a difference of rates and its interval in percentage points."""
    if interval is None:
        return NONE
    ends = f"{100 * interval.low:+.1f} to {100 * interval.high:+.1f}"
    return f"{100 * interval.value:+.1f} points ({ends})"


def loss_text(losses: Mapping[str, Interval]) -> str:
    """Write expected losses and their intervals, one for each currency."""
    return "; ".join(
        f"{_money(round(each.value), currency)} "
        f"({_money(round(each.low), currency)} to {_money(round(each.high), currency)})"
        for currency, each in losses.items()
    )


def figure_rows(figures: BacktestFigures) -> list[dict[str, str]]:
    """Return the main figures of both policies, and their differences, as rows of a table."""
    one, other, difference = figures.champion, figures.challenger, figures.difference
    rows = [
        ("Policy", str(one.policy), str(other.policy), ""),
        ("Decisions", f"{figures.decided:,}", f"{figures.decided:,}", ""),
        (
            "Approval rate",
            rate_text(one.approval_rate),
            rate_text(other.approval_rate),
            points_text(difference.approval_rate),
        ),
        (
            "Bad rate of approvals",
            rate_text(one.granted.bad_rate),
            rate_text(other.granted.bad_rate),
            points_text(difference.bad_rate),
        ),
    ]
    if one.expected_loss_minor:
        losses = (one.expected_loss_minor, other.expected_loss_minor)
        texts = [loss_text(each) for each in (*losses, difference.expected_loss_minor)]
        rows.append(("Expected loss", texts[0], texts[1], texts[2]))
    if one.unpriced or other.unpriced:
        rows.append(
            ("Bad approvals without a loss", f"{one.unpriced:,}", f"{other.unpriced:,}", "")
        )
    names = ("figure", "champion", "challenger", "difference")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _lead(figures: BacktestFigures) -> str:
    if figures.start is None or figures.end is None:
        return f"{figures.reports:,} reports; both policies decided on none of them."
    return (
        f"{figures.decided:,} of {figures.reports:,} reports on {figures.persons:,} persons, from "
        f"{figures.start:%Y-%m-%d} to {figures.end:%Y-%m-%d}; the outcome of {figures.known:,} is "
        "known."
    )


def _tiles(figures: BacktestFigures) -> dict[str, str]:
    def arrow(values: Sequence[Interval | None]) -> str:
        return " → ".join(NONE if each is None else percent(each.value) for each in values)

    one, other = figures.champion, figures.challenger
    return {
        "approval rate": arrow([one.approval_rate, other.approval_rate]),
        "bad rate of approvals": arrow([one.granted.bad_rate, other.granted.bad_rate]),
        "approved by the challenger alone": f"{figures.swap_in.group.count:,}",
        "approved by the champion alone": f"{figures.swap_out.group.count:,}",
        "decisions refused": f"{sum(figures.refused.values()):,}",
    }


def _figures(figures: BacktestFigures) -> Html:
    rows = [list(row.values()) for row in figure_rows(figures)]
    return html_page.section(
        "Figures",
        html_page.table(["", *SIDES, "Difference"], rows),
        html_page.paragraph(
            f"In brackets: the interval of {100 * figures.draws.level:g} %, from "
            f"{figures.draws.count:,} resamples of persons with all of their reports."
        ),
    )


def _swap_sets(figures: BacktestFigures) -> Html:
    sets = {
        "Approved by the challenger, declined by the champion": figures.swap_in,
        "Approved by the champion, declined by the challenger": figures.swap_out,
    }
    rows = [[name, *_group_cells(each.group), _loss(each)] for name, each in sets.items()]
    groups = [figures.champion.granted, figures.challenger.granted]
    groups += [figures.swap_in.group, figures.swap_out.group]
    names = ["Champion's\napprovals", "Challenger's\napprovals", "Swapped in", "Swapped out"]
    bars = charts.Bars(
        "Bad rate",
        [_value(group.bad_rate) for group in groups],
        [_end(group.bad_rate, "low") for group in groups],
        [_end(group.bad_rate, "high") for group in groups],
    )
    chart = charts.bar_chart(
        "Bad rates of approvals and swap sets",
        names,
        [bars],
        x_label="",
        y_label="Bad rate",
        percent=True,
    )
    return html_page.section(
        "Swap sets",
        html_page.table(
            ["Set", "Reports", "Outcome known", "Bad", "Bad rate", "Expected loss"],
            rows,
            ["Reports", "Outcome known", "Bad"],
        ),
        html_page.figure(chart, "Bad rates with their intervals; no bar without a known outcome."),
    )


def _by_month(months: Sequence[MonthFigures]) -> Html:
    rows = [
        [
            str(each.month),
            f"{each.count:,}",
            *(rate_text(rate) for rate in (each.champion_approvals, each.challenger_approvals)),
            *(rate_text(rate) for rate in (each.champion.bad_rate, each.challenger.bad_rate)),
        ]
        for each in months
    ]
    columns = ["Month", "Reports"]
    columns += [f"{side}: {rate}" for rate in ("approved", "bad") for side in SIDES]
    plots = {
        "Approval rate": (
            [each.champion_approvals for each in months],
            [each.challenger_approvals for each in months],
        ),
        "Bad rate of approvals": (
            [each.champion.bad_rate for each in months],
            [each.challenger.bad_rate for each in months],
        ),
    }
    names = [str(each.month) for each in months]
    drawn = [
        html_page.figure(_month_chart(name, names, rates), f"{name} by month of the report.")
        for name, rates in plots.items()
        if len(months) > 1
    ]
    return html_page.section("By month", *drawn, html_page.table(columns, rows, ["Reports"]))


def _month_chart(
    name: str, months: Sequence[str], rates: Sequence[Sequence[Interval | None]]
) -> Html:
    lines = [
        charts.Line(
            side,
            months,
            [_value(each) for each in of_side],
            [_end(each, "low") for each in of_side],
            [_end(each, "high") for each in of_side],
        )
        for side, of_side in zip(SIDES, rates, strict=True)
    ]
    return charts.line_chart(name, lines, x_label="Month", y_label=name, percent="y")


def _reasons(one: PolicyFigures, other: PolicyFigures) -> Html:
    codes = dict.fromkeys([*one.reasons, *other.reasons])
    rows = [[code, *(f"{side.reasons.get(code, 0):,}" for side in (one, other))] for code in codes]
    return html_page.section(
        "First reasons of adverse decisions",
        html_page.table(["Reason", *SIDES], rows, SIDES),
    )


def _decisions(figures: BacktestFigures) -> Html:
    rows = [
        [str(cell.champion), str(cell.challenger), *_group_cells(cell.group)]
        for cell in figures.cells
    ]
    return html_page.section(
        "Decisions of both",
        html_page.table(
            [*SIDES, "Reports", "Outcome known", "Bad", "Bad rate"],
            rows,
            ["Reports", "Outcome known", "Bad"],
        ),
    )


def _refused(tested: Backtest, figures: BacktestFigures) -> Html:
    if not tested.refusals:
        return html_page.section(
            "Refused decisions", html_page.paragraph("Neither policy refused to decide.")
        )
    problems = list(figures.refused.items())
    listed = [
        [refusal.policy, refusal.report_id, refusal.tradeline_id or NONE]
        for refusal in tested.refusals[:MOST_LISTED]
    ]
    return html_page.section(
        "Refused decisions",
        html_page.paragraph(
            "A policy refuses to decide if its inputs are not complete. The report is in none of "
            "the figures."
        ),
        html_page.table(
            ["Policy and problem", "Decisions"],
            [[problem, f"{count:,}"] for problem, count in problems[:MOST_LISTED]],
            ["Decisions"],
        ),
        html_page.table(["Policy", "Report", "Line"], listed),
        *_more(len(problems) - MOST_LISTED, "kinds of problems"),
        *_more(len(tested.refusals) - MOST_LISTED, "refused decisions"),
    )


def _more(count: int, things: str) -> list[Html]:
    if count <= 0:
        return []
    return [html_page.paragraph(f"{count:,} more {things} are in the JSON output.")]


def _method(figures: BacktestFigures) -> Html:
    draws = figures.draws
    digests = [
        [side, str(each.policy), each.policy.digest.hex()]
        for side, each in zip(SIDES, (figures.champion, figures.challenger), strict=True)
    ]
    return html_page.section(
        "How these figures are made",
        html_page.paragraph(
            "Both policies decide on the same reports, each as of its own time and log size. An "
            "outcome is later than its report by both, or nothing is counted. Approvals are "
            "APPROVE and COUNTER_OFFER; for existing lines INCREASE, RESTORE, KEEP and REDUCE. "
            "A bad rate is over the reports with a known outcome. The expected loss of a bad "
            "approval is its exposure, at most the limit that the policy gives, times the share "
            "that is lost."
        ),
        html_page.paragraph(
            f"Intervals: {draws.count:,} draws, seed {draws.seed}; the same reports give the same "
            "page."
        ),
        html_page.table(["", "Policy", "SHA-256 of the policy"], digests),
    )


def _money(amount_minor: int, currency: str) -> str:
    return f"{format_amount(amount_minor, currency)} {currency}"


def _group_cells(group: Group) -> list[str]:
    counts = (group.count, group.known, group.bad)
    return [*(f"{count:,}" for count in counts), rate_text(group.bad_rate)]


def _loss(swapped: SwapSet) -> str:
    losses = swapped.expected_loss_minor.items()
    return "; ".join(_money(amount, currency) for currency, amount in losses) or NONE


def _value(interval: Interval | None) -> float:
    return nan if interval is None else interval.value


def _end(interval: Interval | None, end: str) -> float:
    bound: float = nan if interval is None else getattr(interval, end)
    return bound
