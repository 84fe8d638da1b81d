"""Output of results: as table, json, jsonl or csv."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from rich.table import Table
from rich.text import Text

from bureau_client.files.spreadsheet import text_cell
from bureau_client.models.codes import Code
from bureau_client.models.months import Month
from bureau_keys.money import label_of, text_of
from bureau_keys.terminal import Terminal, write_json, write_out

# Characters. Width of a table in a pipe or a file, where no terminal limits it.
PIPE_WIDTH = 160
out = Terminal(pipe_width=PIPE_WIDTH)
err = Terminal(stderr=True)


class Output(StrEnum):
    """Form of the data on stdout."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


def plain(value: Any) -> Any:
    """Return a result as JSON values: codes by name, times in ISO 8601, bytes in hex.

    Fields for verification only (envelopes, proofs) are left out; `--save` keeps them.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type | Month):
        return {
            field.name: plain(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if field.repr
        }
    if isinstance(value, Code):
        return value.name
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Month):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def emit_one(value: Any, output: Output) -> None:
    """Write one result; as a table, one field a line."""
    fields = plain(value)
    if output is Output.TABLE:
        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        for name, field in fields.items():
            table.add_row(Text(label_of(name), "dim"), _shown(name, field, fields))
        out.print(table)
    elif output is Output.JSON:
        write_json(fields, indent=2)
    else:
        emit_many([value], output, ())


def emit_many(values: Sequence[Any], output: Output, shown: Sequence[str]) -> None:
    """Write a list of results.

    Args:
        values: Results of one kind.
        output: Form of the output.
        shown: Columns of the table form; the other forms have all fields.
    """
    rows: list[dict[str, Any]] = [plain(value) for value in values]
    match output:
        case Output.JSON:
            write_json(rows, indent=2)
        case Output.JSONL:
            for row in rows:
                write_json(row)
        case Output.CSV:
            _csv(rows)
        case Output.TABLE:
            _table(rows, shown)


def _csv(rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows for a spreadsheet: what others wrote is text there, never a formula."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    if rows:
        writer.writerow(rows[0])
    writer.writerows([_csv_cell(cell) for cell in row.values()] for row in rows)
    write_out(table.getvalue())


def _csv_cell(value: Any) -> str:
    # Numbers stay numbers: a negative amount is no formula.
    return _cell(value) if isinstance(value, int | float) else text_cell(_cell(value))


def _table(rows: Sequence[Mapping[str, Any]], shown: Sequence[str]) -> None:
    if not rows:
        err.print("none", style="dim")
        return
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for name in shown:
        right = all(isinstance(row[name], int | float) for row in rows)
        table.add_column(
            label_of(name),
            justify="right" if right else "left",
            # Ids and times are copied by people, so they are not wrapped.
            no_wrap=name.endswith(("_id", "_time")),
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(_shown(name, row[name], row) for name in shown))
    out.print(table)


def _shown(name: str, value: Any, row: Mapping[str, Any]) -> str:
    """Return a table's cell: times to the second, amounts and shares as people read them."""
    if (text := text_of(name, value, row)) is not None:
        return text
    if isinstance(value, dict):
        # The amounts of a part are in the currency of the whole, unless it has its own.
        fields = {"currency": row.get("currency"), **value}
        return ", ".join(
            f"{label_of(part)}: {_shown(part, inner, fields)}" for part, inner in value.items()
        )
    if isinstance(value, list):
        joint = "\n" if any(isinstance(part, dict) for part in value) else "; "
        return joint.join(_shown(name, part, row) for part in value)
    if name.endswith("_time") and value:
        return f"{datetime.fromisoformat(value):%Y-%m-%d %H:%M:%S}"
    return _cell(value)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ";".join(_cell(item) for item in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
