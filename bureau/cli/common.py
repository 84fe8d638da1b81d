"""Options, folder and output that all commands share.

Data goes to stdout, messages to stderr.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from bureau.admin.bureau_folder import addresses_of
from bureau.admin.operator import Operator
from bureau.clock import Clock
from bureau.config import SETTINGS_FILE, Settings
from bureau_keys.money import label_of, text_of
from bureau_keys.option_names import NamingTyper
from bureau_keys.profile import Profile
from bureau_keys.sandbox_clock import ClockState
from bureau_keys.terminal import Terminal, write_err, write_json

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
    return NamingTyper(help=help_text, no_args_is_help=True, rich_markup_mode=None)


def settings_of(folder: Path | None, **overrides: object) -> Settings:
    """Return the settings of a folder; None is this folder or ./bureau-data."""
    if folder is None:
        here = Path()
        folder = here if (here / SETTINGS_FILE).is_file() else Path("bureau-data")
    settings = Settings.load(folder, **overrides)
    if not settings.is_sandbox:
        return settings
    # A sandbox listens where its last start said; its profiles have the address.
    (address, *_) = Profile.load(settings.operator_folder).addresses
    return settings.model_copy(update={"listen": address})


def clock_of(settings: Settings) -> Clock:
    """Return the clock of a folder: of this machine, or of a sandbox."""
    if settings.sandbox_clock is None:
        return Clock()
    state = ClockState.load(settings.sandbox_clock)
    return Clock.moved_to(state.now_us(), state.until_us)


def operator_of(folder: Path | None) -> Operator:
    """Return the operator of a folder, connecting to the addresses of its settings."""
    settings = settings_of(folder)
    profile = Profile.load(settings.operator_folder)
    return Operator(replace(profile, addresses=addresses_of(settings)), clock_of(settings))


def echo_status(message: str) -> None:
    """Write a message to stderr."""
    write_err(message)


def show(rows: Iterable[Mapping[str, Any]], output: Output, columns: Sequence[str] = ()) -> None:
    """Print mappings as rows.

    Args:
        columns: Columns of the table; all if empty. JSON has all fields.
    """
    if output is Output.JSONL:
        for row in rows:
            write_json(row)
        return
    listed = list(rows)
    if output is Output.JSON:
        write_json(listed, indent=2)
        return
    names = columns or list(listed[0] if listed else ())
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(label_of(name), overflow="fold")
    for row in listed:
        table.add_row(*(_shown(name, row[name], row) for name in names))
    _print(table)


def show_one(fields: Mapping[str, Any], output: Output) -> None:
    """Print one mapping, field by field."""
    if output is not Output.TABLE:
        write_json(fields, indent=2 if output is Output.JSON else None)
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in fields.items():
        table.add_row(label_of(name), _shown(name, value, fields))
    _print(table)


def _print(table: Table) -> None:
    Terminal(pipe_width=NO_TERMINAL_WIDTH).print_trimmed(table)


def _shown(name: str, value: Any, fields: Mapping[str, Any]) -> str:
    """Return a cell: amounts and shares as people read them."""
    text = text_of(name, value, fields)
    return _cell(value) if text is None else text


def _cell(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        joint = "\n" if any(isinstance(part, dict) for part in value) else ", "
        return joint.join(_cell(part) for part in value)
    if isinstance(value, dict):
        return " ".join(f"{name}={_cell(inner)}" for name, inner in value.items())
    return "" if value is None else str(value)
