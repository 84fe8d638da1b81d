"""The page of an assessment: the lift of a score of now, accounts to watch, scores over time."""

from __future__ import annotations

from collections.abc import Sequence

from bureau_client.risk import charts, html_page
from bureau_client.risk.assessment import Assessments, MonthOfAssessments, Movement
from bureau_client.risk.early_warning import Comparison, EarlyWarning
from bureau_client.risk.html_page import Html
from bureau_client.risk.models import Model
from bureau_client.risk.validation import Interval

# Accounts that the page lists; the JSON output has all.
MOST_LISTED = 20
SCORES = ("Score at opening", "Score of now")


def assessment_html(model: Model, assessed: Assessments, warning: EarlyWarning) -> str:
    """Write an assessment as one HTML page that loads and runs nothing."""
    known = warning.known
    bad = sum(account.bad is True for account in known)
    persons = len({each.subject_id for each in assessed.assessments})
    lead = (
        f"{len(assessed.assessments):,} reports on {persons:,} persons by {model.name} "
        f"{model.version}; of {len(known):,} accounts that were current, {bad:,} became "
        f"{warning.event.days} days late within {warning.event.months} months."
    )
    return html_page.page(
        f"Early warning by {model.name} {model.version}",
        lead,
        _lift(warning),
        _watched(warning),
        _months(assessed.months),
        _refused(assessed, warning),
    )


def comparison_rows(comparisons: Sequence[Comparison]) -> list[dict[str, str]]:
    """Return the figures of both scores as rows of a table."""
    return [
        {
            "figure": each.name,
            "at_opening": figure_text(each.at_opening),
            "now": figure_text(each.now),
            "difference": figure_text(each.difference),
        }
        for each in comparisons
    ]


def timeline_rows(assessed: Assessments) -> list[dict[str, str]]:
    """Return scores and decisions over time as rows of a table, with what moved them."""
    return [
        {
            "report_time": each.report_time.isoformat(),
            "probability": f"{each.probability:.4f}",
            "change": "" if each.change is None else f"{each.change:+.4f}",
            "decision": ", ".join(map(str, each.decisions.values())),
            "moved_by": "; ".join(map(movement_text, each.movements)),
        }
        for each in assessed.assessments
    ]


def figure_text(interval: Interval) -> str:
    """Write a figure with its interval."""
    return f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})"


def movement_text(movement: Movement) -> str:
    """Write a change of an attribute and its effect: `utilisation 0.2 to 0.9 (+0.031)`."""
    before, after = (
        "missing" if value is None else f"{value:g}" for value in (movement.before, movement.after)
    )
    return f"{movement.key} {before} to {after} ({movement.effect:+.3f})"


def _lift(warning: EarlyWarning) -> Html:
    if not warning.comparisons:
        return html_page.section(
            "The score of now against the score at opening",
            html_page.paragraph("The known outcomes are all alike: no figure is defined."),
        )
    rows = [list(row.values()) for row in comparison_rows(warning.comparisons)]
    drawn = [each for each in warning.comparisons if each.name in {"AUC", "KS"}]
    chart = charts.bar_chart(
        "AUC and KS of both scores",
        [each.name for each in drawn],
        [_bars(name, intervals) for name, intervals in _by_score(drawn).items()],
        x_label="",
        y_label="Figure",
    )
    return html_page.section(
        "The score of now against the score at opening",
        html_page.table(["", *SCORES, "Difference"], rows),
        html_page.figure(chart, "Both scores on the same accounts, with intervals by person."),
    )


def _by_score(comparisons: Sequence[Comparison]) -> dict[str, list[Interval]]:
    return dict(
        zip(
            SCORES,
            ([each.at_opening for each in comparisons], [each.now for each in comparisons]),
            strict=True,
        )
    )


def _bars(name: str, intervals: Sequence[Interval]) -> charts.Bars:
    return charts.Bars(
        name,
        [each.value for each in intervals],
        [each.low for each in intervals],
        [each.high for each in intervals],
    )


def _watched(warning: EarlyWarning) -> Html:
    rows = [
        [
            account.tradeline_id,
            f"{account.report_time:%Y-%m-%d}",
            f"{account.at_opening:.3f}",
            f"{account.now:.3f}",
        ]
        for account in warning.watched[:MOST_LISTED]
    ]
    return html_page.section(
        "Accounts to watch",
        html_page.paragraph(
            f"{len(warning.watched):,} accounts are current and have no outcome yet; those with "
            "the highest probability come first."
        ),
        html_page.table(["Tradeline", "Report", *SCORES], rows, SCORES),
    )


def _months(months: Sequence[MonthOfAssessments]) -> Html:
    outcomes = list(dict.fromkeys(outcome for each in months for outcome in each.outcomes))
    rows = [
        [
            str(each.month),
            f"{each.count:,}",
            f"{each.mean:.3f}",
            *(f"{each.outcomes.get(outcome, 0):,}" for outcome in outcomes),
        ]
        for each in months
    ]
    columns = ["Month", "Reports", "Mean probability", *map(str, outcomes)]
    return html_page.section(
        "Over time",
        *([_month_chart(months)] if len(months) > 1 else ()),
        html_page.table(columns, rows, columns[1:]),
    )


def _month_chart(months: Sequence[MonthOfAssessments]) -> Html:
    name = "Mean probability"
    line = charts.Line(name, [str(each.month) for each in months], [each.mean for each in months])
    chart = charts.line_chart(name, [line], x_label="Month", y_label=name, percent="y")
    return html_page.figure(chart, "Mean probability of the bad outcome by month of the report.")


def _refused(assessed: Assessments, warning: EarlyWarning) -> Html:
    refusals = dict.fromkeys([*assessed.refusals, *warning.refusals])
    rows = [
        [refusal.policy, refusal.report_id, refusal.problem]
        for refusal in list(refusals)[:MOST_LISTED]
    ]
    return html_page.section(
        "Refused scores and decisions",
        html_page.paragraph(f"{len(refusals):,} scores and decisions were refused."),
        html_page.table(["By", "Report", "Problem"], rows),
    )
