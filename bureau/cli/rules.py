"""`bureau rules`: the rules that differ by place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bureau.cli.common import Dir, Output, Shown, echo_status, settings_of, show
from bureau.policy import load_policy


def rules(
    jurisdiction: Annotated[
        str, typer.Argument(help="Of this place, for example CN; else of the bureau's own.")
    ] = "",
    folder: Dir = None,
    output: Shown = Output.TABLE,
) -> None:
    """The rules of a place, each with its source: what is reported for how long, disputes,
    freezes, consents.
    """
    own: Path | None = folder
    if not jurisdiction:
        settings = settings_of(folder)
        own, jurisdiction = settings.folder, settings.jurisdiction
    policy = load_policy(jurisdiction, own / "policy" if own else None)
    echo_status(f"{policy.jurisdiction}, version {policy.version}")
    show([rule._asdict() for rule in policy.rules], output)
