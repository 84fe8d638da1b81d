"""Request ids are UUIDs of version 7 that carry the time of issue."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from bureau_keys.request_ids import new_request_id


@given(st.integers(0, (1 << 48) * 1000 - 1))
def test_an_id_is_a_uuid_with_the_milliseconds_of_its_time(now_us: int) -> None:
    request_id = uuid.UUID(new_request_id(now_us))
    assert (request_id.version, request_id.variant) == (7, uuid.RFC_4122)
    assert request_id.int >> 80 == now_us // 1000


def test_ids_of_one_time_differ_and_those_of_later_times_sort_behind() -> None:
    same = {new_request_id(1_700_000_000_000_000) for _ in range(1000)}
    assert len(same) == 1000
    assert max(same) < new_request_id(1_700_000_000_001_000)
