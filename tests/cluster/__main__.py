"""`make cluster`: a bureau of many nodes, broken on purpose, and audited.

Ends with 0 if the auditor found nothing, 1 if it did, 2 for a wrong option, 3 if the
harness itself could not go on.
"""

from __future__ import annotations

import signal
import sys

from rich.console import Console
from rich.table import Table

from tests.cluster.auditor import Verdict
from tests.cluster.faults import CATALOGUE
from tests.cluster.live import viewed
from tests.cluster.nemesis import FaultError
from tests.cluster.options import Options, UnknownFaultError, parse
from tests.cluster.report import PAGE, write_broken_off
from tests.cluster.run import run
from tests.cluster.topology.process import NotReadyError

WIDTH = 120
# Violations told here; the report has them all.
SHOWN = 10
FOUND, USAGE, BROKEN, INTERRUPTED = 1, 2, 3, 130

console = Console(width=None if sys.stdout.isatty() else WIDTH)


def main() -> int:
    """Runs the harness; its exit code."""
    try:
        options = parse()
    except UnknownFaultError as error:
        console.print(f"[red]{error}[/]")
        return USAGE
    if options is None:
        list_faults()
        return 0
    # What stops it from outside heals and cleans up as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return carry_out(options)
    except KeyboardInterrupt:
        console.print("broken off; everything is down")
        return INTERRUPTED


def carry_out(options: Options) -> int:
    """One run; its exit code."""
    folder = options.new_folder()
    console.print(f"the run's folder: {folder}", soft_wrap=True)
    try:
        with viewed(folder, console) as view:
            verdict = run(options, folder, view)
    except (NotReadyError, FaultError) as error:
        write_broken_off(folder, str(error))
        console.print(f"[red]{error}[/]\nlogs: {folder / 'logs'}", soft_wrap=True)
        return say_how_to_repeat(options, BROKEN)
    except Exception as error:  # noqa: BLE001  (whatever it is, no promise was shown to be broken)
        write_broken_off(folder, f"{type(error).__name__}: {error}")
        console.print_exception()
        return say_how_to_repeat(options, BROKEN)
    console.print(f"report: {folder / PAGE}", soft_wrap=True)
    console.print(sight_of(verdict), soft_wrap=True, markup=False, highlight=False)
    if verdict.holds:
        console.print("[bold green]every promise held[/]")
        return say_how_to_repeat(options, 0)
    for violation in verdict.violations[:SHOWN]:
        line = f"{violation.check}: {violation.what} {violation.evidence}"
        console.print(line, style="red", markup=False, soft_wrap=True)
    console.print("[bold red]a promise was broken[/]")
    return say_how_to_repeat(options, FOUND)


def sight_of(verdict: Verdict) -> str:
    """Return how many things each check examined, and the checks that had nothing to examine."""
    seen = ", ".join(f"{one.check} {one.looked:,}" for one in verdict.findings if one.looked)
    idle = ", ".join(one.check for one in verdict.findings if not one.looked)
    return f"examined: {seen}\nnothing to examine: {idle or 'no check'}"


def say_how_to_repeat(options: Options, code: int) -> int:
    """The one command that does it again; passes the exit code on."""
    console.print(f"again: {options.command}", soft_wrap=True, markup=False)
    return code


def list_faults() -> None:
    """The catalogue."""
    table = Table("fault", "what happens", box=None, header_style="dim")
    for name, one in CATALOGUE.items():
        table.add_row(name, one.sentence)
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
