"""The command line of every program: what all commands have, they have by their registration here.

A command is registered with `CommandLine.command`. It gets its examples, the options that all
commands share, suggestions for words that are not known, and completion of its values; its
function has its own options alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import getdoc
from typing import Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from bureau_keys.command_line.common_options import EXIT_HELP, with_root_options
from bureau_keys.command_line.defaults import Defaults, chosen_options, language_of_help
from bureau_keys.command_line.languages import default_language, use_language
from bureau_keys.command_line.programs import Program, examples_of
from bureau_keys.command_line.registration import registered, words_of
from bureau_keys.command_line.running import UsageError
from bureau_keys.command_line.suggestions import did_you_mean, near_words, suggestion
from bureau_keys.command_line.texts import help_for_people, tr
from bureau_keys.option_names import command_in_progress

F = TypeVar("F", bound=Callable[..., Any])


class _Helpful:
    """A command or a group: its help has examples, its errors suggest the nearest known words."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help in the language of the person at the terminal."""
        use_language(language_of_help(ctx))
        with translated(self, ctx):
            write_heading = formatter.write_heading
            formatter.write_heading = lambda heading: write_heading(tr(heading))
            super().format_help(ctx, formatter)  # type: ignore[misc]

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples, and what follows them."""
        if examples := examples_of(ctx):
            with formatter.section("Examples"):
                # As they are typed: a wrapped command would not be one.
                formatter.write("".join(f"  {example}\n" for example in examples))
        super().format_epilog(ctx, formatter)  # type: ignore[misc]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words of a command; what they leave out may be set by the context."""
        if ctx.parent is None:
            use_language(language_of_help(ctx))
        ctx.default_map = Defaults(ctx)
        try:
            parsed: list[str] = super().parse_args(ctx, args)  # type: ignore[misc]
        except UsageError as error:
            _suggest(error)
            raise
        return parsed


class Command(_Helpful, TyperCommand):
    """A command whose options are named in errors, also after it has ended with one."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        command_in_progress(ctx)
        use_language(ctx.params.get("language") or default_language(os.environ))
        return super().invoke(ctx)


class Group(_Helpful, TyperGroup):
    """A group of commands."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command of the group, or the group itself where it is a command."""
        is_itself = self.invoke_without_command and not [
            *ctx._protected_args,  # noqa: SLF001  (the parser has no other name for them)
            *ctx.args,
        ]
        if is_itself and ctx.parent is None:
            command_in_progress(ctx)
            # The parser passes over a context that is gone: its own commands mend it.
            chosen_options(ctx, is_run=True)
        return super().invoke(ctx)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command of a word."""
        known = None if ctx.resilient_parsing else self.get_command(ctx, args[0])
        if known is None and not ctx.resilient_parsing and not args[0].startswith("-"):
            ctx.fail(f"No such command '{args[0]}'.{did_you_mean(args[0], self.commands)}")
        return super().resolve_command(ctx, args)


class CommandLine(typer.Typer):
    """A group of commands, or a whole program."""

    def __init__(self, help_text: str = "", **settings: Any) -> None:
        """Make a group.

        Args:
            help_text: Purpose of the group.
            settings: Further arguments of `typer.Typer`.
        """
        options: dict[str, Any] = {
            "cls": Group,
            "no_args_is_help": True,
            "help": help_text,
        } | settings
        # Plain text: it is the same in a pipe, and the programs print in colour by one rule.
        super().__init__(rich_markup_mode=None, pretty_exceptions_enable=False, **options)

    def command(self, *names: Any, **settings: Any) -> Callable[[F], F]:
        """See `typer.Typer.command`; the function is returned as it is."""
        register = super().command(*names, **{"cls": Command, **settings})

        def decorate(function: F) -> F:
            register(registered(function))
            return function

        return decorate

    def callback(self, *names: Any, **settings: Any) -> Callable[[F], F]:
        """See `typer.Typer.callback`."""
        register = super().callback(*names, **{"cls": Group, **settings})

        def decorate(function: F) -> F:
            register(registered(function))
            return function

        return decorate


def command_line_of(
    program: Program, help_text: str, options: Callable[..., None] | None = None
) -> CommandLine:
    """Return the command line of a program with several commands.

    Args:
        program: The program.
        help_text: Its purpose.
        options: Function whose options precede the command, beside those of all programs.
    """
    app = CommandLine(help_text)
    app.callback(help=help_text, epilog=EXIT_HELP)(with_root_options(program, options))
    return app


def one_command_of(program: Program, function: Callable[..., None]) -> CommandLine:
    """Return the command line of a program that is one command, beside those of its contexts.

    Args:
        program: The program.
        function: Its command; it returns at once where its context has `invoked_subcommand`.
    """
    app = CommandLine()
    register = app.callback(
        help=getdoc(function),
        epilog=EXIT_HELP,
        invoke_without_command=True,
        no_args_is_help=False,
    )
    register(with_root_options(program, function))
    return app


@contextmanager
def translated(command: Any, context: Any) -> Iterator[None]:
    """Translate the texts of a command's help within the block."""
    described = [command, *command.get_params(context), *getattr(command, "commands", {}).values()]
    # Arguments of one function may be shared; each object has its own text back.
    texts = [(one, one.help) for one in described if getattr(one, "help", None)]
    for one, text in texts:
        one.help = help_for_people(text)
    epilog = command.epilog
    command.epilog = tr(epilog) if epilog else epilog
    try:
        yield
    finally:
        command.epilog = epilog
        for one, text in texts:
            one.help = text


def _suggest(error: Any) -> None:
    """Add the nearest known words to an error of the parser."""
    option, context = getattr(error, "param", None), error.ctx
    if context is None:
        return
    if typed_option := getattr(error, "option_name", ""):
        # The parser's own suggestions count the hyphens, so that every option is near.
        error.possibilities = None
        names = [name for one in context.command.get_params(context) for name in one.opts]
        words = [name.lstrip("-") for name in names if name.startswith("--")]
        near = near_words(typed_option.lstrip("-"), words)
        error.message = f"{error.message}.{suggestion(f'--{word}' for word in near)}"
        return
    if option is None:
        return
    _, quote, rest = error.message.partition("'")
    typed, end, _ = rest.partition("'")
    known = words_of(context.command, option.name)
    if quote and end and known and typed not in known:
        error.message = f"{error.message.rstrip('.')}.{did_you_mean(typed, known)}"
