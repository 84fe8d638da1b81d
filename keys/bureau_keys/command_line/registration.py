"""Prepare the function of a command: what all commands have is added to its signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from enum import StrEnum
from functools import wraps
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from bureau_keys.command_line.common_options import missing_options
from bureau_keys.command_line.completion import completion_of
from bureau_keys.command_line.signatures import hints_of, with_options


class _Word:
    """The type of a word for Typer; its parser returns the value itself.

    Typer lists the values of an enum where an option is missing, in the help of an argument and in
    a shell's completion; the values of a code are the contract's numbers.
    """


# The name is what the help of an argument shows as its type.
_Word.__name__ = "word"


def registered(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function of a command as Typer registers it."""
    function = with_options(function, missing_options(function))
    signature = inspect.signature(function)
    hints = hints_of(function)
    known = {name: words for name, hint in hints.items() if (words := _known_words(hint))}

    @wraps(function)
    def command(*positional: Any, **named: Any) -> Any:
        return function(*positional, **named)

    shown = {name: _completed(name, _as_words(hint), known) for name, hint in hints.items()}
    command.__annotations__ = shown
    command.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[
            parameter.replace(annotation=shown[name])
            for name, parameter in signature.parameters.items()
        ]
    )
    command.known_words = known  # type: ignore[attr-defined]
    return command


def words_of(command: Any, name: str) -> Sequence[str]:
    """Return the words that an option of a command accepts; none if it takes any text."""
    known: dict[str, Sequence[str]] = getattr(command.callback, "known_words", {})
    return known.get(name, ())


def _known_words(hint: Any) -> Sequence[str]:
    """Return the words of a parameter: of its parser, or of its type."""
    for extra in getattr(hint, "__metadata__", ()):
        if words := getattr(getattr(extra, "parser", None), "words", ()):
            return tuple(words)
    inner = hint
    while parts := [part for part in get_args(inner) if part is not type(None)]:
        inner = parts[0]
    is_choice = isinstance(inner, type) and issubclass(inner, StrEnum)
    return tuple(choice.value for choice in inner) if is_choice else ()


def _as_words(hint: Any) -> Any:
    """Return the annotation of a parameter, with a word for a type that its parser makes."""
    if get_origin(hint) is not Annotated:
        return hint
    inner, *extras = get_args(hint)
    if any(getattr(extra, "parser", None) for extra in extras):
        return Annotated[(_worded(inner), *extras)]
    return hint


def _completed(name: str, hint: Any, known: Mapping[str, Sequence[str]]) -> Any:
    """Return the annotation of a parameter, with the completion of its values."""
    complete = completion_of(name, known.get(name, ()))
    if complete is None or get_origin(hint) is not Annotated or get_args(hint)[0] is bool:
        return hint
    inner, *extras = get_args(hint)
    completed = [copy(extra) for extra in extras]
    for extra in completed:
        if getattr(extra, "autocompletion", complete) is None:
            extra.autocompletion = complete
    return Annotated[(inner, *completed)]


def _worded(hint: Any) -> Any:
    origin, parts = get_origin(hint), get_args(hint)
    if origin is list:
        return list[_worded(parts[0])]  # type: ignore[misc]
    if origin in {Union, UnionType}:
        return Union[tuple(map(_worded, parts))]  # noqa: UP007
    return hint if hint is type(None) else _Word
