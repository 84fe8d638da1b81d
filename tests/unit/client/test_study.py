"""The pure parts of a study: populations, the file of accounts, features, comparison, figures."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bureau_client import InvalidRequest, Month, Party, RecordRef, Report, Snapshot, Tradeline
from bureau_client.models.codes import AccountStatus, PartyRole, PortfolioType
from bureau_client.study import comparison, figures
from bureau_client.study.comparison import Comparison, ReturnedDiffers, compare
from bureau_client.study.features import FEATURES, features_of
from bureau_client.study.furnishing import Answered, Exchange, Furnished
from bureau_client.study.population import Application
from bureau_client.study.real_accounts import read_population
from bureau_client.study.synthetic import BAD, Size, synthetic_population
from tests.unit.client.reports import history, tradeline

SUBJECT = "ab" * 16
MAY = Month(2024, 5)
RECORDS = (RecordRef("batch", 0), RecordRef("batch", 1))
APPLICATION = Application("ann", "riverbank", "first", MAY, bad=False)


def named(values: list[float]) -> dict[str, float]:
    return dict(zip([feature.name for feature in FEATURES], values, strict=True))


# Populations.


def test_a_seed_gives_the_same_population() -> None:
    size = Size(people=40, lenders=3, months=12, outcome_months=6)
    one, again = synthetic_population(size, 7), synthetic_population(size, 7)
    assert one == again
    assert one != synthetic_population(size, 8)


def test_the_lenders_are_of_different_sizes_and_outcomes_follow_the_application() -> None:
    population = synthetic_population(Size(people=80, lenders=3, months=14, outcome_months=6), 7)
    counts = population.account_counts
    assert list(counts) == ["lender-01", "lender-02", "lender-03"]
    assert counts["lender-01"] > 1.5 * counts["lender-02"] > 1.5 * counts["lender-03"]
    assert {one.month for one in population.applications} <= set(population.months[4:8])
    for one in population.applications:
        rows = [
            row
            for month in population.months
            for row in population.files.get((one.lender, month), ())
            if row.account_ref == one.reference
        ]
        shots = [row.snapshot({name: SUBJECT for name, _ in row.parties}) for row in rows]
        # The account opens in the month after the decision: nothing of it is known then.
        assert shots[0].month == Month.of(shots[0].open_date) == one.month + 1
        seen = {shot.status for shot in shots if shot.month <= one.month + 6}
        assert one.bad == (not BAD.isdisjoint(seen))


@pytest.mark.parametrize(
    "wrong", [{"people": 0}, {"lenders": 21}, {"months": 11}, {"outcome_months": 35}]
)
def test_a_population_out_of_range_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Size(**wrong)


# The file of real accounts.

HEADER = "account_id,person_id,lender_id,credit_limit,outcome,age"
MONTHLY = ",".join(
    f"{kind}_{month}" for month in ("2005-08", "2005-09") for kind in ("bill", "payment", "status")
)


def accounts_file(folder: Path, *lines: str, header: str = f"{HEADER},{MONTHLY}") -> Path:
    path = folder / "accounts.csv"
    path.write_text("\n".join([header, *lines]) + "\n", "utf-8")
    return path


def test_a_line_is_an_account_with_its_months(tmp_path: Path) -> None:
    population = read_population(
        accounts_file(
            tmp_path,
            "a1,ann,north,20000,1,24,3913.5,0,2,-12,689,0",
            "a2,bob,south,500,,30,,,,10,10,-2",
        )
    )
    assert population.months == (Month(2005, 8), Month(2005, 9))
    assert population.applications == (
        Application("ann", "north", "north/a1", Month(2005, 9), bad=True),
    )
    first = population.files["north", Month(2005, 8)][0].snapshot({"ann": SUBJECT})
    assert first == Snapshot(
        account_ref="a1",
        month=Month(2005, 8),
        parties=(Party(SUBJECT),),
        portfolio_type=PortfolioType.REVOLVING,
        account_type="18",
        currency="USD",
        open_date=date(2005, 8, 1),
        status=AccountStatus.PAST_DUE_60,
        balance_minor=391_350,
        credit_limit_minor=2_000_000,
        days_past_due=60,
        payments_missed=2,
    )
    second = population.files["north", Month(2005, 9)][0].snapshot({"ann": SUBJECT})
    assert (second.balance_minor, second.amount_paid_minor) == (-1_200, 68_900)
    # A month without a value is not furnished, and a status of 0 or below is current.
    assert ("south", Month(2005, 8)) not in population.files
    last = population.files["south", Month(2005, 9)][0].snapshot({"bob": SUBJECT})
    assert last.status is AccountStatus.CURRENT


def test_accounts_without_a_lender_are_dealt_to_two_who_ask_for_each_others(
    tmp_path: Path,
) -> None:
    header = HEADER.replace("lender_id,", "") + f",{MONTHLY}"
    rest = "100,0,24,1,0,0,1,0,0"
    lines = [f"{number},{person},{rest}" for number, person in enumerate("abac")]
    population = read_population(accounts_file(tmp_path, *lines, header=header))
    asked = {one.person: one.lender for one in population.applications}
    furnishes = population.furnishers
    assert asked == {"a": "lender-02", "b": "lender-01", "c": "lender-02"}
    assert furnishes == {"a": {"lender-01"}, "b": {"lender-02"}, "c": {"lender-01"}}


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("a 1,ann,north,100,0,24,1,0,0,1,0,0", "account_id"),
        ("a1,ann,North,100,0,24,1,0,0,1,0,0", "lender_id"),
        ("a1,ann,north,-1,0,24,1,0,0,1,0,0", "credit_limit"),
        ("a1,ann,north,100,yes,24,1,0,0,1,0,0", "outcome"),
        ("a1,ann,north,100,0,24,1.234,0,0,1,0,0", "bill_2005-08"),
        ("a1,ann,north,100,0,24,1,-1,0,1,0,0", "payment_2005-08"),
        ("a1,ann,north,100,0,24,1,0,0,1,0,late", "status_2005-09"),
    ],
)
def test_a_wrong_cell_is_named_by_line_and_column(line: str, field: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_population(accounts_file(tmp_path, "a0,ann,north,100,0,24,1,0,0,1,0,0", line))
    assert [one.field for one in refused.value.violations] == [f"line 3, {field}"]


def test_months_with_a_gap_are_refused(tmp_path: Path) -> None:
    header = f"{HEADER},{MONTHLY.replace('2005-09', '2005-10')}"
    with pytest.raises(InvalidRequest, match="2005-08, 2005-10"):
        read_population(accounts_file(tmp_path, header=header))


# Features.


def test_features_are_of_the_visible_lines_alone() -> None:
    late = tradeline("a", "0012", credit_limit_minor=1_000, open_date=date(2023, 5, 3))
    late = replace(
        late,
        history=history(
            "0012",
            balance_minor=(500, 400, 300, 200),
            amount_paid_minor=(100, 50, 0, 0),
            amount_due_minor=(10, 10, 10, 10),
        ),
    )
    other = replace(late, tradeline_id="b", member_id="hillside", history=history("EEEE"))
    own, shared = named(features_of([late], MAY)), named(features_of([late, other], MAY))
    assert (own["lines"], shared["lines"]) == (1, 2)
    assert (own["lenders"], shared["lenders"]) == (1, 2)
    assert own["oldest_age"] == 12
    assert (own["worst_now"], own["worst_6m"], own["late_months_6m"]) == (0, 2, 2)
    assert own["months_since_late"] == 2
    assert own["utilisation"] == 0.5
    assert own["paid_share_6m"] == 150 / (400 + 300 + 200)
    assert own["due"] == math.log1p(10)


def test_features_of_no_line_are_missing_or_zero() -> None:
    values = named(features_of([], MAY))
    for feature in FEATURES:
        missing = math.isnan(values[feature.name])
        assert missing == bool(feature.missing), feature.name
        assert missing or values[feature.name] == 0


def test_months_after_the_decision_are_not_seen() -> None:
    line = tradeline("a", "3000")
    values = named(features_of([line], MAY - 1))
    assert values["worst_24m"] == 0


# Furnished against returned values.


def furnished(month: Month = MAY, **changes: Any) -> Snapshot:
    values: dict[str, Any] = {
        "account_ref": "card-1",
        "month": month,
        "parties": (Party(SUBJECT),),
        "portfolio_type": PortfolioType.REVOLVING,
        "account_type": "18",
        "currency": "USD",
        "open_date": date(2023, 1, 2),
        "status": AccountStatus.CURRENT,
        "balance_minor": 100,
    }
    return Snapshot(**(values | changes))


def returned(*snapshots: Snapshot, record: RecordRef) -> Tradeline:
    """The tradeline that a true bureau shows of the months of an account, the newest first."""
    newest = snapshots[0]
    line = tradeline("card-1", "0" * len(snapshots))
    same = {name: getattr(newest, name) for name in comparison.SAME_FIELDS}
    columns = {
        name: tuple(getattr(one, name) for one in snapshots)
        for name in (
            "balance_minor",
            "amount_due_minor",
            "amount_paid_minor",
            "amount_past_due_minor",
        )
    }
    return replace(
        line,
        **same,
        record=record,
        party_count=1,
        role=PartyRole.INDIVIDUAL,
        history=history("0" * len(snapshots), newest=newest.month, **columns),
    )


def compared(*lines: Tradeline) -> Comparison:
    """The comparison of a report that has these lines of an account with two months."""
    report: Any = SimpleNamespace(
        subject_id=SUBJECT, member_id="riverbank", omissions=(), tradelines=lines
    )
    checked: Report = report
    months = {
        RECORDS[0]: Furnished("riverbank", furnished(MAY - 1, balance_minor=90)),
        RECORDS[1]: Furnished("riverbank", furnished(balance_minor=100)),
    }
    unused: Any = None
    answered = (Answered(APPLICATION, checked),)
    return compare(Exchange({"ann": SUBJECT}, months, answered, reviews=(), profile=unused))


def true_line() -> Tradeline:
    return returned(
        furnished(balance_minor=100), furnished(MAY - 1, balance_minor=90), record=RECORDS[1]
    )


def test_a_true_report_has_no_difference() -> None:
    result = compared(true_line())
    assert (result.reports, result.tradelines, result.differences) == (1, 1, [])
    # Three values of the report, three and the same fields of the line, five of each month.
    assert result.values == 3 + 3 + len(comparison.SAME_FIELDS) + 2 * 5
    result.require_equal()


def with_history(**columns: Any) -> Callable[[Tradeline], Tradeline]:
    def change(line: Tradeline) -> Tradeline:
        assert line.history is not None
        return replace(line, history=replace(line.history, **columns))

    return change


@pytest.mark.parametrize(
    ("change", "named_field"),
    [
        (lambda line: replace(line, balance_minor=101), "2024-05: balance_minor"),
        (lambda line: replace(line, open_date=date(2023, 1, 3)), "2024-05: open_date"),
        (lambda line: replace(line, role=PartyRole.JOINT), "2024-05: role"),
        (lambda line: replace(line, party_count=2), "2024-05: party_count"),
        (with_history(balance_minor=(100, 91)), "2024-04: history.balance_minor"),
        (with_history(profile="01"), "2024-04: history.status"),
        (with_history(profile="0"), "2024-04: history.status"),
        (with_history(profile="000"), "2024-03: history.status"),
    ],
)
def test_a_changed_value_is_named_by_row_and_field(
    change: Callable[[Tradeline], Tradeline], named_field: str
) -> None:
    result = compared(change(true_line()))
    assert f"riverbank card-1 {named_field} was furnished as" in str(result.differences[0])
    with pytest.raises(ReturnedDiffers, match="report of application first, riverbank card-1"):
        result.require_equal()


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ((), "riverbank card-1: tradeline was furnished as an account and returned as None"),
        ((true_line(), true_line()), "returned as a second tradeline"),
        (
            (true_line(), replace(true_line(), record=RecordRef("other", 0))),
            "returned as an account not furnished",
        ),
    ],
)
def test_every_account_is_returned_once(lines: tuple[Tradeline, ...], text: str) -> None:
    (difference,) = compared(*lines).differences
    assert text in str(difference)


def test_every_field_of_a_record_is_compared_or_named() -> None:
    named_fields = {*comparison.SAME_FIELDS, *comparison.OTHER_FORM, *comparison.NOT_RETURNED}
    assert named_fields == {field.name for field in fields(Snapshot)}


# Figures.


def scored(count: int = 400) -> figures.Scored:
    """People of whom a third is bad: own data know half of them, reports know all."""
    bad = np.arange(count) % 3 == 0
    known = np.arange(count) % 2 == 0
    own = np.where(known, np.where(bad, 0.6, 0.2), 0.3)
    report: Any = None
    answered = tuple(
        Answered(
            Application(str(row), "a" if known[row] else "b", str(row), MAY, bool(bad[row])), report
        )
        for row in range(count)
    )
    return figures.Scored(answered, bad, own, np.where(bad, 0.7, 0.1), known.astype(np.int64))


def test_figures_of_groups_are_those_of_their_applications() -> None:
    every, without, with_own, large, small = figures.groups(scored(), ["a", "b"], seed=1, draws=20)
    assert [every.name, without.name, with_own.name] == ["all", "no own account", "own account"]
    assert (large.name, small.name) == ("large lenders", "small lenders")
    assert every.figures["auc"].shared.value == 1
    assert without.figures["auc"].own.value == 0.5
    assert with_own.figures["auc"].difference.value == 0
    # At 80 % approvals the reports leave all good people in and as few bad ones as possible.
    assert every.figures["bad_rate"].shared.value == pytest.approx((0.8 - 2 / 3) / 0.8, abs=0.01)
    assert every.figures["approvals"].own.value == pytest.approx(0.8)
    assert every.figures["approvals"].shared.value > 0.8
    assert every.figures["auc"].own.low <= every.figures["auc"].own.value


def test_a_group_whose_outcomes_are_alike_has_no_figures() -> None:
    people = scored()
    of_b = np.array([one.application.lender == "b" for one in people.answered])
    alike = replace(people, bad=people.bad & ~of_b)
    by_name = {group.name: group for group in figures.groups(alike, ["a", "b"], seed=1, draws=5)}
    assert by_name["small lenders"].figures == {}
    assert by_name["small lenders"].bads == 0


def test_people_of_whom_nothing_is_known_are_not_ordered_by_the_folds() -> None:
    bad = np.arange(100) % 4 == 0
    features = np.full((100, 3), math.nan)
    people = [str(row) for row in range(100)]
    assert len(set(figures._out_of_fold(features, bad, people, seed=3))) == 1
