"""A Metro 2 file to import: checked whole, then turned into records.

The bureau's directory turns the persons' numbers into subject ids; it sees neither numbers
nor names. Identifiers are sent for 256 accounts at a time.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from itertools import islice
from pathlib import Path

from bureau_client._operations import arguments
from bureau_client.errors import InvalidRequest
from bureau_client.files.file_states import FileState
from bureau_client.files.metro2.codebook import FIELD_OF
from bureau_client.files.metro2.findings import Finding
from bureau_client.files.metro2.identifiers import PersonNumbers
from bureau_client.files.metro2.incoming import (
    NO_BUYERS,
    number_of,
    persons_of,
    record_count_of,
    record_findings,
    records_of,
    without_number,
)
from bureau_client.files.metro2.layout import BASE, HEADER
from bureau_client.files.metro2.reader import Metro2Record, Reader
from bureau_client.files.metro2.sales import read_sales
from bureau_client.files.metro2.segments import Segment, blank
from bureau_client.files.metro2.validation import validate
from bureau_client.files.metro2.writer import write
from bureau_client.files.reasons import SUFFIX, write_reasons
from bureau_client.files.sources import Reject, Row, SubjectIds
from bureau_client.models.codes import SubmissionKind
from bureau_client.models.record_checks import newest_day
from bureau_client.models.records import Record
from bureau_client.models.violations import Violation
from bureau_keys.contradictions import Severity
from bureau_keys.whole_files import whole_file

ACCOUNTS_AT_ONCE = 256
_CORRECTION = "1"


class Metro2Source:
    """A Metro 2 file; see `Source`."""

    place = "record"
    suffix = ".dat"

    def __init__(
        self,
        path: Path,
        *,
        currency: str = "USD",
        country: str = "US",
        scheme: str = "ssn",
        previous: Path | None = None,
        today: date | None = None,
        strict: bool = False,
        issued_identifiers_only: bool = False,
        sales: Path | None = None,
    ) -> None:
        """Prepare to read a file, with the properties that the file does not have itself.

        Args:
            path: Path of the file.
            currency: ISO 4217 currency of the amounts.
            country: ISO 3166-1 alpha-2 country of the persons' numbers.
            scheme: Identifier scheme of the persons' numbers.
            previous: The file of the month before, to compare with.
            today: Later dates are errors; by default the newest date of any time zone.
            strict: Keep accounts back that examiners' rules flag, instead of warning.
            issued_identifiers_only: Numbers that were never issued are errors.
            sales: CSV file of the buyers of sold accounts: account_ref, new_member_id,
                new_account_ref.

        Raises:
            InvalidRequest: The currency is not an ISO 4217 code, the country has no such
                identifier scheme, or a line of the file of sales is wrong.
        """
        if not re.fullmatch("[A-Z]{3}", currency):
            message = f"is {currency!r}; write an ISO 4217 code: CNY, EUR, USD"
            raise arguments.refuse("currency", "UNKNOWN_CURRENCY", message)
        self.path = path
        self._currency = currency
        self._numbers = PersonNumbers.of(country, scheme, issued_only=issued_identifiers_only)
        self._previous = previous
        self._today = today
        # The day of the check, which the reading after it keeps to, and the files as they were.
        self._day = today
        self._checked: tuple[FileState, ...] = ()
        self._strict = strict
        self._buyers = read_sales(sales) if sales is not None else NO_BUYERS

    def findings(self) -> Iterator[tuple[Metro2Record, list[Finding]]]:
        """Yield every record of the file with its findings."""
        with ExitStack() as stack:
            stream = stack.enter_context(self.path.open("rb"))
            before = None
            if self._previous is not None:
                before = stack.enter_context(self._previous.open("rb"))
            today = self._day or newest_day()
            checked = validate(stream, previous=before, today=today, strict=self._strict)
            for record, findings in checked:
                if record.kind != BASE or not record.segments:
                    yield record, findings
                    continue
                known = [*findings, *without_number(record), *self._numbers.findings(record)]
                yield record, known if _wrong(known) else [
                    *known, *record_findings(record, known, self._currency, today, self._buyers),
                ]  # fmt: skip

    def check(self) -> Iterator[Row]:
        """See `Source`."""
        states = tuple(map(FileState.of, self._files()))
        self._day = self._today or newest_day()
        for record, findings in self.findings():
            errors = _wrong(findings)
            if record.kind == BASE:
                warnings = (one for one in findings if one.severity is Severity.WARNING)
                yield self._row(
                    record,
                    violations=tuple(map(_violation, errors)),
                    warnings=tuple(map(_warning, warnings)),
                )
            elif errors:
                # Accounts may be missing without a trace.
                raise InvalidRequest(
                    "The file is not whole",
                    reason="INVALID_FIELD",
                    violations=[_in_record(error) for error in errors],
                    fix="Send the file as it was written, with its header and trailer",
                )
        self._checked = states

    def read(self, kind: SubmissionKind | None, subject_ids: SubjectIds) -> Iterator[Row]:
        """See `Source`.

        Raises:
            InvalidRequest: The file, or that of the month before, is not the one of the check.
        """
        if not self._checked:
            self._checked = tuple(map(FileState.of, self._files()))
        sound = (
            record
            for record, findings in self.findings()
            if record.kind == BASE and not _wrong(findings) and _kind_of(record) == kind
        )
        while batch := list(islice(sound, ACCOUNTS_AT_ONCE)):
            self._require_unchanged()
            persons = [persons_of(record) for record in batch]
            ids = iter(
                subject_ids(
                    (self._numbers.country, self._numbers.scheme, number_of(person))
                    for those in persons
                    for person in those
                )
            )
            for record, those in zip(batch, persons, strict=True):
                subjects = list(islice(ids, len(those)))
                records = records_of(record, subjects, self._currency, self._buyers)
                yield self._row(record, records=tuple(records))
        self._require_unchanged()

    def _files(self) -> list[Path]:
        return [self.path, *([self._previous] if self._previous is not None else [])]

    def _require_unchanged(self) -> None:
        for path, state in zip(self._files(), self._checked, strict=True):
            state.require(path)

    def field(self, path: str) -> str:
        """See `Source`."""
        name = path.partition(".")[2].removeprefix("snapshot.")
        person, _, field = name.removeprefix("parties[").partition("].")
        if person.isdigit():
            number = "social_security_number" if field == "subject_id" else "ecoa_code"
            return f"{number} of person {int(person) + 1}"
        return FIELD_OF.get(name, name) or path

    def write_rejects(self, rejects: Collection[Reject], path: Path) -> None:
        """See `Source`; a second file, CSV, has the reasons."""
        with self.path.open("rb") as stream:
            reader = Reader(stream)
            heads = (record.segments for record in reader if record.kind == HEADER)
            heading = next((segments[0] for segments in heads if segments), blank(HEADER))
        accounts = (_verbatim(reject.row.original) for reject in rejects)
        with whole_file(path) as out:
            write(out, heading, accounts, reader.framing, to_mend=True)
        # The header is record 1 of the file of rejects.
        reasons = (
            ({"record": number, "original_record": row.place, "original_line": row.line}, violation)
            for number, (row, violations) in enumerate(
                ((reject.row, reject.violations) for reject in rejects), start=2
            )
            for violation in self._in_file(violations)
        )
        places = ("record", "original_record", "original_line")
        write_reasons(path.with_name(path.name + SUFFIX), reasons, places)

    def _in_file(self, violations: Sequence[Violation]) -> Iterator[Violation]:
        """Yield violations under the names of the file's fields, those of the bureau too."""
        for violation in violations:
            is_path = violation.field.startswith("records[")
            field = self.field(violation.field) if is_path else violation.field
            yield replace(violation, field=field)

    @staticmethod
    def _row(
        record: Metro2Record,
        records: tuple[Record, ...] = (),
        violations: tuple[Violation, ...] = (),
        warnings: tuple[Violation, ...] = (),
    ) -> Row:
        return Row(
            record.number,
            record,
            records,
            record_count=record_count_of(record),
            violations=violations,
            kind=_kind_of(record),
            warnings=warnings,
            line=record.line,
        )


def _wrong(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity is Severity.ERROR]


def _kind_of(record: Metro2Record) -> SubmissionKind | None:
    """Return CORRECTION for an account with the correction indicator, otherwise None."""
    corrects = record.segments and record.first.values.get("correction_indicator") == _CORRECTION
    return SubmissionKind.CORRECTION if corrects else None


def _verbatim(record: Metro2Record) -> list[Segment]:
    """Return a record's base segment, and its rest as one more; all as one if it is unread."""
    if not record.segments:
        return [Segment("", record.raw)]
    rest = record.raw[len(record.first.raw) :].rstrip(b" ")
    return [record.first, *([Segment("", rest)] if rest else [])]


def _violation(finding: Finding) -> Violation:
    rule = finding.record_rule or finding.rule
    return Violation(finding.field, rule, f"{finding.message}. {finding.fix}")


def _warning(finding: Finding) -> Violation:
    """Return a warning without the account's own value: it counts for all accounts like it."""
    rule = finding.record_rule or finding.rule
    message = f"expected {finding.expected} ({finding.rule}). {finding.fix}"
    return Violation(finding.field, rule, message)


def _in_record(finding: Finding) -> Violation:
    line = f" (line {finding.line})" if finding.line else ""
    places = (f"record {finding.record}{line}" if finding.record else "", finding.field)
    where = ", ".join(filter(None, places)) or "the file"
    return Violation(where, finding.rule, finding.message)
