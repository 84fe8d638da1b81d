"""`bureau-lender attributes`, `bureau-wallet attributes`: what the attributes of reports say."""

from __future__ import annotations

from typing import Annotated

import typer

from bureau_client.cli.common import OutputOption
from bureau_client.cli.output import Output, emit_many
from bureau_client.models.attributes import attribute_dictionary
from bureau_keys.command_line.suggestions import did_you_mean


def attributes(
    names: Annotated[
        list[str] | None, typer.Argument(help="Names, or keys such as total_balance.USD.")
    ] = None,
    version: Annotated[
        str, typer.Option(help="Version of reports, as `rules_version` has it; default: newest.")
    ] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what the attributes of reports say: text, unit, window, meaning of a missing value."""
    known = attribute_dictionary(version)
    if not known:
        raise typer.BadParameter(
            f"{version!r} is before the first version of reports, 2026-11", param_hint="'--version'"
        )
    wanted = [name.partition(".")[0] for name in names or known]
    for name in wanted:
        if name not in known:
            near = did_you_mean(name, known) or " See the list without a name."
            raise typer.BadParameter(
                f"{name!r} is no attribute of this version.{near}", param_hint="'NAMES'"
            )
    shown = ("name", "text", "unit", "window", "missing")
    emit_many([known[name] for name in wanted], output, shown)
