"""Tables that PostgreSQL may partition: months, and the uniqueness that tables of keys keep."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import UniqueConstraint
from sqlmodel import SQLModel

from bureau.admin.partitioning import MARGIN_US, MONTHS_AHEAD, months_after
from bureau.calendar import DAY_US, time_us_of
from bureau.ledger.entry_keys import EntryKeys, first_key_at
from bureau.store import tables  # noqa: F401  (fills SQLModel.metadata)
from bureau.store.partitions.forms import Form, Partition, forms_of
from bureau.store.partitions.layout import BY_HASH, PARTITION_KEYS, UNIQUE_KEYS


@pytest.mark.parametrize(
    ("day", "names"),
    [
        (datetime(2026, 11, 29, 22, tzinfo=UTC), "2027_01 2027_02 2027_03 2027_04"),
        (datetime(2026, 11, 30, tzinfo=UTC), "2027_01 2027_02 2027_03 2027_04"),
        (datetime(2026, 12, 1, tzinfo=UTC), "2027_02 2027_03 2027_04 2027_05"),
        (datetime(2028, 2, 29, tzinfo=UTC), "2028_04 2028_05 2028_06 2028_07"),
    ],
)
def test_months_begin_with_their_first_key(day: datetime, names: str) -> None:
    now_us = time_us_of(day)
    months = months_after(now_us)
    assert [months.name_of(cut) for cut in months.cuts] == names.split()
    assert len(months.cuts) == MONTHS_AHEAD + 1
    assert months.cuts[0] > first_key_at(now_us + MARGIN_US)
    begin = datetime.strptime(names.split()[1], "%Y_%m").replace(tzinfo=UTC)
    assert EntryKeys().next(time_us_of(begin)) >= months.cuts[1]
    assert EntryKeys().next(time_us_of(begin) - 2000) < months.cuts[1]
    assert months_after(now_us + 27 * DAY_US).cuts[0] - months.cuts[0] in {
        0,
        months.cuts[1] - months.cuts[0],
    }


def test_every_unique_constraint_of_a_partitioned_table_has_a_table_of_keys() -> None:
    constraints = {
        (table, tuple(column.name for column in constraint.columns))
        for table in PARTITION_KEYS
        for constraint in SQLModel.metadata.tables[table].constraints
        if isinstance(constraint, UniqueConstraint)
    }
    assert {(key.table, key.columns) for key in UNIQUE_KEYS} == constraints
    assert constraints == {
        ("entry", ("leaf_index",)),
        ("entry", ("request_id", "signer")),
        ("tradeline", ("member_id", "account_ref")),
        ("tradeline", ("tradeline_id",)),
    }
    for table, key in PARTITION_KEYS.items():
        primary = SQLModel.metadata.tables[table].primary_key
        assert key in primary.columns, "each partition keeps the primary key unique"


def test_a_table_that_is_copied_has_no_index_but_those_that_the_copy_gets() -> None:
    for table in BY_HASH:
        assert not SQLModel.metadata.tables[table].indexes


@pytest.mark.parametrize(
    ("bound", "end"),
    [
        ("FOR VALUES FROM (MINVALUE) TO ('130154312499200000')", 130154312499200000),
        ("FOR VALUES FROM ('5') TO ('6')", 6),
        ("FOR VALUES WITH (modulus 16, remainder 3)", None),
        ("DEFAULT", None),
    ],
)
def test_the_end_of_a_range_is_read_from_the_catalogue(bound: str, end: int | None) -> None:
    rows = [("entry", True, "part", bound), ("member", False, None, None)]
    forms = forms_of(lambda _sql: rows)
    assert forms == {"entry": Form(True, (Partition("part", end),)), "member": Form(False, ())}
    assert forms["entry"].end == end
