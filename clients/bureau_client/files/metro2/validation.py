"""Validates files: form, codes, relations between fields, months, the trailer.

Findings are yielded while the file is read; memory does not grow with the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import date
from typing import BinaryIO

from bureau_client.files.metro2.accounts import Accounts
from bureau_client.files.metro2.findings import Finding
from bureau_client.files.metro2.layout import (
    BASE,
    HEADER,
    TRAILER,
    Field,
    codes,
    layouts,
    open_tables,
)
from bureau_client.files.metro2.months import PreviousMonth, account_fields, account_number
from bureau_client.files.metro2.reader import Metro2Record, Reader
from bureau_client.files.metro2.rules import rules_of
from bureau_client.files.metro2.segments import MASK, Segment
from bureau_client.files.metro2.totals import ACCOUNTS, Totals
from bureau_client.files.metro2.values import Value
from bureau_keys.contradictions import Severity

_TERMS = {"LOC", "REV", ""}
_BUSINESS = "W"
_NUMBER = "social_security_number"
_BORN = ("date_of_birth",)
# Dates that lie in the past.
_PAST = {
    BASE: ("date_opened", "date_of_account_information", "date_closed", *_BORN),
    "J1": _BORN,
    "J2": _BORN,
}
_HISTORY_LENGTH = 24


def validate(
    stream: BinaryIO,
    *,
    previous: BinaryIO | None = None,
    today: date | None = None,
    strict: bool = False,
) -> Iterator[tuple[Metro2Record, list[Finding]]]:
    """Read a file and yield every record with its findings.

    Args:
        stream: The file, opened for reading bytes.
        previous: The same furnisher's file of the month before, to compare with.
        today: Later dates are errors; None for no check.
        strict: Give examiners' flags the severity that examiners give them, not warnings.

    Yields:
        Each record with its findings. A file that breaks off ends with a record of kind ""
        that has the reason; a missing header or trailer is reported with record number 0.
    """
    with ExitStack() as stack:
        here = stack.enter_context(closing(Accounts()))
        before = None
        if previous is not None:
            before = PreviousMonth(stack.enter_context(closing(Accounts())), previous)
        yield from _Validation(here, before, today, strict=strict).run(stream)


class _Validation:
    """The validation of one file."""

    def __init__(
        self, here: Accounts, before: PreviousMonth | None, today: date | None, *, strict: bool
    ) -> None:
        self._here = here
        self._before = before
        self._today = today
        self._strict = strict
        self._totals = Totals()
        self._seen: Counter[str] = Counter()

    def run(self, stream: BinaryIO) -> Iterator[tuple[Metro2Record, list[Finding]]]:
        for record in Reader(stream):
            findings = [*_form(record, strict=self._strict), *self._order(record)]
            self._seen[record.kind] += 1
            self._totals.add(record)
            if record.kind == BASE and record.segments:
                findings += self._account(record)
            elif record.kind == HEADER and record.segments:
                findings += self._header(record)
            elif record.kind == TRAILER and record.segments:
                findings += self._totals.compare(record)
            yield record, [_placed(finding, record) for finding in findings]
        if missing := list(self._missing()):
            yield Metro2Record(0, "", ()), missing

    def _header(self, record: Metro2Record) -> Iterator[Finding]:
        """Yield findings on the dates of the header."""
        if self._before is not None:
            yield from self._before.check(record)
        fields = record.first.values
        activity, created = fields.get("activity_date"), fields.get("date_created")
        for name, day, latest, expected in (
            ("activity_date", activity, created, "a day not after the date created"),
            ("date_created", created, self._today, "a day that is not in the future"),
        ):
            if isinstance(day, date) and isinstance(latest, date) and day > latest:
                yield _finding(
                    "M2-HEADER-DATE", Severity.WARNING, record, record.first, name, expected,
                    "Correct the date",
                )  # fmt: skip

    def _order(self, record: Metro2Record) -> Iterator[Finding]:
        """Yield an error unless the header is first, the trailer last, each once."""
        if record.kind == HEADER and self._seen.total():
            yield _out_of_order(record, "the header as the first record, once")
        if record.kind and self._seen[TRAILER]:
            yield _out_of_order(record, "nothing after the trailer")

    def _missing(self) -> Iterator[Finding]:
        for kind in (HEADER, TRAILER):
            if not self._seen[kind] and not self._seen[""]:
                yield Finding(
                    f"M2-{kind}", Severity.ERROR, 0, kind, "none", f"a {kind.lower()} record",
                    "Send the whole file",
                )  # fmt: skip

    def _account(self, record: Metro2Record) -> Iterator[Finding]:
        account = account_fields(record)
        number = account_number(record)
        if self._before is not None:
            account |= self._before.previous(number)
        status = str(account.get("account_status"))
        for rule in rules_of(status):
            if rule.breaks(account):
                finding = _finding(
                    rule.id,
                    rule.strict if self._strict else rule.severity,
                    record,
                    record.first,
                    rule.field,
                    rule.expected,
                    rule.fix,
                )
                yield replace(finding, record_rule=rule.record_rule)
        yield from _repeated(record)
        if earlier := self._here.put(number, record.number, account) if number else None:
            yield _finding(
                "M2-DUPLICATE", Severity.ERROR, record, record.first, "consumer_account_number",
                f"one record an account; record {earlier} has it too", "Report each account once",
            )  # fmt: skip
        yield from self._future(record)

    def _future(self, record: Metro2Record) -> Iterator[Finding]:
        """Yield an error for each day that has not come, of the account and of its persons."""
        if self._today is None:
            return
        for segment in record.segments:
            for name in _PAST.get(segment.kind, ()):
                day = segment.values.get(name)
                if isinstance(day, date) and day > self._today:
                    yield _finding(
                        "M2-FUTURE", Severity.ERROR, record, segment, name,
                        "a day that is not in the future", "Correct the date",
                    )  # fmt: skip


def check_segment(segment: Segment, record: int) -> Iterator[Finding]:
    """Yield findings on the form and the codes of a segment.

    Args:
        segment: The segment.
        record: Number of its record.
    """
    fields, wrong = segment.read
    for field, _, bad in wrong:
        yield _found(bad.rule, Severity.ERROR, record, segment, field, bad.expected)
    is_business = fields.get("ecoa_code") == _BUSINESS
    for _, field in segment.layout.checked:
        if field.name not in fields:
            continue
        value = fields[field.name]
        if value is None or value == "":
            if field.required and not (is_business and field.of_persons):
                rule, severity, expected = "M2-REQUIRED", Severity.ERROR, "a value"
            elif field.kind == "money":
                rule, severity, expected = "M2-NUMBER", Severity.WARNING, "zeros"
            else:
                continue
        elif field.kind == "digits" and len(str(value)) != field.length:
            # Fewer digits may be the number of another person.
            rule, expected = "M2-DIGITS", f"{field.length} digits, or zeros"
            severity = Severity.ERROR if field.name == _NUMBER else Severity.WARNING
        elif field.table and value not in codes(field.table):
            rule, expected = "M2-CODE", _one_of(field.table)
            severity = Severity.WARNING if field.table in open_tables() else Severity.ERROR
        else:
            continue
        yield _found(rule, severity, record, segment, field, expected)
    if segment.kind == BASE:
        yield from _check_base(segment, fields, record)
    elif fields.get("record_identifier", segment.kind) != segment.kind:
        yield _found(
            "M2-IDENTIFIER", Severity.ERROR, record, segment,
            segment.layout["record_identifier"], segment.kind,
        )  # fmt: skip


def _one_of(table: str) -> str:
    listed = sorted(codes(table))
    return f"one of {' '.join(listed)}" if len(listed) < 30 else "a code of the table"


def _check_base(segment: Segment, fields: dict[str, Value], record: int) -> Iterator[Finding]:
    layout = layouts()[BASE]
    history = str(fields.get("payment_history_profile", ""))
    if history and (len(history) < _HISTORY_LENGTH or set(history) - codes("payment_history")):
        index = layout.index["payment_history_profile"]
        expected = f"24 of {' '.join(sorted(codes('payment_history')))}"
        yield _found(
            "M2-HISTORY", Severity.ERROR, record, segment,
            layout.fields[index], expected,
        )  # fmt: skip
    terms = str(fields.get("terms_duration", ""))
    if terms not in _TERMS and not terms.isdigit():
        index = layout.index["terms_duration"]
        yield _found(
            "M2-CODE", Severity.ERROR, record, segment, layout.fields[index],
            "a number of months, LOC or REV",
        )  # fmt: skip


def _repeated(record: Metro2Record) -> Iterator[Finding]:
    """Yield an error for each segment that is repeated but allowed once only."""
    for kind, count in Counter(segment.kind for segment in record.segments).items():
        if count > 1 and layouts()[kind].once:
            yield Finding(
                "M2-REPEATED", Severity.ERROR, record.number, kind, f"{count} segments",
                "one segment an account", "Remove the wrong segment",
            )  # fmt: skip


def _out_of_order(record: Metro2Record, expected: str) -> Finding:
    return Finding(
        "M2-ORDER", Severity.ERROR, record.number, record.kind, record.kind.lower(), expected,
        "Write one header, the accounts, one trailer",
    )  # fmt: skip


def _finding(
    rule: str,
    severity: Severity,
    record: Metro2Record,
    segment: Segment,
    field: str,
    expected: str,
    fix: str,
) -> Finding:
    return Finding(
        rule, severity, record.number, f"{segment.kind}.{field}", segment.text_of(field), expected,
        fix, byte=segment.byte_of(field),
    )  # fmt: skip


def _found(
    rule: str,
    severity: Severity,
    record: int,
    segment: Segment,
    field: Field,
    expected: str,
) -> Finding:
    where = f"{segment.kind}.{field.name}"
    got = segment.text_of(field.name)
    fix = "Correct the field" if got != MASK else "Correct the field (not shown)"
    byte = segment.byte_of(field.name)
    return Finding(rule, severity, record, where, got, expected, fix, byte=byte)


def _form(record: Metro2Record, *, strict: bool) -> Iterator[Finding]:
    """Yield the findings on the form of a record.

    Unless strict, only faults that can hide accounts are errors of a header and a trailer.
    """
    findings = [*record.findings]
    for segment in record.segments:
        findings += check_segment(segment, record.number)
    for finding in findings:
        hides = record.kind == BASE or not record.kind or finding.field == f"{TRAILER}.{ACCOUNTS}"
        hides = hides or (record.kind == TRAILER and not record.segments)
        yield finding if strict or hides else replace(finding, severity=Severity.WARNING)


def _placed(finding: Finding, record: Metro2Record) -> Finding:
    """Return a finding with its line and byte in the file."""
    if not record.kind:
        return finding
    return replace(finding, line=record.line, byte=record.start + (finding.byte or 1))
