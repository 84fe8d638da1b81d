"""The statements that the writer runs for one submission and for one consent, by name: each costs
time on SQLite, and on PostgreSQL each whose answer it waits for costs ten times as much.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest

from bureau.store import queries as q
from bureau.store.compiled import InQuery, Statement
from bureau.store.database import Connection
from bureau.store.postgres import PatientConnection
from bureau_client import DisputeOutcome
from tests.service.scenario import Scenario, account, open_scenario
from tests.service.test_reinsertion import disputed
from tests.service.watching import MAY, monitor, waiting

# The units of one commit share these, before them and after them.
HEAD = ["times", "quota_usage_of", "quotas_of_members", "entries_of_requests"]
LEAF = ["add_statement", "lock_head", "add_entry"]
TAIL = ["move_head", "add_checkpoint", "add_quota_usage"]
# Every submission has these.
# The people last: after what another node may keep the batch waiting for.
CHECKS = ["subjects_with_consent", "known_of_people"]
SUBMISSION = ["add_record_tile", "add_submission", "add_record"]


@dataclass
class Written:
    """The statements that the writer ran, and the number of times that it waited for the server."""

    names: list[str] = field(default_factory=list)
    waits: int = 0


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    with open_scenario("acme", "brook", database_url=database_url) as opened:
        yield opened
        assert opened.findings() == []


@contextmanager
def written() -> Iterator[Written]:
    """Collect what the writer of this process runs inside the block."""
    result, statements = Written(), list[Statement]()
    run, run_many, wait = Connection._run, Connection._execute_many, PatientConnection.wait

    def is_writer() -> bool:
        return threading.current_thread().name == "ledger"

    def running(db: Connection, how: Any, statement: Statement, values: Any) -> None:
        if is_writer():
            statements.append(statement)
        run(db, how, statement, values)

    def running_many(db: Connection, statement: Any, rows: Sequence[Any]) -> None:
        if is_writer() and rows:
            statements.append(statement)
        run_many(db, statement, rows)

    def waiting(connection: PatientConnection, *arguments: Any, **named: Any) -> Any:
        result.waits += is_writer()
        return wait(connection, *arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "_run", running)
        patch.setattr(Connection, "_execute_many", running_many)
        patch.setattr(PatientConnection, "wait", waiting)
        yield result
    named = {id(each): name for name, query in vars(q).items() for each in shapes_of(query)}
    result.names = [named[id(statement)] for statement in statements]


def shapes_of(query: Any) -> list[Statement]:
    """Return the statements of a query or of a change, one for each length of a list."""
    if isinstance(query, InQuery):
        return [statement for _, statement in query._shapes.values()]
    return [query] if isinstance(query, Statement) else []


def test_a_submission_about_a_known_account(scenario: Scenario, database_url: str) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    scenario.submit("acme", account(person, "card", MAY + 1))
    with written() as known:
        scenario.submit("acme", account(person, "card", MAY + 1))
    locks = ["keep_key_in_force", "lock_tradelines"]
    change = ["blocks_at", "move_tradeline", "add_contribution"]
    assert known.names == [*HEAD, *locks, *CHECKS, *SUBMISSION, *change, *LEAF, *TAIL]
    assert known.waits == (13 if database_url else 0)


def test_a_submission_about_a_new_account(scenario: Scenario, database_url: str) -> None:
    person = scenario.person()
    with written() as new:
        scenario.submit("acme", account(person, "card", MAY))
    locks = ["keep_key_in_force", "lock_tradelines", "lock_renumbered"]
    change = [
        "add_party",
        "add_tradeline",
        "people_with_accounts",
        "add_contribution",
        "add_notice",
    ]
    assert new.names == [*HEAD, *locks, *CHECKS, *SUBMISSION, *change, *LEAF, *TAIL]
    assert new.waits == (14 if database_url else 0)


@pytest.mark.parametrize("thing", ["unanswered_disputes_of", "accounts_with_deletions"])
def test_only_who_has_something_on_file_costs_a_further_query(
    scenario: Scenario, thing: str
) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY), account(person, "loan", MAY))
    dispute_id = disputed(person)
    if thing == "accounts_with_deletions":
        scenario.lenders["acme"].answer_dispute(
            dispute_id, DisputeOutcome.DELETED, narrative="gone"
        )
    with written() as run:
        scenario.submit("acme", account(person, "other", MAY, open_date=date(2021, 1, 31)))
    things = {"unanswered_disputes_of", "accounts_with_deletions", "monitors_of"}
    assert things.intersection(run.names) == {thing}


def test_who_is_monitored_costs_a_further_query(scenario: Scenario) -> None:
    person = scenario.person()
    monitor(person, "brook")
    with written() as run:
        scenario.submit("acme", account(person, "card", MAY))
    assert "monitors_of" in run.names
    assert "accounts_with_deletions" not in run.names
    assert len(waiting(scenario, "brook", person)) == 1


def test_a_consent(scenario: Scenario, database_url: str) -> None:
    person = scenario.person()
    with written() as granted:
        scenario.inquiring(person, "brook")
    checks = ["keep_subject_key", "consents_before"]
    if database_url:
        checks = ["lock_subject", *checks]
    consent = ["add_consent", "add_consent_end", "add_consent_event"]
    event = ["newest_event_links", "add_event_link"]
    of_subject = ["add_quota_usage"]  # beside that of the member that brought the consent
    assert granted.names == [*HEAD, *checks, *consent, *LEAF, *event, *TAIL, *of_subject]
    assert granted.waits == (11 if database_url else 0)
