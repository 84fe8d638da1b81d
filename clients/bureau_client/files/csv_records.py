"""Snapshots as CSV: one row for each account and month, one column for each field.

The columns are the fields of `Snapshot` by their names, in any order; those
without a default are required. The columns `subject_id`
and `role` replace `parties`; several persons on one account are in one row, separated by
`;`. Months are written 2024-05, days 2024-05-31, codes by name (`past-due-30`), amounts as
integers in minor units, yes and no as `true` and `false`. An empty cell means the
field's default. The column `reject_reason` of a file of rejects is for people.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import IO, Any, NamedTuple, get_type_hints

from bureau_client.files.csv_tables import Line, read_lines
from bureau_client.models.codes import Code, PartyRole
from bureau_client.models.months import Month
from bureau_client.models.record_checks import TEXT_FORMS, check_order, check_record, newest_day
from bureau_client.models.records import Party, Snapshot
from bureau_client.models.violations import Violation

SEPARATOR = ";"
SUBJECT, ROLE = "subject_id", "role"
REASON_COLUMN = "reject_reason"
# Fields without a column: `subject_id` and `role` replace parties, raw codes have none.
_LEFT_OUT = {"parties", "raw_codes"}
_YES, _NO = {"true", "yes", "1"}, {"false", "no", "0"}
# Narrower than int() and fromisoformat(), which accept 1_000 and 2024-W22-5.
_MOST_DIGITS = 40
_INTEGER = re.compile(rf"[+-]?[0-9]{{1,{_MOST_DIGITS}}}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Cells that are remembered once they were read: days, months and codes repeat from row to row.
_KNOWN_CELLS = 4096


class Row(NamedTuple):
    """One row of a file.

    Attributes:
        line: Line number in the file, from 1.
        cells: The cells as written, by column.
        snapshot: The snapshot of the row; None if it has violations.
        violations: Violations; each field is a column's name.
    """

    line: int
    cells: dict[str, str]
    snapshot: Snapshot | None
    violations: tuple[Violation, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the template.

    Attributes:
        required: True if a file must have the column.
        form: Form of a cell, for people.
    """

    name: str
    required: bool
    form: str


def read_rows(stream: IO[str], today: date | None = None) -> Iterator[Row]:
    """Read and check a file row by row.

    Args:
        stream: The file, from `open_table`.
        today: Later dates are violations; by default the newest date of any time zone.

    Raises:
        InvalidRequest: The header is wrong, or a line is not CSV.
    """
    today = today or newest_day()
    for row in parse_rows(stream):
        yield _checked(row, row.snapshot, today) if row.snapshot else row


def parse_rows(stream: IO[str]) -> Iterator[Row]:
    """Read a file row by row; check the form of the cells, but no record.

    Raises:
        InvalidRequest: The header is wrong, or a line is not CSV.
    """
    known = columns()
    required = [column.name for column in known if column.required]
    for line in read_lines(stream, required, [*(column.name for column in known), REASON_COLUMN]):
        line.cells.pop(REASON_COLUMN, None)
        yield _parsed(line, required)


def columns() -> list[Column]:
    """Return the template's columns in order."""
    people = [
        Column(SUBJECT, required=True, form="32 hex characters; several persons: a;b"),
        Column(ROLE, required=False, form=_form(PartyRole)),
    ]
    fields = [
        Column(
            field.name,
            field.default is dataclasses.MISSING,
            TEXT_FORMS.get(field.name) or _form(_TYPES[field.name]),
        )
        for field in dataclasses.fields(Snapshot)
        if field.name not in _LEFT_OUT
    ]
    return [*fields[:2], *people, *fields[2:]]


def write_row(snapshot: Snapshot) -> dict[str, str]:
    """Return the cells of a snapshot, in the form that `read_rows` reads."""
    cells = {
        column.name: _written(getattr(snapshot, column.name))
        for column in columns()
        if column.name not in {SUBJECT, ROLE}
    }
    cells[SUBJECT] = SEPARATOR.join(party.subject_id for party in snapshot.parties)
    cells[ROLE] = SEPARATOR.join(_written(party.role) for party in snapshot.parties)
    return cells


def _parsed(line: Line, required: list[str]) -> Row:
    cells = line.cells
    if line.violations:
        return Row(line.number, cells, None, line.violations)
    values: dict[str, Any] = {}
    wrong: list[Violation] = []
    for name, text in cells.items():
        if text:
            try:
                values[name] = _PARSERS[name](text)
            except ValueError as error:
                wrong.append(Violation(name, "INVALID_FIELD", str(error)))
    if not all(map(cells.__getitem__, required)):
        empty = (name for name in required if not cells[name])
        wrong += [Violation(name, "INVALID_FIELD", "is empty") for name in empty]
    try:
        values["parties"] = _parties(values.pop(SUBJECT, ""), values.pop(ROLE, ""))
    except ValueError as error:
        wrong.append(Violation(ROLE, "INVALID_FIELD", str(error)))
    if wrong:
        return Row(line.number, cells, None, tuple(wrong))
    return Row(line.number, cells, Snapshot(**values))


def _checked(row: Row, snapshot: Snapshot, today: date) -> Row:
    violations = check_record(snapshot, 0) or list(check_order(snapshot, 0, today))
    if not violations:
        return row
    wrong = [dataclasses.replace(each, field=column_of(each.field)) for each in violations]
    return row._replace(snapshot=None, violations=tuple(wrong))


def column_of(path: str) -> str:
    """Return the column of a field's path: `month` for `records[7].snapshot.month`."""
    _, _, field = path.partition(".")
    field = field.removeprefix("snapshot.")
    if field.startswith("parties"):
        return ROLE if field.endswith(".role") else SUBJECT
    return field


def _parties(subjects: str, roles: str) -> tuple[Party, ...]:
    if not roles and SEPARATOR not in subjects:
        return (Party(subjects),) if subjects else ()
    ids = [text.strip() for text in subjects.split(SEPARATOR) if text.strip()]
    names = [text.strip() for text in roles.split(SEPARATOR) if text.strip()]
    if not names:
        return tuple(Party(subject_id) for subject_id in ids)
    if len(names) != len(ids):
        raise ValueError(
            f"has {len(names)} entries for {len(ids)} persons; write one for each person"
        )
    pairs = zip(ids, names, strict=True)
    return tuple(Party(subject_id, PartyRole.parse(name)) for subject_id, name in pairs)


def _integer(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS:
        return int(text)  # as almost every amount is written, without the pattern's time
    if _INTEGER.fullmatch(text) is None:
        raise ValueError(f"{text[:40]!r} is not an integer; write amounts in minor units")
    return int(text)


def _yes_or_no(text: str) -> bool:
    if text.lower() in _YES:
        return True
    if text.lower() in _NO:
        return False
    raise ValueError(f"{text!r} is not a yes or no; write true or false")


@lru_cache(_KNOWN_CELLS)
def _day(text: str) -> date:
    wrong = ValueError(f"{text[:40]!r} is not a date; write it as 2024-05-31")
    if _DAY.fullmatch(text) is None:
        raise wrong
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise wrong from None


@lru_cache(_KNOWN_CELLS)
def _month(text: str) -> Month:
    return Month.parse(text)


_remembering = lru_cache(_KNOWN_CELLS)


def _parser(hint: Any) -> Callable[[str], Any]:
    if isinstance(hint, type) and issubclass(hint, Code):
        return _remembering(hint.parse)
    if hint is Month:
        return _month
    if hint is bool:
        return _yes_or_no
    if hint in (int, int | None):
        return _integer
    if hint in (date, date | None):
        return _day
    return str


def _form(hint: Any) -> str:
    if isinstance(hint, type) and issubclass(hint, Code):
        return ", ".join(hint.spellings())
    forms: dict[Callable[[str], Any], str] = {
        _integer: "integer",
        _yes_or_no: "true or false",
        _day: "2024-05-31",
        _month: "2024-05",
    }
    return forms.get(_parser(hint), "text")


def _written(value: object) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Code):
        return value.text.replace(" ", "-") if value else ""
    return str(value)


_TYPES = get_type_hints(Snapshot)
_PARSERS: dict[str, Callable[[str], Any]] = {
    **{name: _parser(hint) for name, hint in _TYPES.items() if name not in _LEFT_OUT},
    SUBJECT: str,
    ROLE: str,
}
