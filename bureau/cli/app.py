"""Puts the commands together and turns their errors into exit codes.

A command's module is imported when the command is typed: a node that starts does not
import the tools that it does not use.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module

import typer

from bureau.cli.common import echo_status
from bureau_keys.option_names import NamingTyper

# The module of this package for each command, in the order of the help.
COMMANDS = {
    "init": "serve",
    "serve": "serve",
    "renew": "serve",
    "rules": "rules",
    "deletions": "deletions",
    "health": "health",
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
    "dev": "dev",
    "complaint": "complaint",
}


def app_of(arguments: Sequence[str]) -> typer.Typer:
    """Return the command line with the typed command, or with all commands."""
    app = NamingTyper(
        name="bureau",
        help="Create, serve and operate an open credit bureau.",
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
        app.callback()(_no_options)  # otherwise Typer runs a single command without its name
    return app


def _no_options() -> None:
    """Take no option before the command."""


def command_of(arguments: Sequence[str] | None = None) -> Callable[[], None]:
    """Import the typed command; what is returned runs it and exits with its code."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    app = app_of(typed)
    from bureau.cli.exit_codes import EXPLAINED, exit_of, explain  # noqa: PLC0415  (see above)

    def run() -> None:
        try:
            app(args=typed)
        except EXPLAINED as error:
            first, *rest = explain(error)
            echo_status("\n".join([f"error: {first}", *rest]))
            sys.exit(exit_of(error))

    return run
