"""A subject's keys: a replacement waits, and the earlier key can veto or undo it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bureau.credit_file.subject_keys import SubjectKey
from bureau.store import queries as q
from bureau.store.errors import StorageError
from bureau.texts import texts
from bureau_client import (
    Action,
    BureauError,
    Conflict,
    HoldKind,
    IdentificationMethod,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    NoticeKind,
    Purpose,
    SigningKey,
    Wallet,
    WrongState,
)
from bureau_client.models.codes import ConsentState, HoldState
from bureau_client.wallet_folder import WalletFolder
from tests.programs import output_of
from tests.service.scenario import DAY, Scenario, fresh_number, open_scenario

# The waiting period and the notice period of the United States, in `bureau/data/policy`.
WAITING, NOTICE = timedelta(hours=72), 365 * DAY


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    with open_scenario("acme", "brook", database_url=database_url) as scenario:
        scenario.lender("brook-cards", group="brook-group")
        scenario.lender("brook-loans", group="brook-group")
        yield scenario
        assert scenario.findings() == [], "the log gives what is stored"


def key_of(wallet: Wallet) -> str:
    return wallet._signing.signer.key.verify_key.key_id


def pending(scenario: Scenario, wallet: Wallet, attester: str = "brook") -> Wallet:
    """A wallet with a key that an attester says is to replace the person's."""
    return scenario.attested(attester, wallet.subject_id, replaces=True)


def in_force(wallet: Wallet) -> bool:
    try:
        wallet.inquiries()
    except NotAuthenticated:
        return False
    return True


def key_notices(wallet: Wallet) -> list[tuple[NoticeKind, str, str]]:
    return [
        (notice.kind, notice.member_id, notice.key_id)
        for notice in wallet.notices()
        if notice.key_id
    ]


def test_an_attestation_says_whether_it_replaces_a_key(scenario: Scenario) -> None:
    person = scenario.person("acme")
    with pytest.raises(WrongState, match=f"has the key {key_of(person)}.*`replaces`"):
        scenario.attested("brook", person.subject_id)
    with pytest.raises(WrongState, match="no key that this one could replace"):
        scenario.attested("brook", "ab" * 16, replaces=True)
    assert in_force(person)


def test_an_identification_is_recent(scenario: Scenario) -> None:
    wallet = Wallet(scenario.agent, "cd" * 16, SigningKey.generate(), clock=scenario.now)
    for ago, word in ((timedelta(days=31), "30 days"), (timedelta(hours=-1), "future")):
        with pytest.raises(InvalidRequest, match=word) as refused:
            scenario.lenders["acme"].attest(
                wallet.binding(),
                method=IdentificationMethod.IN_PERSON,
                identify_time=scenario.now() - ago,
            )
        assert refused.value.reason == "DATE_ORDER"


def test_a_replacement_waits_and_the_person_reads_of_it(scenario: Scenario) -> None:
    person = scenario.person("acme")
    thief = pending(scenario, person)
    assert in_force(person)
    assert not in_force(thief)
    notice = person.notices()[0]
    assert (notice.kind, notice.member_id) == (NoticeKind.KEY_PENDING, "brook")
    assert notice.key_id == key_of(thief)
    assert notice.effect_time == notice.create_time + WAITING
    assert notice.texts == texts("notice", "KEY_PENDING")

    scenario.later(WAITING)
    assert in_force(thief)
    assert not in_force(person)
    # The earlier key reads what happens, until the notice period is over.
    assert key_notices(person) == [(NoticeKind.KEY_PENDING, "brook", key_of(thief))]
    with pytest.raises(NotAuthenticated):
        person.file()
    scenario.later(NOTICE)
    with pytest.raises(NotAuthenticated):
        person.notices()
    with pytest.raises(NotAuthenticated):
        person.repudiate_key(key_of(thief))


def test_one_replacement_is_pending_at_a_time(scenario: Scenario) -> None:
    person = scenario.person("acme")
    new = pending(scenario, person)
    with pytest.raises(WrongState, match="is pending until"):
        pending(scenario, person, "acme")
    with pytest.raises(WrongState, match="approve it or repudiate it"):
        person.rotate_key(SigningKey.generate())
    person.repudiate_key(key_of(new))
    pending(scenario, person, "acme")


def test_the_present_key_approves_its_successor(scenario: Scenario) -> None:
    person = scenario.person("acme")
    freeze = person.place_hold(HoldKind.SECURITY_FREEZE)
    new = pending(scenario, person)
    with pytest.raises(NotFound):
        person.approve_key("0" * 64)
    person.approve_key(key_of(new))
    assert in_force(new)
    assert not in_force(person)
    assert key_notices(new)[0] == (NoticeKind.KEY_REPLACED, "agent", key_of(new))
    new.lift_hold(freeze.hold_id)
    # It signed for its successor: it neither reads notices nor repudiates it.
    with pytest.raises(NotAuthenticated):
        person.notices()
    with pytest.raises(NotAuthenticated):
        person.repudiate_key(key_of(new))


def test_a_second_attester_of_another_group_ends_the_waiting(scenario: Scenario) -> None:
    person = scenario.person("acme")
    key = SigningKey.generate()
    new = scenario.attested("brook-cards", person.subject_id, key=key, replaces=True)
    for same in ("brook-cards", "brook-loans"):
        with pytest.raises(WrongState, match="another group"):
            scenario.attested(same, person.subject_id, key=key, replaces=True)
    assert not in_force(new)
    scenario.attested("acme", person.subject_id, key=key, replaces=True)
    assert in_force(new)
    assert not in_force(person)


def test_a_young_key_lifts_no_hold(scenario: Scenario) -> None:
    person = scenario.person("acme")
    freeze = person.place_hold(HoldKind.SECURITY_FREEZE)
    new = pending(scenario, person)
    scenario.attested("acme", person.subject_id, key=new._signing.signer.key, replaces=True)
    with pytest.raises(WrongState, match="lifts holds from"):
        new.lift_hold(freeze.hold_id)
    # Nor does a key that it rotates to.
    new.rotate_key(SigningKey.generate())
    with pytest.raises(WrongState, match="lifts holds from"):
        new.lift_hold(freeze.hold_id, until=scenario.now() + DAY)
    scenario.later(WAITING)
    assert new.lift_hold(freeze.hold_id).state is HoldState.ENDED


def test_a_key_that_the_person_rotated_to_lifts_a_hold(scenario: Scenario) -> None:
    person = scenario.person("acme")
    freeze = person.place_hold(HoldKind.SECURITY_FREEZE)
    person.rotate_key(SigningKey.generate())
    assert person.lift_hold(freeze.hold_id).state is HoldState.ENDED


def test_the_present_key_vetoes_a_replacement(scenario: Scenario) -> None:
    person = scenario.person("acme")
    thief = pending(scenario, person)
    with pytest.raises(NotAuthenticated):
        thief.repudiate_key(key_of(person))
    undone = person.repudiate_key(key_of(thief))
    assert undone.start_time is None
    assert undone.consent_ids == ()
    assert undone.key_id == key_of(person)
    assert key_notices(person)[0] == (NoticeKind.KEY_REPUDIATED, "agent", key_of(thief))
    scenario.later(WAITING)
    assert in_force(person)
    assert not in_force(thief)
    with pytest.raises(WrongState, match="repudiated"):
        person.repudiate_key(key_of(thief))
    with pytest.raises(Conflict, match="was bound before"):
        scenario.attested("acme", person.subject_id, key=thief._signing.signer.key, replaces=True)


def test_a_repudiation_undoes_and_shows_what_was_done(scenario: Scenario) -> None:
    person = scenario.person("acme")
    own = scenario.inquiring(person, "acme")
    freeze = person.place_hold(HoldKind.SECURITY_FREEZE)
    thief = pending(scenario, person)
    scenario.later(WAITING)
    # The thief rotates, so that the attested key is no longer the one in force.
    first = key_of(thief)
    thief.rotate_key(SigningKey.generate())
    thief.lift_hold(freeze.hold_id)
    stolen = scenario.inquiring(thief, "brook")
    application = Purpose.CREDIT_APPLICATION
    scenario.lenders["brook"].query(person.subject_id, purpose=application, consent_id=stolen)

    undone = person.repudiate_key(first)
    assert (undone.consent_ids, undone.hold_ids) == ((stolen,), (freeze.hold_id,))
    assert [(line.member_id, line.consent_id) for line in undone.inquiries] == [("brook", stolen)]
    assert undone.key_id == key_of(person)
    assert in_force(person)
    assert not in_force(thief)
    states = {consent.consent_id: consent.state for consent in person.consents()}
    assert (states[stolen], states[own]) == (ConsentState.REVOKED, ConsentState.ACTIVE)
    (hold,) = person.file().holds
    assert (hold.hold_id, hold.state) == (freeze.hold_id, HoldState.IN_FORCE)
    with pytest.raises(BureauError) as refused:
        scenario.lenders["acme"].query(person.subject_id, purpose=application, consent_id=own)
    assert refused.value.reason == "HOLD"
    person.lift_hold(freeze.hold_id)


def test_two_attesters_repudiate_a_key(scenario: Scenario) -> None:
    person = scenario.person("acme")
    thief = pending(scenario, person)
    scenario.later(WAITING)
    stolen = thief.grant("brook", [Action.FURNISH], expire=DAY).consent_id
    cards, loans = scenario.lenders["brook-cards"], scenario.lenders["brook-loans"]
    assert cards.repudiate_key(person.subject_id, key_of(thief)) is None
    with pytest.raises(BureauError) as refused:
        loans.repudiate_key(person.subject_id, key_of(thief))
    assert refused.value.reason == "ALREADY_EXISTS"
    assert in_force(thief)
    undone = scenario.lenders["acme"].repudiate_key(person.subject_id, key_of(thief))
    assert undone is not None
    assert (undone.consent_ids, undone.key_id) == ((stolen,), key_of(person))
    assert in_force(person)
    assert not in_force(thief)
    assert key_notices(person)[0] == (NoticeKind.KEY_REPUDIATED, "acme", key_of(thief))


def test_a_first_key_that_is_not_the_persons_ends_and_the_next_one_waits(
    scenario: Scenario,
) -> None:
    thief = scenario.person("acme")
    for name in ("acme", "brook"):
        undone = scenario.lenders[name].repudiate_key(thief.subject_id, key_of(thief))
    assert undone is not None
    assert undone.key_id == ""
    assert len(undone.consent_ids) == 1
    assert not in_force(thief)
    with pytest.raises(WrongState, match="had a key"):
        scenario.attested("acme", thief.subject_id)
    person = pending(scenario, thief)
    assert not in_force(person)
    scenario.attested("acme", thief.subject_id, key=person._signing.signer.key, replaces=True)
    assert in_force(person)


def test_a_repudiation_by_attesters_spares_a_replacement_on_its_way(scenario: Scenario) -> None:
    person = scenario.person("acme")
    thief = pending(scenario, person)
    scenario.later(WAITING)
    again = pending(scenario, person, "acme")
    for name in ("acme", "brook"):
        scenario.lenders[name].repudiate_key(person.subject_id, key_of(thief))
    assert in_force(person)
    scenario.later(WAITING)
    assert in_force(again)
    assert not in_force(person)
    # It replaces the person's key now, which may repudiate it.
    assert person.repudiate_key(key_of(again)).key_id == key_of(person)


def test_two_nodes_cannot_bind_two_first_keys(scenario: Scenario) -> None:
    first, second = (
        SubjectKey.bound(
            "ef" * 16,
            SigningKey.generate().verify_key,
            entry_key=number,
            start_us=0,
            attester="acme",
        )
        for number in (1, 2)
    )
    with scenario.database() as database, database.transaction() as db:
        db.begin_savepoint("first_keys")
        db.execute(q.add_subject_key, **first._asdict())
        with pytest.raises(StorageError) as error:
            db.count(q.add_subject_key, **second._asdict())
        db.roll_back("first_keys")
    assert error.value.conflict, "the node tries it again, and finds the first key"


def test_a_person_reads_who_rotated_their_key(scenario: Scenario) -> None:
    person = scenario.person("acme")
    person.rotate_key(SigningKey.generate())
    assert key_notices(person) == [(NoticeKind.KEY_REPLACED, "agent", key_of(person))]


def test_the_command_lines_replace_and_repudiate_keys(tmp_path: Path) -> None:
    with open_scenario("acme", "brook") as scenario:
        agent, brook, acme = tmp_path / "agent", tmp_path / "brook", tmp_path / "acme"
        scenario.agent.save(agent)
        scenario.profiles["acme"].save(acme)
        scenario.profiles["brook"].save(brook)
        number = scenario.lenders["acme"].subject_id("US", "ssn", fresh_number())
        wallets = [WalletFolder.create(tmp_path / name, number) for name in ("old", "new")]
        bindings = [tmp_path / "old.bin", tmp_path / "new.bin"]

        def attest(index: int, attester: Path, *options: str) -> None:
            through = ("--wallet", wallets[index].path, "--profile", agent)
            output_of("bureau-wallet", "binding", *through, "--file", bindings[index])
            method = ("--method", "in-person", *options)
            output_of("bureau-lender", "attest", bindings[index], "--profile", attester, *method)

        old, new = ((str(wallet.path), "--profile", str(agent)) for wallet in wallets)
        attest(0, acme)
        attest(1, brook, "--replaces")
        notices = output_of(
            "bureau-wallet", "notices", "list", "--wallet", *old, "--output", "json"
        )
        key_id = json.loads(notices)[0]["key_id"]
        assert key_id in output_of("bureau-wallet", "notices", "list", "--wallet", *old)
        output_of("bureau-wallet", "approve-key", key_id, "--wallet", *old)
        output_of("bureau-wallet", "notices", "list", "--wallet", *new)
        for attester in (acme, brook):
            output = output_of(
                "bureau-lender", "repudiate-key", number, key_id, "--profile", attester
            )
        assert "start time" in output
