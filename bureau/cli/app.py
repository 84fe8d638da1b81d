"""Puts the commands together and turns what they raise into exit codes.

A command's room is entered when the command is typed: a node that starts does not
wait for tools that it does not use.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import typer

from bureau.cli.common import echo_status

# Which module of this package has which commands, in the order of the help.
COMMANDS = {
    "init": "serve",
    "serve": "serve",
    "renew": "serve",
    "rules": "rules",
    "doctor": "doctor",
    "version": "doctor",
}
GROUPS = {
    "member": "member",
    "log": "log",
    "db": "database",
    "report": "report",
    "report-key": "report_key",
    "standard": "standard",
}


def app_of(arguments: Sequence[str]) -> typer.Typer:
    """The command line, with the command that is typed, or else with all."""
    app = typer.Typer(
        name="bureau",
        help="An open credit bureau: makes it, serves it, and looks after its members.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    typed = arguments[0] if arguments else ""
    known = typed in COMMANDS or typed in GROUPS
    for name, module in COMMANDS.items():
        if name == typed or not known:
            app.command(name)(getattr(import_module(f"bureau.cli.{module}"), name))
    for name, module in GROUPS.items():
        if name == typed or not known:
            app.add_typer(import_module(f"bureau.cli.{module}").app, name=name)
    if known:
        app.callback()(_command_behind)  # else Typer would run a single command unnamed
    return app


def _command_behind() -> None:
    """The command follows."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and exits with its code."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    app = app_of(typed)
    from bureau.cli.exit_codes import EXPLAINED, exit_of, explain  # noqa: PLC0415  (see above)

    try:
        app(args=typed)
    except EXPLAINED as error:
        first, *rest = explain(error)
        echo_status("\n".join([f"error: {first}", *rest]))
        sys.exit(exit_of(error))
