"""Base class of the coded fields."""

from __future__ import annotations

from enum import IntEnum
from typing import Self

from bureau_client.models.texts import lookup


class Code(IntEnum):
    """A coded field; prints as its name."""

    @property
    def text(self) -> str:
        """The name in words: `credit application`."""
        return self.name.replace("_", " ").lower()

    def text_in(self, language: str) -> str:
        """Look up the text for people.

        Args:
            language: BCP 47, for example `zh`; English for a language without texts.
        """
        return lookup(type(self).__name__, self.name, language)[0] or self.text

    def fix_in(self, language: str) -> str:
        """Look up the fix, the remedy for a person; empty for codes without a fix.

        Args:
            language: As for `text_in`.
        """
        return lookup(type(self).__name__, self.name, language)[1]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a name in any spelling of people: `credit-application`, `Credit Application`.

        Raises:
            ValueError: The name is unknown; the message lists the known names.

        """
        name = text.strip().upper().replace("-", "_").replace(" ", "_")
        if name in cls.__members__ and cls[name]:
            return cls[name]
        raise ValueError(f"{text!r} is not one of: {', '.join(cls.spellings())}")

    @classmethod
    def spellings(cls) -> list[str]:
        """Return every name, spelt as in files: `credit-application`."""
        return [code.text.replace(" ", "-") for code in cls if code]

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            return None
        unknown = int.__new__(cls, value)
        unknown._name_ = f"UNKNOWN_{value}"
        unknown._value_ = value
        return unknown
