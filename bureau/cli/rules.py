"""`bureau rules`: the rules that differ by jurisdiction."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bureau.cli.common import Dir, Output, Shown, echo_status, settings_of, show
from bureau.policy import load_policy


def rules(
    jurisdiction: Annotated[
        str, typer.Argument(help="Jurisdiction, for example CN; empty uses that of the bureau.")
    ] = "",
    folder: Dir = None,
    output: Shown = Output.TABLE,
) -> None:
    """Print the rules of a jurisdiction with their sources: retention, disputes, freezes,
    consents.
    """
    own: Path | None = folder
    if not jurisdiction:
        settings = settings_of(folder)
        own, jurisdiction = settings.folder, settings.jurisdiction
    policy = load_policy(jurisdiction, own / "policy" if own else None)
    echo_status(f"{policy.jurisdiction}, version {policy.version}")
    show([rule._asdict() for rule in policy.rules], output)
