"""`bureau-lender check`, `export`: check and write Metro 2 files."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bureau_client.cli import common
from bureau_client.cli.common import (
    OutputOption,
    parse_month,
)
from bureau_client.cli.files import (
    CountryOption,
    CurrencyOption,
    FileArgument,
    PreviousOption,
    SalesOption,
    SchemeOption,
    StrictOption,
)
from bureau_client.cli.output import Output, emit_many, plain
from bureau_client.files import Metro2Source
from bureau_client.files.exporting import Newline, export_file, people_columns
from bureau_client.files.metro2 import Finding, Framing, Reporter, Severity
from bureau_client.models.progress import Progress
from bureau_keys.command_line.messages import say
from bureau_keys.profile import Profile
from bureau_keys.terminal import write_json


@dataclass(slots=True)
class Tally:
    """Number of findings of one rule on one field."""

    rule: str
    severity: Severity
    field: str
    count: int
    first_record: int
    expected: str
    fix: str

    @classmethod
    def of(cls, finding: Finding) -> Tally:
        """Return the tally of a first finding, not yet counted."""
        return cls(
            finding.rule,
            finding.severity,
            finding.field,
            0,
            finding.record,
            finding.expected,
            finding.fix,
        )


TALLY_COLUMNS = ("count", "rule", "severity", "field", "first_record", "expected", "fix")
# Records between two updates of the progress.
_CHECKED_RECORDS = 1000


def check(
    file: FileArgument,
    currency: CurrencyOption = "USD",
    country: CountryOption = "US",
    scheme: SchemeOption = "ssn",
    previous: PreviousOption = None,
    strict: StrictOption = False,
    sales: SalesOption = None,
    profile: Annotated[
        Path | None,
        typer.Option(
            envvar="BUREAU_PROFILE",
            metavar="DIR",
            help="Profile folder: with its `issued_identifiers_only`, as `import` checks.",
        ),
    ] = None,
    summary: Annotated[
        bool,
        typer.Option(
            "--summary", help="Print one line for each rule and field: count, first record."
        ),
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the errors and warnings in a Metro 2 file; nothing is sent.

    An account with an error is not submitted; one with warnings is: `import` with the same
    options accepts the others. Flags of examiners are warnings, with --strict errors. Exits with
    5 for a file with errors. With --summary, or as jsonl, memory does not grow with the findings.
    """
    source = Metro2Source(
        file,
        currency=currency,
        country=country,
        scheme=scheme,
        previous=previous,
        strict=strict,
        sales=sales,
        issued_identifiers_only=profile is not None
        and Profile.load(profile).trust.issued_identifiers_only,
    )
    listed: list[Finding] = []
    tallies: dict[tuple[str, str], Tally] = {}
    severities: Counter[Severity] = Counter()
    count = 0
    started = datetime.now(UTC)
    with common.progress_bar("checking") as on_progress:
        for record, findings in source.findings():
            count += 1
            severities.update(finding.severity for finding in findings)
            for finding in findings:
                if summary:
                    tallies.setdefault((finding.rule, finding.field), Tally.of(finding)).count += 1
                elif output is Output.JSONL:
                    write_json(plain(finding))
                else:
                    listed.append(finding)
            if record.number % _CHECKED_RECORDS == 0:
                on_progress(Progress(count, None, datetime.now(UTC) - started))
    if summary:
        emit_many(list(tallies.values()), output, TALLY_COLUMNS)
    elif output is not Output.JSONL:
        shown = ("record", "line", "byte", "rule", "severity", "field", "got", "expected", "fix")
        emit_many(listed, output, shown)
    errors = severities[Severity.ERROR]
    say(f"{count} records: {errors} errors, {severities[Severity.WARNING]} warnings")
    if errors:
        sys.exit(common.EXIT_INVALID)


def export(
    records: Annotated[Path, typer.Argument(help="CSV file, as for `submit`.", exists=True)],
    file: Annotated[Path, typer.Argument(help="Metro 2 file to write.")],
    people: Annotated[
        Path,
        typer.Option(metavar="FILE", help=f"CSV of the persons: {', '.join(people_columns())}."),
    ],
    reporter: Annotated[
        str, typer.Option(metavar="NAME", help="Name of the reporter, for the header.")
    ],
    identification: Annotated[
        str, typer.Option(metavar="ID", help="Identification number of the furnisher.")
    ],
    reporter_address: Annotated[
        str, typer.Option(metavar="TEXT", help="Address of the reporter, for the header.")
    ] = "",
    reporter_telephone: Annotated[
        str,
        typer.Option(metavar="DIGITS", help="Telephone number of the reporter; default: unknown."),
    ] = "",
    equifax_program: Annotated[
        str, typer.Option(metavar="ID", help="Program identifier from Equifax.")
    ] = "",
    experian_program: Annotated[
        str, typer.Option(metavar="ID", help="Program identifier from Experian.")
    ] = "",
    transunion_program: Annotated[
        str, typer.Option(metavar="ID", help="Program identifier from TransUnion.")
    ] = "",
    innovis_program: Annotated[
        str, typer.Option(metavar="ID", help="Program identifier from Innovis.")
    ] = "",
    month: Annotated[
        str, typer.Option(metavar="YYYY-MM", help="Month; default: the newest in the file.")
    ] = "",
    currency: CurrencyOption = "USD",
    packed: Annotated[bool, typer.Option("--packed", help="Write the packed format.")] = False,
    blocked: Annotated[bool, typer.Option("--blocked", help="Write block descriptors.")] = False,
    newline: Annotated[
        Newline, typer.Option(help="Line end after each record; none in the packed format.")
    ] = Newline.NONE,
    output: OutputOption = Output.TABLE,
) -> None:
    """Write a month of a CSV file as a Metro 2 file.

    The payment history is made of the earlier months in the CSV file. Data that Metro 2
    cannot hold, for example cents, are listed; accounts that are left out are named.
    """
    heading = Reporter(
        reporter,
        reporter_address,
        reporter_telephone,
        equifax_program=equifax_program,
        experian_program=experian_program,
        transunion_program=transunion_program,
        innovis_program=innovis_program,
    )
    count, listed = export_file(
        records,
        people,
        file,
        heading,
        identification_number=identification,
        month=parse_month(month),
        currency=currency,
        framing=Framing(packed=packed, blocked=blocked),
        newline=newline,
    )
    emit_many(listed, output, ("rule", "severity", "field", "got", "expected", "fix"))
    say(f"{count} accounts written to {file}")
    if any(finding.severity is Severity.ERROR for finding in listed):
        sys.exit(common.EXIT_PARTIAL)
