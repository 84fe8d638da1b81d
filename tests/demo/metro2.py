"""A lender that reports in Metro 2: a file is written, checked, imported, mended."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bureau_client import AccountStatus, CloseReason
from bureau_client.files import Metro2Source, import_file
from bureau_client.files.metro2 import (
    Person,
    Reader,
    Reporter,
    Segment,
    account_of,
    header,
    write,
)
from bureau_client.models.records import Snapshot
from bureau_client.study.creforge_accounts import CURRENCY
from tests.demo.journey import Scenario
from tests.demo.world import identifier

ACCOUNTS = 40
# Open and paid as agreed.
_CURRENT: dict[str, Any] = {
    "status": AccountStatus.CURRENT,
    "amount_past_due_minor": 0,
    "days_past_due": 0,
    "payments_missed": 0,
    "charge_off_amount_minor": 0,
    "first_delinquency_date": None,
    "close_date": None,
    "close_reason": CloseReason.UNSPECIFIED,
    "payment_rating": "",
}


def show(scenario: Scenario, folder: Path, console: Console) -> None:
    """Imports a file with two wrong accounts, mends them, sends them again."""
    console.rule("[bold]a Metro 2 file[/]")
    (name, month), rows = max(
        scenario.world.files.items(), key=lambda file: (file[0][1], len(file[1]))
    )
    lender = scenario.lenders[name]
    people = _people(scenario)
    newest = date((month + 1).year, (month + 1).month, 1) - timedelta(days=1)
    accounts = [
        _segments(
            replace(row.snapshot(scenario.subject_of), account_ref=f"m2-{number}"), people, newest
        )
        for number, row in enumerate(islice(rows, ACCOUNTS))
    ]
    # 1. Written as lenders write them, with a contradiction and a day that does not exist.
    accounts[1][0] = accounts[1][0].with_values(account_status="13", payment_rating="0")
    accounts[2][0] = _with_bytes(accounts[2][0], "date_opened", b"02302021")
    file = _written(folder / "accounts.dat", accounts, newest)
    console.print(
        f"{name} sends its month as a file of the format that lenders have: "
        f"{len(accounts)} accounts, two of them wrong"
    )
    # 2. Imported: what is wrong is told by rule and field, and left out.
    source = Metro2Source(file, currency=CURRENCY)
    result = import_file(lender, source, skip_invalid=True)
    scenario.submissions += result.submissions
    table = Table("record", "field", "finding", title=f"{name}: {file.name}")
    for reject in result.rejects:
        for violation in reject.violations:
            table.add_row(str(reject.row.place), violation.field, violation.message)
    console.print(table)
    console.print(
        f"{result.accepted_count} of {result.row_count} accounts accepted; the others are a file "
        "to be mended"
    )
    assert len(result.rejects) == 2, "two accounts are wrong"
    # 3. The rejects are a file again; mended, they are sent.
    rejects = folder / "rejects.dat"
    source.write_rejects(result.rejects, rejects)
    with rejects.open("rb") as stream:
        left = [list(record.segments) for record in Reader(stream) if record.kind == "BASE"]
    left[0][0] = left[0][0].with_values(account_status="11", payment_rating="")
    left[1][0] = left[1][0].with_values(date_opened=date(2021, 2, 28))
    again = import_file(lender, Metro2Source(_written(rejects, left, newest), currency=CURRENCY))
    scenario.submissions += again.submissions
    assert again.accepted_count == len(left), "what was mended is accepted"
    console.print(f"mended and sent again: {again.accepted_count} accepted")


def _people(scenario: Scenario) -> dict[str, Person]:
    """Everybody by subject id, with the number that the world gave them."""
    people = {}
    for index, person in enumerate(scenario.world.people):
        number = identifier(index)[2].replace("-", "")
        people[scenario.subject_of[person]] = Person("DOE", f"PERSON {index}", number)
    return people


def _segments(snapshot: Snapshot, people: dict[str, Person], as_of: date) -> list[Segment]:
    # Whole dollars, and a status that is at peace with its fields.
    whole = replace(
        snapshot, balance_minor=max(snapshot.balance_minor, 100) // 100 * 100, **_CURRENT
    )
    segments, _ = account_of(
        whole, people, currency=CURRENCY, identification_number="DEMO", as_of=as_of
    )
    return segments


def _with_bytes(segment: Segment, name: str, raw: bytes) -> Segment:
    parts = list(segment.parts)
    parts[segment.layout.index[name]] = raw
    return Segment(segment.kind, b"".join(parts))


def _written(path: Path, accounts: list[list[Segment]], day: date) -> Path:
    with path.open("wb") as stream:
        write(stream, header(Reporter("A LENDER OF THE DEMO"), day, day), accounts)
    return path
