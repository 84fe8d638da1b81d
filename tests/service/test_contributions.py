"""The times at which a member furnished: each is stored, at most once a day."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bureau.calendar import DAY_US
from bureau.credit_file.contributions import note_contribution
from bureau.ledger.units import Transaction
from bureau.store import schema
from bureau.store.database import Database
from bureau.store.rows import rows_of
from creditbureau.v1 import codes_pb2
from creditbureau.v1.record_pb2 import TradelineSnapshot

GOOD = TradelineSnapshot(status=codes_pb2.ACCOUNT_STATUS_CURRENT, balance_minor=1)
DEFAULT = TradelineSnapshot(status=codes_pb2.ACCOUNT_STATUS_CHARGE_OFF)
UNKNOWN = TradelineSnapshot(status=codes_pb2.ACCOUNT_STATUS_TRANSFERRED)
START_US = 20_000 * DAY_US


@pytest.fixture(scope="module")
def database(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("database")
    database = Database(database_url or f"sqlite:///{folder}/bureau.db")
    schema.upgrade(database)
    yield database
    database.dispose()


def furnished(database: Database, member_id: str, days: float, *months: TradelineSnapshot) -> None:
    """Furnish months, a number of days after the start."""
    with database.transaction() as db:
        tx = Transaction(db, START_US + int(days * DAY_US), 0, lambda: 0)
        note_contribution(tx, member_id, months)


def days(database: Database, member_id: str) -> list[tuple[float, ...]]:
    """Return the days after the start at which a member furnished good accounts and defaults."""
    with database.snapshot() as db:
        rows = [row[1:] for row in rows_of("contribution").all(db) if row[0] == member_id]
    return [tuple(time_us and (time_us - START_US) / DAY_US for time_us in row) for row in rows]


def test_times_are_stored_at_most_once_a_day(database: Database) -> None:
    furnished(database, "acme", 1, GOOD)
    assert days(database, "acme") == [(1, 0)]
    furnished(database, "acme", 1.75, GOOD, GOOD)
    assert days(database, "acme") == [(1, 0)]
    furnished(database, "acme", 1.8, DEFAULT)
    assert days(database, "acme") == [(1, 1.8)]
    furnished(database, "acme", 2.5, GOOD)
    assert days(database, "acme") == [(2.5, 1.8)]
    furnished(database, "acme", 3, GOOD, DEFAULT)
    assert days(database, "acme") == [(3, 3)]


def test_a_later_time_is_kept(database: Database) -> None:
    furnished(database, "brook", 9, GOOD)
    furnished(database, "brook", 8, GOOD, DEFAULT)
    assert days(database, "brook") == [(9, 8)]


def test_a_month_that_is_neither_stores_nothing(database: Database) -> None:
    furnished(database, "cedar", 1, UNKNOWN)
    furnished(database, "cedar", 1)
    assert days(database, "cedar") == []
