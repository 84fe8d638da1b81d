"""The most that one person can pile up, and the state that is folded as it piles up."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from alembic import command

from bureau.store import schema
from bureau.store.database import Database
from bureau_client import (
    AccountStatus,
    DisputeOutcome,
    DisputeReason,
    DisputeState,
    HoldKind,
    IdentificationMethod,
    Month,
    SigningKey,
    Wallet,
    WrongState,
)
from tests.service.scenario import DAY, Scenario, account, open_scenario
from tests.service.watching import MAY, monitor, waiting

BOUNDS = {
    "tradeline_disputes": 4,
    "open_disputes": 6,
    "statements": 12,
    "key_changes": 3,
    "consents": 5,
    "monitor_consents": 2,
}
FOLDED = ("dispute", "hold", "hold_lift", "own_statement")


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> Iterator[Scenario]:
    policy = tmp_path_factory.mktemp("policy") / "US.toml"
    lines = (files("bureau") / "data" / "policy" / "US.toml").read_text("utf-8").splitlines()
    few = [
        f"{name} = {BOUNDS[name]}" if (name := line.partition(" = ")[0]) in BOUNDS else line
        for line in lines
    ]
    policy.write_text("\n".join(few), "utf-8")
    with open_scenario("acme", "brook", policy_file=policy, database_url=database_url) as scenario:
        yield scenario


def refused(call: Callable[[], Any]) -> None:
    """A call that meets a bound."""
    with pytest.raises(WrongState) as caught:
        call()
    assert caught.value.reason == "LIMIT_REACHED"


def disputed(person: Wallet, line: str, month: int) -> str:
    opened = person.dispute(
        line, field="status", month=Month(2026, month), reason=DisputeReason.WRONG_STATUS
    )
    return opened.dispute_id


def test_disputes_are_bounded_and_listed_page_by_page(scenario: Scenario) -> None:
    acme, person = scenario.lenders["acme"], scenario.person()
    scenario.submit("acme", *(account(person, ref, MAY) for ref in ("one", "two")))
    lines = sorted(line.tradeline_id for line in person.file().tradelines)
    opened = [disputed(person, lines[0], month) for month in range(1, 5)]
    refused(lambda: disputed(person, lines[0], 5))
    opened += [disputed(person, lines[1], month) for month in range(1, 3)]
    refused(lambda: disputed(person, lines[1], 3))
    acme.answer_dispute(opened[-1], DisputeOutcome.ACCURATE, narrative="It is right.")
    opened.append(disputed(person, lines[1], 3))
    person.add_to_dispute(opened[0], "I have a letter.")
    # Both lists have every dispute once, each as its own events leave it.
    listed = list(person.disputes())
    assert [dispute.dispute_id for dispute in listed] == opened[::-1]
    assert [dispute.dispute_id for dispute in acme.disputes()] == opened
    states = {dispute.dispute_id: dispute.state for dispute in listed}
    assert states.pop(opened[-2]) is DisputeState.ANSWERED
    assert set(states.values()) == {DisputeState.OPEN}
    assert len(listed[-1].additions) == 1
    # A lapsed dispute is open no more, and bounds no other person.
    scenario.later(46 * DAY)
    assert {dispute.state for dispute in person.disputes()} == {
        DisputeState.LAPSED,
        DisputeState.ANSWERED,
    }


def test_statements_are_bounded_and_a_freeze_never_is(scenario: Scenario) -> None:
    person = scenario.person()
    for count in range(12):
        person.set_statement(f"statement {count}")
    refused(lambda: person.set_statement("one too many"))
    hold = person.place_hold(HoldKind.SECURITY_FREEZE)
    refused(lambda: person.lift_hold(hold.hold_id))
    assert person.file().subject_statement == "statement 11"


def test_consents_are_bounded_for_each_member(scenario: Scenario) -> None:
    person = scenario.person()
    granted = [monitor(person, "brook") for _ in range(2)]
    refused(lambda: monitor(person, "brook"))
    monitor(person, "acme")
    scenario.submit("acme", account(person, "new", MAY))
    assert len(waiting(scenario, "brook", person)) == 2
    # One that is revoked, and one that expired, leave their places.
    person.revoke(granted[0])
    granted.append(monitor(person, "brook", expire=2 * DAY))
    refused(lambda: monitor(person, "brook"))
    scenario.later(3 * DAY)
    monitor(person, "brook")
    refused(lambda: monitor(person, "brook"))
    # A consent to furnish, two to monitor: two are left.
    consents = [scenario.inquiring(person, "brook") for _ in range(2)]
    refused(lambda: scenario.inquiring(person, "brook"))
    person.revoke(consents[0])
    scenario.inquiring(person, "brook")
    # A newer consent of an arrangement takes the place of the one that it replaces.
    scenario.inquiring(person, "brook", replaces=consents[1])
    refused(lambda: scenario.inquiring(person, "brook"))


def test_changes_of_keys_are_bounded(scenario: Scenario) -> None:
    person = scenario.person()
    for _ in range(2):
        person.rotate_key(SigningKey.generate())
    refused(lambda: person.rotate_key(SigningKey.generate()))


WAITING = timedelta(hours=73)


@pytest.mark.parametrize("way", ["confirmed", "repudiated", "waited"])
def test_each_attester_binds_so_many_keys_of_a_person_by_every_way(
    scenario: Scenario, way: str
) -> None:
    wallet = scenario.person()
    for _ in range(BOUNDS["key_changes"]):
        new = scenario.attested("brook", wallet.subject_id, replaces=True)
        if way == "confirmed":
            scenario.lenders["acme"].attest(
                new.binding(),
                method=IdentificationMethod.IN_PERSON,
                identify_time=scenario.now() - timedelta(minutes=1),
                replaces=True,
            )
        elif way == "waited":
            scenario.later(WAITING)
        if way == "repudiated":
            wallet.repudiate_key(key_id_of(new))
        else:
            wallet = new
    refused(lambda: scenario.attested("brook", wallet.subject_id, replaces=True))
    # What one attester has used up is not used up for another.
    scenario.attested("acme", wallet.subject_id, replaces=True)


def test_keys_that_a_person_approves_are_bounded_as_rotations_are(scenario: Scenario) -> None:
    wallet, most = scenario.person(), BOUNDS["key_changes"]
    for _ in range(most - 1):
        new = scenario.attested("brook", wallet.subject_id, replaces=True)
        wallet.approve_key(key_id_of(new))
        wallet = new
    new = scenario.attested("brook", wallet.subject_id, replaces=True)
    refused(lambda: wallet.approve_key(key_id_of(new)))
    scenario.later(WAITING)
    assert new.file().event_count


def key_id_of(wallet: Wallet) -> str:
    return wallet._signing.signer.key.verify_key.key_id


def test_the_check_folds_the_same_state(scenario: Scenario) -> None:
    assert scenario.findings() == []


def test_a_migration_folds_what_is_stored(tmp_path: Path) -> None:
    with open_scenario("acme", "brook") as scenario:
        person = scenario.person()
        scenario.submit("acme", account(person, "card", MAY, status=AccountStatus.CURRENT))
        (line,) = person.file().tradelines
        first, second = (disputed(person, line.tradeline_id, month) for month in (1, 2))
        person.add_to_dispute(first, "I have a letter.")
        scenario.lenders["acme"].answer_dispute(second, DisputeOutcome.ACCURATE)
        person.set_statement("I was ill.")
        person.set_statement("I am well.")
        hold = person.place_hold(HoldKind.SECURITY_FREEZE)
        until = scenario.now() + timedelta(days=2)
        person.lift_hold(hold.hold_id, until=until, member_id="brook")
        alert = person.place_hold(HoldKind.FRAUD_ALERT, expire=until)
        person.lift_hold(alert.hold_id)
        with scenario.database() as database, closing(sqlite3.connect(database.file)) as source:
            file = tmp_path / "bureau.db"
            with closing(sqlite3.connect(file)) as copy:
                source.backup(copy)
    folded = rows_of(file)
    assert all(folded.values())
    with closing(sqlite3.connect(file)) as copy, copy:
        for table in (*FOLDED, "quota_usage", "member_quota"):
            copy.execute(f"DROP TABLE {table}")
        copy.execute("UPDATE alembic_version SET version_num = '0010'")
        copy.execute("CREATE INDEX ix_consent_subject_id ON consent (subject_id)")
        copy.execute("CREATE INDEX ix_subject_event_subject_id ON subject_event (subject_id)")
    database = Database(f"sqlite:///{file}")
    try:
        with database.engine.connect() as connection:
            config = schema._config()
            config.attributes["connection"] = connection
            command.upgrade(config, "0011")
            connection.commit()
        assert schema.differences(database) == []
    finally:
        database.dispose()
    assert rows_of(file) == folded


def rows_of(file: Path) -> dict[str, set[tuple[Any, ...]]]:
    with closing(sqlite3.connect(file)) as connection:
        return {name: set(connection.execute(f"SELECT * FROM {name}")) for name in FOLDED}
