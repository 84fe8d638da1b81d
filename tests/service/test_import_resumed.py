"""An import that was killed goes on where it stopped, and forgets no row that was left out."""

from __future__ import annotations

import asyncio
import csv
import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bureau_client import Action, AsyncLender, Month, Party, SubmissionKind
from bureau_client._operations.batches import BATCH_RECORDS
from bureau_client.files import CsvSource, import_file, import_file_async
from bureau_client.files.csv_records import columns, write_row
from bureau_client.models.progress import Progress
from tests.programs import run_program
from tests.service.scenario import DAY, Scenario, account, open_scenario

LENDER = str(Path(sys.executable).with_name("bureau-lender"))
# Eleven batches.
ROWS = 20_002
MAY = Month(2024, 5)


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", limits={"bytes_on_person": 64 << 20}) as scenario:
        yield scenario


def rows_of(scenario: Scenario, path: Path, count: int, strangers: tuple[int, ...]) -> Path:
    """A file of accounts of one person; some rows are of people who consented to nothing."""
    own = account(scenario.person(), "x", MAY)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [column.name for column in columns()])
        writer.writeheader()
        for number in range(count):
            row = dataclasses.replace(own, account_ref=f"{path.stem}-{number}")
            if number in strangers:
                row = dataclasses.replace(row, parties=(Party(os.urandom(16).hex()),))
            writer.writerow(write_row(row))
    return path


def wait_for_a_batch(scenario: Scenario, label: str) -> None:
    """Until the first batch of a file is in the log."""
    for _ in range(15_000):
        if any(
            submission.label == label
            for submission in scenario.lenders["acme"].submissions(limit=1)
        ):
            return
        time.sleep(0.02)
    pytest.fail("nothing of the file has come")


def test_an_import_is_killed_and_started_again(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = scenario.bureau.server.ledger
    is_committed, is_killed, commit = threading.Event(), threading.Event(), ledger.commit

    def commit_one(*given: Any) -> Any:
        """Commit one batch, and the next once the program is dead."""
        if is_committed.is_set():
            is_killed.wait()
        committed = commit(*given)
        is_committed.set()
        return committed

    strangers = (7, 9_999, 10_001, ROWS - 1)
    file = rows_of(scenario, tmp_path / "may.csv", ROWS, strangers)
    scenario.profiles["acme"].save(tmp_path / "profile")
    command = [
        "bureau-lender",
        "import",
        str(file),
        "--profile",
        str(tmp_path / "profile"),
        "--skip-invalid",
    ]
    monkeypatch.setattr(ledger, "commit", commit_one)
    with subprocess.Popen(
        [LENDER, *command[1:]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as first:
        wait_for_a_batch(scenario, "may.csv")
        first.send_signal(signal.SIGKILL)
        first.wait()
        is_killed.set()
    assert first.returncode == -signal.SIGKILL
    rejects = tmp_path / "may.csv.rejects.csv"
    assert not rejects.exists()

    again = run_program(*command)
    assert again.returncode == 8, again.stderr
    assert f"{ROWS - len(strangers)} of {ROWS} rows accepted" in again.stderr
    # The batch of before the crash left a row out, too.
    with rejects.open(newline="") as stream:
        left_out = [row["account_ref"] for row in csv.DictReader(stream)]
    assert left_out == [f"may-{number}" for number in strangers]
    # Nothing was stored twice.
    stored = [
        submission
        for submission in scenario.lenders["acme"].submissions()
        if submission.label == "may.csv"
    ]
    assert sum(submission.record_count for submission in stored) == ROWS - len(strangers)
    assert sum(submission.new_tradeline_count for submission in stored) == ROWS - len(strangers)


def test_who_consents_later_is_taken_when_the_file_is_sent_again(
    scenario: Scenario, tmp_path: Path
) -> None:
    """The file is the same, and so is its delivery; what is there is not sent again for
    nothing, and what was left out is asked about anew.
    """
    lender = scenario.lenders["acme"]
    late = scenario.person()
    consent = late.consents()[0].consent_id
    late.revoke(consent)
    early = scenario.person()
    file = tmp_path / "june.csv"
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [column.name for column in columns()])
        writer.writeheader()
        writer.writerows(write_row(account(person, "june", MAY)) for person in (early, late))

    def accounts_of_both() -> int:
        return len(early.file().tradelines) + len(late.file().tradelines)

    first = import_file(lender, CsvSource(file), skip_invalid=True)
    assert (first.accepted_count, len(first.rejects)) == (1, 1)
    again = import_file(lender, CsvSource(file), skip_invalid=True)
    assert [submission.submission_id for submission in again.submissions] == [
        submission.submission_id for submission in first.submissions
    ]
    assert [reject.row.place for reject in again.rejects] == [3]
    late.grant("acme", [Action.FURNISH], expire=365 * DAY)
    last = import_file(lender, CsvSource(file), skip_invalid=True)
    assert (last.accepted_count, len(last.rejects)) == (2, 0)
    assert accounts_of_both() == 2
    # All of it is there: one more time changes nothing.
    assert import_file(lender, CsvSource(file)).submissions == last.submissions


def test_a_row_that_became_valid_is_sent_with_its_batch_alone(
    scenario: Scenario, tmp_path: Path
) -> None:
    """A last payment that is dated ahead is wrong until that day."""
    lender, today = scenario.lenders["acme"], scenario.now().date()
    late = scenario.person()
    own = account(scenario.person(), "august", MAY)
    rows = [dataclasses.replace(own, account_ref=f"august-{n}") for n in range(BATCH_RECORDS + 5)]
    rows[3] = dataclasses.replace(
        account(late, "late", MAY), last_payment_date=today + timedelta(days=9)
    )
    file = tmp_path / "august.csv"
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [column.name for column in columns()])
        writer.writeheader()
        writer.writerows(write_row(row) for row in rows)
    first = import_file(lender, CsvSource(file), skip_invalid=True)
    assert [each.row.place for each in first.rejects] == [5]
    scenario.later(10 * DAY)
    again = import_file(lender, CsvSource(file, today=today + timedelta(days=10)))
    assert again.accepted_count == len(rows)
    assert len(late.file().tradelines) == 1
    sent, before = ([each.submission_id for each in one.submissions] for one in (again, first))
    assert (sent[0] != before[0], sent[1:]) == (True, before[1:])


def test_the_same_import_without_blocking(scenario: Scenario, tmp_path: Path) -> None:
    file = rows_of(scenario, tmp_path / "july.csv", 40, (3,))
    steps: list[Progress] = []

    async def run() -> None:
        async with AsyncLender(scenario.profiles["acme"], clock=scenario.now) as lender:
            result = await import_file_async(
                lender, CsvSource(file), skip_invalid=True, on_progress=steps.append
            )
            assert (result.accepted_count, [reject.row.place for reject in result.rejects]) == (
                39,
                [5],
            )

    asyncio.run(run())
    assert [
        (step.done, step.total, step.left.total_seconds() if step.left else 0) for step in steps
    ] == [(40, 40, 0)]
    stored = scenario.lenders["acme"].submissions(limit=1)[0]
    assert (stored.label, stored.kind) == ("july.csv", SubmissionKind.ORIGINAL)
