"""What is too old leaves reports on its day, by the rules of the place."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from bureau.clock import Clock
from bureau.policy import load_policy
from bureau_client import (
    AccountStatus,
    DisputeReason,
    Frequency,
    FrequencyUnit,
    HoldKind,
    InvalidRequest,
    Month,
    NoticeKind,
    OmissionReason,
    PermissionDenied,
    Purpose,
    Report,
    Wallet,
)
from tests.service.heard import heard
from tests.service.scenario import DAY, Scenario, account, open_scenario


@pytest.fixture
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", "brook") as scenario:
        yield scenario


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
    with open_scenario("acme", "brook", clock=clock) as scenario:
        person = scenario.person()
        today = scenario.now().date()
        # A day that leaves within the next weeks, whatever today is.
        then = today + timedelta(days=30) - timedelta(days=180)
        first = date(then.year - 7, then.month, min(then.day, 28))
        scenario.submit("acme", written_off(person, first))  # type: ignore[arg-type]
        leaves = date(first.year + 7, first.month, first.day) + timedelta(days=180)
        ahead = (leaves - today).days
        clock.offset_us += (ahead - 1) * 86_400 * 1_000_000
        assert lines(scenario.report(person, "brook")) == 1
        clock.offset_us += 86_400 * 1_000_000
        assert lines(scenario.report(person, "brook")) == 0
        file = person.file()
        assert lines(file) == 1
        assert [omission.reason for omission in file.omissions] == [OmissionReason.OBSOLETE]


def test_without_a_date_the_first_bad_month_counts() -> None:
    """A furnisher that does not say when it began does not keep it on file for ever."""
    clock = Clock()
    with open_scenario("acme", "brook", clock=clock) as scenario:
        person = scenario.person()
        today = scenario.now().date()
        then = today + timedelta(days=30) - timedelta(days=180)
        first = Month(then.year - 7, then.month)
        late = {
            "status": AccountStatus.PAST_DUE_60,
            "days_past_due": 60,
            "open_date": date(2010, 1, 1),
        }
        lost = {"status": AccountStatus.CHARGE_OFF, "open_date": date(2010, 1, 1)}
        scenario.submit("acme", account(person, "loan", first - 1, open_date=date(2010, 1, 1)))
        scenario.submit("acme", account(person, "loan", first, **late))
        scenario.submit("acme", account(person, "loan", first + 3, **lost))
        leaves = date(first.year + 7, first.month, 1) + timedelta(days=180)
        scenario.later(timedelta(days=(leaves - today).days - 1))
        assert lines(scenario.report(person, "brook")) == 1
        scenario.later(timedelta(days=1))
        assert lines(scenario.report(person, "brook")) == 0
        assert [omission.reason for omission in person.file().omissions] == [
            OmissionReason.OBSOLETE
        ]


def test_old_late_payments_fade(scenario: Scenario) -> None:
    person = scenario.person()
    now = scenario.now()
    old = Month(now.year - 7, now.month)
    for month, late in ((old, True), (old + 1, True), (old + 2, False)):
        record = account(
            person,
            "card",
            month,
            status=AccountStatus.PAST_DUE_30 if late else AccountStatus.CURRENT,
            days_past_due=30 if late else 0,
            open_date=date(2010, 1, 1),
        )
        scenario.submit("acme", record)
    (line,) = scenario.report(person, "brook").tradelines
    assert line.history is not None
    # Both months are of one delinquency, and leave with its first.
    assert line.history.profile == "0DD"
    (whole,) = person.file().tradelines
    assert whole.history is not None
    assert whole.history.profile == "011"


# What differs in a place that no code knows.
BRAZIL = (
    ('jurisdiction = "US"', 'jurisdiction = "BR"'),
    ("months = 84", "months = 24"),
    ("days = 30", "days = 10"),
    ("extension_days = 15", "extension_days = 5"),
    ('with_open_account = ["ACCOUNT_REVIEW"]', "with_open_account = []"),
    ('hard = ["CREDIT_APPLICATION", ', 'hard = ["ACCOUNT_REVIEW", '),
    ("max_days = 31\nmax_uses = 10", "max_days = 7\nmax_uses = 2"),
    ("adverse_data = false", "adverse_data = true"),
    (
        'anchor = "inquiry"\nmonths = 24\ngrace_days = 0',
        'anchor = "inquiry"\nmonths = 1\ngrace_days = 3',
    ),
)


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A file of rules: what is bad is forgotten after two years, for one."""
    text = (files("bureau") / "data" / "policy" / "US.toml").read_text("utf-8")
    for said, instead in BRAZIL:
        assert said in text
        text = text.replace(said, instead)
    file = tmp_path / "BR.toml"
    file.write_text(text, "utf-8")
    return file


def test_a_third_jurisdiction_needs_no_code(rules: Path) -> None:
    with open_scenario("acme", "brook", jurisdiction="BR", policy_file=rules) as scenario:
        person = scenario.person()
        today = scenario.now().date()
        now = Month(today.year, today.month)
        late = {"status": AccountStatus.PAST_DUE_60, "days_past_due": 61}
        scenario.submit("acme", account(person, "card", now - 25, **late))
        scenario.submit("acme", account(person, "card", now - 24))
        scenario.submit("acme", account(person, "card", now - 23, **late))
        scenario.submit("acme", account(person, "card", now))
        # One for each delinquency.
        assert [notice.kind for notice in heard(person)] == [NoticeKind.ADVERSE_DATA] * 2
        # Consents have the ceilings of the place.
        with pytest.raises(InvalidRequest) as caught:
            scenario.inquiring(person, "brook")
        assert {violation.field for violation in caught.value.violations} == {
            "expire_time",
            "max_uses",
        }
        few: Any = {"max_uses": 2, "expire": 6 * DAY}
        report = scenario.report(person, "brook", **few)
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
        assert dispute.due_time - dispute.create_time == timedelta(days=10)
        more = person.add_to_dispute(dispute.dispute_id, "One more thing.")
        assert more.due_time == dispute.create_time + timedelta(days=15)
        # A freeze stops the review of accounts here, and who reviewed is seen by others.
        review = scenario.inquiring(
            person,
            "brook",
            purposes=[Purpose.ACCOUNT_REVIEW],
            max_uses=0,
            frequency=Frequency(FrequencyUnit.MONTH, 5),
        )
        ask: Any = {"purpose": Purpose.ACCOUNT_REVIEW, "consent_id": review}
        scenario.lenders["brook"].query(person.subject_id, **ask)
        assert [
            inquiry.purpose for inquiry in scenario.report(person, "acme", **few).inquiries
        ] == [Purpose.ACCOUNT_REVIEW]
        scenario.submit("brook", account(person, "own", now))
        person.place_hold(HoldKind.SECURITY_FREEZE)
        with pytest.raises(PermissionDenied) as refused:
            scenario.lenders["brook"].query(person.subject_id, **ask)
        assert refused.value.reason == "HOLD"


def test_an_inquiry_leaves_the_file_on_its_day(rules: Path) -> None:
    """A calendar month and three days, in this place."""
    with open_scenario("acme", "brook", jurisdiction="BR", policy_file=rules) as scenario:
        person = scenario.person()
        few: Any = {"max_uses": 2, "expire": 6 * DAY, "purposes": [Purpose.ACCOUNT_REVIEW]}
        few |= {"frequency": Frequency(FrequencyUnit.MONTH, 5)}

        def seen() -> list[str]:
            consent_id = scenario.inquiring(person, "brook", **few)
            ask = scenario.lenders["brook"].query
            report = ask(person.subject_id, purpose=Purpose.ACCOUNT_REVIEW, consent_id=consent_id)
            return [
                f"{inquiry.create_time:%Y-%m-%d}"
                for inquiry in report.inquiries
                if inquiry.create_time
            ]

        first = f"{scenario.now():%Y-%m-%d}"
        assert seen() == []
        rule = load_policy("BR", rules.parent).retention["inquiry"]
        gone = rule.ends_on(int(first.replace("-", "")))
        scenario.later(timedelta(days=(gone - scenario.now().date()).days - 1))
        assert seen() == [first]
        scenario.later(timedelta(days=1))
        assert first not in seen()
        assert len(person.inquiries()) == 3
