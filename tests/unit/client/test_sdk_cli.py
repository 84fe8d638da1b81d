"""The command lines: what goes to stdout, what to stderr, and the exit codes."""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import typer
from pyarrow import csv as pa_csv
from pyarrow import parquet
from rich.console import Console

import bureau_client
from bureau_client import (
    ActionReason,
    DisputeOutcome,
    EvidenceLevel,
    FacilityActionKind,
    Initiator,
    Month,
    PaymentHistory,
    PortfolioType,
    Purpose,
    Report,
    SigningKey,
    errors,
)
from bureau_client._transport.engine import Attempt
from bureau_client.cli import common, lender, remedies, wallet
from bureau_client.cli.output import Output, emit_many, emit_one, plain
from bureau_client.cli.show import show_report
from bureau_client.cli.tables import for_spreadsheet
from bureau_client.files.csv_records import columns, write_row
from bureau_client.files.exporting import people_columns
from bureau_client.files.metro2 import Finding, Severity
from bureau_client.models.money import format_amount
from bureau_client.models.progress import Progress
from bureau_client.models.reports import Attribute
from bureau_client.models.tradelines import TradelineAction
from bureau_client.risk.tables import report_tables
from bureau_keys.command_line.output import cell_of
from creditbureau.v1 import log_pb2
from creditbureau.v1.alert_pb2 import ALERT_KIND_NEW_TRADELINE, Alert
from creditbureau.v1.reporting_pb2 import WatchAlertsResponse
from tests.unit.client.fakes import CONSENT, NOW, SUBJECT, FakeBureau, snapshot
from tests.unit.client.metro2_files import base, file_of
from tests.unit.client.reports import report, tradeline

Run = Callable[..., int]


@pytest.fixture
def bureau(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeBureau:
    bureau = FakeBureau()
    bureau.profile().save(tmp_path / "profile")
    monkeypatch.setenv("BUREAU_PROFILE", str(tmp_path / "profile"))
    monkeypatch.setattr("bureau_client.sync.client.GrpcTransport", lambda _profile: bureau)
    return bureau


@pytest.fixture
def run(bureau: FakeBureau, monkeypatch: pytest.MonkeyPatch) -> Run:
    def run(*arguments: object, main: Callable[[], None] = lender.main) -> int:
        monkeypatch.setattr("sys.argv", ["bureau", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        code = left.value.code
        assert isinstance(code, int)
        return code

    return run


def write_csv(path: Path, *rows: dict[str, str]) -> Path:
    names = [column.name for column in columns()]
    lines = [",".join(row[name] for name in names) for row in rows]
    path.write_text("\n".join([",".join(names), *lines]) + "\n")
    return path


def query(bureau: FakeBureau) -> Report:
    client = bureau.lender()
    client.submit([snapshot("A-1")])
    return client.query(
        SUBJECT,
        purpose=Purpose.CREDIT_APPLICATION,
        consent_id=CONSENT,
        evidence=EvidenceLevel.NEWEST,
    )


@pytest.mark.parametrize("main", [lender.main, wallet.main])
def test_attributes_are_shown_with_their_meaning(
    run: Run, capsys: pytest.CaptureFixture[str], main: Callable[[], None]
) -> None:
    assert run("attributes", "total_balance.USD", "--output", "json", main=main) == 0
    [shown] = json.loads(capsys.readouterr().out)
    assert (shown["name"], shown["unit"]) == ("total_balance", "minor units")
    assert shown["missing"] == "never missing"
    assert run("attributes", "--version", "2026-11", main=main) == 0
    assert "open tradelines now" in " ".join(capsys.readouterr().out.split())
    assert run("attributes", "total_balanc", main=main) != 0
    assert "Did you mean 'total_balance'" in " ".join(
        capsys.readouterr().err.replace("│", " ").split()
    )
    assert run("attributes", "--version", "2025", main=main) != 0
    assert "--version" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("main", "command"),
    [
        (lender.main, ("act", "A-1")),
        (lender.main, ("delete", "A-1")),
        (lender.main, ("query", SUBJECT, "--consent", CONSENT)),
        (wallet.main, ("hold", "place", "--wallet", "w")),
        (wallet.main, ("grant", "brook", "--wallet", "w")),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_no_help_and_no_error_asks_for_the_number_of_a_code(
    run: Run,
    capsys: pytest.CaptureFixture[str],
    main: Callable[[], None],
    command: tuple[str, ...],
) -> None:
    assert run(*command, main=main) == 2
    assert "Missing" in (refused := capsys.readouterr().err)
    assert not re.search(r"\d[,|]", refused)
    assert run(*command, "--help", main=main) == 0
    assert not re.search(r"\d\|\d", capsys.readouterr().out)


def test_a_file_of_another_format_is_named_as_one(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_csv(tmp_path / "may.csv", write_row(snapshot("A-1")))
    assert run("submit", file, "--dry-run", "--format", "metro2") == 5
    refused = " ".join(capsys.readouterr().err.split())
    assert "the file: is 'CSV'; expected Metro 2 in ASCII (M2-CSV)" in refused


def test_a_refusal_is_shown_where_its_list_of_reasons_cannot_be_written(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [write_row(snapshot(f"A-{n}")) | {"month": "May"} for n in range(99)]
    # The longest name of a file: no more characters can follow it.
    file = write_csv(tmp_path / f"{'m' * 251}.csv", *rows)
    assert run("submit", file, "--dry-run") == 5
    shown = " ".join(capsys.readouterr().err.split())
    assert "99 of 99 rows are wrong" in shown
    assert "the list of all reasons was not written" in shown


def test_a_dry_run_shows_warnings_and_their_lines(
    run: Run, bureau: FakeBureau, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home: dict[str, Any] = {"portfolio_type": PortfolioType.MORTGAGE}
    rows = [snapshot("A-1"), *(snapshot(f"B-{n}", **home) for n in range(12))]
    file = write_csv(tmp_path / "may.csv", *map(write_row, rows))
    assert run("submit", file, "--dry-run") == 0
    shown = " ".join(capsys.readouterr().err.split())
    assert "warning: secured is false for a mortgage" in shown
    assert "[mortgage-not-secured; line 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 2 more]" in shown
    assert "13 rows are in order" in shown
    assert bureau.calls == []


def test_a_file_is_submitted(
    run: Run, bureau: FakeBureau, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_csv(tmp_path / "may.csv", *(write_row(snapshot(f"A-{n}")) for n in range(3)))
    assert run("submit", file, "--output", "json") == 0
    captured = capsys.readouterr()
    (submission,) = json.loads(captured.out)
    assert (submission["record_count"], submission["label"]) == (3, "may.csv")
    assert "3 of 3 rows accepted" in captured.err


def test_a_dry_run_sends_nothing(run: Run, bureau: FakeBureau, tmp_path: Path) -> None:
    good, bad = write_row(snapshot()), write_row(snapshot()) | {"currency": "yuan"}
    assert run("submit", write_csv(tmp_path / "a.csv", good), "--dry-run") == 0
    assert run("submit", write_csv(tmp_path / "b.csv", good, bad), "--dry-run") == 5
    assert bureau.calls == []


def test_wrong_rows_are_named_by_line(
    run: Run, bureau: FakeBureau, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = write_row(snapshot()), write_row(snapshot()) | {"balance_minor": "1.5"}
    assert run("submit", write_csv(tmp_path / "a.csv", good, bad)) == 5
    assert "line 3, balance_minor" in capsys.readouterr().err.lower()
    assert bureau.calls == []


def test_a_partial_import_leaves_the_rejects_to_be_corrected(
    run: Run, bureau: FakeBureau, tmp_path: Path
) -> None:
    good, bad = write_row(snapshot("A-1")), write_row(snapshot("A-2")) | {"month": "May"}
    file = write_csv(tmp_path / "a.csv", good, bad)
    assert run("submit", file, "--skip-invalid") == 8
    rejects = (tmp_path / "a.csv.rejects.csv").read_text().splitlines()
    assert len(rejects) == 2
    assert rejects[1].startswith("A-2,May")
    assert len(bureau.batches[0]) == 1


def test_a_report_is_saved_and_verified_offline(
    run: Run, bureau: FakeBureau, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bureau.lender().submit([snapshot("A-1")])
    saved = tmp_path / "r.json"
    arguments = ["query", SUBJECT, "--purpose", "credit-application", "--consent", CONSENT]
    assert run(*arguments, "--evidence", "newest", "--save", saved) == 0
    assert "Credit report" in capsys.readouterr().out
    bureau.fail = lambda _: pytest.fail("verify must not call anybody")
    assert run("verify", saved, "--output", "json") == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["subject_id"] == SUBJECT
    assert "1 records verify under the signatures of acme" in captured.err
    saved.write_text(saved.read_text().replace("A", "B", 5))
    assert run("verify", saved) == 5


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.NotAuthenticated("x"), 3),
        (errors.ConsentRevoked("x"), 3),
        (errors.NotFound("x"), 4),
        (errors.InvalidRequest("x"), 5),
        (errors.VerificationFailed("x"), 5),
        (errors.Conflict("x"), 6),
        (errors.WrongState("x"), 6),
        (errors.Overloaded("x"), 7),
        (errors.QuotaExceeded("x"), 7),
        (errors.Internal("x"), 1),
    ],
)
def test_each_error_has_its_exit_code(
    run: Run,
    bureau: FakeBureau,
    error: errors.BureauError,
    code: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bureau.fail = lambda _: error
    assert run("members") == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: X.")


def test_an_unreachable_bureau_exits_with_seven() -> None:
    assert common.exit_code(errors.Unavailable("x")) == 7
    assert common.exit_code(errors.DeadlineExceeded("x")) == 7


def test_a_receipt_waits_for_its_witnesses(
    run: Run, bureau: FakeBureau, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bureau.witnesses = {f"w.example/{number}": SigningKey.generate() for number in (1, 2)}
    bureau.profile().save(tmp_path / "profile")
    report = query(bureau)
    report.save(tmp_path / "report.json")
    _, _, given = bureau.furnished[0]
    bureau.answers["GetReceipt"] = lambda _: log_pb2.GetReceiptResponse(receipt=given)
    assert run("receipt", CONSENT, "--cosigned", 2) == 0
    shown = "witnessed at 2026-03-01 12:00:00 UTC by w.example/1, at 2026-03-01 12:00:00 UTC by"
    assert shown in capsys.readouterr().err.replace("\n", " ").replace("  ", " ")
    # Saved with its witnesses, a report says who they are.
    lender = bureau.lender()
    assert report.receipt is not None
    dataclasses.replace(report, receipt=lender.wait_for_witnesses(report.receipt)).save(
        tmp_path / "report.json"
    )
    assert run("verify", tmp_path / "report.json") == 0
    assert shown in capsys.readouterr().err.replace("\n", " ").replace("  ", " ")


def test_usage_errors_exit_with_two(run: Run) -> None:
    assert run("query") == 2
    assert run("query", SUBJECT, "--purpose", "because", "--consent", CONSENT) == 2
    # A folder that is not there is no word that the command does not know.
    assert run("members", "--profile", "nowhere") == 4


def test_a_person_grants_and_revokes(
    run: Run, bureau: FakeBureau, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "wallet"

    def person(*arguments: object) -> int:
        return run(*arguments, "--wallet", folder, main=wallet.main)

    assert person("create", SUBJECT) == 0
    assert person("binding", "--file", tmp_path / "binding") == 0
    assert run("attest", tmp_path / "binding", "--method", "in-person") == 0
    capsys.readouterr()
    assert person("grant", "acme", "--action", "furnish", "--output", "json") == 0
    consent = json.loads(capsys.readouterr().out)["consent_id"]
    assert person("pause", consent, "--note", "later") == 0
    assert person("revoke", consent) == 0
    assert person("consents", "--output", "jsonl") == 0
    assert json.loads(capsys.readouterr().out)["state"] == "REVOKED"
    assert person("inquiries", "--output", "csv") == 0
    assert "acme,CREDIT_APPLICATION" in capsys.readouterr().out
    assert person("file") == 0
    assert person("rotate-key") == 0


def test_a_report_is_shown_whole(bureau: FakeBureau) -> None:
    report = query(bureau)
    history = PaymentHistory(Month(2026, 1), "0123E-LGB?", (), (), (), ())
    line = dataclasses.replace(report.tradelines[0], history=history)
    console = Console(file=io.StringIO(), width=120)
    show_report(dataclasses.replace(report, tradelines=(line,)), console)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    for part in ("Credit report", "Facilities", "Payment history", "Who reported what", "leaf 5"):
        assert part in text
    assert "123.45 CNY" in text
    assert "2026" in text
    assert "2025" in text


def test_attributes_are_shown_with_their_currency(bureau: FakeBureau) -> None:
    attributes = (
        Attribute("total_balance", "minor units", {"JPY": 1500.0, "USD": -1234567.0}),
        Attribute("utilisation", "share of limits", {"": 0.25}),
        Attribute("days_since_inquiry", "days", {"": None}),
    )
    console = Console(file=io.StringIO(), width=120)
    show_report(dataclasses.replace(query(bureau), attributes=attributes), console)
    assert isinstance(console.file, io.StringIO)
    rows = [line.split() for line in console.file.getvalue().splitlines()]
    assert ["total_balance", "1,500", "JPY"] in rows
    assert ["total_balance", "-12,345.67", "USD"] in rows
    assert ["utilisation", "25.0", "%", "share", "of", "limits"] in rows
    assert ["days_since_inquiry", "missing", "days"] in rows


def test_a_narrow_terminal_shows_the_newest_years(bureau: FakeBureau) -> None:
    report = query(bureau)
    history = PaymentHistory(Month(2026, 1), "0" * 100, (), (), (), ())
    line = dataclasses.replace(report.tradelines[0], history=history)
    console = Console(file=io.StringIO(), width=60)
    show_report(dataclasses.replace(report, tradelines=(line,)), console)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "2026" in text
    assert "2019" not in text


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (123_456_789, "CNY", "1,234,567.89"),
        (-5, "EUR", "-0.05"),
        (1500, "JPY", "1,500"),
        (1234, "KWD", "1.234"),
        (None, "USD", "–"),
        (0, "USD", "0.00"),
    ],
)
def test_amounts_are_written_in_major_units(amount: Any, currency: str, text: str) -> None:
    assert format_amount(amount, currency) == text


def test_what_others_wrote_is_shown_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    """Brackets are no markup: not in a file's field, nor in a narrative."""
    odd = "[/red] [bold]x"
    finding = Finding("M2-CODE", Severity.ERROR, 2, "BASE.special_comment", odd, odd, odd)
    emit_many([finding], Output.TABLE, ("rule", "got", "fix"))
    emit_one(finding, Output.TABLE)
    assert capsys.readouterr().out.count(odd) == 5
    with pytest.raises(SystemExit):
        common.fail(odd, 5)
    assert odd in capsys.readouterr().err


def test_every_form_has_the_same_fields(
    bureau: FakeBureau, capsys: pytest.CaptureFixture[str]
) -> None:
    submissions = bureau.lender().submit([snapshot()]).submissions
    emit_many(submissions, Output.JSONL, ())
    row = json.loads(capsys.readouterr().out)
    emit_many(submissions, Output.CSV, ())
    assert capsys.readouterr().out.splitlines()[0].split(",") == list(row)
    assert "manifest" not in row


def test_a_metro2_file_is_checked(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = base(account_status="71", special_comment="ZZ")
    file = tmp_path / "may.dat"
    file.write_bytes(file_of([wrong], [wrong.with_values(consumer_account_number="A-2")]))
    # Examiners' flags alone are warnings.
    assert run("check", file) == 0
    assert "4 records: 0 errors, 6 warnings" in capsys.readouterr().err
    assert run("check", file, "--strict", "--output", "jsonl") == 5
    captured = capsys.readouterr()
    findings = [json.loads(line) for line in captured.out.splitlines()]
    assert {(finding["rule"], finding["severity"]) for finding in findings} == {
        ("Status-DOFD-1", "error"),
        ("Status-APD-1", "error"),
        ("M2-CODE", "warning"),
    }
    assert all(finding["field"] and finding["expected"] and finding["fix"] for finding in findings)
    assert "4 records: 4 errors, 2 warnings" in captured.err
    assert {(finding["line"], finding["byte"] > 0) for finding in findings} == {(0, True)}
    assert run("check", file, "--strict", "--summary", "--output", "json") == 5
    tallies = json.loads(capsys.readouterr().out)
    assert [(tally["rule"], tally["count"], tally["first_record"]) for tally in tallies] == [
        ("M2-CODE", 2, 2),
        ("Status-DOFD-1", 2, 2),
        ("Status-APD-1", 2, 2),
    ]
    file.write_bytes(file_of([base()]))
    assert run("check", file) == 0
    assert run("submit", file, "--format", "metro2", "--currency", "usd", "--dry-run") == 5
    assert "ISO 4217" in capsys.readouterr().err


def test_a_file_is_checked_with_the_options_of_its_import(
    run: Run, bureau: FakeBureau, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "may.dat"
    file.write_bytes(file_of([base(social_security_number="666123456")]))

    def rules(*options: str) -> set[str]:
        code = run("check", file, *options, "--output", "json")
        broken = {finding["rule"] for finding in json.loads(capsys.readouterr().out)}
        dry = run("import", file, *options, "--dry-run")
        capsys.readouterr()
        assert dry == code, options
        return broken

    assert rules() == set()
    assert rules("--country", "CN", "--scheme", "resident-id") == {"M2-IDENTITY"}
    # A profile of production takes only numbers that were issued.
    bureau.issued_identifiers_only = True
    bureau.profile().save(tmp_path / "profile")
    assert rules() == {"M2-IDENTITY"}
    for option, value in (("--currency", "usd"), ("--scheme", "nino"), ("--country", "XX")):
        assert run("check", file, option, value) == 5
        assert f"{option}: " in capsys.readouterr().err


def test_what_decides_on_an_import_is_an_option_of_the_check() -> None:
    programs = typer.main.get_command(lender.app).commands  # type: ignore[attr-defined]
    checked = {option.name for option in programs["check"].params}
    for option in programs["import"].params:
        of_metro2 = str(getattr(option, "help", "")).startswith("Metro 2:")
        assert not of_metro2 or option.name in checked, option.name


def test_a_month_is_exported_and_what_is_missing_is_said(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now = snapshot("A-1", currency="USD", balance_minor=123_45)
    earlier = dataclasses.replace(now, account_ref="A-2", month=now.month - 1)
    records = write_csv(tmp_path / "r.csv", write_row(now), write_row(earlier))
    people = tmp_path / "p.csv"
    people.write_text(f"{','.join(people_columns()[:4])}\n{SUBJECT},DOE,JANE,000123456\n")
    command = ["export", records, tmp_path / "m.dat", "--people", people, "--reporter", "ACME"]
    assert run(*command, "--identification", "A", "--output", "json") == 0
    captured = capsys.readouterr()
    values = {finding["field"]: finding["got"] for finding in json.loads(captured.out)}
    assert values["balance_minor"] == "12345"
    assert "A-2" in values["month"]
    assert "1 accounts written" in captured.err


def test_an_account_that_is_in_a_month_twice_is_not_exported(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [write_row(snapshot("A-1", balance_minor=balance)) for balance in (1_00, 2_00)]
    records = write_csv(tmp_path / "r.csv", *rows)
    people, file = tmp_path / "p.csv", tmp_path / "m.dat"
    people.write_text(f"{','.join(people_columns()[:4])}\n{SUBJECT},DOE,JANE,000123456\n")
    command = ["export", records, file, "--people", people, "--reporter", "ACME"]
    assert run(*command, "--identification", "A") == 5
    assert "line 3, account_ref" in (shown := " ".join(capsys.readouterr().err.split()))
    assert "are in line 2 too; keep one of the two lines" in shown
    assert not file.exists()


def test_a_log_tells_now_and_then_how_long_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    with common.progress_bar("submitting", before="checking") as show:
        for seconds in (1, 6, 7, 12):
            show(Progress(seconds * 1000, None, timedelta(seconds=seconds)))
        for seconds in (5, 6, 20):
            show(Progress(seconds * 100, 10_000, timedelta(seconds=seconds)))
    assert capsys.readouterr().err.splitlines() == [
        "checking: 6,000",
        "checking: 12,000",
        "submitting: 500 of 10,000, 0:01:35 left",
        "submitting: 2,000 of 10,000, 0:01:20 left",
    ]


def test_an_import_that_breaks_off_says_what_is_there(
    run: Run,
    bureau: FakeBureau,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("bureau_client.files.importing.BATCH_RECORDS", 2)
    file = write_csv(tmp_path / "may.csv", *(write_row(snapshot(f"A-{n}")) for n in range(5)))
    sent: list[str] = []

    def fail(attempt: Attempt) -> errors.BureauError | None:
        if attempt.call.method.path.endswith("SubmitRecords"):
            sent.append(attempt.call.request_id)
        return errors.QuotaExceeded("enough") if len(sent) == 2 else None

    bureau.fail = fail
    assert run("import", file) == 7
    assert "2 records before it were accepted" in capsys.readouterr().err


@pytest.fixture
def saved(bureau: FakeBureau, tmp_path: Path) -> Path:
    """A folder with two saved reports."""
    folder = tmp_path / "reports"
    folder.mkdir()
    for name in ("b", "a"):
        query(bureau).save(folder / f"{name}.json")
    return folder


@pytest.mark.parametrize(
    ("form", "read"),
    [
        ("parquet", parquet.read_table),
        ("arrow", lambda path: pa.ipc.open_file(path).read_all()),
    ],
)
def test_saved_reports_become_tables(
    run: Run, bureau: FakeBureau, saved: Path, tmp_path: Path, form: str, read: Any
) -> None:
    bureau.fail = lambda _: pytest.fail("tables must not call anybody")
    to = tmp_path / "tables"
    assert run("tables", saved, "--to", to, "--format", form) == 0
    expected = report_tables(Report.load(saved / f"{name}.json") for name in "ab")
    assert expected.tradelines.num_rows == 2
    for name, table in expected._asdict().items():
        written = read(to / f"{name}.{form}")
        assert written.to_pylist() == table.to_pylist()
        assert written.schema.metadata is None
        assert [field.metadata for field in written.schema] == [f.metadata for f in table.schema]
    assert len(list(to.iterdir())) == len(expected)


def test_a_table_for_a_spreadsheet_has_no_formulas(run: Run, tmp_path: Path) -> None:
    lines = (tradeline("a", original_creditor="=1+1"), tradeline("b", credit_limit_minor=-5))
    for_csv = for_spreadsheet(report_tables([report(0, *lines)]).tradelines)
    sink = io.BytesIO()
    pa_csv.write_csv(for_csv, sink)
    first, second = csv.DictReader(io.StringIO(sink.getvalue().decode()))
    assert (first["original_creditor"], second["original_creditor"]) == ("'=1+1", "")
    assert (first["credit_limit_minor"], second["credit_limit_minor"]) == ("500000", "-5")
    assert (first["open_date"], first["status"]) == ("2020-01-31", "CURRENT")


def test_a_csv_file_has_the_rows_of_the_table(run: Run, saved: Path, tmp_path: Path) -> None:
    assert run("tables", saved / "a.json", "--to", tmp_path, "--format", "csv") == 0
    (row,) = csv.DictReader((tmp_path / "tradelines.csv").open(newline=""))
    assert row["subject_id"] == SUBJECT
    assert row["balance_minor"] == "12345"


def test_no_table_is_made_of_a_report_that_does_not_verify(
    run: Run, saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = json.loads((saved / "b.json").read_text())
    bundle["request"] = json.loads((saved / "a.json").read_text())["request"]
    (saved / "b.json").write_text(json.dumps(bundle))
    assert run("tables", saved, "--to", tmp_path / "tables") == 5
    assert f"{saved / 'b.json'}: The saved report does not verify" in capsys.readouterr().err
    assert not (tmp_path / "tables").exists()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "has no saved reports"),
        ({"unfinished.json": "{}"}, "the portfolio in this folder is unfinished"),
        ({"a.json": "{}"}, "a.json is not a saved report"),
    ],
)
def test_a_folder_without_reports_is_refused(
    run: Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    files: dict[str, str],
    message: str,
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    assert run("tables", folder, "--to", tmp_path / "tables") in {2, 5}
    assert message in capsys.readouterr().err


def test_tables_without_arrow_say_what_to_install(
    run: Run,
    saved: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in [name for name in sys.modules if name.startswith("bureau_client.risk")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert run("tables", saved, "--to", tmp_path / "tables") == 5
    assert "pip install 'creditbureau[risk]'" in capsys.readouterr().err


def test_alerts_end_after_their_time_however_many_come(
    run: Run, bureau: FakeBureau, capsys: pytest.CaptureFixture[str]
) -> None:
    def many(_: object) -> Iterator[WatchAlertsResponse]:
        for number in itertools.count(1):
            alert = Alert(
                alert_id=f"{number}-0",
                kind=ALERT_KIND_NEW_TRADELINE,
                subject_id=SUBJECT,
                consent_id=CONSENT,
                cause_leaf_index=number,
            )
            yield WatchAlertsResponse(alert=alert, cursor=number)
            time.sleep(0.05)

    bureau.streams["WatchAlerts"] = many
    assert run("alerts", "--for", "2") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["kind"] == "NEW_TRADELINE"


def test_what_ends_a_stream_ends_the_command(run: Run, bureau: FakeBureau) -> None:
    bureau.streams["WatchAlerts"] = lambda _: iter([errors.PermissionDenied("suspended")])
    assert run("alerts", "--for", "20") == 3


@pytest.mark.parametrize(
    ("fields", "lines"),
    [
        ({"limit": 181_010, "currency": "USD"}, ["limit 1,810.10 USD"]),
        ({"balance_minor": 1500, "currency": "JPY"}, ["balance 1,500 JPY"]),
        ({"balance_minor": 25_123_500, "currency": "USD"}, ["balance 251,235.00 USD"]),
        ({"utilisation_per_mille": 452}, ["utilisation 45.2 %"]),
        ({"share": 25_123_500.0}, ["share 25,123,500"]),
        ({"amount_minor": None, "currency": "USD"}, ["amount"]),
        ({"leaf_index": 1810100, "proved": True}, ["leaf index 1810100", "proved True"]),
    ],
)
def test_figures_are_written_as_people_read_them(
    fields: dict[str, Any], lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    row = dataclasses.make_dataclass("Row", list(fields))(**fields)
    emit_one(row, Output.TABLE)
    shown = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert set(lines) <= set(shown)
    # Programs read the numbers as they are.
    emit_one(row, Output.JSON)
    assert json.loads(capsys.readouterr().out) == fields


@pytest.mark.parametrize("language", ["en", "en-GB", "zh", "zh-CN", "zh-Hans", "zh_Hans_CN"])
def test_the_reason_of_a_frozen_line_and_what_to_do_reach_the_person(
    bureau: FakeBureau, language: str
) -> None:
    frozen = TradelineAction(
        kind=FacilityActionKind.FREEZE,
        initiator=Initiator.LENDER,
        reasons=(ActionReason.DELINQUENCY_ELSEWHERE,),
        effective_time=NOW,
        review_by_date=NOW.date(),
        appeal_route="appeals@acme.example",
        record=None,
    )
    file = query(bureau)
    line = dataclasses.replace(file.tradelines[0], actions=(frozen,))
    console = Console(file=io.StringIO(), width=400)
    show_report(dataclasses.replace(file, tradelines=(line,)), console, language)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    reason = ActionReason.DELINQUENCY_ELSEWHERE
    assert reason.text_in(language[:2]) in text
    assert reason.fix_in(language[:2]) in text
    assert "appeals@acme.example" in text
    # A line that has ended since is frozen no more.
    for ended in ({"sold_month": line.month}, {"close_date": NOW.date()}):
        console = Console(file=io.StringIO(), width=400)
        gone = dataclasses.replace(line, **ended)
        show_report(dataclasses.replace(file, tradelines=(gone,)), console, language)
        assert isinstance(console.file, io.StringIO)
        assert reason.fix_in(language[:2]) not in console.file.getvalue()


def test_a_wrong_word_is_answered_with_the_option_and_the_words(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("query", SUBJECT, "--purpose", "because", "--consent", CONSENT) == 2
    message = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert "--purpose" in message
    assert "credit-application" in message


@pytest.mark.parametrize("app", [lender.app, wallet.app])
def test_no_option_is_a_number_where_words_are_shown(app: typer.Typer) -> None:
    def commands(group: Any) -> Iterator[Any]:
        for command in getattr(group, "commands", {}).values():
            yield command
            yield from commands(command)

    for command in commands(typer.main.get_command(app)):
        for option in command.params:
            shown = f"{option.name} {getattr(option, 'help', '') or ''}"
            kind = getattr(option, "type_descriptor", None) or getattr(option, "type", None)
            choices = [getattr(one, "value", one) for one in getattr(kind, "choices", None) or ()]
            assert not [choice for choice in choices if str(choice).isdigit()], option.name
            assert not re.search(r"\^|\[0-9a-z-]+\]|\{\d", shown), (command.name, shown)


def test_the_amounts_of_a_part_are_in_the_currency_of_the_whole(
    capsys: pytest.CaptureFixture[str],
) -> None:
    @dataclasses.dataclass
    class Whole:
        currency: str
        parts: list[dict[str, Any]]

    own = {"balance_minor": 5, "currency": "JPY"}
    emit_one(Whole("USD", [{"balance_minor": 123_456}, own]), Output.TABLE)
    shown = " ".join(capsys.readouterr().out.split())
    assert "balance: 1,234.56 USD" in shown
    assert "balance: 5 JPY" in shown


def test_remedies_are_commands_and_options(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def shown(*command: object) -> str:
        assert run(*command) == 5
        return " ".join(capsys.readouterr().err.split())

    file = tmp_path / "no.report"
    file.write_text("{}")
    purpose = ("--purpose", "collection", "--consent", CONSENT)
    assert "Get it from `bureau-lender subject-id`; never" in shown("query", "x", *purpose)
    assert "Pass a file that the option --save wrote" in shown("verify", file)
    assert "the file of `bureau-wallet binding`" in shown("attest", file, "--method", "in-person")
    assert shown("delete", "A 1", "fraud").endswith("Correct the fields.")


def test_every_remedy_is_one_of_the_sdk() -> None:
    package = Path(bureau_client.__file__).parent
    sources = "".join(
        path.read_text("utf-8")
        for path in package.rglob("*.py")
        if path.name != Path(remedies.__file__).name
    )
    for words in remedies.REMEDIES:
        assert words in sources


def test_a_report_is_not_lost_where_it_cannot_be_saved(
    run: Run, bureau: FakeBureau, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    query(bureau)
    sent = len(bureau.calls)
    command = ("query", SUBJECT, "--purpose", "credit-application", "--consent", CONSENT)
    missing = tmp_path / "no such folder" / "report.json"
    # Nothing is sent, so no use of the consent is lost.
    assert run(*command, "--save", missing) == 2
    assert "--save" in (refused := " ".join(capsys.readouterr().err.replace("│", " ").split()))
    assert "does not exist; make it first" in refused
    assert len(bureau.calls) == sent
    # Found out too late: the report is shown all the same.
    assert run(*command, "--save", tmp_path / ("r" * 256), "--output", "json") == 7
    captured = capsys.readouterr()
    assert json.loads(captured.out)["subject_id"] == SUBJECT
    assert captured.err.endswith(": File name too long\n")


def test_a_cell_of_a_code_that_is_not_set_is_empty_and_words_stay() -> None:
    unset = plain(DisputeOutcome.UNSPECIFIED)
    assert cell_of("outcome", unset, {}) == ""
    assert cell_of("narrative", "UNSPECIFIED", {}) == "UNSPECIFIED"
    for name in ("time", "create_time"):
        assert cell_of(name, "2026-11-29T19:01:36.082645+00:00", {}) == "2026-11-29 19:01:36"
