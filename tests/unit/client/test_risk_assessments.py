"""Scores over time and early warnings, on accounts whose figures are worked by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from bureau_client import Month, Report
from bureau_client.models.codes import AccountStatus, DecisionOutcome, ReportOutcome
from bureau_client.models.reports import Attribute
from bureau_client.risk.assessment import assess
from bureau_client.risk.assessment_page import (
    assessment_html,
    comparison_rows,
    movement_text,
    timeline_rows,
)
from bureau_client.risk.early_warning import EarlyWarning, early_warning
from bureau_client.risk.models import FunctionModel
from bureau_client.risk.outcomes import PastDue, by_subject, observe_line
from tests.unit.client.reports import history, report, tradeline
from tests.unit.client.risk_portfolio import CASES, challenger, inputs, reports
from tests.unit.client.test_risk_charts import Reader

IN_SIX = PastDue(days=60, months=6)
# Times of the application, of the review and of the observation.
TIMES = [datetime(2024, 1, 10, tzinfo=UTC), datetime(2024, 6, 15, tzinfo=UTC)]
TIMES.append(datetime(2025, 1, 15, tzinfo=UTC))
MAY, DECEMBER = Month(2024, 5), Month(2024, 12)
OPENED = date(2024, 1, 20)
# The probability at opening and of the review, and the months from then on.
PEOPLE = {
    "a": (0.1, 0.8, "21000000"),
    "b": (0.2, 0.1, "00000000"),
    "c": (0.3, 0.7, "3210000"),
    "d": (0.4, 0.2, "0000000"),
}
MODEL = FunctionModel(
    "sum",
    "1",
    ("utilisation", "inquiries_6m"),
    lambda matrix: [used + 0.1 * asked for used, asked in matrix],
)


def attributes(utilisation: float, inquiries: float = 0) -> tuple[Attribute, ...]:
    return (
        Attribute("utilisation", "share", {"": utilisation}),
        Attribute("inquiries_6m", "inquiries", {"": inquiries}),
    )


def account(name: str, month: Month, profile: str, **changes: Any) -> Any:
    late = profile[0] != "0"
    return tradeline(
        name,
        profile,
        month=month,
        open_date=OPENED,
        status=AccountStatus.PAST_DUE_60 if late else AccountStatus.CURRENT,
        days_past_due=60 if late else 0,
        history=history(profile, month),
        **changes,
    )


def of(name: str, step: int, *lines: Any, **changes: Any) -> Report:
    fields = {"subject_id": name * 32, "issue_time": TIMES[step], "request_id": f"{name}-{step}"}
    fields["outcome"] = ReportOutcome.HIT
    return report(10 * step, *lines, **(fields | changes))


def panel() -> list[Report]:
    """Three reports on each person, the newest first."""
    rows = []
    for name, (opening, now, profile) in PEOPLE.items():
        rows += [
            of(name, 2, account(name, DECEMBER, profile), attributes=attributes(0.5)),
            of(name, 1, account(name, MAY, "0000"), attributes=attributes(now)),
            of(name, 0, attributes=attributes(opening)),
        ]
    return rows


def warning(**changes: Any) -> EarlyWarning:
    return early_warning(MODEL, panel(), seed=1, draws=100, **changes)


def test_an_attribute_is_replaced_by_its_earlier_value_to_find_its_effect() -> None:
    steps = [
        of("a", 0, attributes=attributes(0.1)),
        of("a", 1, attributes=attributes(0.6, 2)),
        of("a", 2, attributes=attributes(0.6, 2)),
    ]
    first, second, third = assess(MODEL, steps[::-1]).assessments
    assert (first.change, first.movements) == (None, ())
    assert second.probability == pytest.approx(0.8)
    assert second.change == pytest.approx(0.7)
    assert [(each.key, each.before, each.after) for each in second.movements] == [
        ("utilisation", 0.1, 0.6),
        ("inquiries_6m", 0.0, 2.0),
    ]
    assert [each.effect for each in second.movements] == pytest.approx([0.5, 0.2])
    assert movement_text(second.movements[0]) == "utilisation 0.1 to 0.6 (+0.500)"
    assert (third.change, third.movements) == (0, ())


def test_a_report_that_the_model_cannot_score_is_named_and_stops_no_other() -> None:
    scored = assess(MODEL, [of("a", 0), of("b", 0, attributes=attributes(0.2))])
    (refusal,) = scored.refusals
    assert (refusal.policy, refusal.report_id) == ("model", "a-0")
    assert "utilisation" in refusal.problem
    assert [each.report_id for each in scored.assessments] == ["b-0"]


def test_a_policy_decides_on_each_report_too() -> None:
    model = FunctionModel(
        "late", "1", ("months_30_plus_24m",), lambda matrix: [late / 10 for (late,) in matrix]
    )
    assessed = assess(model, reports(), policy=challenger(), inputs=inputs())
    by_report = {each.report_id[-1]: each for each in assessed.assessments}
    assert len(by_report) == len(CASES)
    assert by_report["a"].decisions == {"": DecisionOutcome.APPROVE}
    assert by_report["b"].decisions == {"": DecisionOutcome.DECLINE}
    assert by_report["b"].probability == 0.2
    assert by_report["6"].decisions == {}
    assert [each.report_id for each in assessed.refusals] == ["report-6"]
    january, february = assessed.months
    assert (january.count, february.count) == (7, 4)
    assert january.mean == pytest.approx(0.2 / 7)
    assert february.outcomes[DecisionOutcome.APPROVE] == 3


def test_the_outcome_of_one_account_is_not_that_of_another() -> None:
    review = of("a", 1, account("a", MAY, "0000"), account("b", MAY, "0000"))
    later = of("a", 2, account("a", DECEMBER, "21000000"), account("b", DECEMBER, "00000000"))
    observed = by_subject([later, review])["a" * 32]
    outcomes = [observe_line(review, f"line-{name}", observed, IN_SIX) for name in "abc"]
    assert [outcome.happened for outcome in outcomes] == [True, False, None]


def test_the_rows_are_the_accounts_that_are_current() -> None:
    rows = {(each.report_id, each.bad) for each in warning().accounts}
    # At the observation a and c are late, and b and d have no outcome yet.
    assert rows == {("a-1", True), ("b-1", False), ("c-1", True), ("d-1", False)} | {
        ("b-2", None),
        ("d-2", None),
    }
    (row,) = [each for each in warning().accounts if each.report_id == "a-1"]
    assert (row.at_opening, row.now) == (0.1, 0.8)
    assert (row.opening_time, row.tradeline_id) == (TIMES[0], "line-a")


def test_both_scores_are_measured_on_the_same_rows() -> None:
    figures = {each.name: each for each in warning().comparisons}
    assert [*figures] == ["AUC", "KS", "Lift in the top decile"]
    assert [each.at_opening.value for each in figures.values()] == pytest.approx([0.25, 0.5, 0])
    assert [each.now.value for each in figures.values()] == pytest.approx([1, 1, 2])
    assert figures["AUC"].difference.value == 0.75
    assert [row["figure"] for row in comparison_rows(warning().comparisons)] == [*figures]
    assert warning() == warning()


def test_without_a_report_at_the_opening_the_first_one_counts() -> None:
    rows = early_warning(
        MODEL,
        [
            of("a", 1, account("a", MAY, "0000"), attributes=attributes(0.3)),
            of("a", 2, account("a", DECEMBER, "00000000"), attributes=attributes(0.1)),
        ],
    )
    (row,) = rows.accounts
    assert (row.opening_time, row.at_opening, row.now) == (TIMES[1], 0.3, 0.1)
    assert rows.comparisons == ()


def test_accounts_to_watch_are_the_newest_rows_the_highest_first() -> None:
    assert [each.report_id for each in warning().watched] == ["b-2", "d-2"]
    changed = panel()
    changed[9] = of("d", 2, account("d", DECEMBER, "0" * 7), attributes=attributes(0.9))
    again = early_warning(MODEL, changed, draws=10)
    assert [each.report_id for each in again.watched] == ["d-2", "b-2"]


@pytest.mark.parametrize(
    "changes",
    [
        {"status": AccountStatus.PAST_DUE_30, "days_past_due": 30},
        {"days_past_due": 3},
        {"close_date": date(2024, 5, 1)},
        {"month": Month(2024, 3)},
        {"month": None},
    ],
)
def test_an_account_that_is_not_current_is_no_row(changes: dict[str, Any]) -> None:
    line = tradeline("a", "0000", **({"open_date": OPENED, "history": None} | changes))
    steps = [
        of("a", 0, attributes=attributes(0.1)),
        of("a", 1, line, attributes=attributes(0.2)),
    ]
    assert early_warning(MODEL, steps).accounts == ()


def test_own_accounts_are_those_that_the_member_furnishes() -> None:
    assert warning(own=True).accounts == ()
    steps = [
        of("a", 0, attributes=attributes(0.1)),
        of(
            "a",
            1,
            account("a", MAY, "0000", member_id="hillside"),
            account("b", MAY, "0000"),
            attributes=attributes(0.2),
        ),
    ]
    (row,) = early_warning(MODEL, steps, own=True).accounts
    assert row.tradeline_id == "line-a"


def test_the_page_shows_the_lift_and_the_accounts() -> None:
    assessed = assess(MODEL, [*panel(), of("e", 0)])
    page = assessment_html(MODEL, assessed, warning())
    assert page == assessment_html(MODEL, assessed, warning())
    read = Reader(page)
    assert read.tags.count("svg") == 2
    texts = "\n".join(read.texts)
    assert "of 4 accounts that were current, 2 became 60 days late within 6 months" in texts
    for text in ("Early warning by sum 1", "line-b", "2024-06", "e-0", "Lift in the top decile"):
        assert text in texts, text
    nothing = assessment_html(MODEL, assess(MODEL, []), early_warning(MODEL, []))
    assert "no figure is defined" in nothing
    assert len(timeline_rows(assessed)) == 12
