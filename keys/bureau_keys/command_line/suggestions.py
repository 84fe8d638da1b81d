"""Suggest what a person may have meant: commands, options and words of codes."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from bureau_keys.command_line.texts import tr


def did_you_mean(typed: str, known: Iterable[str]) -> str:
    """Return a question with the nearest known words, or nothing if none is near.

    Args:
        typed: The word that is not known: `credit-aplication`.
        known: All words that are.
    """
    return suggestion(near_words(typed, known))


def near_words(typed: str, known: Iterable[str]) -> list[str]:
    """Return the known words that are nearest to a word, the nearest first."""
    words = {word.casefold(): word for word in known}
    near = get_close_matches(typed.casefold().replace("_", "-"), words)
    return [words[word] for word in near]


def suggestion(words: Iterable[str]) -> str:
    """Return a question with words that a person may have meant: ` Did you mean 'x'?`."""
    listed = tr(" or ").join(f"'{word}'" for word in words)
    return tr(" Did you mean {0}?").format(listed) if listed else ""
