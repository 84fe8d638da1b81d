"""`bureau doctor` and `bureau version`."""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of

from bureau.admin.check_results import Health
from bureau.admin.doctor import examine
from bureau.cli.common import Dir, Output, Shown, clock_of, in_table, settings_of, show
from bureau.cli.exit_codes import Exit, Stop
from bureau_keys.command_line.output import emit_text


def doctor(folder: Dir = None, output: Shown = Output.TABLE) -> None:
    """Check the installation; exit code 5 if a check fails."""
    settings = settings_of(folder)
    results = list(examine(settings, clock_of(settings)))
    show(
        (
            {
                "health": in_table(result.health.value, output),
                "subject": in_table(result.subject, output),
                "finding": in_table(result.finding, output),
                "fix": in_table(result.fix, output),
            }
            for result in results
        ),
        output,
    )
    if failed := sum(result.health is Health.FAIL for result in results):
        raise Stop(Exit.INVALID, f"{failed} of {len(results)} checks failed")


def version(output: Shown = Output.TABLE) -> None:
    """Print the versions of the bureau and of its main libraries."""
    names = ("creditbureau", "grpcio", "protobuf", "cryptography", "SQLAlchemy")
    versions = {name: version_of(name) for name in names} | {"Python": sys.version.split()[0]}
    lines = "".join(f"{name} {number}\n" for name, number in versions.items())
    emit_text(lines, versions, output)
