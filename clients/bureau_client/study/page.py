"""A study as one page of HTML, with its plots."""

from __future__ import annotations

from collections.abc import Sequence

from bureau_client.risk.charts import Bars, Line, bar_chart, line_chart
from bureau_client.risk.html_page import Html, figure, page, paragraph, section, table, tiles
from bureau_client.risk.validation import Interval
from bureau_client.study.features import FEATURES
from bureau_client.study.figures import APPROVALS, FOLDS, LEVEL, MEASURES, Group, Measure
from bureau_client.study.run import SHARES, Study

OWN, SHARED = "own data", "with the bureau's reports"
# Measures that are shown as numbers; the others are shown in percent.
NUMBERS = ("auc", "ks")


def study_page(study: Study) -> str:
    """Write the page of a study."""
    population, comparison = study.population, study.comparison
    every = study.groups[0]
    lead = (
        f"{population.source}: the same model from a lender's own data and with the bureau's "
        f"reports under consent, on {every.applications:,} applications, {every.bads:,} of them bad"
    )
    return page(
        "The value of sharing",
        lead,
        tiles(_headline(every)),
        section(
            "How well the models divide good and bad",
            figure(_bars(study.groups, MEASURES[0]), _caption("AUC by group of applications")),
            figure(_bars(study.groups, MEASURES[1]), _caption("KS by group of applications")),
        ),
        section(
            "Decisions",
            figure(_curve(study), "Bad rate of those approved, by the share approved"),
            figure(
                _bars(study.groups, MEASURES[2]),
                _caption(f"Bad rate if {APPROVALS:.0%} are approved"),
            ),
            figure(
                _bars(study.groups, MEASURES[3]),
                _caption(
                    f"Share approved at the bad rate of own data at {APPROVALS:.0%} approvals"
                ),
            ),
        ),
        section("All figures", _figures(study.groups)),
        section(
            "Lenders",
            table(
                ("lender", "accounts"),
                [(name, f"{count:,}") for name, count in population.account_counts.items()],
                ("accounts",),
            ),
        ),
        section(
            "How it was measured",
            paragraph(
                f"All records were furnished to a real bureau, month by month from "
                f"{population.months[0]} to {population.months[-1]}, and each report was queried "
                f"under a consent of its own. {comparison.values:,} values of "
                f"{comparison.tradelines:,} tradelines in {comparison.reports:,} reports were "
                "compared with the furnished ones; none differs."
            ),
            paragraph(
                f"Bad means: {population.bad_means}. Both models are logistic regressions of the "
                "features below, trained on the same people and measured on others, in "
                f"{FOLDS} folds of people; own data are the lender's own lines of the same report. "
                f"Intervals are at {LEVEL:.0%}, from {study.draws} draws of people; the seed is "
                f"{study.seed}."
            ),
            table(
                ("feature", "meaning", "missing if"),
                [(one.name, one.text, one.missing or "never") for one in FEATURES],
            ),
        ),
    )


def _headline(group: Group) -> dict[str, str]:
    return {
        measure.text: f"{_text(measure, group.figures[measure.name].own.value)} → "
        f"{_text(measure, group.figures[measure.name].shared.value)}"
        for measure in MEASURES
    }


def _text(measure: Measure, value: float) -> str:
    return f"{value:.3f}" if measure.name in NUMBERS else f"{value:.1%}"


def _interval(measure: Measure, interval: Interval) -> str:
    low, high = _text(measure, interval.low), _text(measure, interval.high)
    return f"{_text(measure, interval.value)} ({low} to {high})"


def _caption(text: str) -> str:
    return f"{text}, with intervals at {LEVEL:.0%}"


def _bars(groups: Sequence[Group], measure: Measure) -> Html:
    shown = [group for group in groups if measure.name in group.figures]
    own = [group.figures[measure.name].own for group in shown]
    shared = [group.figures[measure.name].shared for group in shown]
    return bar_chart(
        measure.text,
        [group.name for group in shown],
        [_series(OWN, own), _series(SHARED, shared)],
        x_label="applications",
        y_label=measure.text,
        percent=measure.name not in NUMBERS,
    )


def _series(name: str, intervals: Sequence[Interval]) -> Bars:
    return Bars(
        name,
        [one.value for one in intervals],
        [one.low for one in intervals],
        [one.high for one in intervals],
    )


def _curve(study: Study) -> Html:
    return line_chart(
        "Bad rate by approvals",
        [Line(OWN, SHARES, study.own_curve), Line(SHARED, SHARES, study.shared_curve)],
        x_label="share approved",
        y_label="bad rate",
        percent="xy",
    )


def _figures(groups: Sequence[Group]) -> Html:
    rows: list[tuple[str, ...]] = []
    for group in groups:
        counts = (group.name, f"{group.applications:,}", f"{group.bads:,}")
        if not group.figures:
            rows.append((*counts, "not defined: all outcomes are alike", "", "", ""))
        for measure in MEASURES if group.figures else ():
            compared = group.figures[measure.name]
            values = (compared.own, compared.shared, compared.difference)
            shown = (_interval(measure, value) for value in values)
            rows.append((*counts, measure.text, *shown))
    numeric = ("count", "bad", OWN, SHARED, "difference")
    return table(
        ("applications", "count", "bad", "figure", OWN, SHARED, "difference"), rows, numeric
    )
