"""Snapshots as CSV: one row an account and month, one column a field.

The columns are the fields of `Snapshot` by their names, in any order; those
without a default are required. In place of `parties` there are `subject_id` and
`role`; several persons on one account stand in one row, separated by `;`. Months
are written 2024-05, days 2024-05-31, codes by name (`past-due-30`), amounts as
integers in minor units, yes and no as `true` and `false`. An empty cell means the
field's default. A column `reject_reason` is for people: a file of rejects has it.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import IO, Any, get_type_hints

from bureau_client.files.csv_tables import Line, read_lines
from bureau_client.models.codes import Code, PartyRole
from bureau_client.models.months import Month
from bureau_client.models.record_checks import TEXT_FORMS, check_order, check_record, newest_day
from bureau_client.models.records import Party, Snapshot
from bureau_client.models.violations import Violation

SEPARATOR = ";"
SUBJECT, ROLE = "subject_id", "role"
REASON_COLUMN = "reject_reason"
# Held in CSV by `subject_id` and `role`, or not at all.
_LEFT_OUT = {"parties", "raw_codes"}
_YES, _NO = {"true", "yes", "1"}, {"false", "no", "0"}
# Not what int() and fromisoformat() take: 1_000 and 2024-W22-5 are hardly meant.
_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file.

    Attributes:
        line: Its line in the file, from 1.
        cells: The row as it is written.
        snapshot: What it says; None where it has violations.
        violations: What is wrong with it; each field is a column's name.
    """

    line: int
    cells: dict[str, str]
    snapshot: Snapshot | None
    violations: tuple[Violation, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the template.

    Attributes:
        required: Whether a file must have it.
        form: How a cell is written, for people.
    """

    name: str
    required: bool
    form: str


def read_rows(stream: IO[str], today: date | None = None) -> Iterator[Row]:
    """Reads a file row by row.

    Args:
        stream: The file, from `open_table`.
        today: What lies after it, lies in the future; the newest day there is if left out.

    Raises:
        InvalidRequest: The header does not fit, or the file is no CSV from some line on.
    """
    known = columns()
    required = [column.name for column in known if column.required]
    for line in read_lines(stream, required, [*(column.name for column in known), REASON_COLUMN]):
        line.cells.pop(REASON_COLUMN, None)
        yield _read(line, required, today or newest_day())


def columns() -> list[Column]:
    """The template's columns in order."""
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
    """The cells that `read_rows` reads a snapshot from."""
    cells = {
        column.name: _written(getattr(snapshot, column.name))
        for column in columns()
        if column.name not in {SUBJECT, ROLE}
    }
    cells[SUBJECT] = SEPARATOR.join(party.subject_id for party in snapshot.parties)
    cells[ROLE] = SEPARATOR.join(_written(party.role) for party in snapshot.parties)
    return cells


def _read(line: Line, required: list[str], today: date) -> Row:
    cells = line.cells
    if line.violations:
        return Row(line.number, cells, None, line.violations)
    values: dict[str, Any] = {}
    wrong: list[Violation] = []
    for name, text in cells.items():
        if name in {SUBJECT, ROLE} or not text:
            continue
        try:
            values[name] = _PARSERS[name](text)
        except ValueError as error:
            wrong.append(Violation(name, "INVALID_FIELD", str(error)))
    wrong += [Violation(name, "INVALID_FIELD", "is empty") for name in required if not cells[name]]
    try:
        values["parties"] = _parties(cells.get(SUBJECT, ""), cells.get(ROLE, ""))
    except ValueError as error:
        wrong.append(Violation(ROLE, "INVALID_FIELD", str(error)))
    if wrong:
        return Row(line.number, cells, None, tuple(wrong))
    snapshot = Snapshot(**values)
    wrong = [
        dataclasses.replace(violation, field=column_of(violation.field))
        for violation in check_record(snapshot, 0) or check_order(snapshot, 0, today)
    ]
    return Row(line.number, cells, None if wrong else snapshot, tuple(wrong))


def column_of(path: str) -> str:
    """The column behind a field's path: `records[7].snapshot.month` is `month`."""
    _, _, field = path.partition(".")
    field = field.removeprefix("snapshot.")
    if field.startswith("parties"):
        return ROLE if field.endswith(".role") else SUBJECT
    return field


def _parties(subjects: str, roles: str) -> tuple[Party, ...]:
    ids = [text.strip() for text in subjects.split(SEPARATOR) if text.strip()]
    names = [text.strip() for text in roles.split(SEPARATOR) if text.strip()]
    if not names:
        return tuple(Party(subject_id) for subject_id in ids)
    if len(names) != len(ids):
        raise ValueError(f"has {len(names)} entries for {len(ids)} persons")
    pairs = zip(ids, names, strict=True)
    return tuple(Party(subject_id, PartyRole.parse(name)) for subject_id, name in pairs)


def _integer(text: str) -> int:
    if _INTEGER.fullmatch(text) is None:
        raise ValueError(f"{text[:40]!r} is no integer; amounts are in minor units")
    return int(text)


def _yes_or_no(text: str) -> bool:
    if text.lower() in _YES:
        return True
    if text.lower() in _NO:
        return False
    raise ValueError(f"{text!r} is neither true nor false")


def _day(text: str) -> date:
    wrong = ValueError(f"{text[:40]!r} is no day; write it as 2024-05-31")
    if _DAY.fullmatch(text) is None:
        raise wrong
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise wrong from None


def _code(cls: type[Code], text: str) -> Code:
    return cls.parse(text)


def _parser(hint: Any) -> Callable[[str], Any]:
    if isinstance(hint, type) and issubclass(hint, Code):
        return partial(_code, hint)
    if hint is Month:
        return Month.parse
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
        Month.parse: "2024-05",
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
_PARSERS = {name: _parser(hint) for name, hint in _TYPES.items() if name not in _LEFT_OUT}
