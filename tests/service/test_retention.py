"""What is too old leaves reports on its day, by the rules of the place."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from bureau.clock import Clock
from bureau_client import (
    AccountStatus,
    DisputeReason,
    Month,
    OmissionReason,
    Report,
    Wallet,
)
from tests.service.village import Village, account, village


@pytest.fixture
def town() -> Iterator[Village]:
    with village("acme", "brook") as found:
        yield found


def written_off(person: Wallet, when: date) -> object:
    return account(
        person,
        "loan",
        Month(when.year, when.month),
        open_date=date(2010, 1, 1),
        status=AccountStatus.CHARGE_OFF,
        first_delinquency_date=when,
        balance_minor=500_00,
    )


def lines(report: Report) -> int:
    return len(report.tradelines)


def test_a_charge_off_leaves_reports_on_its_day() -> None:
    """15 U.S.C. 1681c: seven years and 180 days from the first delinquency."""
    clock = Clock()
    with village("acme", "brook", clock=clock) as town:
        person = town.person()
        today = town.now().date()
        # A day that leaves within the next weeks, whatever today is.
        then = today + timedelta(days=30) - timedelta(days=180)
        first = date(then.year - 7, then.month, min(then.day, 28))
        town.submit("acme", written_off(person, first))  # type: ignore[arg-type]
        leaves = date(first.year + 7, first.month, first.day) + timedelta(days=180)
        ahead = (leaves - today).days
        clock.offset_us += (ahead - 1) * 86_400 * 1_000_000
        assert lines(town.report(person, "brook")) == 1
        clock.offset_us += 86_400 * 1_000_000
        assert lines(town.report(person, "brook")) == 0
        file = person.file()
        assert lines(file) == 1
        assert [at.reason for at in file.omissions] == [OmissionReason.OBSOLETE]


def test_without_a_date_the_first_bad_month_counts() -> None:
    """A furnisher that does not say when it began does not keep it on file for ever."""
    clock = Clock()
    with village("acme", "brook", clock=clock) as town:
        person = town.person()
        today = town.now().date()
        then = today + timedelta(days=30) - timedelta(days=180)
        first = Month(then.year - 7, then.month)
        late = {"status": AccountStatus.PAST_DUE_60, "open_date": date(2010, 1, 1)}
        lost = {"status": AccountStatus.CHARGE_OFF, "open_date": date(2010, 1, 1)}
        town.submit("acme", account(person, "loan", first - 1, open_date=date(2010, 1, 1)))
        town.submit("acme", account(person, "loan", first, **late))
        town.submit("acme", account(person, "loan", first + 3, **lost))
        leaves = date(first.year + 7, first.month, 1) + timedelta(days=180)
        town.later(timedelta(days=(leaves - today).days - 1))
        assert lines(town.report(person, "brook")) == 1
        town.later(timedelta(days=1))
        assert lines(town.report(person, "brook")) == 0
        assert [at.reason for at in person.file().omissions] == [OmissionReason.OBSOLETE]


def test_old_late_payments_fade(town: Village) -> None:
    person = town.person()
    now = town.now()
    old = Month(now.year - 7, now.month)
    for month, late in ((old, True), (old + 1, True), (old + 2, False)):
        status = AccountStatus.PAST_DUE_30 if late else AccountStatus.CURRENT
        made = account(person, "card", month, status=status, open_date=date(2010, 1, 1))
        town.submit("acme", made)
    (line,) = town.report(person, "brook").tradelines
    assert line.history is not None
    assert line.history.profile == "01D"
    (whole,) = person.file().tradelines
    assert whole.history is not None
    assert whole.history.profile == "011"


def test_a_third_jurisdiction_needs_no_code(tmp_path: Path) -> None:
    """Only a file of rules: here what is bad is forgotten after two years."""
    text = (files("bureau") / "data" / "policy" / "US.toml").read_text("utf-8")
    text = text.replace('jurisdiction = "US"', 'jurisdiction = "BR"')
    text = text.replace("months = 84", "months = 24").replace("days = 30", "days = 15")
    rules = tmp_path / "BR.toml"
    rules.write_text(text, "utf-8")
    with village("acme", "brook", jurisdiction="BR", policy_file=rules) as town:
        person = town.person()
        today = town.now().date()
        now = Month(today.year, today.month)
        late = {"status": AccountStatus.PAST_DUE_60, "days_past_due": 61}
        town.submit("acme", account(person, "card", now - 25, **late))
        town.submit("acme", account(person, "card", now - 23, **late))
        town.submit("acme", account(person, "card", now))
        report = town.report(person, "brook")
        (line,) = report.tradelines
        assert line.history is not None
        assert [line.history.profile[age] for age in (0, 23, 25)] == ["0", "2", "D"]
        assert report.jurisdiction == "BR"
        (whole,) = person.file().tradelines
        assert whole.history is not None
        assert whole.history.profile[25] == "2"
        dispute = person.dispute(
            line.tradeline_id, field="balance_minor", reason=DisputeReason.WRONG_AMOUNT
        )
        assert dispute.create_time is not None
        assert dispute.due_time is not None
        assert dispute.due_time - dispute.create_time == timedelta(days=15)
