"""`bureau standard`: the consortium's standard of credit."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from bureau.admin.enum_names import CLASSIFICATIONS
from bureau.cli.common import Dir, Output, Shown, echo_status, group, operator_of, show_one
from bureau.cli.exit_codes import Exit, Stop
from creditbureau.v1.codes_pb2 import Classification
from creditbureau.v1.standard_pb2 import ClassificationBand, StandardOfCredit

app = group("The standard of credit that applies to all members.")

CAPS = (
    "max_unsecured_exposure_minor",
    "max_concurrent_lenders",
    "max_exposure_to_income_percent",
)


@app.command()
def publish(
    file: Annotated[
        Path, typer.Argument(help="TOML file with the standard.", exists=True, dir_okay=False)
    ],
    folder: Dir = None,
) -> None:
    """Publish a standard; its version must be the next one."""
    try:
        standard = _read(tomllib.loads(file.read_text("utf-8")))
    except (KeyError, TypeError, ValueError) as error:
        wrong = f"{file} is not a standard of credit: {type(error).__name__}: {error}"
        raise Stop(Exit.INVALID, wrong, "See the page on standards for an example.") from error
    with operator_of(folder) as operator:
        receipt = operator.publish(standard)
    echo_status(f"version {standard.version} is published (leaf {receipt.leaf_index})")


@app.command()
def show(
    version: Annotated[int, typer.Option(min=0, help="Version; 0 shows the one in force.")] = 0,
    folder: Dir = None,
    output: Shown = Output.TABLE,
) -> None:
    """Show a standard."""
    with operator_of(folder) as operator:
        standard = operator.standard(version)
    show_one(described(standard), output)


def described(standard: StandardOfCredit) -> dict[str, Any]:
    """Return the fields of a standard: numbers as numbers, classifications as words."""
    return {
        "version": standard.version,
        "effective_time": standard.effective_time.ToJsonString(),
        "jurisdiction": standard.jurisdiction,
        "currency": standard.currency,
        **{cap: getattr(standard, cap) for cap in CAPS},
        "bands": [
            {
                "min_days_past_due": band.min_days_past_due,
                "classification": CLASSIFICATIONS.word(band.classification),
            }
            for band in standard.bands
        ],
    }


def _read(table: dict[str, Any]) -> StandardOfCredit:
    standard = StandardOfCredit(
        version=table["version"],
        jurisdiction=table["jurisdiction"],
        currency=table["currency"],
        **{cap: table[cap] for cap in CAPS},
        bands=[
            ClassificationBand(
                min_days_past_due=band["min_days_past_due"],
                classification=Classification.Value(f"CLASSIFICATION_{band['classification']}"),
            )
            for band in table.get("bands", [])
        ],
    )
    begins = table["effective_time"]
    if not isinstance(begins, datetime) or begins.tzinfo is None:
        raise ValueError("effective_time needs a date, a time and a time zone")
    standard.effective_time.FromDatetime(begins.astimezone(UTC))
    return standard
