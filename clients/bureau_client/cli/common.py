"""Options, errors, exit codes and progress of both command lines."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

from bureau_client import errors
from bureau_client._operations.operation import utc_now
from bureau_client._transport.request_ids import logger as calls
from bureau_client.cli.output import err
from bureau_client.cli.remedies import explained
from bureau_client.models.codes import Code
from bureau_client.models.months import Month
from bureau_client.models.progress import OnProgress, Progress
from bureau_client.models.records import RecordRef
from bureau_client.models.texts import DEFAULT
from bureau_keys.command_line import output
from bureau_keys.command_line.exit_codes import Exit, code_of
from bureau_keys.command_line.languages import current_language
from bureau_keys.command_line.messages import for_people, say
from bureau_keys.command_line.programs import Program
from bureau_keys.command_line.running import explain_common, print_error
from bureau_keys.command_line.running import run as run_program
from bureau_keys.command_line.texts import tr
from bureau_keys.log_memory import MemoryFolder
from bureau_keys.terminal import Terminal

ProfileOption = Annotated[
    Path,
    typer.Option(
        "--profile",
        envvar="BUREAU_PROFILE",
        metavar="DIR",
        help="Profile folder, from the operator.",
    ),
]
PassphraseOption = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        metavar="FILE",
        help="File with the passphrase of the signing key, if the key is locked.",
    ),
]
OutputOption = output.OutputOption
LimitOption = Annotated[
    int | None,
    typer.Option("--limit", min=1, help="Largest number of entries; the rest is left out."),
]

# The first match is used.
EXIT_CODES: tuple[tuple[type[Exception], Exit], ...] = (
    (errors.NotAuthenticated, Exit.AUTH),
    (errors.PermissionDenied, Exit.AUTH),
    (errors.NotFound, Exit.NOT_FOUND),
    (errors.InvalidRequest, Exit.INVALID),
    (errors.VerificationFailed, Exit.INVALID),
    (errors.Conflict, Exit.CONFLICT),
    (errors.WrongState, Exit.CONFLICT),
    (errors.NotWitnessed, Exit.UNAVAILABLE),
    (errors.Unavailable, Exit.UNAVAILABLE),
    (errors.Overloaded, Exit.UNAVAILABLE),
    (errors.QuotaExceeded, Exit.UNAVAILABLE),
    (errors.BureauError, Exit.FAULT),
)
# Least time between two lines of progress in a log.
BETWEEN_LINES = timedelta(seconds=5)
EXIT_INVALID = Exit.INVALID
EXIT_PARTIAL = Exit.PARTIAL

C = TypeVar("C", bound=Code)


def run(app: typer.Typer, program: Program) -> NoReturn:
    """Run a command line of the SDK and exit with its code."""
    warnings.showwarning = _show_warning
    run_program(app, program, explain)


def explain(error: Exception) -> tuple[list[str], int] | None:
    """Return the text of an error and its exit code; None for a fault of the program."""
    if isinstance(error, errors.BureauError):
        language = current_language()
        text = explained(error)
        words = str(error) if language == DEFAULT else error.explain(language)
        # The texts of reasons are for people; the English error names the value as well.
        return [text] if words == str(error) else [words, text], exit_code(error)
    return explain_common(error)


def log_calls(
    verbose: Annotated[
        bool,
        typer.Option("--verbose", help="Print each call on stderr: method, code, request id."),
    ] = False,
) -> None:
    """Print each call on stderr, if that is asked for: the callback of both command lines."""
    if verbose:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(message)s"))
        calls.addHandler(handler)
        calls.setLevel(logging.INFO)


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    warning = Text.assemble((tr("warning:"), "bold yellow"), f" {for_people(str(message))}")
    Terminal(stderr=True).print(warning, soft_wrap=True)


def forget_checkpoint(folder: Path) -> None:
    """Forget the newest checkpoint that the clients of a folder have seen."""
    for evidence in MemoryFolder(folder).forget(utc_now()):
        say(tr("the evidence is kept in {0}").format(evidence))
    say(tr("the next call trusts the checkpoint that the bureau shows then"))


def exit_code(error: Exception) -> int:
    """Return the exit code of an error."""
    return code_of(error, EXIT_CODES) or Exit.FAULT


def fail(message: str, code: int) -> NoReturn:
    """Print an error on stderr and exit."""
    print_error([message])
    sys.exit(code)


def code_parser(cls: type[C]) -> Callable[[str], C]:
    """Return a parser of an option's value as a code, by name."""

    def parse(text: str | C) -> C:
        if isinstance(text, cls):
            return text
        try:
            return cls.parse(str(text))
        except ValueError as error:
            # The command line adds the name of the option.
            raise typer.BadParameter(str(error)) from error

    parse.__name__ = cls.__name__
    parse.words = cls.spellings()  # type: ignore[attr-defined]
    return parse


def names_of(cls: type[Code]) -> str:
    """Return the names that an option accepts."""
    return ", ".join(cls.spellings())


def in_a_folder(path: Path | None) -> Path | None:
    """Return the path of a file to write, for an option: checked before anything is sent.

    Raises:
        BadParameter: Its folder does not exist.
    """
    if path is not None and not path.absolute().parent.is_dir():
        raise typer.BadParameter(f"the folder {path.parent} does not exist; make it first")
    return path


def parse_month(text: str, option: str = "--month") -> Month | None:
    """Read an option's value as a month; None for an empty value.

    Raises:
        BadParameter: The value is no month; the error names the option.
    """
    try:
        return Month.parse(text) if text else None
    except ValueError:
        message = f"{text!r} is not a month; write yyyy-mm, for example 2026-05"
        raise typer.BadParameter(message, param_hint=f"'{option}'") from None


def parse_record_ref(text: str, option: str) -> RecordRef:
    """Read an option's value, SUBMISSION:INDEX, as a reference to a record.

    Raises:
        ValueError: The value has another form.
    """
    submission_id, colon, index = text.partition(":")
    if not colon or not index.isdecimal():
        raise ValueError(
            f"{option} {text!r} is not a record; write SUBMISSION:INDEX, for example 0b1f…:0"
        )
    return RecordRef(submission_id=submission_id, record_index=int(index))


@contextmanager
def progress_bar(what: str, total: int | None = None, before: str = "") -> Iterator[OnProgress]:
    """Show progress and the time left on stderr: a bar, or lines in a log.

    Args:
        what: Name of the work.
        total: Units in all; None if unknown.
        before: Name of the work while the total is unknown.
    """
    what, before = for_people(what), for_people(before)
    if not err.is_terminal:
        yield _lines(what, before)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bar(*columns, TimeRemainingColumn(), console=err, transient=True) as bar:
        task = bar.add_task(before or what, total=total)

        def show(progress: Progress) -> None:
            known = progress.total or total
            words = what if known else before or what
            bar.update(task, description=words, completed=progress.done, total=known)

        yield show


def _lines(what: str, before: str) -> OnProgress:
    last = timedelta()

    def show(progress: Progress) -> None:
        nonlocal last
        if timedelta() <= progress.elapsed - last < BETWEEN_LINES:
            return
        last = progress.elapsed
        if progress.total is None:
            say(f"{before or what}: {progress.done:,}")
        else:
            left = progress.left
            done = tr("{0}: {1:,} of {2:,}, {3} left")
            say(done.format(what, progress.done, progress.total, left))

    return show
