"""The options that precede the command in every program."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, Any

import typer

from bureau_keys.command_line.contexts import VARIABLE
from bureau_keys.command_line.defaults import LANGUAGE_TYPED, SETTABLE, TYPED
from bureau_keys.command_line.exit_codes import MEANINGS
from bureau_keys.command_line.languages import use_language
from bureau_keys.command_line.programs import Program
from bureau_keys.command_line.signatures import Added, hints_of, with_options
from bureau_keys.command_line.texts import use_texts_of
from bureau_keys.terminal import write_out

DISTRIBUTION = "creditbureau"
EXIT_HELP = f"Exit codes: {', '.join(f'{code:d} {text}' for code, text in MEANINGS.items())}."


def show_version(context: typer.Context, value: bool) -> None:
    """Print the version of the program and end."""
    if value and not context.resilient_parsing:
        write_out(f"{context.find_root().info_name} {version(DISTRIBUTION)}\n")
        raise typer.Exit


VersionOption = Annotated[
    bool,
    typer.Option("--version", help="Print the version.", is_eager=True, callback=show_version),
]


def choose_context(context: typer.Context, name: str) -> str:
    """Take the name of a context: the options that are read later come from it."""
    if name and not context.resilient_parsing:
        context.meta[TYPED] = name
    return name


ContextOption = Annotated[
    str,
    typer.Option(
        "--context",
        metavar="NAME",
        envvar=VARIABLE,
        help="Context with the options that are not given.",
        is_eager=True,
        callback=choose_context,
    ),
]


def choose_language(context: typer.Context, tag: str) -> str:
    """Take a language that was typed, for the command that follows, too."""
    source = context.get_parameter_source("language")
    if source is not None and source.name == "COMMANDLINE":
        context.meta[LANGUAGE_TYPED] = tag
        use_language(tag)
    return tag


LanguageOption = Annotated[
    str,
    typer.Option(
        "--language",
        metavar="TAG",
        help="Language of what people read: en or zh.",
        callback=choose_language,
    ),
]
# Options of every command that has none of the name, with their defaults.
VERSION, CONTEXT, LANGUAGE = (
    ("version", VersionOption, False),
    ("context_name", ContextOption, ""),
    ("language", LanguageOption, ""),
)


def with_root_options(
    program: Program, function: Callable[..., None] | None
) -> Callable[..., None]:
    """Return a function with the options of all programs, beside its own."""
    use_texts_of(program.package)
    added = (VERSION, CONTEXT) if program.settings else (VERSION,)
    root = with_options(function or _nothing, added)
    root.program = program  # type: ignore[attr-defined]
    return root


def missing_options(function: Callable[..., Any]) -> tuple[Added, ...]:
    """Return the options of all commands that a function does not have itself."""
    own = [
        extra for hint in hints_of(function).values() for extra in getattr(hint, "__metadata__", ())
    ]
    # An option in an annotation has its first name in the place of a default.
    names = {getattr(extra, "default", None) for extra in own}
    names |= inspect.signature(function).parameters.keys()
    added: list[Added] = []
    if any(getattr(extra, "envvar", None) in SETTABLE for extra in own) and not hasattr(
        function, "program"
    ):
        added.append(CONTEXT)
    if not names & {"language", "--language"}:
        added.append(LANGUAGE)
    return tuple(added)


def _nothing() -> None:
    """Take no option of its own."""
