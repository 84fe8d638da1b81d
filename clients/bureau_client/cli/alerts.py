"""`bureau-lender alerts`: the alerts of the persons that a member monitors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from bureau_client.cli.common import OutputOption, PassphraseOption, ProfileOption
from bureau_client.cli.open_clients import open_lender
from bureau_client.cli.output import Output, emit_stream
from bureau_client.cli.streams import WaitOption, within
from bureau_client.models.alerts import Alert


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
    output: OutputOption = Output.JSONL,
) -> None:
    """Follow the alerts on persons who consented to monitoring; print a line each."""
    with open_lender(profile, passphrase_file) as lender:

        def each_written() -> Iterator[Alert]:
            for alert in within(lender.alerts(after), seconds):
                yield alert
                # The next one is asked for once this one is written.
                if acknowledge:
                    lender.acknowledge(alert.cursor)

        emit_stream(each_written(), output)
