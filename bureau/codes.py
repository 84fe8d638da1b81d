"""Sets of enum codes, and the currencies of ISO 4217."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files


class CodeSet(int):
    """A set of enum codes, stored as a bit mask: bit n is set if code n is in the set."""

    @classmethod
    def of(cls, codes: Iterable[int]) -> CodeSet:
        """Return the set of some codes."""
        mask = 0
        for code in codes:
            mask |= 1 << code
        return cls(mask)

    def __contains__(self, code: int) -> bool:
        return bool(self >> code & 1)

    def __iter__(self) -> Iterator[int]:
        """Iterate over the codes, ascending."""
        return (code for code in range(self.bit_length()) if code in self)

    def add(self, code: int) -> CodeSet:
        """Return the set with one more code; the same object if it has the code."""
        mask = 1 << code
        return self if self & mask else CodeSet(self | mask)


EMPTY = CodeSet()


@cache
def currencies() -> frozenset[str]:
    """Return the currency codes of ISO 4217."""
    text = (files("bureau") / "data" / "iso4217.txt").read_text("ascii")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return frozenset(" ".join(lines).split())
