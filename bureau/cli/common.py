"""Options, folder and output that all commands share.

Data goes to stdout, messages to stderr.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from bureau.admin.bureau_folder import addresses_of
from bureau.admin.operator import Operator
from bureau.clock import Clock
from bureau.config import SETTINGS_FILE, Settings
from bureau_keys.command_line.app import CommandLine
from bureau_keys.command_line.messages import for_people, say
from bureau_keys.command_line.output import Output, emit_many, emit_one
from bureau_keys.command_line.output import OutputOption as Shown
from bureau_keys.profile import Profile
from bureau_keys.sandbox_clock import ClockState

__all__ = [
    "Dir",
    "Output",
    "Shown",
    "clock_of",
    "echo_status",
    "group",
    "in_table",
    "operator_of",
    "settings_of",
    "show",
    "show_one",
]

# Data on stdout, by the renderer of all programs.
show, show_one = emit_many, emit_one

Dir = Annotated[
    Path | None,
    typer.Option(
        "--dir",
        envvar="BUREAU_DIR",
        help="Folder of the bureau. [default: this folder, otherwise ./bureau-data]",
        show_default=False,
    ),
]


def group(help_text: str) -> CommandLine:
    """Return a group of commands."""
    return CommandLine(help_text)


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
    """Write a message to stderr, in the language of the person who reads it."""
    say(message)


def in_table(message: str, output: Output) -> str:
    """Return a message among data: people read a table, programs read the other forms."""
    return for_people(message) if output is Output.TABLE else message
