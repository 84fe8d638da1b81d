"""Pages by size: together they are the whole list, in order, and none is too large."""

from __future__ import annotations

from itertools import pairwise
from unittest.mock import patch

from google.protobuf.wrappers_pb2 import BytesValue
from hypothesis import given
from hypothesis import strategies as st

from bureau import paging

MAX_BYTES = 200
items = st.lists(st.binary(max_size=2 * MAX_BYTES), max_size=40)


def pages_of(bodies: list[bytes], limit: int) -> list[list[bytes]]:
    """Read page after page, each from its token on, as a method does."""
    pages, token = list[list[bytes]](), ""
    while True:
        start = paging.number_in(token, otherwise=0)
        rows = list(enumerate(bodies, start=1))[start : start + limit + 1]
        page, token = paging.cut(rows, limit, lambda row: row[0])
        with patch.object(paging, "MAX_BYTES", MAX_BYTES):
            fitting, token = paging.fit(
                ((position, BytesValue(value=body)) for position, body in page), token, str
            )
        pages.append([message.value for message in fitting])
        if not token:
            return pages


@given(items, st.integers(1, 10))
def test_pages_are_the_whole_list_in_order(bodies: list[bytes], limit: int) -> None:
    pages = pages_of(bodies, limit)
    assert [body for page in pages for body in page] == bodies
    assert all(pages) or pages == [[]]


@given(items, st.integers(1, 10))
def test_a_page_is_no_larger_than_it_may_be_unless_it_is_one_item(
    bodies: list[bytes], limit: int
) -> None:
    def size(page: list[bytes]) -> int:
        return sum(BytesValue(value=body).ByteSize() for body in page)

    pages = pages_of(bodies, limit)
    assert all(size(page) <= MAX_BYTES or len(page) == 1 for page in pages)
    assert all(len(page) <= limit for page in pages)
    # A page is as full as it can be.
    assert all(
        len(page) == limit or size([*page, following[0]]) > MAX_BYTES
        for page, following in pairwise(pages)
    )
