"""Messages for the person at the terminal: status lines, errors and their fixes, in their language.

A library raises an error and does not know who reads it; so a message is translated where it is
printed. The catalogue of a package, `messages.zh.toml` beside its texts, is keyed by the English
message with its values left open, `registered key {0} of {1}`: a message that has these words is
translated, with its values in the places that the translation gives them. A value that is a message
itself is translated, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache

from rich.text import Text

from bureau_keys.command_line.languages import LANGUAGES, current_language
from bureau_keys.command_line.texts import messages_of, packages
from bureau_keys.terminal import Terminal, write_err

FIELD = re.compile(r"\{(\d+)\}")
# Messages within messages that are translated: an error that wraps an error that wraps one.
DEPTH = 4


def say(message: str, style: str = "") -> None:
    """Print a message for the person on stderr, in their language.

    Args:
        message: The message in English, with its values.
        style: Style of Rich; empty for plain text.
    """
    text = for_people(message)
    if style:
        Terminal(stderr=True).print(Text(text, style), soft_wrap=True)
    else:
        write_err(text)


def for_people(message: str) -> str:
    """Translate a message with its values; the message itself where no catalogue has it."""
    language = current_language()
    return message if language == LANGUAGES[0] else _translated(message, language, DEPTH)


def _translated(message: str, language: str, depth: int) -> str:
    if not message or not depth:
        return message
    for package in packages():
        if (translated := messages_of(package, language).get(message)) is not None:
            return translated
    for parts, translated in _patterns(language, packages()):
        # A search for the words is much cheaper than the expression.
        if all(part in message for part in parts) and (match := _expression(parts)(message)):
            values = [_value(value, language, depth - 1) for value in match.groups()]
            return _filled(translated, values)
    return message


def _filled(translated: str, values: Sequence[str]) -> str:
    """Put the values into a translation, each in the place of its number."""
    return FIELD.sub(lambda field: values[int(field[1])], translated)


def _value(value: str, language: str, depth: int) -> str:
    """Translate a value that is a message; one word is a name, of which nothing is known."""
    return _translated(value, language, depth) if " " in value.strip() else value


@cache
def _patterns(language: str, of: Sequence[str]) -> Sequence[tuple[tuple[str, ...], str]]:
    """Return the words around the values of each message, those with the most words first."""
    known: Mapping[str, str] = {
        text: translated
        for package in reversed(of)
        for text, translated in messages_of(package, language).items()
        if FIELD.search(text)
    }
    by_words = sorted(known.items(), key=lambda item: -len(FIELD.sub("", item[0])))
    # A split with the fields' numbers has these at the odd places.
    return [(tuple(FIELD.split(text)[::2]), translated) for text, translated in by_words]


@cache
def _expression(parts: tuple[str, ...]) -> Callable[[str], re.Match[str] | None]:
    return re.compile("(.*?)".join(map(re.escape, parts)), re.DOTALL).fullmatch
