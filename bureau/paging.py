"""Pages of lists: the page size, the token that names the next page, and the cut between."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from google.protobuf.message import Message

from bureau.errors import Refusal

# Rows of a page whose size the caller does not give.
DEFAULT_SIZE = 100
# Bytes of a page of messages; a page ends before the message that would exceed them. The
# largest message that such a page can hold is far below them, and a reply with such a page
# far below the 16 MiB that clients accept.
MAX_BYTES = 2 << 20
# Beyond every key, log size and time: the first page of a list in descending order.
NEWEST = 1 << 62
# Digits of the longest number in a token, within a signed 64-bit integer.
MAX_DIGITS = 18
# A request id in a token: a UUID, or empty before the first page.
_ID = re.compile(r"[0-9a-f-]{0,36}")

Row = TypeVar("Row")
M = TypeVar("M", bound=Message)


def number_in(token: str, otherwise: int, field: str = "page_token") -> int:
    """Parse a page token as a number; `otherwise` for an empty token.

    Args:
        field: The request's field that holds the token.

    Raises:
        Refusal: BAD_PAGE_TOKEN.
    """
    if not token:
        return otherwise
    if not (token.isascii() and token.isdigit()) or len(token) > MAX_DIGITS:
        raise bad_token(field)
    return int(token)


def time_and_id_token(time_us: int, item_id: str) -> str:
    """Return the token of the page after an item of a list by time, then by id."""
    return f"{time_us}.{item_id}"


def time_and_id_in(token: str) -> tuple[int, str]:
    """Parse a token of `time_and_id_token`, the exclusive upper bound of a page.

    An empty token is that of the first page.

    Raises:
        Refusal: BAD_PAGE_TOKEN.
    """
    time_us, _, item_id = token.partition(".")
    if not _ID.fullmatch(item_id):
        raise bad_token()
    return number_in(time_us, otherwise=NEWEST), item_id


def bad_token(field: str = "page_token") -> Refusal:
    """Return the refusal of a token that the method did not return."""
    return Refusal.of_field("BAD_PAGE_TOKEN", field, "pass the token that this method returned")


def refuse_first(_: object) -> None:
    """Refuse the further page of a statement's answer, as the unit of a statement that is not
    in the log: it had no first page.
    """
    raise bad_token()


def cut(
    rows: Sequence[Row], limit: int, token_of: Callable[[Row], object]
) -> tuple[Sequence[Row], str]:
    """Cut a page of `limit` rows from rows that were read with a limit of one more.

    Args:
        token_of: Returns the position of a row, from which the next page goes on.

    Returns:
        The page, and the token of the next page; empty on the last page.
    """
    if len(rows) <= limit:
        return rows, ""
    page = rows[:limit]
    return page, str(token_of(page[-1]))


def fit(
    items: Iterable[tuple[Row, M]], token: str, token_of: Callable[[Row], object]
) -> tuple[list[M], str]:
    """Cut a page at MAX_BYTES; at least one message is on it.

    Args:
        items: The rows of a page, each with its message.
        token: Token of the page after these.
        token_of: Returns the position of a row, from which the next page goes on.
    """
    page: list[M] = []
    size, position = 0, ""
    for row, message in items:
        size += message.ByteSize()
        if page and size > MAX_BYTES:
            return page, position
        page.append(message)
        position = str(token_of(row))
    return page, token
