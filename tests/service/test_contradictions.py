"""Records that contradict themselves: refused or reported at every entrance of a real bureau,
under the rules of one table.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bureau_client import (
    AccountStatus,
    InvalidRequest,
    Month,
    PortfolioType,
    SubmissionKind,
    Wallet,
)
from bureau_client.files import CsvSource, Metro2Source, check_file, import_file
from bureau_client.files.csv_records import columns, write_row
from bureau_client.files.metro2 import blank
from bureau_client.models.record_checks import check_record
from bureau_client.models.records import Snapshot
from bureau_keys import contradictions
from bureau_keys.contradictions import Severity
from tests.service.raw import Raw, snapshot
from tests.service.scenario import Scenario, account, open_scenario
from tests.service.test_files import base, written
from tests.unit.test_contradictions import CASES

MAY = Month(2024, 5)
ERRORS = [rule.id for rule in contradictions.rules().values() if rule.severity is Severity.ERROR]
PAID = {"status": AccountStatus.PAID_OR_CLOSED}


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    with open_scenario("acme", "brook", database_url=database_url) as scenario:
        yield scenario


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A furnisher whose client checks nothing."""
    monkeypatch.setattr("bureau_client._operations.batches.check_record", lambda *_: [])


def csv_file(path: Path, *records: Snapshot) -> CsvSource:
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [column.name for column in columns()])
        writer.writeheader()
        writer.writerows(write_row(record) for record in records)
    return CsvSource(path)


@pytest.mark.usefixtures("unchecked")
def test_the_bureau_refuses_what_the_sdk_refuses_in_the_same_words(scenario: Scenario) -> None:
    person = scenario.person()
    for rule in ERRORS:
        record = account(person, rule, MAY, **CASES[rule][0])
        with pytest.raises(InvalidRequest) as caught:
            scenario.lenders["acme"].submit([record])
        assert caught.value.reason == "CONTRADICTION"
        assert list(caught.value.violations) == check_record(record, 0)
        assert rule in {violation.rule for violation in caught.value.violations}
    assert person.file().tradelines == ()


def test_the_sdk_sends_nothing_of_a_batch_with_a_contradiction(scenario: Scenario) -> None:
    person = scenario.person()
    right, wrong = account(person, "a", MAY), account(person, "b", MAY, **PAID)
    with pytest.raises(InvalidRequest) as caught:
        scenario.lenders["acme"].submit([right, wrong])
    (violation,) = caught.value.violations
    assert (caught.value.reason, violation.rule) == ("CONTRADICTION", "paid-with-balance")
    assert violation.field == "records[1].snapshot.balance_minor"
    assert "大于零" in caught.value.explain("zh")
    assert person.file().tradelines == ()


def test_a_debt_that_is_sold_paid_and_closed_owes_nothing_in_the_end(scenario: Scenario) -> None:
    """Years of a loan: late, charged off, bought by a collector, paid, corrected."""
    person = scenario.person()
    loan: dict[str, Any] = {
        "portfolio_type": PortfolioType.INSTALMENT,
        "account_type": "01",
        "open_date": date(2021, 1, 1),
    }
    late = {"first_delinquency_date": date(2022, 3, 1), "amount_past_due_minor": 50_00}
    months = [
        account(person, "loan", Month(2022, 2), **loan),
        account(
            person,
            "loan",
            Month(2022, 4),
            status=AccountStatus.PAST_DUE_30,
            days_past_due=45,
            **loan,
            **late,
        ),
        account(person, "loan", Month(2022, 12), status=AccountStatus.CHARGE_OFF, **loan, **late),
    ]
    result = scenario.lenders["acme"].submit(months)
    assert (result.accepted_count, result.warnings) == (3, ())
    bought = account(
        person,
        "bought",
        Month(2023, 6),
        account_type="0C",
        portfolio_type=PortfolioType.OPEN,
        open_date=date(2023, 5, 15),
        original_creditor="Acme Savings",
        status=AccountStatus.COLLECTION,
        **late,
    )
    result = scenario.lenders["brook"].submit([bought])
    assert (result.accepted_count, result.warnings) == (1, ())
    sold = account(person, "loan", Month(2023, 6), status=AccountStatus.TRANSFERRED, **loan)
    with pytest.raises(InvalidRequest) as caught:
        scenario.lenders["acme"].submit([sold])
    assert [violation.rule for violation in caught.value.violations] == ["paid-with-balance"]
    zero = {"balance_minor": 0, "close_date": date(2023, 6, 1)}
    right = account(
        person, "loan", Month(2023, 6), status=AccountStatus.TRANSFERRED, **loan, **zero
    )
    result = scenario.lenders["acme"].submit([right], kind=SubmissionKind.CORRECTION)
    assert result.accepted_count == 1


def test_a_warning_reaches_the_furnisher_and_the_record_is_stored(scenario: Scenario) -> None:
    person = scenario.person()
    home = {"portfolio_type": PortfolioType.MORTGAGE, "account_type": "26"}
    records = [
        account(person, "card", MAY),
        account(person, "wrong", MAY, **PAID),
        account(person, "home", MAY, **home),
        account(person, "over", MAY, days_past_due=9, amount_past_due_minor=100_01),
        account(person, "home-2", MAY, **home),
    ]
    result = scenario.lenders["acme"].submit(records, on_invalid="skip")
    assert [rejection.index for rejection in result.rejected] == [1]
    assert {warning.rule: warning.indexes for warning in result.warnings} == {
        "mortgage-not-secured": (2, 4),
        "past-due-over-balance": (3,),
    }
    assert len(person.file().tradelines) == result.accepted_count == 4


def test_the_same_bytes_get_the_same_warnings_again(scenario: Scenario) -> None:
    """As for every part of the answer whose first copy was lost."""
    acme = Raw(scenario.profiles["acme"])
    over = snapshot(scenario.person().subject_id, days_past_due=9, amount_past_due_minor=20000)
    request = acme.submission([over.SerializeToString(deterministic=True)])
    first, second = (acme.send("Furnishing/SubmitRecords", request) for _ in range(2))
    (warning,) = first.reply.warnings
    assert (warning.rule, list(warning.record_indexes)) == ("past-due-over-balance", [0])
    assert list(second.reply.warnings) == [warning]


def test_a_csv_file_is_judged_before_it_is_sent(scenario: Scenario, tmp_path: Path) -> None:
    person = scenario.person()
    source = csv_file(
        tmp_path / "may.csv",
        account(person, "card", MAY),
        account(person, "paid", MAY, **PAID),
        account(person, "over", MAY, days_past_due=9, amount_past_due_minor=100_01),
    )
    checked = check_file(source)
    ((reject,), warnings) = (checked.rejects, checked.warnings)
    assert reject.row.place == 3
    assert [(one.field, one.rule) for one in reject.violations] == [
        ("balance_minor", "paid-with-balance")
    ]
    assert {rule: warning.places for rule, warning in warnings.items()} == {
        "past-due-over-balance": {4}
    }
    result = import_file(scenario.lenders["acme"], source, skip_invalid=True)
    assert (result.accepted_count, result.warnings) == (2, warnings)
    assert len(person.file().tradelines) == 2


def test_a_metro2_file_is_judged_by_the_same_rules(scenario: Scenario, tmp_path: Path) -> None:
    number = "000111201"
    person = scenario.person(number=number)
    paid = {"account_status": "13", "payment_rating": "0", "date_closed": date(2024, 5, 1)}
    buyer = {
        "portfolio_type": "O",
        "account_type": "0C",
        "terms_duration": "001",
        "account_status": "93",
        "amount_past_due": 1000,
        "date_of_first_delinquency": date(2019, 6, 1),
    }
    file = written(
        tmp_path / "may.dat",
        [base(number, "M-1", **paid)],
        [base(number, "M-2", portfolio_type="M", terms_duration="360", actual_payment=9)],
        [base(number, "M-3", **buyer), blank("K1").with_values(original_creditor_name="HILLSIDE")],
        [base(number, "M-4", account_status="71", amount_past_due=2000,
              date_of_first_delinquency=date(2024, 4, 20))],
    )  # fmt: skip
    source = Metro2Source(file)
    checked = check_file(source)
    (reject,) = checked.rejects
    assert reject.row.place == 2
    rules = {violation.rule: violation for violation in reject.violations}
    assert "Status-Balance-1" in rules["paid-with-balance"].message
    expected = {"mortgage-not-secured": {3}, "past-due-over-balance": {5}}
    assert {rule: checked.warnings[rule].places for rule in expected} == expected
    assert checked.warnings["mortgage-not-secured"].name == "account_type"
    result = import_file(scenario.lenders["acme"], source, skip_invalid=True)
    assert (result.accepted_count, result.warnings) == (3, checked.warnings)
    bought = next(line for line in _lines(person) if line.original_creditor)
    assert bought.first_delinquency_date == date(2019, 6, 1)


def _lines(person: Wallet) -> Any:
    return person.file().tradelines
