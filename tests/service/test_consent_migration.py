"""A database of before the changes of consents and the choices of notices gets the rows that this
version would have written: each from the signed statements, whatever happened to the consents.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine, MetaData

from bureau.store import schema
from bureau.store.database import Database
from bureau_client import ConsentEventKind, ConsentMode, Lender, Month, NoticeKind, Purpose, Wallet
from tests.service.scenario import DAY, Scenario, account, open_scenario
from tests.service.watching import monitor

WRITTEN = ("consent_event", "consent_end", "notice_choice")


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    with open_scenario("acme", "brook", database_url=database_url) as scenario:
        live(scenario)
        yield scenario


def live(scenario: Scenario) -> None:
    """Live what can happen to a consent, each thing at least once."""
    brook = scenario.lenders["brook"]

    def used(person: Wallet, consent_id: str) -> str:
        report = brook.query(
            person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent_id
        )
        return report.request_id

    # Paused, resumed, used, revoked; kept for a time and used up, a replay being no use.
    person = scenario.person()
    consent_id = scenario.inquiring(person, "brook")
    person.pause(consent_id, "wait")
    person.resume(consent_id, "go on")
    used(person, consent_id)
    person.revoke(consent_id, "no longer")
    for mode, life in ((ConsentMode.QUERY, timedelta(0)), (ConsentMode.STORE, 30 * DAY)):
        twice = scenario.inquiring(person, "brook", max_uses=2, mode=mode, data_life=life)
        brook.replay(used(person, twice), person.subject_id)
        if mode == ConsentMode.STORE:
            used(person, twice)
    # Used up by a portfolio.
    scenario.submit("brook", account(person, "card", Month(2024, 5)))
    monitor(person, "brook", max_uses=1)
    portfolio(brook, person)
    # Replaced, the first before any use, the second after one.
    replaced = scenario.person()
    first = scenario.inquiring(replaced, "brook")
    second = scenario.inquiring(replaced, "brook", replaces=first, max_uses=2)
    used(replaced, second)
    scenario.inquiring(replaced, "brook", replaces=second)
    # Chose twice what to hear of.
    replaced.choose_notices([NoticeKind.HOLD_PLACED], agent_id="agent", language="zh-CN")
    replaced.choose_notices()
    # Erased with everything about the person.
    gone = scenario.person()
    kept: dict[str, Any] = {"mode": ConsentMode.STORE, "data_life": 30 * DAY}
    used(gone, scenario.inquiring(gone, "brook", max_uses=1, **kept))
    scenario.erase(gone.subject_id)


def portfolio(lender: Lender, person: Wallet) -> None:
    assert len(list(lender.portfolio(Purpose.ACCOUNT_REVIEW, [person.subject_id]))) == 1


# Columns by the names that they had before.
RENAMED = {("record", "body"): "block"}


def copied(live: Engine, earlier: Engine) -> None:
    """Copy the rows of a database into one of an earlier revision, as far as it has them."""
    shape, live_shape = MetaData(), MetaData()
    shape.reflect(earlier)
    live_shape.reflect(live)
    with live.connect() as source, earlier.begin() as target:
        for table in shape.sorted_tables:
            if table.name in {"alembic_version", "schema_floor"}:
                continue
            shown = live_shape.tables[table.name]
            names = [column.name for column in table.columns]
            rows = [
                {name: getattr(row, RENAMED.get((table.name, name), name)) for name in names}
                for row in source.execute(shown.select())
            ]
            target.execute(table.delete())
            if rows:
                target.execute(table.insert(), rows)


def rows_of(engine: Engine, name: str) -> list[tuple[object, ...]]:
    shape = MetaData()
    shape.reflect(engine, only=[name])
    with engine.connect() as connection:
        return sorted(tuple(row) for row in connection.execute(shape.tables[name].select()))


def test_the_migration_writes_what_this_version_writes(scenario: Scenario, tmp_path: Path) -> None:
    earlier = Database(f"sqlite:///{tmp_path / 'bureau.db'}")
    try:
        config = schema._config()
        with earlier.engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "0015")
            connection.commit()
        with scenario.database() as database:
            copied(database.engine, earlier.engine)
            schema.upgrade(earlier)
            for name in WRITTEN:
                assert rows_of(earlier.engine, name) == rows_of(database.engine, name)
        assert len(rows_of(earlier.engine, "notice_choice")) == 2
        kinds = {row[3] for row in rows_of(earlier.engine, "consent_event")}
        assert kinds == set(ConsentEventKind) - {
            ConsentEventKind.UNSPECIFIED,
            ConsentEventKind.EXPIRED,
        }
    finally:
        earlier.dispose()
