"""`bureau-lender schemes`: the identifier schemes of a country."""

from __future__ import annotations

from typing import Annotated

import typer

from bureau_client.cli.common import OutputOption
from bureau_client.cli.output import Output, emit_many
from bureau_keys import identifiers
from bureau_keys.identifiers import WrongIdentifier


def schemes(
    country: Annotated[
        str, typer.Argument(help="ISO 3166-1 alpha-2; all countries without it.")
    ] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """List the identifier schemes of which subject ids are made.

    The scheme `passport` is for every country (`*`).
    """
    try:
        listed = identifiers.schemes_of(country) if country else list(identifiers.schemes())
    except WrongIdentifier as error:
        raise ValueError(str(error)) from None
    emit_many(listed, output, ("country", "name", "title", "form", "source"))
