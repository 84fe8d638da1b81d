"""Lists that the bureau returns in pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from bureau_client._operations.operation import Operation

Item = TypeVar("Item")


def collect(
    page: Callable[[str], Operation[tuple[Iterable[Item], str]]], limit: int | None = None
) -> Operation[list[Item]]:
    """Read page after page into one list.

    Args:
        page: Returns the operation that reads the page of a token: items and next token.
        limit: Largest number of items; None for all.
    """
    collected: list[Item] = []
    token = ""
    while True:
        items, token = yield from page(token)
        collected.extend(items)
        if not token or (limit is not None and len(collected) >= limit):
            return collected[:limit]
