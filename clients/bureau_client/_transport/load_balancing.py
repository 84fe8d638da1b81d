"""Which of several addresses is next: round robin past those that just failed."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Self

from bureau_client._operations.operation import Method
from bureau_keys.profile import Profile

# How long an address rests that failed; doubled each time that it fails again.
FIRST_REST_SECONDS = 1.0
LONGEST_REST_SECONDS = 16.0
DIRECTORY = "creditbureau.v1.Directory/"


class AddressPool:
    """Takes turns among addresses; one that failed rests, the longer the more often.

    Safe to share between threads. Addresses are known by their index.
    """

    def __init__(self, addresses: Sequence[int]) -> None:
        assert addresses
        self._addresses = tuple(addresses)
        self._rest_until = dict.fromkeys(self._addresses, 0.0)
        self._rest = dict.fromkeys(self._addresses, 0.0)
        self._next = 0
        self._lock = threading.Lock()

    def pick(self, now: float) -> int:
        """The next address that does not rest; if all do, the one longest at rest."""
        count = len(self._addresses)
        with self._lock:
            places = [(self._next + step) % count for step in range(count)]
            order = [self._addresses[place] for place in places]
            awake = [index for index in order if self._rest_until[index] <= now]
            chosen = awake[0] if awake else min(order, key=self._rest_until.__getitem__)
            self._next = (self._addresses.index(chosen) + 1) % count
            return chosen

    def failed(self, index: int, now: float) -> None:
        """Lets an address rest that could not be reached."""
        with self._lock:
            # Calls that were under way together fail together, and count once.
            if self._rest_until[index] <= now:
                doubled = max(2 * self._rest[index], FIRST_REST_SECONDS)
                self._rest[index] = min(doubled, LONGEST_REST_SECONDS)
            self._rest_until[index] = now + self._rest[index]

    def worked(self, index: int) -> None:
        """Takes an address back into the turn."""
        with self._lock:
            self._rest_until[index] = self._rest[index] = 0.0

    def has_other(self, tried: set[int]) -> bool:
        """Whether there is an address that was not tried yet."""
        return len(tried) < len(self._addresses)


class AddressBook:
    """The addresses of a bureau, and those of its directory where they are others.

    Attributes:
        addresses: All of them, by index.
    """

    def __init__(self, bureau: Sequence[str], directory: Sequence[str] = ()) -> None:
        self.addresses = tuple(dict.fromkeys((*bureau, *directory)))
        self._bureau = AddressPool([self.addresses.index(at) for at in dict.fromkeys(bureau)])
        self._directory = (
            AddressPool([self.addresses.index(at) for at in dict.fromkeys(directory)])
            if directory
            else self._bureau
        )

    @classmethod
    def of(cls, profile: Profile) -> Self:
        """A member's."""
        return cls(profile.addresses, profile.directory_addresses)

    def for_method(self, method: Method[Any, Any]) -> AddressPool:
        """Those that a method may take."""
        return self._directory if method.path.startswith(DIRECTORY) else self._bureau
