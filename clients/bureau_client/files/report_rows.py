"""The flat table of `bureau-lender query-many`: one row for each applicant.

First come the columns of the applicant and of the outcome, then the summary, then one column
for each attribute, or for each attribute and currency. A cell is empty where the report gives
no value.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TypeAlias

from bureau_client.errors import BureauError
from bureau_client.files.applicants import Applicant
from bureau_client.files.csv_tables import whole_table
from bureau_client.models.codes import Code
from bureau_client.models.reports import Report, Summary
from bureau_keys.spreadsheet import text_cell

Row: TypeAlias = dict[str, object]

# Outcome of an applicant without a report.
ERROR = "ERROR"
_LEADING = ("line", "application", "subject_id", "consent_id", "purpose", "outcome")
_OF_ERROR = ("error_reason", "error")
_OF_REPORT = ("report", "request_id", "issue_time")
_SUMMARY = tuple(field.name for field in fields(Summary) if field.name != "totals")
FIXED = (*_LEADING, *_OF_ERROR, *_OF_REPORT, *_SUMMARY)


def report_row(applicant: Applicant, report: Report, file: str) -> Row:
    """Return the row of an applicant with a report.

    Args:
        file: Name of the file with the saved report.
    """
    row = _applicant_row(applicant, report.subject_id) | {
        "outcome": report.outcome,
        "report": file,
        "request_id": report.request_id,
        "issue_time": report.issue_time.isoformat(),
    }
    if report.summary is not None:
        row |= {name: getattr(report.summary, name) for name in _SUMMARY}
        for total in report.summary.totals:
            for field in fields(total):
                if field.name != "currency":
                    row[f"{field.name}.{total.currency}"] = getattr(total, field.name)
    return row | dict(report.figures)


def error_row(applicant: Applicant, subject_id: str, error: BureauError) -> Row:
    """Return the row of an applicant whose inquiry was refused or failed."""
    reason = error.reason or type(error).__name__
    return _applicant_row(applicant, subject_id) | {
        "outcome": ERROR,
        "error_reason": reason,
        "error": str(error),
        "request_id": error.request_id,
    }


def write_table(rows: Sequence[Row], path: Path) -> None:
    """Write the rows as CSV, whole or not at all; text is never a formula of a spreadsheet."""
    names = list(dict.fromkeys([*FIXED, *(name for row in rows for name in row)]))
    with whole_table(path) as stream:
        writer = csv.DictWriter(stream, names, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({name: _cell(value) for name, value in row.items()})


def _applicant_row(applicant: Applicant, subject_id: str) -> Row:
    return {
        "line": applicant.line,
        "application": applicant.application,
        "subject_id": subject_id,
        "consent_id": applicant.consent_id,
        "purpose": applicant.purpose or "",
    }


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, Code):
        return value.name
    return value if isinstance(value, int | float) else text_cell(str(value))
