"""`bureau-lender query-many`: a file of applicants in, saved reports and one table out."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bureau import signed_statement
from bureau_client import Inquiry, Month, Wallet
from bureau_client.files.applicants import COLUMNS
from bureau_client.files.querying import JOURNAL, TABLE, report_name
from tests.programs import run_program
from tests.service.scenario import Scenario, account, open_scenario
from tests.service.test_query_many import inquiry_of, uses

LENDER = str(Path(sys.executable).with_name("bureau-lender"))
NEWEST = Month.of(datetime.now(UTC).date()) - 1


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", "brook") as scenario:
        yield scenario


@pytest.fixture
def profile(scenario: Scenario, tmp_path: Path) -> Path:
    scenario.profiles["acme"].save(tmp_path / "profile")
    return tmp_path / "profile"


def line_of(inquiry: Inquiry, **cells: str) -> dict[str, str]:
    """The line of an applicant."""
    return {
        "subject_id": inquiry.subject_id,
        "consent_id": inquiry.consent_id,
        "purpose": "credit-application",
    } | cells


def write_file(path: Path, lines: list[dict[str, str]]) -> Path:
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [column.name for column in COLUMNS])
        writer.writeheader()
        writer.writerows(lines)
    return path


def command_of(file: Path, profile: Path, save: Path, *more: str) -> list[str]:
    return [
        "bureau-lender",
        "query-many",
        str(file),
        "--profile",
        str(profile),
        "--save",
        str(save),
        *more,
    ]


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / TABLE).open(newline="") as stream:
        return list(csv.DictReader(stream))


def with_account(scenario: Scenario, number: str = "") -> Wallet:
    person = scenario.person(number=number)
    scenario.submit("brook", account(person, "card", NEWEST))
    return person


def test_a_file_becomes_reports_and_one_table(
    scenario: Scenario, tmp_path: Path, profile: Path
) -> None:
    by_id, by_number = with_account(scenario), with_account(scenario, "123-45-6789")
    paused_person = scenario.person()
    paused = inquiry_of(scenario, paused_person)
    paused_person.pause(paused.consent_id)
    first, second = inquiry_of(scenario, by_id), inquiry_of(scenario, by_number)
    number = {"country": "US", "scheme": "ssn", "identifier": "123-45-6789", "subject_id": ""}
    file = write_file(
        tmp_path / "applicants.csv",
        [
            line_of(first, application="=1+1", evidence="newest"),
            line_of(second, application="A-2", **number),
            line_of(paused, application="A-3"),
            line_of(first, purpose="curiosity", consent_id="x", country="US"),
            line_of(second, application="A-2", **number),
            line_of(second, application="A-5", **(number | {"country": "USA"})),
        ],
    )
    result = run_program(*command_of(file, profile, tmp_path / "reports"))
    assert result.returncode == 8, result.stderr
    assert "3 reports saved" in result.stderr
    assert "3 lines have no report" in result.stderr
    rows = rows_of(tmp_path / "reports")
    assert [row["line"] for row in rows] == ["2", "3", "4", "5", "6", "7"]
    assert [row["outcome"] for row in rows] == ["HIT", "HIT", "ERROR", "ERROR", "HIT", "ERROR"]
    assert [row["error_reason"] for row in rows] == [
        *("", "", "CONSENT_PAUSED", "INVALID_FIELD", "", "INVALID_FIELD"),
    ]
    # No cell is a formula, and the identifier is in no file.
    assert rows[0]["application"] == "'=1+1"
    assert rows[1]["subject_id"] == by_number.subject_id
    assert not any(b"123-45-6789" in path.read_bytes() for path in (tmp_path / "reports").iterdir())
    for wrong in ("subject_id", "consent_id", "purpose"):
        assert wrong in rows[3]["error"]
    # Two equal lines are one inquiry.
    assert {**rows[1], "line": ""} == {**rows[4], "line": ""}
    assert uses(scenario, second) == 1
    assert rows[0]["tradeline_count"] == rows[0]["open_tradeline_count"] == "1"
    assert rows[0]["balance_minor.USD"] == "10000"
    saved = tmp_path / "reports" / rows[0]["report"]
    report = json.loads(saved.read_text())
    assert report["evidence"]
    verified = run_program(
        "bureau-lender", "verify", str(saved), "--profile", str(profile), "--output", "json"
    )
    assert verified.returncode == 0, verified.stderr
    shown = json.loads(verified.stdout)
    figures = {
        f"{attribute['name']}.{currency}" if currency else attribute["name"]: value
        for attribute in shown["attributes"]
        for currency, value in attribute["values"].items()
        if value is not None
    }
    assert figures
    assert {name: float(rows[0][name]) for name in figures} == figures
    # Again: all reports are there, none is asked for, and the refusals are the same.
    asked = scenario.lenders["acme"].inquiries()
    again = run_program(*command_of(file, profile, tmp_path / "reports"))
    assert again.returncode == 8
    assert "3 reports were saved by an earlier run" in again.stderr
    # The bureau's words about a denial that is asked for again are others.
    words = {"error": "", "request_id": ""}
    assert [row | words for row in rows_of(tmp_path / "reports")] == [row | words for row in rows]
    assert scenario.lenders["acme"].inquiries() == asked


def test_a_run_is_killed_and_started_again(
    scenario: Scenario, tmp_path: Path, profile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inquiries = [inquiry_of(scenario, scenario.person()) for _ in range(12)]
    file = write_file(tmp_path / "applicants.csv", [line_of(inquiry) for inquiry in inquiries])
    folder = tmp_path / "reports"
    answered, is_half, is_killed = 0, threading.Event(), threading.Event()
    lock, sign = threading.Lock(), signed_statement.sign_report

    def sign_half(*arguments: Any) -> Any:
        """Give no answer to the inquiries after the sixth until the program is dead: their
        consents are used, and their reports are lost.
        """
        nonlocal answered
        signed = sign(*arguments)
        with lock:
            answered += 1
            is_lost = answered > 6
        if is_lost:
            is_half.set()
            is_killed.wait(300)
        return signed

    monkeypatch.setattr(signed_statement, "sign_report", sign_half)
    command = command_of(file, profile, folder, "--concurrency", "3")
    with subprocess.Popen(
        [LENDER, *command[1:]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as first:
        assert is_half.wait(300)
        first.send_signal(signal.SIGKILL)
        first.wait()
        is_killed.set()
    monkeypatch.setattr(signed_statement, "sign_report", sign)
    assert first.returncode == -signal.SIGKILL
    assert not (folder / TABLE).exists()
    saved = {path.name: path.read_bytes() for path in folder.glob("*.json")}
    assert len(saved) <= 6
    journal = (folder / JOURNAL).read_bytes()
    # The crash cut a line short, and a report that was being saved.
    (folder / JOURNAL).write_bytes(journal + b'{"reference": "cut')
    spoiled = next(iter(saved))
    (folder / spoiled).write_bytes(saved[spoiled][:100])

    again = run_program(*command)
    assert again.returncode == 0, again.stderr
    assert f"{len(saved) - 1} reports were saved by an earlier run" in again.stderr
    assert (folder / JOURNAL).read_bytes().startswith(journal)
    assert {name: (folder / name).read_bytes() for name in saved if name != spoiled} == {
        name: content for name, content in saved.items() if name != spoiled
    }
    assert [uses(scenario, inquiry) for inquiry in inquiries] == [1] * 12
    assert {row["outcome"] for row in rows_of(folder)} == {"NO_HIT"}
    assert [row["report"] for row in rows_of(folder)] == [report_name(i) for i in inquiries]


def test_a_changed_file_asks_only_what_is_new(
    scenario: Scenario, tmp_path: Path, profile: Path
) -> None:
    one, other, third = (inquiry_of(scenario, scenario.person()) for _ in range(3))
    folder = tmp_path / "reports"
    file = write_file(tmp_path / "a.csv", [line_of(one), line_of(other)])
    assert run_program(*command_of(file, profile, folder)).returncode == 0
    file = write_file(tmp_path / "a.csv", [line_of(third), line_of(other)])
    result = run_program(*command_of(file, profile, folder))
    assert result.returncode == 0, result.stderr
    assert "1 reports were saved by an earlier run" in result.stderr
    assert [row["subject_id"] for row in rows_of(folder)] == [third.subject_id, other.subject_id]
    assert [uses(scenario, inquiry) for inquiry in (one, other, third)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("header", "code", "message"),
    [
        ("consent_id,purpose,colour", 5, "template --applicants"),
        ("consent_id", 5, "purpose: is missing"),
        ("", 5, "header is wrong"),
    ],
)
def test_a_wrong_header_is_refused_before_anything_is_sent(
    tmp_path: Path, profile: Path, header: str, code: int, message: str
) -> None:
    file = tmp_path / "a.csv"
    file.write_text(header)
    result = run_program(*command_of(file, profile, tmp_path / "reports"))
    assert result.returncode == code, result.stderr
    assert message in " ".join(result.stderr.split())
    assert not (tmp_path / "reports").exists()


def test_a_spoiled_journal_and_a_file_that_is_the_table_are_refused(
    scenario: Scenario, tmp_path: Path, profile: Path
) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    inquiry = inquiry_of(scenario, scenario.person())
    table = write_file(folder / TABLE, [line_of(inquiry)])
    assert run_program(*command_of(table, profile, folder)).returncode == 5
    file = table.rename(tmp_path / "a.csv")
    (folder / JOURNAL).write_text('{"format": "creditbureau/inquiry-journal/v1"}\nspoiled\n')
    result = run_program(*command_of(file, profile, folder))
    assert result.returncode == 5
    assert "line 2 is not an inquiry" in " ".join(result.stderr.split())
    assert uses(scenario, inquiry) == 0


def test_the_columns_are_printed() -> None:
    result = run_program("bureau-lender", "template", "--applicants")
    assert result.stdout == ",".join(column.name for column in COLUMNS) + "\n"
    described = run_program("bureau-lender", "template", "--applicants", "--describe")
    assert "consent_id" in described.stdout
    assert "credit-application" in described.stdout
