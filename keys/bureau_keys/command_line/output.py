"""The data that commands print on stdout: as a table, JSON, JSON lines or CSV."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import Enum, StrEnum
from functools import singledispatch
from typing import Annotated, Any, Self

import typer
from rich.table import Table

from bureau_keys.command_line.completion import kept_from
from bureau_keys.command_line.languages import LANGUAGES, current_language
from bureau_keys.command_line.texts import label_for_people, tr
from bureau_keys.money import text_of
from bureau_keys.spreadsheet import text_cell
from bureau_keys.terminal import Terminal, write_err, write_json, write_out

# Characters. A pipe or a file never gets a shortened or a folded value.
NO_TERMINAL_WIDTH = 100_000
# The name of a code that was not set: people see an empty cell.
UNSPECIFIED = "UNSPECIFIED"


class Output(StrEnum):
    """Form of the data on stdout."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


OutputOption = Annotated[
    Output, typer.Option("--output", "-o", help="Form of the data on stdout.", show_default=True)
]


class CodeName(str):
    """The name of a code, which has a text in other languages."""

    __slots__ = ("code",)
    code: Any

    def __new__(cls, code: Any) -> Self:
        """Take the name of a code that has `text_in`."""
        name = super().__new__(cls, code.name)
        name.code = code
        return name


@singledispatch
def plain(value: Any) -> Any:
    """Return a result as JSON values: codes by name, times in ISO 8601, bytes in hex.

    Fields for verification only (envelopes, proofs) are left out; `--save` keeps them.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: plain(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if field.repr
        }
    return value


@plain.register
def _(value: Enum) -> Any:
    if isinstance(value, str):
        return value.value
    return CodeName(value) if hasattr(value, "text_in") else value.name


@plain.register(datetime)
@plain.register(date)
def _(value: date) -> str:
    return value.isoformat()


@plain.register
def _(value: timedelta) -> float:
    return value.total_seconds()


@plain.register
def _(value: bytes) -> str:
    return value.hex()


@plain.register(Mapping)
def _(value: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): plain(item) for key, item in value.items()}


@plain.register(list)
@plain.register(tuple)
def _(value: Sequence[Any]) -> list[Any]:
    return [plain(item) for item in value]


def emit_one(value: Any, output: Output) -> None:
    """Write one result; as a table, one field a line."""
    [fields] = kept_from([plain(value)])
    if output is Output.JSON:
        write_json(fields, indent=2)
    elif output is not Output.TABLE:
        emit_many([fields], output)
    else:
        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        table.add_column(style="dim")
        table.add_column(overflow="fold")
        for name, field in fields.items():
            table.add_row(label_for_people(name), cell_of(name, field, fields))
        _print(table)


def emit_many(values: Iterable[Any], output: Output, shown: Sequence[str] = ()) -> None:
    """Write a list of results; as JSON lines, each when it comes.

    Args:
        values: Results of one kind.
        output: Form of the output.
        shown: Columns of the table, all if empty; the other forms have all fields.
    """
    rows = kept_from(plain(value) for value in values)
    match output:
        case Output.JSON:
            write_json(list(rows), indent=2)
        case Output.JSONL:
            for row in rows:
                write_json(row)
        case Output.CSV:
            _write_csv(list(rows))
        case Output.TABLE:
            _write_table(list(rows), shown)


def _write_csv(rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows for a spreadsheet: what others wrote is text there, never a formula."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    names = list(rows[0] if rows else ())
    if names:
        writer.writerow(names)
    writer.writerows([_csv_cell(row.get(name)) for name in names] for row in rows)
    write_out(table.getvalue())


def _csv_cell(value: Any) -> str:
    # Numbers stay numbers: a negative amount is no formula.
    return _text(value) if isinstance(value, int | float) else text_cell(_text(value))


def _write_table(rows: Sequence[Mapping[str, Any]], shown: Sequence[str]) -> None:
    if not rows:
        write_err(tr("none"))
        return
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    names = shown or list(rows[0])
    for name in names:
        right = all(isinstance(row[name], int | float) for row in rows)
        table.add_column(
            label_for_people(name),
            justify="right" if right else "left",
            # Ids and times are copied by people, so they are not wrapped.
            no_wrap=name.endswith("_id") or _is_time(name),
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(cell_of(name, row[name], row) for name in names))
    _print(table)


def _print(table: Table) -> None:
    Terminal(pipe_width=NO_TERMINAL_WIDTH).print_trimmed(table)


def cell_of(name: str, value: Any, row: Mapping[str, Any]) -> str:
    """Return a table's cell: times to the second, amounts and shares as people read them.

    Args:
        name: Name of the field.
        value: Its value, of `plain`.
        row: All fields, whose currency is that of the amounts.
    """
    if (text := text_of(name, value, row)) is not None:
        return text
    if isinstance(value, dict):
        # The amounts of a part are in the currency of the whole, unless it has its own.
        fields = {"currency": row.get("currency"), **value}
        return ", ".join(
            f"{label_for_people(part)}: {cell_of(part, inner, fields)}"
            for part, inner in value.items()
        )
    if isinstance(value, list):
        joint = "\n" if any(isinstance(part, dict) for part in value) else "; "
        return joint.join(cell_of(name, part, row) for part in value)
    if isinstance(value, CodeName) and value == UNSPECIFIED:
        return ""
    if isinstance(value, CodeName) and current_language() != LANGUAGES[0]:
        return str(value.code.text_in(current_language()))
    if _is_time(name) and isinstance(value, str):
        return _moment(value)
    return _text(value)


def _is_time(name: str) -> bool:
    return name == "time" or name.endswith("_time")


def _moment(text: str) -> str:
    try:
        return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S}"
    except ValueError:  # empty, or no time that a calendar has
        return text


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ";".join(_text(item) for item in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def emit_stream(values: Iterable[Any], output: Output, shown: Sequence[str] = ()) -> None:
    """Write results that come one by one, each on a line of its own and at once.

    Args:
        values: Results of one kind; a stream that may never end.
        output: Form of the output. As JSON they are one list, written at the end.
        shown: Fields of a line of the table, without a header; all if empty.
    """
    if output is Output.JSONL:
        emit_many(values, output)
        return
    if output is Output.JSON:
        _write_at_the_end(values)
        return
    is_first = True
    for row in kept_from(map(plain, values)):
        if output is Output.CSV:
            table = io.StringIO()
            writer = csv.writer(table, lineterminator="\n")
            if is_first:
                writer.writerow(row)
            writer.writerow(map(_csv_cell, row.values()))
            text = table.getvalue()
        else:
            cells = (cell_of(name, row[name], row) for name in shown or row)
            text = "  ".join(cell.replace("\n", "; ") for cell in cells if cell) + "\n"
        is_first = False
        write_out(text)
        sys.stdout.flush()


def _write_at_the_end(values: Iterable[Any]) -> None:
    """Write a stream as one list: what came, also where Ctrl-C or an error ends it."""
    rows: list[Any] = []
    try:
        rows.extend(kept_from(map(plain, values)))
    finally:
        write_json(rows, indent=2)


def emit_text(text: str, fields: Mapping[str, Any], output: Output) -> None:
    """Write a text that other programs take, such as a key or a signed note.

    Args:
        text: The text; the form of the table is the text alone.
        fields: What the other forms have.
        output: Form of the output.
    """
    if output is Output.TABLE:
        write_out(text)
    else:
        emit_one(fields, output)
