"""Lists that come in pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from bureau_client._operations.operation import Operation

Item = TypeVar("Item")


def collect(
    page: Callable[[str], Operation[tuple[Iterable[Item], str]]], limit: int | None = None
) -> Operation[list[Item]]:
    """Reads page after page.

    Args:
        page: The operation for the page behind a token: its items and the next token.
        limit: Stop after so many items; None: read all.
    """
    found: list[Item] = []
    token = ""
    while True:
        items, token = yield from page(token)
        found.extend(items)
        if not token or (limit is not None and len(found) >= limit):
            return found[:limit]
