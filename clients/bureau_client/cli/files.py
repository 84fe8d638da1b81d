"""`bureau-lender submit`, `template`: submit files of records."""

from __future__ import annotations

import gc
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from bureau_client.cli import common
from bureau_client.cli.common import (
    OutputOption,
    PassphraseOption,
    ProfileOption,
    code_parser,
    in_a_folder,
    names_of,
)
from bureau_client.cli.open_clients import open_lender
from bureau_client.cli.output import Output, emit_many
from bureau_client.errors import SHOWN_VIOLATIONS, BureauError
from bureau_client.files import (
    CsvSource,
    Import,
    Metro2Source,
    Reject,
    Source,
    check_file,
    import_file,
)
from bureau_client.files.applicants import COLUMNS as APPLICANT_COLUMNS
from bureau_client.files.csv_records import columns
from bureau_client.files.formats import Format, format_of
from bureau_client.files.importing import MOST_VIOLATIONS, refuse
from bureau_client.files.lines import COLUMNS as LINE_COLUMNS
from bureau_client.files.metro2.sales import COLUMNS as SALES_COLUMNS
from bureau_client.files.reasons import SUFFIX, write_reasons
from bureau_client.models.codes import SubmissionKind
from bureau_keys.command_line.messages import say
from bureau_keys.profile import Profile
from bureau_keys.terminal import write_out

# New objects after which the garbage collector looks for cycles; rows are in none.
OBJECTS_BETWEEN_COLLECTIONS = 20_000
# Rows that a warning lists; the others are counted.
_LISTED_PLACES = 10


FileArgument = Annotated[Path, typer.Argument(help="File of records.", exists=True, dir_okay=False)]
FormatOption = Annotated[
    Format | None,
    typer.Option("--format", help="Format of the file; default: by its first bytes."),
]
CurrencyOption = Annotated[
    str, typer.Option(metavar="CODE", help="Metro 2: currency of the amounts, ISO 4217.")
]
CountryOption = Annotated[
    str, typer.Option(metavar="CC", help="Metro 2: country of the persons' numbers.")
]
SchemeOption = Annotated[
    str, typer.Option(help="Metro 2: identifier scheme of the persons' numbers.")
]
PreviousOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Metro 2: file of the month before, to compare with."),
]
StrictOption = Annotated[
    bool,
    typer.Option("--strict", help="Metro 2: flags of examiners are errors, not warnings."),
]
SalesOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help=f"Metro 2: CSV of the buyers of sold accounts: {', '.join(SALES_COLUMNS)}.",
    ),
]


def submit(
    file: FileArgument,
    profile: ProfileOption,
    kind: Annotated[
        SubmissionKind,
        typer.Option(
            parser=code_parser(SubmissionKind),
            metavar="KIND",
            show_default="original",
            help=f"Relation to earlier submissions: {names_of(SubmissionKind)}.",
        ),
    ] = SubmissionKind.ORIGINAL,
    label: Annotated[str, typer.Option(help="Label at the bureau; default: the file's name.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check only; send nothing.")] = False,
    skip_invalid: Annotated[
        bool, typer.Option("--skip-invalid", help="Skip invalid rows and submit the others.")
    ] = False,
    rejects: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            callback=in_a_folder,
            help="File of the skipped rows; default: FILE.rejects.",
        ),
    ] = None,
    format: FormatOption = None,  # noqa: A002, the option's name
    currency: CurrencyOption = "USD",
    country: CountryOption = "US",
    scheme: SchemeOption = "ssn",
    previous: PreviousOption = None,
    strict: StrictOption = False,
    sales: SalesOption = None,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Submit the records in a file, CSV or Metro 2; `import` is another name for it.

    After a crash, run it again: only the missing batches are sent. Skipped rows
    (--skip-invalid) are written to a file of the same form, to be corrected and
    submitted.
    """
    source: Source = CsvSource(file)
    if (format or format_of(file)) is Format.METRO2:
        source = Metro2Source(
            file,
            currency=currency,
            country=country,
            scheme=scheme,
            previous=previous,
            strict=strict,
            issued_identifiers_only=_issued_only(profile),
            sales=sales,
        )
    if dry_run:
        with rare_collections(), common.progress_bar("checking") as on_progress:
            checked = check_file(source, on_progress=on_progress)
        _show_warnings(source, checked)
        if checked.rejects:
            error = refuse(source, checked)
            _list_reasons(source, error)
            raise error
        say(f"{checked.row_count} rows are in order; nothing was sent (dry run)")
        return
    with (
        rare_collections(),
        open_lender(profile, passphrase_file) as lender,
        common.progress_bar("submitting", before="checking") as on_progress,
    ):
        try:
            result = import_file(
                lender,
                source,
                kind=kind,
                label=label,
                skip_invalid=skip_invalid,
                on_progress=on_progress,
            )
        except BureauError as error:
            _list_reasons(source, error)
            raise
    shown = ("submission_id", "record_count", "new_tradeline_count", "leaf_index")
    emit_many(result.submissions, output, shown)
    _show_warnings(source, result)
    sent = result.row_count - len(result.rejects)
    say(f"{sent} of {result.row_count} rows accepted, logged")
    if result.rejects:
        _keep(source, result.rejects, rejects)
        sys.exit(common.EXIT_PARTIAL)


def template(
    describe: Annotated[
        bool, typer.Option("--describe", help="Describe the form of each column.")
    ] = False,
    applicants: Annotated[
        bool, typer.Option("--applicants", help="A file for `query-many` instead.")
    ] = False,
    lines: Annotated[bool, typer.Option("--lines", help="A file for `agent` instead.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print the header of a CSV file for `submit`."""
    if applicants and lines:
        raise typer.BadParameter("--applicants and --lines are two files; choose one")
    listed = APPLICANT_COLUMNS if applicants else LINE_COLUMNS if lines else columns()
    if describe or output is not Output.TABLE:
        emit_many(listed, output, ("name", "required", "form"))
    else:
        # The header of a file that the command reads: names of columns, without text of others.
        write_out(",".join(column.name for column in listed) + "\n")


@contextmanager
def rare_collections() -> Iterator[None]:
    """Let the garbage collector run more rarely: the rows of a batch live until it is sent, and
    to look at them after each 700 new objects takes a tenth of an import's time.
    """
    before = gc.get_threshold()
    gc.set_threshold(max(OBJECTS_BETWEEN_COLLECTIONS, before[0]), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _show_warnings(source: Source, result: Import) -> None:
    for rule, warning in result.warnings.items():
        listed = ", ".join(map(str, islice(warning.places, _LISTED_PLACES)))
        others = len(warning.places) - _LISTED_PLACES
        more = f" and {others} more" if others > 0 else ""
        say(
            f"warning: {warning.name} {warning.message} [{rule}; {source.place} {listed}{more}]",
            style="yellow",
        )


def _list_reasons(source: Source, error: BureauError) -> None:
    """Write all reasons of a refusal beside the file if the message has too few of them."""
    if len(error.violations) <= SHOWN_VIOLATIONS:
        return
    target = source.path.with_name(source.path.name + SUFFIX)
    try:
        write_reasons(target, (({}, violation) for violation in error.violations), ())
    except OSError as unwritten:
        # The refusal itself is what the caller has to read.
        say(f"the list of all reasons was not written: {unwritten}", style="yellow")
        return
    if len(error.violations) < MOST_VIOLATIONS:
        say(f"all {len(error.violations)} reasons: {target}", style="yellow")
    else:
        say(f"the first {len(error.violations)} reasons: {target}", style="yellow")


def _keep(source: Source, rejects: Collection[Reject], path: Path | None) -> None:
    target = path or source.path.with_name(f"{source.path.name}.rejects{source.suffix}")
    source.write_rejects(rejects, target)
    say(f"{len(rejects)} rows were left out: {target}", style="yellow")


def _issued_only(folder: Path) -> bool:
    """Return the profile's `issued_identifiers_only`; False where a dry run has no profile."""
    has_profile = (folder / "profile.toml").is_file()
    return has_profile and Profile.load(folder).trust.issued_identifiers_only
