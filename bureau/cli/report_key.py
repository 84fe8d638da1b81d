"""`bureau report-key`: the key that signs reports."""

from __future__ import annotations

from typing import Annotated

import typer

from bureau.admin import report_key
from bureau.cli.common import Dir, Output, Shown, echo_status, group, settings_of, show
from bureau.main import REPORT_KEY

app = group("The key that signs reports, and its rotation.")

RESTART = "a serving node signs with it once it is started anew; each node needs the keyring"


@app.command("list")
def list_keys(folder: Dir = None, output: Shown = Output.TABLE) -> None:
    """The keys under which reports verify."""
    uses = {REPORT_KEY: "signs", report_key.NEXT: "next"}
    found = report_key.report_keys(settings_of(folder))
    rows = [
        {"key_id": key.key_id, "use": uses.get(name, "past"), "public_key": key.raw.hex()}
        for name, key in found.items()
    ]
    show(rows, output)


@app.command()
def prepare(folder: Dir = None) -> None:
    """Makes the next key; nothing is signed with it yet."""
    key = report_key.prepare(settings_of(folder))
    echo_status(f"the next report key is {key.key_id}")
    echo_status("hand every member its new profile.toml: bureau member profile ID")


@app.command()
def rotate(
    unprepared: Annotated[
        bool,
        typer.Option(
            "--unprepared", help="With a key that no member has: the present one is stolen."
        ),
    ] = False,
    folder: Dir = None,
) -> None:
    """Puts the next key in the place of the present one, which goes on verifying."""
    key = report_key.rotate(settings_of(folder), unprepared=unprepared)
    echo_status(f"the report key is {key.key_id}: {RESTART}")


@app.command()
def drop(
    key_id: Annotated[str, typer.Argument(help="Of the past, as `list` names it.")],
    folder: Dir = None,
) -> None:
    """Takes a key of the past out of profiles: reports under it verify no more."""
    report_key.drop(settings_of(folder), key_id)
    echo_status(f"profiles that are written from now on do not have {key_id}")
