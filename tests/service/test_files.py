"""Files that lenders have, imported through the real server and read in reports."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from bureau_client import (
    AccountStatus,
    BureauError,
    DisputeReason,
    FacilityActionKind,
    InvalidRequest,
    Month,
    Party,
    PartyRole,
    SubmissionKind,
    Wallet,
)
from bureau_client.files import CsvSource, Metro2Source, check_file, import_file
from bureau_client.files.csv_records import columns, write_row
from bureau_client.files.exporting import export_file, people_columns
from bureau_client.files.metro2 import (
    Framing,
    Reader,
    Reporter,
    Segment,
    blank,
    header,
    validate,
    write,
)
from bureau_client.files.metro2.layout import layouts
from tests.programs import run_program
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
    assert (result.row_count, result.accepted_count, len(result.rejects)) == (1, 1, 0)
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


def test_a_sold_account_of_a_file_is_one_debt_with_the_buyers(
    scenario: Scenario, tmp_path: Path
) -> None:
    person = scenario.person(number="000111077")
    bought = account(
        person, "bought", Month(2024, 6), open_date=date(2020, 1, 31), balance_minor=1000_00
    )
    sales = tmp_path / "sales.csv"
    sales.write_text(f"account_ref,new_member_id,new_account_ref\nS-1,brook,{bought.account_ref}\n")
    sold = blank("K2").with_values(purchased_sold_indicator="2", purchased_sold_name="BROOK LLC")
    acme = scenario.lenders["acme"]
    import_file(acme, Metro2Source(written(tmp_path / "may.dat", [base("000111077", "S-1")])))
    june = base(
        "000111077",
        "S-1",
        account_status="05",
        payment_rating="0",
        current_balance=0,
        date_closed=date(2024, 6, 10),
        date_of_account_information=date(2024, 6, 30),
    )
    file = written(tmp_path / "june.dat", [june, sold])
    assert import_file(acme, Metro2Source(file, sales=sales)).accepted_count == 2
    scenario.submit("brook", bought)
    lines_by_member = {line.member_id: line for line in lines(person)}
    assert lines_by_member["acme"].sold_month == Month(2024, 6)
    (sale,) = lines_by_member["acme"].actions
    assert (sale.kind, sale.new_member_id) == (FacilityActionKind.TRANSFER, "brook")
    summary = person.file().summary
    assert summary is not None
    # Of 2024, the buyer's line is stale today; the seller's counts nowhere.
    assert (summary.stale_tradeline_count, summary.totals[0].stale_balance_minor) == (1, 1000_00)


def test_a_sale_that_the_bureau_refuses_is_named_in_the_file(
    scenario: Scenario, tmp_path: Path
) -> None:
    """The buyer is no member; then a dispute for identity theft blocks the account."""
    person = scenario.person(number="000111078")
    acme = scenario.lenders["acme"]
    sold = blank("K2").with_values(purchased_sold_indicator="2", purchased_sold_name="BROOK LLC")
    import_file(acme, Metro2Source(written(tmp_path / "may.dat", [base("000111078", "S-2")])))
    june = base(
        "000111078",
        "S-2",
        account_status="64",
        current_balance=0,
        date_closed=date(2024, 6, 10),
        date_of_account_information=date(2024, 6, 30),
    )
    file = written(tmp_path / "june.dat", [june, sold])
    sales = tmp_path / "sales.csv"

    def refused(buyer: str) -> str:
        sales.write_text(f"account_ref,new_member_id,new_account_ref\nS-2,{buyer},B-2\n")
        with pytest.raises(BureauError) as caught:
            import_file(acme, Metro2Source(file, sales=sales))
        (violation,) = caught.value.violations
        return violation.field

    assert refused("nowhere") == "record 2, new_member_id of the file of sales"
    (line,) = lines(person)
    person.dispute(
        line.tradeline_id,
        field="parties",
        reason=DisputeReason.IDENTITY_THEFT,
        narrative="I never opened this.",
        attachment_digests=(b"\1" * 32, b"\2" * 32),
    )
    assert refused("brook") == "record 2, purchased_sold_indicator"


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
    wrong = [base(number, f"{ref}-2", payment_rating="0", terms_duration="X")]
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
    assert {reason["record"]: reason["original_record"] for reason in reasons} == {
        "2": "3", "3": "4", "4": "5",
    }  # fmt: skip
    assert {"Rating-2", "M2-CODE", "M2-IDENTITY"} <= {reason["rule"] for reason in reasons}
    # What the bureau refuses is named by the field of the file, too.
    (refusal,) = [reason for reason in reasons if reason["original_record"] == "4"]
    assert refusal["field"] == "social_security_number of person 1"
    # Mended where it stands, as with an editor, and sent.
    raw = bytearray(rejects.read_bytes())
    mend(raw, f"{ref}-2", "payment_rating", b" ")
    mend(raw, f"{ref}-2", "terms_duration", b"REV")
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


def test_a_file_of_corrections_is_imported_whole(scenario: Scenario, tmp_path: Path) -> None:
    """Accounts with the correction indicator and without one are submissions of one kind."""
    person = scenario.person(number="000111013")
    accounts = [base("000111013", f"K-{number}") for number in range(3)]
    accounts[1] = base("000111013", "K-1", correction_indicator="1")
    file = written(tmp_path / "k.dat", *([each] for each in accounts))
    result = import_file(
        scenario.lenders["acme"], Metro2Source(file), kind=SubmissionKind.CORRECTION
    )
    assert (result.accepted_count, len(lines(person))) == (3, 3)


def test_a_renumbering_is_no_reject_when_the_file_comes_again(
    scenario: Scenario, tmp_path: Path
) -> None:
    """The bureau refuses it then, as it refuses the account of somebody without a consent."""
    scenario.person(number="000111016")
    scenario.person("brook", number="000111017")
    acme = scenario.lenders["acme"]
    first = written(tmp_path / "o.dat", [base("000111016", "O-1")])
    import_file(acme, Metro2Source(first))
    renumbered = blank("L1").with_values(
        change_indicator="1", new_consumer_account_number="O-1-NEW"
    )
    file = written(
        tmp_path / "p.dat",
        [base("000111016", "O-1"), renumbered],
        [base("000111016", "O-2")],
        [base("000111017", "P-1")],
    )
    results = [import_file(acme, Metro2Source(file), skip_invalid=True) for _ in range(2)]
    for result in results:
        assert (result.accepted_count, [each.row.place for each in result.rejects]) == (3, [4])
    first_ids, again = ([one.submission_id for one in each.submissions] for each in results)
    assert first_ids == again


@pytest.mark.parametrize("changed", ["may.dat", "june.dat"])
def test_a_metro2_file_that_changes_after_its_check_is_refused(
    scenario: Scenario, tmp_path: Path, changed: str
) -> None:
    """And the one of the month before, with which it was compared."""
    own = [base("000111014", "M-1")]
    may = written(tmp_path / "may.dat", own)
    june = written(tmp_path / "june.dat", own, day=date(2024, 6, 30))
    source = Metro2Source(june, previous=may)
    check_file(source)
    new = written(tmp_path / "new.dat", [base("000111014", "M-1", current_balance=99)])
    new.replace(tmp_path / changed)
    with pytest.raises(InvalidRequest, match=f"{changed} was changed after it was checked"):
        list(source.read(None, scenario.lenders["acme"].subject_ids))


def test_an_import_over_midnight_keeps_to_one_day(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = iter([date(2024, 6, 29), date(2024, 7, 1)])
    monkeypatch.setattr("bureau_client.files.metro2.source.newest_day", lambda: next(days))
    scenario.person(number="000111015")
    ahead = base("000111015", "N-2", date_of_last_payment=date(2024, 6, 30))
    file = written(tmp_path / "n.dat", [base("000111015", "N-1")], [ahead])
    result = import_file(scenario.lenders["acme"], Metro2Source(file), skip_invalid=True)
    assert (result.accepted_count, [each.row.place for each in result.rejects]) == (1, [3])


def test_a_month_is_compared_with_the_month_before(scenario: Scenario, tmp_path: Path) -> None:
    may = written(tmp_path / "may.dat", [base("000111008", "P-1")])
    june = written(
        tmp_path / "june.dat",
        [base("000111008", "P-1", payment_history_profile="1" * 24)],
        day=date(2024, 6, 30),
    )
    assert not check_file(Metro2Source(june)).rejects
    # Examiners flag it; only who asks for their judgement keeps the account back.
    flagged = check_file(Metro2Source(june, previous=may))
    assert (len(flagged.rejects), list(flagged.warnings)) == (0, ["PHP-Status-2"])
    (reject,) = check_file(Metro2Source(june, previous=may, strict=True)).rejects
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


def rows_of(path: Path, *months: Any) -> Path:
    with path.open("w") as stream:
        writer = csv.DictWriter(stream, [column.name for column in columns()])
        writer.writeheader()
        writer.writerows(write_row(month) for month in months)
    return path


def people_of(path: Path, *people: str) -> Path:
    path.write_text("\n".join([",".join(people_columns()[:4]), *people]) + "\n")
    return path


def test_an_export_names_who_is_left_out_and_fills_what_is_unknown(
    scenario: Scenario, tmp_path: Path
) -> None:
    person = scenario.person(number="000111021")
    firm = scenario.person(number="000111022")
    may = account(person, "X-1", Month(2024, 5))
    closed = dataclasses.replace(
        account(person, "X-CLOSED", Month(2024, 4)),
        status=AccountStatus.PAID_OR_CLOSED,
        balance_minor=0,
        payment_rating="0",
        close_date=date(2024, 4, 20),
    )
    business = dataclasses.replace(
        account(firm, "X-FIRM", Month(2024, 5)),
        parties=(Party(firm.subject_id, PartyRole.BUSINESS),),
    )
    nameless = dataclasses.replace(may, account_ref="X-NAMELESS", parties=business.parties[:1])
    nameless = dataclasses.replace(nameless, parties=(Party(firm.subject_id),))
    unknown = dataclasses.replace(may, account_ref="X-UNKNOWN", parties=(Party("f" * 32),))
    records = rows_of(tmp_path / "rows.csv", may, closed, business, nameless, unknown)
    people = people_of(
        tmp_path / "people.csv",
        f"{person.subject_id},DOE,JANE,000111021",
        f"{firm.subject_id},ACME TRUCKING LLC,,000111022",
    )
    profile = tmp_path / "profile"
    scenario.profiles["acme"].save(profile)
    target = tmp_path / "may.dat"
    done = lender(
        "export", records, target, "--people", people, "--reporter", "ACME", "--identification",
        "A", "--reporter-address", "1 HIGH STREET", "--experian-program", "EX123",
        "--newline", "crlf", "--output", "csv",
    )  # fmt: skip
    assert done.returncode == 8, done.stderr
    assert "2 accounts written" in done.stderr
    for left_out in ("X-CLOSED", "X-NAMELESS", "X-UNKNOWN"):
        assert left_out in done.stdout
    raw = target.read_bytes()
    assert [len(line) for line in raw.split(b"\r\n")] == [426] * 4 + [0]
    head, *_ = Reader(io.BytesIO(raw))
    assert head.raw[215:225] == b"0" * 10
    assert head.first.values["experian_program_identifier"] == "EX123"
    assert head.first.values["reporter_address"] == "1 HIGH STREET"
    # The packed format has no line ends.
    assert lender(
        "export", records, target, "--people", people, "--reporter", "ACME", "--identification",
        "A", "--newline", "lf", "--packed",
    ).returncode == 5  # fmt: skip
    # The format of what is imported is found by the first bytes.
    lines = raw.split(b"\r\n")
    target.write_bytes(b"\r\n".join([lines[0], lines[1][4:], *lines[2:]]))
    done = lender("import", target, "--profile", profile, "--skip-invalid")
    assert done.returncode == 8, done.stderr
    assert "1 of 2 rows accepted" in done.stderr
    with (tmp_path / "may.dat.rejects.dat.reasons.csv").open() as stream:
        (reason,) = csv.DictReader(stream)
    assert (reason["rule"], reason["original_line"]) == ("M2-WORD", "2")


def lender(*words: object) -> CompletedProcess[str]:
    return run_program("bureau-lender", *words)


def test_all_that_the_bureau_refuses_is_named_with_its_line(
    scenario: Scenario, tmp_path: Path
) -> None:
    own = account(scenario.person(), "L-0", Month(2024, 5))
    strangers = [
        dataclasses.replace(own, account_ref=f"L-{i}", parties=(Party(f"{i:032x}"),))
        for i in range(1, 13)
    ]
    records = rows_of(tmp_path / "rows.csv", own, *strangers)
    scenario.profiles["acme"].save(tmp_path / "profile")
    done = lender("import", records, "--profile", tmp_path / "profile")
    assert done.returncode == 3
    assert "line 3, subject_id: no consent" in done.stderr
    assert "line 4, subject_id: no consent" in done.stderr
    assert "records[" not in done.stderr
    # The answer has no room for all: the import that leaves them out lists each.
    assert "(and 11 more): --skip-invalid lists all" in done.stderr
    done = lender("import", records, "--profile", tmp_path / "profile", "--skip-invalid")
    assert done.returncode == 8
    with (tmp_path / "rows.csv.rejects.csv").open() as stream:
        reasons = [row["reject_reason"] for row in csv.DictReader(stream)]
    assert [reason.partition(": subject_id no consent")[0] for reason in reasons] == [
        f"line {number}" for number in range(3, 15)
    ]


@pytest.mark.parametrize(
    ("encoding", "name"), [("utf-16", "UTF-16"), ("utf-16-be", "UTF-16"), ("cp037", "EBCDIC")]
)
def test_a_file_in_another_encoding_is_named(tmp_path: Path, encoding: str, name: str) -> None:
    header_of_csv = ",".join(column.name for column in columns()) + "\n"
    metro2 = written(tmp_path / "may.dat", [base("000111031", "E-1")]).read_text("ascii")
    for text in (header_of_csv, metro2):
        file = tmp_path / "file"
        file.write_bytes(text.encode(encoding))
        done = lender("import", file, "--profile", tmp_path, "--dry-run")
        assert (done.returncode, name in done.stderr) == (5, True), done.stderr
