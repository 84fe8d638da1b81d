"""A calendar month as a value: the period of a credit record."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import overload

_TEXT = re.compile(r"([0-9]{4})-?([0-9]{2})")


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """One calendar month: `Month(2024, 5)`, written `2024-05`.

    Months are ordered, and move by whole months: `Month(2024, 12) + 1` is
    January 2025, `Month(2025, 1) - Month(2024, 12)` is 1.

    Raises:
        ValueError: The year is outside 1900–2999 or the month outside 1–12.

    """

    year: int
    month: int

    def __post_init__(self) -> None:
        if not (1900 <= self.year <= 2999 and 1 <= self.month <= 12):
            raise ValueError(
                f"year {self.year}, month {self.month} is not a month; "
                "years run from 1900 to 2999, months from 1 to 12"
            )

    @classmethod
    def parse(cls, text: str) -> Month:
        """Read `2024-05` or `202405`.

        Raises:
            ValueError: The text has another form.

        """
        match = _TEXT.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is not a month; write it as 2024-05")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, day: date) -> Month:
        """Return the month of a day or a point in time."""
        return cls(day.year, day.month)

    @classmethod
    def from_number(cls, yyyymm: int) -> Month:
        """Read the contract's form, 202405.

        Raises:
            ValueError: The month does not exist.

        """
        return cls(*divmod(yyyymm, 100))

    @property
    def number(self) -> int:
        """The contract's form: 202405."""
        return self.year * 100 + self.month

    def __add__(self, months: int) -> Month:
        year, index = divmod(self._ordinal + months, 12)
        return Month(year, index + 1)

    @overload
    def __sub__(self, other: Month) -> int: ...
    @overload
    def __sub__(self, other: int) -> Month: ...
    def __sub__(self, other: Month | int) -> int | Month:
        if isinstance(other, Month):
            return self._ordinal - other._ordinal
        return self + -other

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"

    @property
    def _ordinal(self) -> int:
        return self.year * 12 + self.month - 1
