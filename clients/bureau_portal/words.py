"""Read the portal's own texts, in every language of `bureau_portal/texts`, and write dates.

A further language needs a further file, named by its BCP 47 tag. Texts of codes and refusals are
the SDK's (`bureau_client.models.texts`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from bureau_client.models.codes import Code
from bureau_client.models.months import Month
from bureau_client.models.texts import DEFAULT, nearest
from bureau_keys.money import amount_text


@dataclass(frozen=True, slots=True)
class Words:
    """Writes in one language.

    Attributes:
        language: Language tag, also that of the pages.
    """

    language: str

    def text(self, key: str, **values: object) -> str:
        """Return a text by its key, for example `file.title`, with values put in.

        Raises:
            KeyError: No text has this key.
        """
        text: Any = texts()[self.language]
        for part in key.split("."):
            text = text[part]
        return str(text).format_map(values) if values else str(text)

    def table(self, key: str) -> Mapping[str, Any]:
        """Return the texts below a key."""
        table: Mapping[str, Any] = texts()[self.language][key]
        return table

    def code(self, code: Code) -> str:
        """Return the text of a code."""
        return code.text_in(self.language)

    def codes(self, codes: Iterable[Code]) -> str:
        """Return the texts of codes in a row; they may have commas of their own."""
        return self.text("browser.separator").join(map(self.code, codes))

    def amount(self, minor: int | None, currency: str) -> str:
        """Return an amount with its currency."""
        return amount_text(minor, currency)

    def month(self, month: Month | None) -> str:
        """Return a month as people write it; a dash for none."""
        if month is None:
            return "–"
        name = self.table("dates")["months"][month.month - 1]
        return self.text("dates.month", year=month.year, month=month.month, name=name)

    def day(self, day: date | datetime | None) -> str:
        """Return a day as people write it, UTC; a dash for none."""
        if day is None:
            return "–"
        name = self.table("dates")["months"][day.month - 1]
        return self.text("dates.day", year=day.year, month=day.month, name=name, day=day.day)

    def time(self, time: datetime | None) -> str:
        """Return a day and time, UTC; a dash for none."""
        if time is None:
            return "–"
        return self.text("dates.time", day=self.day(time), time=f"{time:%H:%M}")

    def duration(self, time: timedelta) -> str:
        """Return a length of time: in days, or in hours or seconds where it is no whole number."""
        for key, unit in (("days", timedelta(days=1)), ("hours", timedelta(hours=1))):
            if not time % unit:
                return self.text(f"dates.{key}", count=time // unit)
        return self.text("dates.seconds", count=f"{time / timedelta(seconds=1):g}")

    def nearest(self, texts: Mapping[str, str]) -> str:
        """Return the text in this language, or in the nearest there is; empty if there is none."""
        return next(iter(nearest(texts, self.language)), "")

    def list(self, words: list[str]) -> str:
        """Return words in a row, with the separators of the language."""
        return self.text("dates.separator").join(words)


@cache
def texts() -> dict[str, dict[str, Any]]:
    """Read the texts of every language, by its tag."""
    folder = files("bureau_portal") / "texts"
    return {
        file.name.removesuffix(".toml"): tomllib.loads(file.read_text("utf-8"))
        for file in folder.iterdir()
    }


def preferred(header: str) -> str:
    """Choose the language of a browser that accepts several (RFC 9110, section 12.5.4)."""
    accepted = []
    for part in header.split(","):
        tag, _, weight = part.partition(";")
        quality = weight.strip().removeprefix("q=") or "1"
        if tag.strip() and quality.replace(".", "", 1).isdecimal() and float(quality):
            accepted.append((float(quality), tag.strip()))
    known = {tag: tag for tag in texts()}
    for _, tag in sorted(accepted, key=lambda pair: -pair[0]):
        (language, *_) = nearest(known, tag)
        if language != DEFAULT or tag.lower().startswith(DEFAULT):
            return language
    return DEFAULT
