"""Applicants as CSV: one line for each inquiry of `bureau-lender query-many`.

A person is named by a subject id, or by country, scheme and identifier. Codes are written by
name (`credit-application`). A line that is wrong has violations and no inquiry.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from bureau_client.files.csv_records import Column
from bureau_client.files.csv_tables import Line, open_table, read_lines
from bureau_client.models.codes import EvidenceLevel, Purpose
from bureau_client.models.many import Identifier
from bureau_client.models.violations import Violation
from bureau_keys.identifiers import WrongIdentifier, normalise

COLUMNS = (
    Column("application", required=False, form="the lender's own name for the application"),
    Column("country", required=False, form="ISO 3166-1 alpha-2, with scheme and identifier"),
    Column(
        "scheme",
        required=False,
        form="identifier scheme: resident-id, ssn … (`bureau-lender schemes`)",
    ),
    Column("identifier", required=False, form="identifier as the document spells it"),
    Column("subject_id", required=False, form="32 hex characters, in place of an identifier"),
    Column("consent_id", required=True, form="UUID of the consent"),
    Column("purpose", required=True, form=", ".join(Purpose.spellings())),
    Column("evidence", required=False, form=", ".join(EvidenceLevel.spellings())),
)
_IDENTIFIER = ("country", "scheme", "identifier")
TEMPLATE = "bureau-lender template --applicants"


@dataclass(frozen=True, slots=True)
class Applicant:
    """One line of the file.

    Attributes:
        line: Line number in the file, from 1.
        application: The lender's own name for the application.
        identifier: Country, scheme and identifier; None for a line with a subject id.
        subject_id: The person's id; empty for a line with an identifier.
        violations: Violations; each field is a column's name. The other values of a wrong line
            are not to be used.
    """

    line: int
    application: str
    identifier: Identifier | None = None
    subject_id: str = ""
    consent_id: str = ""
    purpose: Purpose = Purpose.UNSPECIFIED
    evidence: EvidenceLevel = EvidenceLevel.NONE
    violations: tuple[Violation, ...] = ()


def read_applicants(path: Path) -> Iterator[Applicant]:
    """Read a file line by line.

    Raises:
        InvalidRequest: The header is wrong, or a line is not CSV.
        OSError: The file cannot be read.
    """
    required = [column.name for column in COLUMNS if column.required]
    with open_table(path) as stream:
        for line in read_lines(stream, required, [c.name for c in COLUMNS], TEMPLATE):
            yield _read(line)


def _read(line: Line) -> Applicant:
    application = line.cells.get("application", "")
    if line.violations:
        return Applicant(line.number, application, violations=line.violations)
    cells = {column.name: line.cells.get(column.name, "") for column in COLUMNS}
    wrong = list(_person_violations(cells))
    purpose, evidence, consent_id = Purpose.UNSPECIFIED, EvidenceLevel.NONE, ""
    try:
        consent_id = str(UUID(cells["consent_id"]))
    except ValueError:
        wrong.append(Violation("consent_id", "INVALID_FIELD", "must be a UUID"))
    try:
        purpose = Purpose.parse(cells["purpose"])
    except ValueError as error:
        wrong.append(Violation("purpose", "UNKNOWN_ENUM", str(error)))
    try:
        evidence = EvidenceLevel.parse(cells["evidence"] or "none")
    except ValueError as error:
        wrong.append(Violation("evidence", "UNKNOWN_ENUM", str(error)))
    country, scheme, identifier = (cells[name] for name in _IDENTIFIER)
    return Applicant(
        line.number,
        application,
        (country, scheme, identifier) if identifier else None,
        cells["subject_id"],
        consent_id,
        purpose,
        evidence,
        tuple(wrong),
    )


def _person_violations(cells: dict[str, str]) -> Iterator[Violation]:
    has_identifier = any(cells[name] for name in _IDENTIFIER)
    if cells["subject_id"] and has_identifier:
        message = "is given, and an identifier too; write one of the two"
        yield Violation("subject_id", "INVALID_FIELD", message)
    elif not cells["subject_id"]:
        if all(cells[name] for name in _IDENTIFIER):
            try:
                normalise(*(cells[name] for name in _IDENTIFIER))
            except WrongIdentifier as error:
                yield Violation(error.part, "INVALID_FIELD", str(error))
        for name in _IDENTIFIER:
            if not cells[name]:
                message = "is empty" if has_identifier else "is empty, and so is subject_id"
                yield Violation(name, "INVALID_FIELD", message)
