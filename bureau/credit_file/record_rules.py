"""The rules of records: the contract's field rules, those that hold between records, and
contradictions between fields (`bureau_keys.contradictions`). Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache

from bureau import field_rules
from bureau.calendar import MICROSECONDS, date_of
from bureau.codes import currencies
from bureau.credit_file.batch_records import BatchRecord
from bureau.credit_file.history import DELETION
from bureau.errors import FieldViolation
from bureau.field_columns import ColumnRules, Columns
from bureau_keys import contradictions
from bureau_keys.contradictions import Severity
from creditbureau.v1 import record_pb2
from creditbureau.v1.furnishing_pb2 import RecordWarning
from creditbureau.v1.reason import Reason
from creditbureau.v1.record_pb2 import (
    FacilityAction,
    ParsedRecordBatch,
    Record,
    TradelineSnapshot,
)

Breach = tuple[Reason, FieldViolation]

TRANSFER = record_pb2.FACILITY_ACTION_KIND_TRANSFER
# Records that are checked together. Of 10,000 snapshots each took 7.1 µs by 512 at a time, 9.7 by
# 32, 8.0 by 128, 7.8 by 2,048, and 11.6 all at once; of actions 512 was the best, too.
BLOCK = 512
# Batches up to this size are checked record by record: one record took 11 µs instead of 53, four
# took 43 instead of 70, and eight as long.
FEW = 4
DATES = ("open_date", "close_date", "first_delinquency_date", "last_payment_date")
RECORDS = ColumnRules(Record.DESCRIPTOR, left_out=("body", "snapshot", "action", "deletion"))
SNAPSHOTS = ColumnRules(TradelineSnapshot.DESCRIPTOR)
# Fields that these kinds of action require, and that other kinds must not have. A TRANSFER to a
# buyer that is no member has neither of its two.
NEEDED = {
    "credit_limit_minor": {record_pb2.FACILITY_ACTION_KIND_LIMIT_CHANGE},
    "new_account_ref": {
        record_pb2.FACILITY_ACTION_KIND_RENUMBER,
        TRANSFER,
    },
    "new_member_id": {TRANSFER},
}


def check_records(lines: Sequence[BatchRecord], now_us: int) -> None:
    """Check every record of a batch, and report all violations at once.

    The search ends after MAX_FOUND violations.

    Raises:
        Refusal: INVALID_FIELD, TOO_LONG, UNKNOWN_ENUM, AMOUNT_RANGE,
            UNKNOWN_CURRENCY, DATE_ORDER, BAD_TEXT, CONTRADICTION, DUPLICATE_RECORD.
    """
    # Members' clocks and zones differ: today ends where the first zone's does.
    today = date_of(now_us + 14 * 3600 * MICROSECONDS)
    suspects = _suspects(lines, today)
    if not suspects and not _has_duplicates(lines):
        return
    breaches: list[Breach] = []
    seen: set[tuple[str, int]] = set()
    for index, line in enumerate(lines):
        if index in suspects:
            if suspects[index]:
                breaches += field_rules.violations(line.record, f"records[{index}]")
            breaches += _breaches(line, today, index)
        if len(breaches) > field_rules.MAX_FOUND:
            break
        if line.kind >= DELETION:
            continue  # an account can have several actions
        name = (line.account_ref, line.month)
        if name in seen:
            message = "the batch has this account and month already"
            breaches.append(_breach(index, "account_ref", "DUPLICATE_RECORD", message))
        seen.add(name)
    if breaches:
        raise field_rules.refusal(breaches)


def find_warnings(lines: Sequence[BatchRecord]) -> list[RecordWarning]:
    """Find the records of a batch that are probably wrong, though none is refused.

    Returns:
        One warning a rule, with the indexes of its records.
    """
    furnished = [index for index, line in enumerate(lines) if line.kind < DELETION]
    snapshots = [lines[index].snapshot for index in furnished]
    broken = contradictions.broken_in(snapshots, Severity.WARNING)
    warnings = [
        RecordWarning(
            rule=rule.id,
            field=rule.field,
            message=rule.message,
            record_indexes=[furnished[index] for index in indexes],
        )
        for rule, indexes in broken
    ]
    return sorted(warnings, key=lambda warning: warning.record_indexes[0])


def _suspects(lines: Sequence[BatchRecord], today: int) -> dict[int, bool]:
    """Find the records that are to be checked one by one, for the violations of each: those that
    were checked together with one that violates a rule of its own, which most batches have not,
    and those of a small batch.

    Returns:
        By index, with False if all keep the field rules.
    """
    if len(lines) <= FEW:
        return dict.fromkeys(range(len(lines)), True)
    snapshots = [index for index, line in enumerate(lines) if line.kind < DELETION]
    others = [index for index, line in enumerate(lines) if line.kind >= DELETION]
    suspects: dict[int, bool] = {}
    for indexes, keep_field_rules, in_order in (
        (snapshots, _snapshots_keep_field_rules, _snapshots_in_order),
        (others, _others_keep_field_rules, _others_in_order),
    ):
        for start in range(0, len(indexes), BLOCK):
            block = indexes[start : start + BLOCK]
            checked = [lines[index] for index in block]
            sound = keep_field_rules(checked)
            if not sound or not in_order(checked, today):
                suspects |= dict.fromkeys(block, not sound)
    return suspects


def _has_duplicates(lines: Sequence[BatchRecord]) -> bool:
    """Return True if several snapshots are of one account and month."""
    names = [(line.account_ref, line.month) for line in lines if line.kind < DELETION]
    return len(set(names)) < len(names)


def _others_keep_field_rules(lines: Sequence[BatchRecord]) -> bool:
    # A batch has no rules but those of its records.
    return field_rules.check_all(ParsedRecordBatch(records=[line.record for line in lines]))


def _others_in_order(lines: Sequence[BatchRecord], today: int) -> bool:
    """Return True if no action or deletion of these violates a rule other than of a field."""
    return not any(any(_breaches(line, today, index)) for index, line in enumerate(lines))


def _snapshots_keep_field_rules(lines: Sequence[BatchRecord]) -> bool:
    records, snapshots = [line.record for line in lines], [line.snapshot for line in lines]
    return RECORDS.hold(Columns(records)) and SNAPSHOTS.hold(Columns(snapshots))


def _snapshots_in_order(lines: Sequence[BatchRecord], today: int) -> bool:
    """Return True if no snapshot of these records violates a rule other than of a field."""
    snapshots = [line.snapshot for line in lines]
    columns = Columns(snapshots)
    return (
        _dates_in_order(columns, today)
        and currencies().issuperset(columns["currency"])
        and not any(map(field_rules.bad_text, set(columns["original_creditor"])))
        and not any(map(_names_twice, lines))
        and not any(contradictions.broken_in(snapshots, Severity.ERROR))
    )


def currency_breaches(lines: Sequence[BatchRecord], known: dict[str, str]) -> list[Breach]:
    """Find records in another currency than their account.

    Args:
        lines: The records' lines.
        known: Currencies of accounts; learns the new ones.
    """
    return [
        _breach(
            index,
            "snapshot.currency",
            "CURRENCY_MISMATCH",
            f"the account is in {known[line.account_ref]}",
        )
        for index, line in enumerate(lines)
        if line.currency and known.setdefault(line.account_ref, line.currency) != line.currency
    ]


@lru_cache(maxsize=65536)
def is_date(yyyymmdd: int) -> bool:
    """Return True if a number is a date of the calendar."""
    try:
        date(yyyymmdd // 10000, yyyymmdd // 100 % 100, yyyymmdd % 100)
    except ValueError:
        return False
    return True


def _breaches(line: BatchRecord, today: int, index: int) -> Iterator[Breach]:
    record, snapshot = line.record, line.snapshot
    if record.HasField("action"):
        yield from _action_breaches(record.action, today, f"records[{index}].action")
        return
    if not record.HasField("snapshot"):
        month = record.deletion.month
        if month and not 1 <= month % 100 <= 12:
            message = "not a month of the calendar"
            yield _breach(index, "deletion.month", "INVALID_FIELD", message)
        return
    yield from _date_breaches(snapshot, today, index)
    for rule in contradictions.errors_of(snapshot):
        violated = FieldViolation(f"records[{index}].snapshot.{rule.field}", rule.id, rule.message)
        yield "CONTRADICTION", violated
    if line.currency not in currencies():
        message = "not an ISO 4217 currency"
        yield _breach(index, "snapshot.currency", "UNKNOWN_CURRENCY", message)
    if snapshot.original_creditor and field_rules.bad_text(snapshot.original_creditor):
        message = "control or bidirectional characters"
        yield _breach(index, "snapshot.original_creditor", "BAD_TEXT", message)
    if _names_twice(line):
        yield _breach(index, "snapshot.parties", "INVALID_FIELD", "a subject is named twice")


def _names_twice(line: BatchRecord) -> bool:
    people = line.subject_ids
    return len(people) > 1 and len(set(people)) < len(people)


def _action_breaches(action: FacilityAction, today: int, path: str) -> Iterator[Breach]:
    if wrong := list(field_rules.bad_times(action, path)):
        yield from wrong
        return
    if date_of(action.effective_time.ToMicroseconds()) > today:
        yield field_rules.violation(f"{path}.effective_time", "DATE_ORDER", "lies in the future")
    if action.review_by_date and not is_date(action.review_by_date):
        yield field_rules.violation(
            f"{path}.review_by_date", "INVALID_FIELD", "not a day of the calendar"
        )
    if action.appeal_route and field_rules.bad_text(action.appeal_route):
        message = "control or bidirectional characters"
        yield field_rules.violation(f"{path}.appeal_route", "BAD_TEXT", message)
    present = {
        "credit_limit_minor": action.HasField("credit_limit_minor"),
        "new_account_ref": bool(action.new_account_ref),
        "new_member_id": bool(action.new_member_id),
    }
    if action.kind == TRANSFER and present["new_account_ref"] != present["new_member_id"]:
        name = "new_account_ref" if present["new_member_id"] else "new_member_id"
        message = "a TRANSFER names the buyer and its number, or neither"
        yield field_rules.violation(f"{path}.{name}", "INVALID_FIELD", message)
    for name, kinds in NEEDED.items():
        if present[name] != (action.kind in kinds) and not (
            action.kind == TRANSFER and TRANSFER in kinds
        ):
            message = f"belongs to {' and '.join(sorted(map(_kind_name, kinds)))}"
            yield field_rules.violation(f"{path}.{name}", "INVALID_FIELD", message)


def _kind_name(kind: int) -> str:
    name = record_pb2.FacilityActionKind.Name(kind)  # type: ignore[arg-type]
    return name.removeprefix("FACILITY_ACTION_KIND_")


def _date_breaches(snapshot: TradelineSnapshot, today: int, index: int) -> Iterator[Breach]:
    month, opened, closed = snapshot.month, snapshot.open_date, snapshot.close_date
    if not 1 <= month % 100 <= 12:
        yield _breach(index, "snapshot.month", "INVALID_FIELD", "not a month of the calendar")
    if month > today // 100:
        yield _breach(index, "snapshot.month", "DATE_ORDER", "lies in the future")
    if month < opened // 100:
        yield _breach(index, "snapshot.month", "DATE_ORDER", "lies before open_date")
    for name in DATES:
        value: int = getattr(snapshot, name)
        if value and not is_date(value):
            message = "not a day of the calendar"
            yield _breach(index, f"snapshot.{name}", "INVALID_FIELD", message)
        elif value > today:
            yield _breach(index, f"snapshot.{name}", "DATE_ORDER", "lies in the future")
    if closed and closed < opened:
        yield _breach(index, "snapshot.close_date", "DATE_ORDER", "lies before open_date")


def _dates_in_order(columns: Columns, today: int) -> bool:
    """Return True if `_date_breaches` finds nothing in any snapshot."""
    months, opened, closed = columns["month"], columns["open_date"], columns["close_date"]
    return (
        all(1 <= month % 100 <= 12 and month <= today // 100 for month in set(months))
        and all(month >= day // 100 for month, day in set(zip(months, opened, strict=True)))
        and all(day <= end for day, end in set(zip(opened, closed, strict=True)) if end)
        and all(
            day <= today and is_date(day) for name in DATES for day in set(columns[name]) if day
        )
    )


def _breach(index: int, field: str, reason: Reason, message: str) -> Breach:
    return field_rules.violation(f"records[{index}].{field}", reason, message)
