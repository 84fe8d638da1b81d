"""Options, folder and output that all commands share.

Data goes to stdout, messages to stderr.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bureau.admin.bureau_folder import addresses_of
from bureau.admin.operator import Operator
from bureau.config import SETTINGS_FILE, Settings
from bureau_keys.profile import Profile

# Wide enough that a file or a pipe never gets a shortened value.
NO_TERMINAL_WIDTH = 100_000


class Output(StrEnum):
    """Format of data on stdout."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"


Dir = Annotated[
    Path | None,
    typer.Option(
        "--dir",
        envvar="BUREAU_DIR",
        help="Folder of the bureau. [default: this folder, otherwise ./bureau-data]",
        show_default=False,
    ),
]
Shown = Annotated[Output, typer.Option("--output", "-o", help="Format of the output.")]


def group(help_text: str) -> typer.Typer:
    """Return a group of commands."""
    return typer.Typer(help=help_text, no_args_is_help=True, rich_markup_mode=None)


def settings_of(folder: Path | None, **overrides: object) -> Settings:
    """Return the settings of a folder; None is this folder or ./bureau-data."""
    if folder is None:
        here = Path()
        folder = here if (here / SETTINGS_FILE).is_file() else Path("bureau-data")
    return Settings.load(folder, **overrides)


def operator_of(folder: Path | None) -> Operator:
    """Return the operator of a folder, connecting to the addresses of its settings."""
    settings = settings_of(folder)
    profile = Profile.load(settings.operator_folder)
    return Operator(replace(profile, addresses=addresses_of(settings)))


def echo_status(message: str) -> None:
    """Write a message to stderr."""
    sys.stderr.write(message + "\n")


def show(rows: Iterable[Mapping[str, Any]], output: Output, columns: Sequence[str] = ()) -> None:
    """Print mappings as rows.

    Args:
        columns: Columns of the table; all if empty. JSON has all fields.
    """
    if output is Output.JSONL:
        for row in rows:
            sys.stdout.write(json.dumps(row) + "\n")
        return
    listed = list(rows)
    if output is Output.JSON:
        sys.stdout.write(json.dumps(listed, indent=2) + "\n")
        return
    names = columns or list(listed[0] if listed else ())
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in listed:
        table.add_row(*(_cell(row[name]) for name in names))
    _print(table)


def show_one(fields: Mapping[str, Any], output: Output) -> None:
    """Print one mapping, field by field."""
    if output is not Output.TABLE:
        indent = 2 if output is Output.JSON else None
        sys.stdout.write(json.dumps(fields, indent=indent) + "\n")
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in fields.items():
        table.add_row(name.replace("_", " "), _cell(value))
    _print(table)


def _print(table: Table) -> None:
    width = None if sys.stdout.isatty() else NO_TERMINAL_WIDTH
    console = Console(file=sys.stdout, width=width, markup=False, highlight=False, emoji=False)
    with console.capture() as captured:
        console.print(table)
    lines = captured.get().splitlines()
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in lines))


def _cell(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        joint = "\n" if any(isinstance(part, dict) for part in value) else ", "
        return joint.join(_cell(part) for part in value)
    if isinstance(value, dict):
        return " ".join(f"{name}={_cell(inner)}" for name, inner in value.items())
    return "" if value is None else str(value)
