"""A bureau at another date: a panel of month-ends over past years, read as of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bureau.clock import Clock
from bureau.testing import running_bureau
from bureau_client import AccountStatus, Action, Auditor, Lender, Month, Report, Wallet
from bureau_client.files.metro2.codebook import DAYS_PAST_DUE
from bureau_client.risk.outcomes import PastDue, observe_outcomes
from bureau_client.risk.tables import inquiry_table, report_tables
from bureau_client.risk.training import LeakError, training_set
from bureau_keys.authority import load_certificate
from tests.service.scenario import DAY, Scenario, account, open_scenario

BEGIN = datetime(2021, 1, 31, 20, tzinfo=UTC)
FIRST = Month(2021, 1)
MONTHS = 20
# Months after the first at which brook inquires.
INQUIRIES = (3, 6, 9, 12, 19)
# Months from the first on in which the second person is late, and how late.
LATE = {8: AccountStatus.PAST_DUE_30, 9: AccountStatus.PAST_DUE_60, 10: AccountStatus.PAST_DUE_90}
IN_SIX = PastDue(days=60, months=6)


def month_end(number: int) -> datetime:
    """The evening of the last day of a month, counted from the first."""
    following = FIRST + number + 1
    return datetime(following.year, following.month, 1, 20, tzinfo=UTC) - DAY


@dataclass(frozen=True)
class Panel:
    """Reports on two people as of several month-ends, and the lender that asked."""

    scenario: Scenario
    good: Wallet
    late: Wallet
    reports: list[Report]


@pytest.fixture(scope="module")
def panel() -> Iterator[Panel]:
    clock = Clock.moved_to(int(BEGIN.timestamp()) * 1_000_000)
    with open_scenario("acme", "brook", clock=clock) as scenario:
        people = good, late = scenario.person(), scenario.person()
        reports: list[Report] = []
        for number in range(MONTHS):
            scenario.later(month_end(number) - scenario.now())
            for person in people:
                if number % 6 == 0:
                    for name in ("acme", "brook"):
                        person.grant(name, [Action.FURNISH], expire=365 * DAY)
                lateness = LATE if person is late else {}
                status = lateness.get(number, AccountStatus.CURRENT)
                scenario.submit(
                    "acme",
                    account(
                        person,
                        "card",
                        FIRST + number,
                        status=status,
                        days_past_due=DAYS_PAST_DUE.get(status, 0),
                        balance_minor=1000 + number,
                    ),
                )
                # Who reports nothing sees nothing after half a year.
                scenario.submit("brook", account(person, "own", FIRST + number, balance_minor=0))
            if number in INQUIRIES:
                reports += [
                    scenario.report(person, "brook", history_months=84) for person in people
                ]
        yield Panel(scenario, good, late, reports)


def test_every_report_is_as_of_its_own_month_end(panel: Panel) -> None:
    tables = report_tables(panel.reports)
    rows = [row for row in tables.tradelines.to_pylist() if row["balance_minor"]]
    assert [row["balance_minor"] for row in rows] == [1000 + n for n in INQUIRIES for _ in "ab"]
    for row, number in zip(rows, [n for n in INQUIRIES for _ in "ab"], strict=True):
        assert row["month"] == date((FIRST + number).year, (FIRST + number).month, 1)
        assert timedelta() <= row["report_time"] - month_end(number) < DAY
    # Nothing that any report shows is from after it.
    for month in tables.months.select(["month", "report_time"]).to_pylist():
        assert month["month"] <= month["report_time"].date()
    sizes = tables.attributes["log_size"].to_pylist()
    assert sizes == sorted(sizes)
    assert tables.attributes["attributes_shown"].to_pylist() == [True] * len(panel.reports)


def test_an_earlier_report_stays_as_it_was(panel: Panel) -> None:
    """Read again years later, the report of the third month-end knows nothing of its future."""
    first, scenario = panel.reports[0], panel.scenario
    profile = scenario.bureau.add_member("auditor", ["auditor"])
    with Auditor(profile, clock=scenario.now) as auditor:
        again = auditor.replay(first.request_id, first.subject_id)
    assert report_tables([again]).months == report_tables([first]).months
    assert report_tables([again]).attributes == report_tables([first]).attributes


def test_outcomes_are_those_of_later_months(panel: Panel) -> None:
    outcomes = observe_outcomes(panel.reports, panel.reports, IN_SIX)
    joined = training_set(report_tables(panel.reports).attributes, outcomes)
    by_person: dict[str, list[bool | None]] = {}
    for row in joined.select(["subject_id", "outcome"]).to_pylist():
        by_person.setdefault(row["subject_id"], []).append(row["outcome"])
    # It becomes 60 days late in the tenth month: an outcome of the reports before that month.
    assert by_person[panel.late.subject_id] == [True, True, False, False, None]
    assert by_person[panel.good.subject_id] == [False, False, False, False, None]


def test_features_of_a_later_report_are_refused(panel: Panel) -> None:
    outcomes = observe_outcomes(panel.reports, panel.reports, IN_SIX)
    features = report_tables(panel.reports).attributes
    first, later = panel.reports[0], features.slice(2, 1)
    wrong = later.set_column(0, "report_id", features["report_id"].slice(0, 1))
    with pytest.raises(LeakError, match=f"row 0, report {first.request_id}"):
        training_set(wrong, outcomes)


def test_the_members_own_inquiries_have_the_bureaus_time(panel: Panel) -> None:
    lines = panel.scenario.lenders["brook"].inquiries()
    table = inquiry_table(lines)
    asked = {(report.request_id, report.subject_id) for report in panel.reports}
    rows = table.select(["inquiry_id", "subject_id", "create_time"]).to_pylist()
    assert asked <= {(row["inquiry_id"], row["subject_id"]) for row in rows}
    times = [row["create_time"].date() for row in rows]
    assert {month_end(number).date() for number in INQUIRIES} <= set(times)


@pytest.mark.parametrize("ahead", [timedelta(days=-2000), timedelta(days=2000)])
def test_certificates_are_valid_by_both_clocks(ahead: timedelta, tmp_path: Path) -> None:
    """TLS goes by the machine's clock, the bureau by its own: a call passes both."""
    now = datetime.now(UTC)
    start, until = now + ahead, now + max(ahead, timedelta()) + timedelta(days=700)
    with running_bureau(tmp_path / "bureau", start=start, until=until) as bureau:
        profile = bureau.add_member("acme")
        with Lender(profile, clock=bureau.now) as acme:
            assert acme.member("acme").member_id == "acme"
            bureau.move_to(until - timedelta(minutes=1))
            later = bureau.add_member("brook")
            assert len(acme.members()) == 3
            bureau.restart()
            assert acme.member("brook").member_id == "brook"
            for pem, issued in (
                (profile.ca_pem, start),
                (profile.tls_certificate_pem, start),
                (later.tls_certificate_pem, until),
            ):
                certificate = load_certificate(pem)
                assert certificate.not_valid_before_utc <= min(now, issued)
                assert certificate.not_valid_after_utc > max(now, until)


def test_time_of_a_bureau_only_goes_forward_and_no_further_than_its_certificates() -> None:
    with running_bureau(start=BEGIN, until=BEGIN + 10 * DAY) as bureau:
        bureau.move_to(BEGIN + DAY)
        assert BEGIN + DAY <= bureau.now() < BEGIN + 2 * DAY
        with pytest.raises(ValueError, match="time in a log only goes forward"):
            bureau.move_to(BEGIN)
        with pytest.raises(ValueError, match="pass a later `until` to running_bureau"):
            bureau.move_to(datetime.now(UTC) + 10 * DAY)
        with pytest.raises(ValueError, match="has no time zone"):
            bureau.move_to(datetime(2021, 3, 1))  # noqa: DTZ001
