"""The tables again, from verified reports alone.

Each month of a report comes with its furnisher's own signed record; the SDK has
verified the signature and that the report says the same. These records are the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl
from creforge.submissions import ACCOUNT_COLUMNS, MONTH_COLUMNS

from bureau_client import EvidenceLevel
from creditbureau.v1.record_pb2 import Record
from tests.reconcile.population import PURPOSE, Scenario, at_once
from tests.reconcile.records import row_of

MONEY = pl.Decimal(18, 2)
# The columns of a file, as creforge has them; names of codes are text.
COLUMNS: dict[str, pl.DataType] = {
    "account_id": pl.String(),
    "as_of_month": pl.Date(),
    "subject_id": pl.String(),
    "inquiry_id": pl.String(),
    "lender_id": pl.String(),
    "product_type": pl.String(),
    "open_date": pl.Date(),
    "credit_limit": MONEY,
    "principal": MONEY,
    "tenor_months": pl.Int16(),
    "interest_rate": pl.Float64(),
    "secured": pl.Boolean(),
    "close_date": pl.Date(),
    "close_reason": pl.String(),
    "balance": MONEY,
    "amount_due": MONEY,
    "amount_paid": MONEY,
    "dpd_bucket": pl.String(),
    "months_in_arrears": pl.Int16(),
    "status": pl.String(),
}
CLOSE_COLUMNS = ("close_date", "close_reason")


class RecordKey(NamedTuple):
    """A month of an account in a report."""

    member_id: str
    tradeline_id: str
    month: int


def rebuild(scenario: Scenario) -> dict[str, pl.DataFrame]:
    """Reads everybody's file; the tables `account` and `account_month` of it.

    Raises:
        BureauError: A report, or a furnisher's signature, does not verify.
        AssertionError: Two people on one account have different records.
    """
    held: dict[RecordKey, bytes] = {}
    for records in at_once(lambda person: _records_of(scenario, person), scenario.subject_of):
        for key, record in records.items():
            if held.setdefault(key, record) != record:
                raise AssertionError(f"two people have different records of {key}")
    person_of = scenario.person_of
    rows = [
        row_of(Record.FromString(record), key.member_id, person_of) for key, record in held.items()
    ]
    return tables_of(pl.DataFrame(rows, schema=COLUMNS, orient="row"))


def tables_of(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The two tables behind rows as files have them.

    A file says that an account closed in the month when it does. An account of which
    two months say different things comes out twice, which is a difference.
    """
    fixed = rows.select(c for c in ACCOUNT_COLUMNS if c not in CLOSE_COLUMNS).unique()
    closed = rows.filter(pl.col("close_date").is_not_null())
    closed = closed.select("account_id", *CLOSE_COLUMNS).unique()
    return {
        "account": fixed.join(closed, on="account_id", how="left"),
        "account_month": rows.select(MONTH_COLUMNS),
    }


def _records_of(scenario: Scenario, person: str) -> Mapping[RecordKey, bytes]:
    report = scenario.reader.query(
        scenario.subject_of[person],
        purpose=PURPOSE,
        consent_id=scenario.consent_of[person],
        evidence=EvidenceLevel.ALL,
    )
    furnisher_of = {line.tradeline_id: line.member_id for line in report.tradelines}
    return {
        RecordKey(
            furnisher_of[piece.tradeline_id], piece.tradeline_id, piece.month.number
        ): piece.record
        for piece in report.evidence
        if piece.month is not None
    }
