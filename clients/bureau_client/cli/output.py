"""Output of results: as table, json, jsonl or csv."""

from __future__ import annotations

import csv
import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bureau_client.models.codes import Code
from bureau_client.models.months import Month

# Characters. Width of a table in a pipe or a file, where no terminal limits it.
PIPE_WIDTH = 160
# Without markup, so that brackets in texts of others (narratives, fields of files) are shown
# unchanged.
out = Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
err = Console(stderr=True, markup=False, highlight=False)


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
            table.add_row(Text(name.replace("_", " "), "dim"), _cell(field))
        out.print(table)
    elif output is Output.JSON:
        _write(json.dumps(fields, ensure_ascii=False, indent=2))
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
            _write(json.dumps(rows, ensure_ascii=False, indent=2))
        case Output.JSONL:
            for row in rows:
                _write(json.dumps(row, ensure_ascii=False))
        case Output.CSV:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            if rows:
                writer.writerow(rows[0])
            writer.writerows([_cell(cell) for cell in row.values()] for row in rows)
        case Output.TABLE:
            _table(rows, shown)


def _table(rows: Sequence[Mapping[str, Any]], shown: Sequence[str]) -> None:
    if not rows:
        err.print("none", style="dim")
        return
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for name in shown:
        right = all(isinstance(row[name], int) for row in rows)
        table.add_column(
            name.replace("_", " "),
            justify="right" if right else "left",
            # Ids and times are copied by people, so they are not wrapped.
            no_wrap=name.endswith(("_id", "_time")),
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(_shown(name, row[name]) for name in shown))
    out.print(table)


def _shown(name: str, value: Any) -> str:
    """Return a table's cell: times to the second."""
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


def write_line(fields: Any) -> None:
    """Write one result as a line of JSON, and flush it."""
    _write(json.dumps(fields, ensure_ascii=False))
    sys.stdout.flush()


def _write(text: str) -> None:
    sys.stdout.write(text + "\n")
