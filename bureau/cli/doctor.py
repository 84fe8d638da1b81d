"""`bureau doctor` and `bureau version`."""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of

from bureau.admin.check_results import Health
from bureau.admin.doctor import examine
from bureau.cli.common import Dir, Output, Shown, settings_of, show
from bureau.cli.exit_codes import Exit, Stop


def doctor(folder: Dir = None, output: Shown = Output.TABLE) -> None:
    """Looks the installation over; exit code 5 if something fails."""
    found = list(examine(settings_of(folder)))
    show(
        (
            {"health": at.health.value, "subject": at.subject, "told": at.told, "fix": at.fix}
            for at in found
        ),
        output,
    )
    if failed := sum(at.health is Health.FAIL for at in found):
        raise Stop(Exit.INVALID, f"{failed} things fail")


def version() -> None:
    """The version of the bureau, and of what it stands on."""
    names = ("creditbureau", "grpcio", "protobuf", "cryptography", "SQLAlchemy")
    lines = [f"{name} {version_of(name)}" for name in names]
    sys.stdout.write("\n".join([*lines, f"Python {sys.version.split()[0]}", ""]))
