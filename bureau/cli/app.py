"""Puts the commands together and turns what they raise into exit codes."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from bureau.cli import database, diagnosis, log, member, report, run
from bureau.cli.exits import EXPLAINED, exit_of, explain
from bureau.cli.frame import say

app = typer.Typer(
    name="bureau",
    help="An open credit bureau: makes it, serves it, and looks after its members.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("init")(run.init)
app.command("serve")(run.serve)
app.command("renew")(run.renew)
app.command("doctor")(diagnosis.doctor)
app.command("version")(diagnosis.version)
app.add_typer(member.app, name="member")
app.add_typer(log.app, name="log")
app.add_typer(database.app, name="db")
app.add_typer(report.app, name="report")


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and exits with its code."""
    try:
        app(args=list(sys.argv[1:] if arguments is None else arguments))
    except EXPLAINED as error:
        first, *rest = explain(error)
        say("\n".join([f"error: {first}", *rest]))
        sys.exit(exit_of(error))
