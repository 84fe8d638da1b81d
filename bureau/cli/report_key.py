"""`bureau report-key`: the key that signs reports."""

from __future__ import annotations

from typing import Annotated

import typer

from bureau.admin import report_key
from bureau.cli.common import Dir, Output, Shown, echo_status, group, settings_of, show
from bureau.main import REPORT_KEY

app = group("The key that signs reports, and its rotation.")

RESTART = "restart every node to sign with it; each node needs the keyring"


@app.command("list")
def list_keys(folder: Dir = None, output: Shown = Output.TABLE) -> None:
    """List the keys that verify reports."""
    uses = {REPORT_KEY: "signs", report_key.NEXT: "next"}
    keys = report_key.report_keys(settings_of(folder))
    rows = [
        {"key_id": key.key_id, "use": uses.get(name, "past"), "public_key": key.raw.hex()}
        for name, key in keys.items()
    ]
    show(rows, output)


@app.command()
def prepare(folder: Dir = None) -> None:
    """Create the next key; it signs nothing before `rotate`."""
    key = report_key.prepare(settings_of(folder))
    echo_status(f"the next report key is {key.key_id}")
    echo_status("give every member its new profile.toml: bureau member profile ID")


@app.command()
def rotate(
    unprepared: Annotated[
        bool,
        typer.Option(
            "--unprepared",
            help="Use a new key that no member has yet, when the present one is stolen.",
        ),
    ] = False,
    folder: Dir = None,
) -> None:
    """Replace the present key by the next one; the old key still verifies reports."""
    key = report_key.rotate(settings_of(folder), unprepared=unprepared)
    echo_status(f"the report key is {key.key_id}: {RESTART}")


@app.command()
def drop(
    key_id: Annotated[str, typer.Argument(help="Id of a past key, from `list`.")],
    folder: Dir = None,
) -> None:
    """Remove a past key from profiles; reports under it no longer verify."""
    report_key.drop(settings_of(folder), key_id)
    echo_status(f"new profiles no longer have the key {key_id}")
