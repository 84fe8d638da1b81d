"""Puts the commands together and turns their errors into exit codes.

A command's module is imported when the command is typed: a node that starts does not
import the tools that it does not use.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from bureau_keys.command_line.app import CommandLine, command_line_of
from bureau_keys.command_line.completion import words_typed
from bureau_keys.command_line.context_commands import context_commands
from bureau_keys.command_line.programs import Program
from bureau_keys.command_line.quick_completion import is_asked
from bureau_keys.command_line.running import run

PROGRAM = Program("bureau", "bureau.cli", ("dir", "output", "language"))
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
CONTEXTS = "context"
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


def app_of(arguments: Sequence[str]) -> CommandLine:
    """Return the command line with the typed command, or with all commands."""
    app = command_line_of(PROGRAM, "Create, serve and operate an open credit bureau.")
    typed = arguments[0] if arguments else ""
    known = typed in COMMANDS or typed in GROUPS or typed == CONTEXTS
    for name, module in COMMANDS.items():
        if name == typed or not known:
            app.command(name)(getattr(import_module(f"bureau.cli.{module}"), name))
    for name, module in GROUPS.items():
        if name == typed or not known:
            app.add_typer(import_module(f"bureau.cli.{module}").app, name=name)
    if typed == CONTEXTS or not known:
        app.add_typer(context_commands(PROGRAM), name=CONTEXTS)
    return app


def command_of(arguments: Sequence[str] | None = None) -> Callable[[], None]:
    """Import the typed command; what is returned runs it and exits with its code."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    completed = words_typed("_BUREAU_COMPLETE")
    # The table of completions, which is made where there is none, has all commands.
    asked = [] if is_asked(PROGRAM.name) else completed
    app = app_of(typed if asked is None else asked)
    from bureau.cli.exit_codes import explained  # noqa: PLC0415  (see above)

    return lambda: run(app, PROGRAM, explained, typed)
