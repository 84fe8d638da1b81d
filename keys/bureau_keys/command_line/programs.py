"""A program: its name, and the examples of its commands, which are data beside its code."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Program:
    """A program of a command line.

    Attributes:
        name: Name that people type: `bureau-lender`.
        package: Package with its examples, `bureau-lender.toml`.
        settings: Options that its contexts can set; none if it has no contexts.
    """

    name: str
    package: str
    settings: tuple[str, ...] = ()

    def examples(self) -> Mapping[str, Sequence[str]]:
        """Return the examples of each command, by its words: `dispute open`."""
        return _examples(self)


@cache
def _examples(program: Program) -> Mapping[str, Sequence[str]]:
    file = files(program.package).joinpath(f"{program.name}.toml")
    return tomllib.loads(file.read_text("utf-8"))


def program_of(context: Any) -> Program | None:
    """Return the program of a context of the parser; None for a group that is none."""
    return getattr(context.find_root().command.callback, "program", None)


def words_of_command(context: Any) -> str:
    """Return the words of a command, without the program: `dispute open`."""
    words: list[str] = []
    while context.parent is not None:
        words.insert(0, str(context.info_name))
        context = context.parent
    return " ".join(words)


def examples_of(context: Any) -> Sequence[str]:
    """Return the examples of a command for its help."""
    program = program_of(context)
    return () if program is None else program.examples().get(words_of_command(context), ())
