"""Files that lenders have, imported through the real server and read in reports."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from bureau_client import (
    AccountStatus,
    InvalidRequest,
    Month,
    PartyRole,
    SubmissionKind,
    Wallet,
)
from bureau_client.files import CsvSource, Metro2Source, check_file, import_file
from bureau_client.files.csv_records import columns, write_row
from bureau_client.files.exporting import export_file, people_columns
from bureau_client.files.metro2 import (
    Framing,
    Reporter,
    Segment,
    blank,
    header,
    validate,
    write,
)
from bureau_client.files.metro2.layout import layouts
from tests.service.scenario import Scenario, account, open_scenario

DAY = date(2024, 5, 31)


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    with open_scenario("acme", "brook", database_url=database_url) as scenario:
        yield scenario


def base(number: str, ref: str, **changes: Any) -> Segment:
    """A card in a Metro 2 file."""
    said: dict[str, Any] = {
        "processing_indicator": "1",
        "correction_indicator": "0",
        "identification_number": "ACME",
        "consumer_account_number": ref,
        "portfolio_type": "R",
        "account_type": "18",
        "date_opened": date(2020, 1, 31),
        "credit_limit": 5000,
        "highest_credit": 1200,
        "terms_duration": "REV",
        "terms_frequency": "M",
        "account_status": "11",
        "payment_history_profile": "0" * 24,
        "current_balance": 1000,
        "date_of_account_information": DAY,
        "surname": "DOE",
        "first_name": "JANE",
        "social_security_number": number,
        "ecoa_code": "1",
    }
    return blank("BASE").with_values(**(said | changes))


def written(
    path: Path, *accounts: Sequence[Segment], framing: Framing | None = None, day: date = DAY
) -> Path:
    with path.open("wb") as stream:
        write(stream, header(Reporter("ACME"), day, day), accounts, framing)
    return path


def lines(person: Wallet) -> Any:
    """What the person's own file says of the imported accounts."""
    return person.file().tradelines


def test_a_metro2_file_is_imported(scenario: Scenario, tmp_path: Path) -> None:
    jane, richard = scenario.person(number="000111001"), scenario.person(number="000111002")
    joint = blank("J1").with_values(
        surname="ROE", first_name="RICHARD", social_security_number="000111002", ecoa_code="2"
    )
    file = written(tmp_path / "may.dat", [base("000111001", "M-1"), joint])
    result = import_file(scenario.lenders["acme"], Metro2Source(file))
    assert (result.row_count, result.accepted_count, result.rejects) == (1, 1, [])
    assert result.submissions[0].label == "may.dat"
    for person, role in ((jane, PartyRole.INDIVIDUAL), (richard, PartyRole.JOINT)):
        (card,) = lines(person)
        assert (card.balance_minor, card.credit_limit_minor) == (1000_00, 5000_00)
        assert (card.month, card.role, card.currency) == (Month(2024, 5), role, "USD")
    # The same file again is stored once.
    again = import_file(scenario.lenders["acme"], Metro2Source(file))
    assert [submission.submission_id for submission in again.submissions] == [
        submission.submission_id for submission in result.submissions
    ]


def test_corrections_deletions_and_new_numbers_do_what_they_say(
    scenario: Scenario, tmp_path: Path
) -> None:
    person = scenario.person(number="000111003")
    acme = scenario.lenders["acme"]
    import_file(
        acme,
        Metro2Source(
            written(tmp_path / "a.dat", [base("000111003", "C-1")], [base("000111003", "C-2")])
        ),
    )
    renumbered = blank("L1").with_values(
        change_indicator="1", new_consumer_account_number="C-1-NEW"
    )
    result = import_file(
        acme,
        Metro2Source(
            written(
                tmp_path / "b.dat",
                [base("000111003", "C-1", correction_indicator="1", current_balance=7)],
                [base("000111003", "C-2", account_status="DA")],
            )
        ),
    )
    assert {submission.kind for submission in result.submissions} == {
        SubmissionKind.CORRECTION,
        SubmissionKind.ORIGINAL,
    }
    (card,) = lines(person)
    assert card.balance_minor == 7_00
    june = base("000111003", "C-1", date_of_account_information=date(2024, 6, 30))
    import_file(acme, Metro2Source(written(tmp_path / "c.dat", [june, renumbered])))
    july = base("000111003", "C-1-NEW", date_of_account_information=date(2024, 7, 31))
    import_file(acme, Metro2Source(written(tmp_path / "d.dat", [july])))
    # One account still, with the months of both numbers.
    (card,) = lines(person)
    assert card.month == Month(2024, 7)


@pytest.mark.parametrize("packed", [False, True])
def test_what_is_left_out_can_be_mended_and_sent_again(
    scenario: Scenario, tmp_path: Path, packed: bool
) -> None:
    number = f"00011100{5 + packed}"
    person = scenario.person(number=number)
    acme = scenario.lenders["acme"]
    ref = f"R-{packed}"
    wrong = [base(number, f"{ref}-2", account_status="71")]
    stranger = [base(f"00011109{packed:d}", f"{ref}-3")]
    nobody = [base("", f"{ref}-4")]
    file = written(
        tmp_path / "may.dat", [base(number, f"{ref}-1")], wrong, stranger, nobody,
        framing=Framing(blocked=packed),
    )  # fmt: skip
    source = Metro2Source(file)
    checked = check_file(source)
    assert [reject.row.place for reject in checked.rejects] == [3, 5]
    with pytest.raises(InvalidRequest) as refused:
        import_file(acme, source)
    assert any(
        violation.field.startswith("record 3, BASE.") for violation in refused.value.violations
    )
    result = import_file(acme, source, skip_invalid=True)
    # Who has given no consent is found by the bureau.
    assert [reject.row.place for reject in result.rejects] == [3, 4, 5]
    assert result.accepted_count == 1
    rejects = tmp_path / "rejects.dat"
    source.write_rejects(result.rejects, rejects)
    with (tmp_path / "rejects.dat.reasons.csv").open() as stream:
        reasons = list(csv.DictReader(stream))
    assert {reason["record"] for reason in reasons} == {"2", "3", "4"}
    assert {"Status-DOFD-1", "Status-APD-1", "M2-IDENTITY"} <= {
        reason["rule"] for reason in reasons
    }
    # Mended where it stands, as with an editor, and sent.
    raw = bytearray(rejects.read_bytes())
    mend(raw, f"{ref}-2", "account_status", b"11")
    mend(raw, f"{ref}-4", "social_security_number", number.encode())
    rejects.write_bytes(raw)
    scenario.person(number=f"00011109{packed:d}")
    assert import_file(acme, Metro2Source(rejects)).accepted_count == 3
    assert len(lines(person)) == 3


def mend(raw: bytearray, ref: str, field: str, said: bytes) -> None:
    """Writes over one field of an account."""
    layout = layouts()["BASE"]

    def start_of(name: str) -> int:
        return sum(column.length for column in layout.fields[: layout.index[name]])

    start = raw.index(ref.encode()) - start_of("consumer_account_number") + start_of(field)
    raw[start : start + len(said)] = said


def test_a_file_that_is_not_whole_is_not_imported(scenario: Scenario, tmp_path: Path) -> None:
    file = written(tmp_path / "may.dat", [base("000111007", "W-1")])
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(InvalidRequest) as refused:
        import_file(scenario.lenders["acme"], Metro2Source(file), skip_invalid=True)
    assert "M2-TRUNCATED" in {violation.rule for violation in refused.value.violations}


def test_a_month_is_compared_with_the_month_before(scenario: Scenario, tmp_path: Path) -> None:
    may = written(tmp_path / "may.dat", [base("000111008", "P-1")])
    june = written(
        tmp_path / "june.dat",
        [base("000111008", "P-1", payment_history_profile="1" * 24)],
        day=date(2024, 6, 30),
    )
    assert check_file(Metro2Source(june)).rejects == []
    (reject,) = check_file(Metro2Source(june, previous=may)).rejects
    assert [violation.rule for violation in reject.violations] == ["PHP-Status-2"]


@pytest.mark.parametrize("framing", [Framing(), Framing(packed=True, blocked=True)])
def test_records_go_out_and_come_back(scenario: Scenario, tmp_path: Path, framing: Framing) -> None:
    number = f"00011101{framing.packed:d}"
    person = scenario.person(number=number)
    months = [
        dataclasses.replace(
            account(person, "x", Month(2024, 3) + index),
            status=AccountStatus.PAST_DUE_30 if days else AccountStatus.CURRENT,
            days_past_due=days,
            balance_minor=100_00 + index * 100,
        )
        for index, days in enumerate([0, 30, 0])
    ]
    records = tmp_path / "records.csv"
    with records.open("w") as stream:
        writer = csv.DictWriter(stream, [column.name for column in columns()])
        writer.writeheader()
        writer.writerows(write_row(month) for month in months)
    people = tmp_path / "people.csv"
    people.write_text(f"{','.join(people_columns()[:4])}\n{person.subject_id},DOE,JANE,{number}\n")
    target = tmp_path / "may.dat"
    count, findings = export_file(
        records, people, target, Reporter("ACME"), identification_number="A", framing=framing
    )
    assert (count, findings) == (1, [])
    with target.open("rb") as stream:
        checked = list(validate(stream, today=datetime.now(UTC).date()))
    assert [finding for _, findings in checked for finding in findings] == []
    assert checked[1][0].first.values["payment_history_profile"] == "10" + "B" * 22
    imported = import_file(scenario.lenders["acme"], Metro2Source(target))
    assert imported.accepted_count == 1
    (card,) = lines(person)
    assert (card.balance_minor, card.month) == (102_00, Month(2024, 5))
    # And as CSV, which has all the months.
    assert import_file(scenario.lenders["acme"], CsvSource(records)).accepted_count == 3
    (card,) = lines(person)
    assert card.history.profile.startswith("010")
