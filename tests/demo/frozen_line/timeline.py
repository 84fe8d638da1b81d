"""A timeline of events, and their words in each language."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path

from bureau_client.models.money import format_amount

LANGUAGES = {"en": "English", "zh": "中文"}
CURRENCY = "USD"

# Text that depends on the language: of reasons, alerts and notices.
Words = Callable[[str], str]
Value = int | date | str | Words


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the story.

    Attributes:
        party: Party that acts: a key of `[parties]` in `texts.toml`.
        key: Sentence of the event in `texts.toml`.
        mood: `bad`, `good` or `plain`.
        exposure_minor: What the person owes to all lenders after the event, minor units.
        values: Values of the sentence: an integer is an amount in minor units.
        details: Lines that come with the event.
    """

    day: date
    party: str
    key: str
    mood: str
    exposure_minor: int
    values: Mapping[str, Value] = field(default_factory=dict)
    details: tuple[Words, ...] = ()

    def text(self, language: str) -> str:
        """Return the sentence of the event."""
        values = {name: _shown(value, language) for name, value in self.values.items()}
        return texts(language)["events"][self.key].format_map(values)


@dataclass(frozen=True, slots=True)
class Act:
    """One way that the story goes.

    Attributes:
        key: `today` or `shared`.
    """

    key: str
    events: tuple[Event, ...]

    @property
    def exposure_minor(self) -> int:
        """Debt to all lenders at the end, minor units."""
        return self.events[-1].exposure_minor


@cache
def texts(language: str) -> dict[str, dict[str, str]]:
    """Read the words of a language."""
    tables = tomllib.loads(Path(__file__).with_name("texts.toml").read_text("utf-8"))
    words: dict[str, dict[str, str]] = tables[language]
    return words


def amount(minor: int) -> str:
    """Write an amount of the story."""
    return f"{format_amount(minor, CURRENCY)} {CURRENCY}"


def _shown(value: Value, language: str) -> str:
    if isinstance(value, int):
        return amount(value)
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, str) else value(language)


@dataclass(slots=True)
class Telling:
    """An act while it goes on.

    Attributes:
        key: Key of the act.
        exposure: Reads what the person owes to all lenders, minor units.
    """

    key: str
    exposure: Callable[[], int]
    events: list[Event] = field(default_factory=list)

    def tell(
        self,
        day: date,
        party: str,
        key: str,
        mood: str = "plain",
        *,
        details: Iterable[Words] = (),
        **values: Value,
    ) -> None:
        """Add an event, with what the person owes after it."""
        self.events.append(Event(day, party, key, mood, self.exposure(), values, tuple(details)))

    def act(self) -> Act:
        """Return the act as it went."""
        return Act(self.key, tuple(self.events))
