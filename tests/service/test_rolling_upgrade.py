"""A database is migrated while nodes serve; nodes of two versions serve side by side, until
a contracting revision takes the older one out."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bureau.config import Settings
from bureau.ledger.checked_database import SchemaError
from bureau.main import Server
from bureau.store import schema
from bureau.store.database import Database
from bureau.store.migrations import NEWEST
from tests.service.nodes import further_nodes
from tests.service.postgres import Postgres, until
from tests.service.postgres_scenario import Scenario, contract, health, open_scenario, submitted
from tests.service.raw import Answer, Raw

# The revisions that come after this version's newest.
NEXT, AFTER = f"{int(NEWEST) + 1:04}", f"{int(NEWEST) + 2:04}"

EXPAND = f'''
"""Adds what the version before does not mind."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "{NEXT}", "{NEWEST}"


def upgrade() -> None:
    op.add_column("consent", sa.Column("remark", sa.Text()))
    op.add_column("entry", sa.Column("weight", sa.BigInteger(), server_default="1"))
    op.create_table("remark", sa.Column("remark_id", sa.BigInteger(), primary_key=True))
'''

INDEX = f'''
"""Makes something faster."""

from bureau.store.migrations.index import build_index

revision, down_revision = "{NEXT}", "{NEWEST}"


def upgrade() -> None:
    build_index("by_answer", "entry", ["answer_digest"])
'''

CONTRACT = f'''
"""Takes away what only the version before needs."""

from alembic import op

from bureau.store.migrations.floor import raise_floor

revision, down_revision = "{AFTER}", "{NEXT}"


def upgrade() -> None:
    raise_floor("{NEXT}")
    op.drop_table("remark")
'''


@dataclass
class Load:
    """Lenders that submit and inquire without pause."""

    scenario: Scenario
    ways: list[Raw]
    done: int = 0
    refused: list[Answer] = field(default_factory=list)
    submission_ids: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.over.wait(0.03):
            for raw in list(self.ways):
                answer = raw.send("Furnishing/SubmitRecords", self.scenario.submission())
                if answer.code != "OK":
                    self.refused.append(answer)
                    return
                self.submission_ids.append(answer.reply.submission.submission_id)
                self.done += 1

    def goes_on(self) -> None:
        """Waits until more of it was served."""
        known = self.done
        until(lambda: self.refused or self.done > known + 10, "the load goes on")
        assert not self.refused


def migrate(settings: Settings) -> None:
    """`bureau db migrate`, as the version in force."""
    database = Database(settings.database)
    try:
        schema.upgrade(database)
        assert schema.pending(database) == []
    finally:
        database.dispose()


def test_versions_side_by_side(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = tmp_path / "later"
    later.mkdir()

    def install(revision: str, text: str) -> None:
        (later / f"{revision}_synthetic.py").write_text(text)
        monkeypatch.setattr("bureau.store.migrations.NEWEST", revision)
        folders = (*schema.REVISION_FOLDERS[:1], str(later))
        monkeypatch.setattr("bureau.store.schema.REVISION_FOLDERS", folders)

    with open_scenario(postgres.migrated_database(), tmp_path / "bureau") as scenario:
        settings = scenario.bureau.settings
        load = Load(scenario, [scenario.acme])
        threads = [threading.Thread(target=load.run) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            load.goes_on()

            # 1. The next version is installed: it does not serve before the migration.
            install(NEXT, EXPAND)
            with pytest.raises(SchemaError, match="lacks 1 revisions"):
                Server(Settings.load(scenario.bureau.folder, node="new-1", listen="127.0.0.1:0"))
            migrate(settings)
            load.goes_on()

            # 2. Both versions serve the same members, from one database.
            with further_nodes(scenario.bureau, None, node="new-1") as nodes:
                new = nodes.each(scenario.acme.profile)[1]
                load.ways.append(new)
                load.goes_on()

                # 3. A version later: the old node is taken out, and says so.
                load.ways.remove(scenario.acme)
                load.goes_on()
                install(AFTER, CONTRACT)
                migrate(settings)
                until(lambda: health(scenario.acme, "readiness") == "NOT_SERVING", "it is out")
                refused = contract(scenario.acme, "Furnishing/SubmitRecords", scenario.submission())
                assert refused.status == ("UNAVAILABLE", "NODE_UNFIT")
                assert health(new, "readiness") == "SERVING"
                load.goes_on()

                # 4. And does not come back.
                monkeypatch.setattr("bureau.store.migrations.NEWEST", NEWEST)
                with pytest.raises(SchemaError, match=f"takes {NEXT} or later"):
                    Server(Settings.load(scenario.bureau.folder, listen="127.0.0.1:0"))
                load.over.set()
                for thread in threads:
                    thread.join()
                assert submitted_in(new, scenario) == set(load.submission_ids)
        finally:
            load.over.set()
            for thread in threads:
                thread.join()


def submitted_in(raw: Raw, scenario: Scenario) -> set[str]:
    """Ids of the submissions that a node shows."""
    here = Scenario(scenario.bureau, raw, scenario.agent, scenario.person, scenario.consent_id)
    return here.stored()


def test_a_change_waits_its_turn_and_not_in_front_of_others(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody reads for long: the change steps back, and others are served meanwhile."""
    later = tmp_path / "later"
    later.mkdir()
    (later / f"{NEXT}_synthetic.py").write_text(EXPAND)
    with open_scenario(postgres.migrated_database(), tmp_path / "bureau") as scenario:
        settings = scenario.bureau.settings
        monkeypatch.setattr("bureau.store.migrations.NEWEST", NEXT)
        folders = (*schema.REVISION_FOLDERS, str(later))
        monkeypatch.setattr("bureau.store.schema.REVISION_FOLDERS", folders)
        monkeypatch.setattr("bureau.store.schema.LOCK_TIMEOUT", "200ms")
        migrating = threading.Thread(target=migrate, args=(settings,))
        reading = Database(settings.database)
        try:
            with reading.snapshot() as db:
                db.execute_raw("SELECT count(*) FROM consent")
                migrating.start()
                for _ in range(20):
                    outcome = contract(
                        scenario.acme, "Furnishing/SubmitRecords", scenario.submission()
                    )
                    assert outcome.status == ("OK", "")
                    assert submitted(outcome.reply)
                assert migrating.is_alive()
            migrating.join()
            assert schema.current(reading) == NEXT
        finally:
            reading.dispose()


def test_an_index_waits_for_who_is_slow_and_nobody_for_it(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node writes for longer than a change may wait; an earlier try was broken off."""
    later = tmp_path / "later"
    later.mkdir()
    (later / f"{NEXT}_synthetic.py").write_text(INDEX)
    with open_scenario(postgres.migrated_database(), tmp_path / "bureau") as scenario:
        settings = scenario.bureau.settings
        monkeypatch.setattr("bureau.store.migrations.NEWEST", NEXT)
        folders = (*schema.REVISION_FOLDERS, str(later))
        monkeypatch.setattr("bureau.store.schema.REVISION_FOLDERS", folders)
        monkeypatch.setattr("bureau.store.schema.LOCK_TIMEOUT", "50ms")
        monkeypatch.setattr("bureau.store.schema.TRIES", 1)
        migrating = threading.Thread(target=migrate, args=(settings,))
        slow = Database(settings.database)
        try:
            with slow.transaction() as db:
                db.execute_raw("CREATE INDEX by_answer ON entry (time_us)")
            with slow.transaction() as db:
                db.execute_raw("UPDATE entry SET time_us = time_us")
                migrating.start()
                migrating.join(0.5)
                assert migrating.is_alive()
            migrating.join()
            assert schema.current(slow) == NEXT
            with slow.transaction() as db:
                db.execute_raw("DROP INDEX by_answer")
        finally:
            slow.dispose()
