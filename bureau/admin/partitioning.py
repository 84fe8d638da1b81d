"""The partitions of a large bureau on PostgreSQL: made and kept ahead of time by the operator's
command, and looked at by the doctor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from bureau.admin.check_results import CheckResult, Health
from bureau.calendar import DAY_US, month_before, month_of, time_us_of, utc
from bureau.ledger.entry_keys import first_key_at, moment_of
from bureau.store.database import Database
from bureau.store.partitions.by_hash import partition_by_hash
from bureau.store.partitions.by_month import partition_by_month
from bureau.store.partitions.forms import Ask
from bureau.store.partitions.layout import BY_HASH, BY_MONTH, HASH_PARTITIONS, Months
from bureau.store.partitions.session import open_session
from bureau.store.partitions.state import (
    State,
    asking,
    newest_key,
    read_state,
    server_time_us,
)

# A month that begins this far ahead or later is the first that may get a partition of its own, so
# that no node assigns one of its keys while the partition is made.
MARGIN_US = 31 * DAY_US
# Months after that one. The rows that are there get a range up to the last of them: nodes write
# into it while its end is being proved, even if a run is killed and continued months later.
MONTHS_AHEAD = 3
# The doctor warns from here on.
SOON = timedelta(days=30)
# It reports a failure where tables would refuse statements within this time.
URGENT = timedelta(days=7)


def partition_tables(
    database: Database, now_us: Callable[[], int], say: Callable[[str], None]
) -> None:
    """Partition the large tables as far as they are not, and add the months that are coming.

    Args:
        database: A PostgreSQL database at the newest revision; nodes may serve it.
        now_us: Returns microseconds since 1970.
        say: Called with what was done.

    Raises:
        StorageError: The database failed, or others did not release a table in time; a later run
            goes on.
    """
    with open_session(database, say) as session:
        # Read after the wait: other runs may have taken weeks.
        months = months_after(_latest_us(session.all, now_us()))
        for table, key in BY_MONTH.items():
            partition_by_month(session, table, key, months, say)
        for table, key in BY_HASH.items():
            partition_by_hash(session, table, key, say)


def months_after(now_us: int) -> Months:
    """Return the months that are to have partitions."""
    first = month_before(month_of(now_us + MARGIN_US), -1)
    return Months(
        tuple(_first_key(month_before(first, -number)) for number in range(MONTHS_AHEAD + 1)),
        lambda key: utc(moment_of(key)).strftime("%Y_%m"),
    )


def say_tasks(database: Database, now_us: int, say: Callable[[str], None]) -> None:
    """Say what `partition_tables` would do."""
    state = _state_of(database)
    with database.snapshot() as db:
        months = months_after(_latest_us(asking(db), now_us))
    last = months.cuts[-1]
    for table, end in state.ends.items():
        if table in state.whole:
            say(f"{table}: would be partitioned by month")
        elif end is None or end < last:
            say(f"{table}: would get partitions up to {months.name_of(last)}")
    for table in BY_HASH:
        if table in state.whole:
            say(f"{table}: would be copied into {HASH_PARTITIONS} partitions by a hash of its key")


def examine_partitions(database: Database, now_us: int) -> Iterator[CheckResult]:
    """Check that partitions are whole and that months are ahead, where a bureau has partitions."""
    state = read_state(database)
    if state is None or not state.begun:
        return
    fix = "Run `bureau db partition`; nodes may serve meanwhile."
    if state.unfinished or state.end is None:
        yield _unfinished(state, now_us, fix)
    elif state.late:
        detail = f"rows came after the last month of {', '.join(state.late)}"
        yield CheckResult(Health.WARN, "partitions", detail, fix)
    else:
        end = utc(moment_of(state.end))
        detail = f"months up to {end.date().isoformat()}"
        if end - utc(now_us) < SOON:
            yield CheckResult(Health.WARN, "partitions", detail, fix)
        else:
            yield CheckResult(Health.OK, "partitions", detail)


def _unfinished(state: State, now_us: int, fix: str) -> CheckResult:
    tables = ", ".join(state.unfinished)
    if state.refused_from is None:
        return CheckResult(Health.WARN, "partitions", f"not finished: {tables}", fix)
    end = utc(moment_of(state.refused_from))
    day = end.date().isoformat()
    detail = f"not finished: {tables}; from {day} on no statement would be accepted"
    health = Health.FAIL if end - utc(now_us) < URGENT else Health.WARN
    return CheckResult(health, "partitions", detail, fix)


def _latest_us(ask: Ask, now_us: int) -> int:
    """Return the latest of three times: this machine's, the database server's, and that of the
    newest key. Nodes assign keys by their own clocks, and no row may lie after the first month.
    """
    return max(now_us, server_time_us(ask), moment_of(newest_key(ask)))


def _state_of(database: Database) -> State:
    state = read_state(database)
    assert state is not None, "SQLite was refused"
    return state


def _first_key(month: int) -> int:
    """Return the least key of a month (yyyymm)."""
    return first_key_at(time_us_of(datetime(month // 100, month % 100, 1, tzinfo=UTC)))
