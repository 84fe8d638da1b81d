"""Load balancing: round robin over the addresses, past those that failed a moment ago."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Self

from bureau_client._operations.operation import Method
from bureau_keys.profile import Profile

# Seconds that a failed address is left out; doubled with each further failure, up to the
# longest.
FIRST_REST_SECONDS = 1.0
LONGEST_REST_SECONDS = 16.0
DIRECTORY = "creditbureau.v1.Directory/"


class AddressPool:
    """Addresses in turn; an address that fails is left out for a time.

    Safe to share between threads. Addresses are given by their index.
    """

    def __init__(self, addresses: Sequence[int]) -> None:
        assert addresses
        self._addresses = tuple(addresses)
        self._rest_until = dict.fromkeys(self._addresses, 0.0)
        self._rest = dict.fromkeys(self._addresses, 0.0)
        self._next = 0
        self._lock = threading.Lock()

    def pick(self, now: float) -> int:
        """Return the next address that is not left out; if all are, the one due first."""
        count = len(self._addresses)
        with self._lock:
            positions = [(self._next + step) % count for step in range(count)]
            order = [self._addresses[position] for position in positions]
            awake = [index for index in order if self._rest_until[index] <= now]
            chosen = awake[0] if awake else min(order, key=self._rest_until.__getitem__)
            self._next = (self._addresses.index(chosen) + 1) % count
            return chosen

    def failed(self, index: int, now: float) -> None:
        """Leave an unreachable address out for a time."""
        with self._lock:
            # Simultaneous calls to one address fail together, and count as one failure.
            if self._rest_until[index] <= now:
                doubled = max(2 * self._rest[index], FIRST_REST_SECONDS)
                self._rest[index] = min(doubled, LONGEST_REST_SECONDS)
            self._rest_until[index] = now + self._rest[index]

    def worked(self, index: int) -> None:
        """Put an address that answered back into the turn."""
        with self._lock:
            self._rest_until[index] = self._rest[index] = 0.0

    def has_other(self, tried: set[int]) -> bool:
        """Return True if an address has not been tried yet."""
        return len(tried) < len(self._addresses)


class AddressBook:
    """The addresses of a bureau, and of its directory if the directory has its own.

    Attributes:
        addresses: All addresses, by index.
    """

    def __init__(self, bureau: Sequence[str], directory: Sequence[str] = ()) -> None:
        self.addresses = tuple(dict.fromkeys((*bureau, *directory)))
        self._bureau = AddressPool(
            [self.addresses.index(address) for address in dict.fromkeys(bureau)]
        )
        self._directory = (
            AddressPool([self.addresses.index(address) for address in dict.fromkeys(directory)])
            if directory
            else self._bureau
        )

    @classmethod
    def of(cls, profile: Profile) -> Self:
        """Return the addresses of a profile."""
        return cls(profile.addresses, profile.directory_addresses)

    def for_method(self, method: Method[Any, Any]) -> AddressPool:
        """Return the addresses that serve a method."""
        return self._directory if method.path.startswith(DIRECTORY) else self._bureau
