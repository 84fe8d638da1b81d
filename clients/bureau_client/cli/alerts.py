"""`bureau-lender alerts`: the alerts of the persons that a member monitors."""

from __future__ import annotations

from typing import Annotated

import typer

from bureau_client.cli.common import PassphraseOption, ProfileOption
from bureau_client.cli.open_clients import open_lender
from bureau_client.cli.output import plain
from bureau_client.cli.streams import WaitOption, within
from bureau_keys.terminal import write_json


def alerts(
    profile: ProfileOption,
    after: Annotated[
        int, typer.Option(help="Cursor of the last alert; 0: the last acknowledged.")
    ] = 0,
    acknowledge: Annotated[
        bool, typer.Option("--ack", help="Acknowledge each alert once it is written.")
    ] = False,
    seconds: WaitOption = 0,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Follow the alerts on persons who consented to monitoring; print a JSON line each."""
    with open_lender(profile, passphrase_file) as lender:
        for alert in within(lender.alerts(after), seconds):
            write_json(plain(alert))
            if acknowledge:
                lender.acknowledge(alert.cursor)
