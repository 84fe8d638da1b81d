"""Sold accounts: the K2 segment of a file, and the buyers that it has no numbers for.

A segment names the buyer in words. The member id of the buyer and its number of the account are in
a CSV file of the lender's own, one line an account.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import NamedTuple

from bureau_client.errors import InvalidRequest
from bureau_client.files.csv_tables import open_table, read_lines
from bureau_client.files.metro2.codebook import DELETES, DELETES_FRAUD
from bureau_client.files.metro2.findings import Finding
from bureau_client.files.metro2.reader import Metro2Record
from bureau_client.files.metro2.segments import Segment
from bureau_client.models.codes import ActionReason, FacilityActionKind, Initiator
from bureau_client.models.records import FacilityAction
from bureau_client.models.violations import Violation
from bureau_keys.contradictions import Severity

# Columns of a file of sales: the seller's number, the buyer, the buyer's number.
ACCOUNT, BUYER, NEW_ACCOUNT = COLUMNS = ("account_ref", "new_member_id", "new_account_ref")
DELETIONS = frozenset({DELETES, DELETES_FRAUD})
_SOLD = "2"
_REF = re.compile("[!-~]{1,64}")


class Buyer(NamedTuple):
    """The buyer of an account, and its number of the account."""

    member_id: str
    account_ref: str


def read_sales(path: Path) -> dict[str, Buyer]:
    """Read the buyers of a CSV file, by the seller's account numbers.

    Raises:
        InvalidRequest: The header or a line is wrong.
    """
    buyers: dict[str, Buyer] = {}
    with open_table(path) as stream:
        for line in read_lines(stream, COLUMNS, ()):
            wrong = [*line.violations, *_wrong_cells(line.cells, buyers)]
            if wrong:
                raise InvalidRequest(
                    f"The file of sales {path.name} is wrong",
                    reason="INVALID_FIELD",
                    violations=[
                        Violation(f"line {line.number}, {one.field}", one.rule, one.message)
                        for one in wrong
                    ],
                    fix=f"Give each sold account one line with {', '.join(COLUMNS)}",
                )
            buyers[line.cells[ACCOUNT]] = Buyer(line.cells[BUYER], line.cells[NEW_ACCOUNT])
    return buyers


def _wrong_cells(cells: Mapping[str, str], known: Mapping[str, Buyer]) -> Iterator[Violation]:
    for name in COLUMNS:
        if not _REF.fullmatch(cells[name]):
            message = "must be 1 to 64 visible ASCII characters"
            yield Violation(name, "INVALID_FIELD", message)
    if cells[ACCOUNT] in known:
        yield Violation(ACCOUNT, "DUPLICATE_RECORD", "is on an earlier line too")


def is_sold(record: Metro2Record) -> bool:
    """Return True if an account is imported as sold: K2 says so, and nothing is owed any more."""
    return bool(_sold_to(record)) and not record.first.values.get("current_balance")


def transfer_of(
    record: Metro2Record, account_ref: str, as_of: date, buyers: Mapping[str, Buyer]
) -> FacilityAction:
    """Return the TRANSFER of a sold account, as of its closing date if the file gives one.

    A file that reports the sale month after month thus repeats one TRANSFER. Without its buyer
    the TRANSFER ends the line, and is not linked to the buyer's.
    """
    closed = record.first.values.get("date_closed")
    day = min(closed, as_of) if isinstance(closed, date) else as_of
    buyer = buyers.get(account_ref, Buyer("", ""))
    return FacilityAction(
        account_ref=account_ref,
        kind=FacilityActionKind.TRANSFER,
        initiator=Initiator.LENDER,
        reasons=(ActionReason.POLICY_CHANGE,),
        effective_time=datetime.combine(day, time(), UTC),
        new_account_ref=buyer.account_ref,
        new_member_id=buyer.member_id,
    )


def sale_findings(
    record: Metro2Record, account_ref: str, buyers: Mapping[str, Buyer]
) -> Iterator[Finding]:
    """Yield warnings about a sale that is not imported, or without its buyer."""
    sold = _sold_to(record)
    if not sold:
        if account_ref in buyers:
            yield _finding(
                "M2-SALE-K2",
                record,
                "K2.purchased_sold_indicator",
                "",
                "2 (sold to), as the file of sales has the account; no sale is imported",
                "Add the K2 segment, or take the account out of the file of sales",
            )
    elif not is_sold(record):
        yield _finding(
            "M2-SALE-BALANCE",
            record,
            "BASE.current_balance",
            str(record.first.values["current_balance"]),
            "0, as K2 says that the account is sold; no sale is imported",
            "Report zero from the month of the sale, or leave K2 out",
        )
    elif account_ref not in buyers:
        yield _finding(
            "M2-SALE-BUYER",
            record,
            "K2.purchased_sold_name",
            str(sold[0].values.get("purchased_sold_name") or ""),
            "a buyer that the file of sales names; the sale is imported without it",
            f"Add the account to the file of sales (--sales): {', '.join(COLUMNS)}; or leave it,"
            " if the buyer is no member",
        )


def _sold_to(record: Metro2Record) -> list[Segment]:
    """Return the segments that say that an account is sold; none of one that is deleted."""
    if any(base.values.get("account_status") in DELETIONS for base in record.all("BASE")):
        return []
    return [
        segment
        for segment in record.all("K2")
        if segment.values.get("purchased_sold_indicator") == _SOLD
    ]


def _finding(
    rule: str, record: Metro2Record, field: str, got: str, expected: str, fix: str
) -> Finding:
    return Finding(rule, Severity.WARNING, record.number, field, got, expected, fix)
