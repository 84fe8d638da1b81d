"""The part of the ZEN expression language that policies may use.

The engine skips a rule whose cell fails, and reads a name that does not exist as null. A policy
must not decide by such accidents, so that cells and expressions are held to a small language
whose faults are found before a policy is active.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import zen

_TOKEN = re.compile(
    r"\s+"
    r"|(?P<text>'[^'\\]*'|\"[^\"\\]*\")"
    r"|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>\.\.|[<>=!]=|[<>()\[\],$+\-*/%?:])"
)
WORDS = frozenset({"and", "or", "not", "in", "true", "false", "null"})
# Functions of computed inputs: pure, of numbers, without the clock and without chance.
FUNCTIONS = frozenset({"abs", "ceil", "floor", "max", "min", "round"})


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of an expression by kind, in order.

    Attributes:
        words: Words of the language: `and`, `null`.
        names: Names that are followed by no parenthesis.
        calls: Names of functions that are called.
    """

    texts: tuple[str, ...]
    numbers: tuple[float, ...]
    words: tuple[str, ...]
    names: tuple[str, ...]
    calls: tuple[str, ...]
    signs: tuple[str, ...]


def tokens_of(text: str) -> Tokens:
    """Split an expression into its tokens.

    Raises:
        ValueError: A character that no token has.
    """
    kinds: dict[str, list[str]] = {"text": [], "number": [], "name": [], "call": [], "sign": []}
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"the character {text[position]!r} is not allowed")
        position = match.end()
        if match.lastgroup is not None:
            called = match.lastgroup == "name" and text[position:].lstrip().startswith("(")
            called = called and match[0] not in WORDS
            kinds["call" if called else match.lastgroup].append(match[0])
    return Tokens(
        texts=tuple(text[1:-1] for text in kinds["text"]),
        numbers=tuple(map(float, kinds["number"])),
        words=tuple(name for name in kinds["name"] if name in WORDS),
        names=tuple(name for name in kinds["name"] if name not in WORDS),
        calls=tuple(kinds["call"]),
        signs=tuple(kinds["sign"]),
    )


def compile_cell(text: str) -> Callable[[Any], Any]:
    """Parse a cell as a test of its own column.

    Raises:
        ValueError: The cell does not parse, or, when called, fails for a value.
    """
    test = _loudly(zen.compile_unary_expression, text)
    return lambda value: _loudly(test.evaluate, {"$": value})


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression over the values of named inputs.

    Attributes:
        names: Names of the inputs, each once.
    """

    names: tuple[str, ...]
    _compiled: zen.Expression

    def evaluate(self, values: dict[str, Any]) -> Any:
        """Evaluate the expression for a value of each name; None for a division by zero.

        Raises:
            ValueError: It fails for the values.
        """
        return _loudly(self._compiled.evaluate, values)


def compile_expression(text: str) -> Expression:
    """Parse an expression of a computed input.

    Raises:
        ValueError: It does not parse, or uses a function, a sign or a word that computed inputs
            do not have.
    """
    tokens = tokens_of(text)
    if unknown := [name for name in tokens.calls if name not in FUNCTIONS]:
        raise ValueError(f"calls {unknown[0]!r}, not one of {', '.join(sorted(FUNCTIONS))}")
    if "null" in tokens.words or "$" in tokens.signs:
        raise ValueError("uses null or $; an expression is evaluated for present values only")
    if not tokens.names:
        raise ValueError("uses no input; write the constant where it is used")
    return Expression(tuple(dict.fromkeys(tokens.names)), _loudly(zen.compile_expression, text))


def _loudly(function: Callable[[Any], Any], argument: Any) -> Any:
    try:
        return function(argument)
    except RuntimeError as error:
        raise ValueError(_reason_of(error)) from None


def _reason_of(error: RuntimeError) -> str:
    """Return the engine's reason: the first line of its message, without the stack."""
    line = str(error).splitlines()[0] if str(error) else type(error).__name__
    try:
        return str(json.loads(line)["source"])
    except (ValueError, KeyError, TypeError):
        return line
