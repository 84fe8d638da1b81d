"""The lift of an early warning: the page has the committed figures of the reference scorecard."""

from __future__ import annotations

from bureau_client.risk.early_warning import FIGURES
from bureau_client.risk.scorecard import reference_scorecards
from tests.lift.measure import Plan
from tests.lift.page import DOCUMENT, committed, filled


def test_the_page_has_the_committed_figures() -> None:
    results, scorecard = committed(), reference_scorecards()["reference-us"]
    assert results["scorecard"]["digest"] == scorecard.digest.hex()
    page = DOCUMENT.read_text("utf-8")
    assert filled(page, results) == page


def test_the_figures_are_those_of_the_plan() -> None:
    results = committed()
    plan = Plan(results["plan"]["people"], results["plan"]["seed"])
    assert results["plan"]["readings"] == [*plan.readings]
    assert results["plan"]["months"] == plan.months
    assert results["reports"] == plan.people * (len(plan.readings) + 1)
    assert results["refusals"] == 0
    assert [*results["comparisons"]] == [*FIGURES]


def test_the_page_claims_no_advantage_that_the_intervals_do_not_show() -> None:
    differences = [each["difference"] for each in committed()["comparisons"].values()]
    assert all(each["value"] > 0 for each in differences)
    assert all(each["low"] < 0 < each["high"] for each in differences)
    assert "each interval of\nthe differences contains zero" in DOCUMENT.read_text("utf-8")
