"""Places of rows in a file, a bit for each row of the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableSet


class Places(MutableSet[int]):
    """A set of places, from 0, in the order of the file: 125 kB for a million rows."""

    def __init__(self, places: Iterable[int] = ()) -> None:
        self._bits = bytearray()
        self._count = 0
        for number in places:
            self.add(number)

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, int) or not 0 <= value < 8 * len(self._bits):
            return False
        return bool(self._bits[value >> 3] & 1 << (value & 7))

    def __iter__(self) -> Iterator[int]:
        for number, eight in enumerate(self._bits):
            if eight:
                yield from (8 * number + bit for bit in range(8) if eight & 1 << bit)

    def __len__(self) -> int:
        return self._count

    def add(self, value: int) -> None:
        """Add a place.

        Raises:
            ValueError: It is negative.
        """
        if value < 0:
            raise ValueError(f"{value} is no place in a file")
        if value in self:
            return
        missing = (value >> 3) + 1 - len(self._bits)
        if missing > 0:
            self._bits.extend(bytes(missing))
        self._bits[value >> 3] |= 1 << (value & 7)
        self._count += 1

    def discard(self, value: int) -> None:
        """Remove a place, if it is there."""
        if value in self:
            self._bits[value >> 3] ^= 1 << (value & 7)
            self._count -= 1
