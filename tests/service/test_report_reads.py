"""The reads that a report takes: they do not grow with the months of an account."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Select
from sqlalchemy.sql import visitors

from bureau.store.database import Connection
from bureau.store.queries.builders import record
from bureau_client import AccountStatus, Month, Purpose
from tests.service.scenario import Scenario, account, open_scenario

NEWEST = Month(datetime.now(UTC).year, datetime.now(UTC).month) - 1


@contextmanager
def counted_queries() -> Iterator[list[Any]]:
    """Collect the queries of records that any connection of this process runs: threads of the
    node that have nothing to do with a report read other tables.
    """
    queries: list[Any] = []
    execute = Connection._execute

    def counting(db: Connection, statement: Any, values: Any) -> None:
        clause = statement.clause
        if isinstance(clause, Select) and any(each is record for each in visitors.iterate(clause)):
            queries.append(statement)
        execute(db, statement, values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "_execute", counting)
        yield queries


def reads(scenario: Scenario, unused_months: int) -> int:
    """The queries that a report takes on a card that was late once and is unused since."""
    person = scenario.person()
    late = account(
        person,
        "CARD",
        NEWEST - unused_months,
        status=AccountStatus.PAST_DUE_30,
        days_past_due=30,
        amount_past_due_minor=500,
    )
    unused = [
        account(person, "CARD", NEWEST - age, balance_minor=0, amount_due_minor=0)
        for age in range(unused_months)
    ]
    scenario.submit("acme", late, *unused)
    consent_id = scenario.inquiring(person, "brook")
    with counted_queries() as queries:
        (line,) = (
            scenario.lenders["brook"]
            .query(person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent_id)
            .tradelines
        )
    assert line.history
    assert line.history.profile == ("E" * unused_months + "1")[:36]
    assert queries
    return len(queries)


def test_the_reads_of_a_report_do_not_grow_with_unused_months() -> None:
    # A month without a balance does not say by its history alone whether it is a cure.
    with open_scenario("acme", "brook") as scenario:
        reads(scenario, 1)
        assert reads(scenario, 40) == reads(scenario, 4)
