"""Command lines that take codes by their words: help and errors show no numbers.

Typer lists the values of an enum where an option is missing, in the help of an argument and in a
shell's completion; the values of a code are the contract's numbers.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from bureau_client.models.codes import Code
from bureau_keys.option_names import NamingTyper

F = TypeVar("F", bound=Callable[..., Any])


class _Word:
    """A code's type for Typer; its parser returns the code itself."""


# The name is what the help of an argument shows as its type.
_Word.__name__ = "word"


class CodeTyper(NamingTyper):
    """A command line whose commands take codes by their words."""

    def command(self, *names: Any, **settings: Any) -> Callable[[F], F]:
        """See `typer.Typer.command`."""
        register = super().command(*names, **settings)

        def decorate(function: F) -> F:
            register(_with_words(function))
            return function

        return decorate


def _with_words(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that says of its codes that they are words, and is the same otherwise."""
    hints = {
        name: _without_codes(hint)
        for name, hint in get_type_hints(function, include_extras=True).items()
    }
    signature = inspect.signature(function)

    @wraps(function)
    def command(*positional: Any, **named: Any) -> Any:
        return function(*positional, **named)

    command.__annotations__ = hints
    command.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[
            parameter.replace(annotation=hints[name])
            for name, parameter in signature.parameters.items()
        ],
        return_annotation=hints["return"],
    )
    return command


def _without_codes(hint: Any) -> Any:
    if isinstance(hint, type) and issubclass(hint, Code):
        return _Word
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return Annotated[(_without_codes(parts[0]), *parts[1:])]
    if origin is list:
        return list[_without_codes(parts[0])]  # type: ignore[misc]
    if origin in {Union, UnionType}:
        return Union[tuple(map(_without_codes, parts))]  # noqa: UP007
    return hint
