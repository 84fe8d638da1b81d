"""Lists that the bureau returns in pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from bureau_client._operations.operation import Operation
from bureau_client.errors import VerificationFailed
from bureau_client.verify.checks import TELL, verifying

Item = TypeVar("Item")
# Time by which an item can be out of its order: two nodes number entries that they commit at
# once, and each has a clock of its own.
DISORDER = timedelta(minutes=2)

# Items of the contract's largest page. A message of the largest size can hold millions of empty
# items, which would take gigabytes once they are read.
MAX_PAGE_ITEMS = 10_000
# Items of the longest list; a longer one is not read to its end.
MAX_ITEMS = 10_000_000
# Bytes of all pages of the statements about a member, and of the evidence for a report: several
# times what a bureau takes of one member, and of all members about one person.
MAX_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)  # slots would keep a generic class from naming its items
class Order(Generic[Item]):
    """The order of a list, in which each item comes once.

    Attributes:
        name: Returns the name of an item, which no other item has.
        time: Returns the time of an item, for a list in order of time; None for a list in
            order of names.
        descending: False if the oldest item, or the smallest name, comes first.
    """

    name: Callable[[Item], Any]
    time: Callable[[Item], datetime | None] | None = None
    descending: bool = True

    def check(self, what: str, items: Sequence[Item]) -> None:
        """Check that the items of a whole list, or of its beginning, are in order.

        Raises:
            VerificationFailed: An item comes twice, or out of its order.
        """
        seen = set()
        for item in items:
            name = self.name(item)
            if name in seen:
                raise _wrong(f"{what} shows {name} twice")
            seen.add(name)
        for one, other in pairwise(items):
            earlier, later = (other, one) if self.descending else (one, other)
            if not self._ordered(earlier, later):
                raise _wrong(f"{what} is out of order at {self.name(other)}")

    def _ordered(self, earlier: Item, later: Item) -> bool:
        if self.time is None:
            return bool(self.name(earlier) < self.name(later))
        one, other = self.time(earlier), self.time(later)
        return one is not None and other is not None and one - other <= DISORDER


def collect(
    what: str,
    page: Callable[[str], Operation[tuple[Sequence[Any], str]]],
    read: Callable[[Any], Item],
    order: Order[Item] | None,
    limit: int | None = None,
    most: int = MAX_ITEMS,
) -> Operation[list[Item]]:
    """Read page after page into one list.

    Args:
        what: Name of the list, for errors.
        page: Returns the operation that reads the page of a token: the contract's items and
            the next token.
        read: Reads one of the contract's items.
        order: The order of the list; None for parts that are checked otherwise.
        limit: Largest number of items; None for all.
        most: Items of the longest list that can be genuine.

    Raises:
        VerificationFailed: An item cannot be read, comes twice or out of its order, or the
            pages do not come to an end.
    """
    collected: list[Item] = []
    seen, token = set[str](), ""
    while True:
        items, token = yield from page(token)
        check_size(what, items)
        with verifying(what):
            collected.extend(map(read, items))
        if len(collected) > most:
            raise _endless(what, f"it has more than {most} items")
        if not token or (limit is not None and len(collected) >= limit):
            if order is not None:
                order.check(what, collected)
            return collected[:limit]
        if not items or token in seen:
            raise _endless(what, f"the page token {token[:40]!r} leads nowhere")
        seen.add(token)


def check_size(what: str, items: Sequence[Any]) -> None:
    """Check that a page has no more items than the contract's largest, before they are read.

    Raises:
        VerificationFailed: It has more.
    """
    if len(items) > MAX_PAGE_ITEMS:
        raise _endless(what, f"a page has {len(items)} items, at most {MAX_PAGE_ITEMS} fit")


def as_it_is(item: Item) -> Item:
    """Return an item of the contract, which is read later."""
    return item


@dataclass(slots=True)
class PageBytes:
    """The bytes of a list's pages, of which no more than MAX_BYTES are read."""

    what: str
    total: int = 0

    def add(self, page: Message) -> None:
        """Count a page.

        Raises:
            VerificationFailed: The pages are too large together.
        """
        self.total += page.ByteSize()
        if self.total > MAX_BYTES:
            raise _endless(self.what, f"it has more than {MAX_BYTES} bytes")


def _endless(what: str, problem: str) -> VerificationFailed:
    return _wrong(f"{what} does not come to an end: {problem}")


def _wrong(problem: str) -> VerificationFailed:
    return VerificationFailed(problem, reason="WRONG_ANSWER", fix=TELL)
