"""Existing credit lines as CSV: one line of the file for each line of `bureau-lender agent`."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from bureau_client.errors import InvalidRequest
from bureau_client.files.csv_records import Column
from bureau_client.files.csv_tables import open_table, read_lines
from bureau_client.models.lines import Line, Lines
from bureau_client.models.violations import Violation

COLUMNS = (
    Column("subject_id", required=True, form="32 hex characters"),
    Column("account_ref", required=True, form="the lender's reference of the account"),
    Column("consent_id", required=True, form="UUID of the consent to inquire for account review"),
    Column("tradeline_id", required=False, form="32 hex characters; empty for the only line"),
    Column("inputs", required=False, form='the applicant\'s data: {"monthly_income": 500000}'),
)
TEMPLATE = "bureau-lender template --lines"
_ID = re.compile(r"[0-9a-f]{32}")
_REFERENCE = re.compile(r"[!-~]{1,64}")


def load_lines(path: str | Path) -> Lines:
    """Load the existing lines of a file, by person.

    Raises:
        InvalidRequest: The header or a line is wrong; `violations` names every wrong cell.
        OSError: The file cannot be read.
    """
    by_subject: defaultdict[str, list[Line]] = defaultdict(list)
    references: set[str] = set()
    wrong: list[Violation] = []
    required = [column.name for column in COLUMNS if column.required]
    with open_table(Path(path)) as stream:
        for row in read_lines(stream, required, [c.name for c in COLUMNS], TEMPLATE):
            violations = [*row.violations, *([] if row.violations else _violations(row.cells))]
            if not violations:
                line = _read(row.cells)
                others = by_subject[line.subject_id]
                violations = list(_conflicts(line, others, references))
                others.append(line)
                references.add(line.account_ref)
            wrong += [
                replace(each, field=f"line {row.number}, {each.field}") for each in violations
            ]
    if wrong:
        raise InvalidRequest(
            f"{path}: the file of lines is wrong",
            reason="INVALID_FIELD",
            violations=wrong,
            fix="Correct the cells",
        )
    return lambda subject_id: by_subject.get(subject_id, ())


def _read(cells: dict[str, str]) -> Line:
    return Line(
        subject_id=cells["subject_id"],
        account_ref=cells["account_ref"],
        consent_id=str(UUID(cells["consent_id"])),
        tradeline_id=cells.get("tradeline_id", ""),
        applicant=_applicant(cells.get("inputs", "")),
    )


def _violations(cells: dict[str, str]) -> Iterator[Violation]:
    if not _ID.fullmatch(cells["subject_id"]):
        yield Violation("subject_id", "INVALID_FIELD", "must be 32 hex characters")
    if not _REFERENCE.fullmatch(cells["account_ref"]):
        message = "must be 1 to 64 visible ASCII characters"
        yield Violation("account_ref", "INVALID_FIELD", message)
    if cells.get("tradeline_id") and not _ID.fullmatch(cells["tradeline_id"]):
        message = "must be 32 hex characters, or empty"
        yield Violation("tradeline_id", "INVALID_FIELD", message)
    try:
        UUID(cells["consent_id"])
    except ValueError:
        yield Violation("consent_id", "INVALID_FIELD", "must be a UUID")
    try:
        _applicant(cells.get("inputs", ""))
    except ValueError as error:
        yield Violation("inputs", "INVALID_FIELD", str(error))


def _conflicts(line: Line, others: list[Line], references: set[str]) -> Iterator[Violation]:
    if line.account_ref in references:
        message = "is the reference of an earlier line; keep one of the two"
        yield Violation("account_ref", "DUPLICATE_RECORD", message)
    if others and others[0].consent_id != line.consent_id:
        message = "is another one than in an earlier line of the person: one report serves all"
        yield Violation("consent_id", "INVALID_FIELD", message)
    if others and not all(other.tradeline_id for other in (line, *others)):
        message = "is needed in each line of a person with several lines"
        yield Violation("tradeline_id", "INVALID_FIELD", message)


def _applicant(cell: str) -> dict[str, Any]:
    """Read the applicant's data, an object of JSON with plain values; none for an empty cell."""
    try:
        fields = json.loads(cell) if cell else {}
    except ValueError as error:
        raise ValueError(f"must be an object of JSON: {error}") from None
    if not isinstance(fields, dict) or any(isinstance(v, dict | list) for v in fields.values()):
        raise ValueError("must be an object of JSON with plain values")
    return fields
