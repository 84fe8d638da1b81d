"""Run a command line: one form of its errors, and the exit code of each."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import typer
from rich.text import Text

from bureau_keys.command_line.completion_table import table_of
from bureau_keys.command_line.exit_codes import Exit, code_of
from bureau_keys.command_line.messages import for_people
from bureau_keys.command_line.programs import Program
from bureau_keys.command_line.quick_completion import is_asked, keep
from bureau_keys.command_line.texts import tr
from bureau_keys.option_names import with_options
from bureau_keys.terminal import Terminal, write_err

# Errors of the parser; Typer exports only one of their subclasses.
UsageError: type[Exception] = typer.BadParameter.__mro__[1]
# Lines of an error and its exit code; None if it is a fault of the program.
Explain = Callable[[Exception], tuple[Sequence[str], int] | None]


def run(
    app: typer.Typer, program: Program, explain: Explain, arguments: Sequence[str] | None = None
) -> NoReturn:
    """Run a command line and exit with the code of how it ended.

    Args:
        app: The command line.
        program: The program.
        explain: Explains the errors of the program.
        arguments: Words of the command; None for those of the process.
    """
    # gRPC's own lines on stderr would repeat the errors of the programs.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    command = typer.main.get_command(app)
    if is_asked(program.name):
        keep(program.name, table_of(command, name=program.name))
    words = None if arguments is None else list(arguments)
    try:
        code = command.main(args=words, prog_name=program.name, standalone_mode=False)
    except UsageError as error:
        _show_usage_error(error)
        sys.exit(Exit.USAGE)
    except typer.Abort:
        print_error([tr("it was not confirmed, and nothing was done")])
        sys.exit(Exit.INTERRUPTED)
    except Exception as error:
        explained = explain(error)
        if explained is None:
            raise
        lines, code = explained
        print_error(lines)
        sys.exit(code)
    sys.exit(code if isinstance(code, int) else Exit.OK)


def explain_common(error: Exception) -> tuple[list[str], int] | None:
    """Explain an error that all programs share: of a file, a key or a value."""
    code = code_of(error)
    return None if code is None else (lines_of(error), code)


def lines_of(error: Exception) -> list[str]:
    """Return the text of an error and its fix, with the options that were typed."""
    text = str(error) or type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        text = (
            f"{error.filename}: {for_people(error.strerror)}" if error.filename else error.strerror
        )
    fix = getattr(error, "fix", "")
    return [with_options(line) for line in ([text, fix] if fix else [text])]


def print_error(lines: Sequence[str]) -> None:
    """Print an error on stderr, in the person's language: what failed, then what to do."""
    first, *rest = map(for_people, lines)
    terminal = Terminal(stderr=True)
    terminal.print(Text.assemble((tr("error:"), "bold red"), f" {first}"), soft_wrap=True)
    for line in rest:
        terminal.print(line, soft_wrap=True)


def _show_usage_error(error: Any) -> None:
    """Print an error of the parser; the help of a program without arguments is one, too."""
    context = error.ctx
    if type(error).__name__ == "NoArgsIsHelpError":
        write_err(error.format_message())
        return
    lines = [error.format_message()]
    if context is not None:
        usage = context.get_usage().partition(": ")[2]
        lines.append(tr("usage: {0}").format(usage))
        lines.append(tr("`{0} --help` has examples.").format(context.command_path))
    print_error(lines)
