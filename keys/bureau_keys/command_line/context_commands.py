"""The commands `context list`, `show`, `use`, `add` and `remove` of a program."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from bureau_keys.command_line.app import CommandLine
from bureau_keys.command_line.completion import completion_of
from bureau_keys.command_line.contexts import NAME, Contexts, locked
from bureau_keys.command_line.exit_codes import Exit, Stop
from bureau_keys.command_line.messages import say
from bureau_keys.command_line.output import Output, OutputOption, emit_many, emit_one
from bureau_keys.command_line.programs import Program

ContextArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="Name of the context.",
        autocompletion=completion_of("context_name", ()),
    ),
]
_FOLDER: dict[str, Any] = {"exists": True, "file_okay": False}
_FILE: dict[str, Any] = {"exists": True, "dir_okay": False}
# The option of `context add` for each option that a context can set.
SETTINGS: dict[str, Any] = {
    "profile": Annotated[
        Path | None, typer.Option("--profile", metavar="DIR", help="Profile folder.", **_FOLDER)
    ],
    "wallet": Annotated[
        Path | None, typer.Option("--wallet", metavar="DIR", help="Wallet folder.", **_FOLDER)
    ],
    "dir": Annotated[
        Path | None, typer.Option("--dir", metavar="DIR", help="The program's folder.", **_FOLDER)
    ],
    "passphrase_file": Annotated[
        Path | None,
        typer.Option(
            "--passphrase-file", metavar="FILE", help="File with the key's passphrase.", **_FILE
        ),
    ],
    "output": Annotated[
        Output | None, typer.Option("--output", "-o", help="Form of the data on stdout.")
    ],
    "language": Annotated[str | None, typer.Option("--language", metavar="TAG", help="Language.")],
}


def context_commands(program: Program) -> CommandLine:
    """Return the group of commands for the contexts of a program."""
    group = CommandLine("Name the options that you use together, such as folders.")

    @group.command("list")
    def list_contexts(output: OutputOption = Output.TABLE) -> None:
        """List the contexts."""
        contexts = Contexts.load(program.name)
        rows = [
            {
                "name": name,
                "current": name == contexts.current,
                **{setting: options.get(setting, "") for setting in program.settings},
            }
            for name, options in sorted(contexts.options.items())
        ]
        emit_many(rows, output)

    @group.command("show")
    def show_context(
        name: Annotated[
            str, typer.Argument(metavar="NAME", help="Name; empty for the one in use.")
        ] = "",
        output: OutputOption = Output.TABLE,
    ) -> None:
        """Show a context, and the file of all."""
        contexts = Contexts.load(program.name)
        which = name or contexts.current
        if not which:
            raise Stop(Exit.NOT_FOUND, "no context is in use", "`context use NAME` uses one.")
        emit_one({"name": which, **contexts.find(which), "file": str(contexts.path)}, output)

    @group.command("use")
    def use_context(name: ContextArgument) -> None:
        """Use a context from now on, for every command that names no other."""
        with locked(program.name):
            contexts = Contexts.load(program.name)
            contexts.find(name)
            replace(contexts, current=name).save()
        say(f"{program.name} uses the context {name}")

    def add_context(name: str, use: bool, **values: Any) -> None:
        """Add a context, or change the given options of one."""
        if not NAME.fullmatch(name):
            fix = "Use lower case letters, digits, dots, hyphens and underscores."
            raise Stop(Exit.USAGE, f"{name!r} is no name of a context", fix)
        options = {
            setting.removeprefix("set_"): _kept(value)
            for setting, value in values.items()
            if value is not None
        }
        with locked(program.name):
            contexts = Contexts.load(program.name)
            changed = dict(contexts.options) | {name: {**contexts.options.get(name, {}), **options}}
            current = name if use or not contexts.current else contexts.current
            replace(contexts, options=changed, current=current).save()
        say(f"the context {name} is in {contexts.path}")

    group.command("add")(_taking(program.settings, add_context))

    @group.command("remove")
    def remove_context(name: ContextArgument) -> None:
        """Remove a context; the folders that it names stay."""
        with locked(program.name):
            contexts = Contexts.load(program.name)
            contexts.find(name)
            rest = {other: options for other, options in contexts.options.items() if other != name}
            current = "" if contexts.current == name else contexts.current
            replace(contexts, options=rest, current=current).save()
        say(f"removed the context {name}")

    return group


def _taking(settings: tuple[str, ...], function: Callable[..., None]) -> Callable[..., None]:
    """Return a function of a name and the options that a context of the program can set."""
    use = Annotated[bool, typer.Option("--use", help="Use it from now on.")]

    def parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
        kind = inspect.Parameter.KEYWORD_ONLY
        return inspect.Parameter(name, kind, annotation=annotation, default=default)

    # The names differ from those of a command's own options, which the context in use sets.
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            parameter("name", ContextArgument, inspect.Parameter.empty),
            *(parameter(f"set_{setting}", SETTINGS[setting], None) for setting in settings),
            parameter("use", use, False),
        ]
    )
    function.__annotations__ = {}
    return function


def _kept(value: Any) -> str:
    """Return an option's value as the file has it; paths are whole, whatever the folder is."""
    return str(value.expanduser().resolve()) if isinstance(value, Path) else str(value)
