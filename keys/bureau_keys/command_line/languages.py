"""The language in which a program talks to the person at the terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextvars import ContextVar

LANGUAGES = ("en", "zh")
VARIABLE = "BUREAU_LANGUAGE"
# The variables of POSIX for messages, the first that is not empty.
LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")
_current: ContextVar[str] = ContextVar("language", default=LANGUAGES[0])


def default_language(environment: Mapping[str, str], of_context: str = "") -> str:
    """Return the language of a person who types none.

    Args:
        environment: Variables of the process.
        of_context: Language of the context in use; empty if it has none.
    """
    locale = next(filter(None, (environment.get(name) for name in LOCALE)), "")
    return nearest_language(environment.get(VARIABLE) or of_context or locale)


def nearest_language(tag: str) -> str:
    """Return the language nearest to a tag of BCP 47 or a locale: `zh` for `zh_CN.UTF-8`."""
    language = re.split(r"[-_.@]", tag, maxsplit=1)[0].lower()
    return language if language in LANGUAGES else LANGUAGES[0]


def use_language(tag: str) -> None:
    """Set the language of what the process prints for people."""
    _current.set(nearest_language(tag))


def current_language() -> str:
    """Return the language of what the process prints for people."""
    return _current.get()
