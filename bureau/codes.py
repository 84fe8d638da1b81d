"""Sets of enum codes as bit masks, and the currencies that exist."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files


def mask_of(codes: Iterable[int]) -> int:
    """A set of codes as a mask: bit n is set if n is in it."""
    mask = 0
    for code in codes:
        mask |= 1 << code
    return mask


def codes_of(mask: int) -> list[int]:
    """The codes in a mask, ascending."""
    return [code for code in range(mask.bit_length()) if mask >> code & 1]


def has(mask: int, code: int) -> bool:
    """Whether a code is in a mask."""
    return bool(mask >> code & 1)


@cache
def currencies() -> frozenset[str]:
    """The currency codes of ISO 4217."""
    text = (files("bureau") / "data" / "iso4217.txt").read_text("ascii")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return frozenset(" ".join(lines).split())
