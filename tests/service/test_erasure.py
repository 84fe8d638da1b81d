"""What is erased is gone, and everything else still holds."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date
from functools import partial
from pathlib import Path

import pytest

from bureau.admin.admission_request import Signer
from bureau.admin.offline_credentials import offline_bureau
from bureau.codes import EMPTY
from bureau.config import Settings
from bureau.context import Caller
from bureau.errors import Refusal
from bureau.journeys.erasure import erase
from bureau.store.record_blocks import RecordBlock
from bureau_client import (
    Auditor,
    BureauError,
    ConsentState,
    Deletion,
    DeletionReason,
    DisputeOutcome,
    DisputeReason,
    EvidenceLevel,
    Lender,
    Month,
    NoticeKind,
    OmissionReason,
    Party,
    PermissionDenied,
    Wallet,
    WrongState,
)
from bureau_keys.envelope import seal
from bureau_keys.keyring import Keyring
from bureau_keys.signing import SigningKey
from creditbureau.v1.erasure_pb2 import Erasure
from creditbureau.v1.record_pb2 import Record
from tests.service import scenario as scenarios
from tests.service.scenario import PURPOSES, Scenario, open_scenario

account = partial(scenarios.account, open_date=date(2014, 1, 31))
MAY, JUNE = Month(2015, 5), Month(2015, 6)
WRITTEN = (
    "canary narrative",
    "canary addition",
    "canary answer",
    "canary statement",
    "canary note",
)
REVOKED = ConsentState.REVOKED
CANARIES = frozenset({*WRITTEN, "Canary Creditor"})


@pytest.fixture(scope="module")
def shared(database_url: str) -> Iterator[Scenario]:
    with open_scenario("acme", "brook", database_url=database_url) as scenario:
        yield scenario


@pytest.fixture
def alone() -> Iterator[Scenario]:
    with open_scenario("acme", "brook") as scenario:
        yield scenario


def test_accounts_go_with_their_salts(alone: Scenario) -> None:
    scenario = alone
    gone, stays = scenario.person(), scenario.person()
    for person in (gone, stays):
        scenario.submit("acme", account(person, "card", MAY), account(person, "loan", JUNE))
    parties = (Party(gone.subject_id), Party(stays.subject_id))
    scenario.submit("acme", account(gone, "shared", JUNE, parties=parties))
    report = scenario.report(gone, "brook", EvidenceLevel.ALL)
    erased = scenario.erase(gone.subject_id)
    assert (erased.account_count, len(erased.statements), erased.kept) == (2, 0, 1)
    assert scenario.findings() == []
    assert len(scenario.report(gone, "brook", EvidenceLevel.ALL).tradelines) == 1
    assert len(scenario.report(stays, "brook", EvidenceLevel.ALL).tradelines) == 3
    # The old report, where it was kept, still verifies; the bureau has it no more.
    assert report.receipt is not None
    with Auditor(scenario.bureau.add_member("auditor", ["auditor"])) as auditor:
        assert auditor.verify_report(report)
    with pytest.raises(WrongState):
        scenario.lenders["brook"].replay(report.request_id, report.subject_id)
    assert scenario.erase(before_month=201506).account_count == 1
    assert scenario.findings() == []


def test_an_erasure_is_shown_to_the_person_the_furnisher_and_an_auditor(shared: Scenario) -> None:
    scenario = shared
    person, other = scenario.person(), scenario.person()
    for name in ("acme", "brook"):
        scenario.submit(name, account(person, f"{name}-card", MAY))
    scenario.submit("acme", account(other, "card", MAY))
    lines = {line.member_id: line.tradeline_id for line in person.file().tradelines}
    person.set_statement("I was ill.")
    scenario.erase(person.subject_id)
    # The person: an omission for each account, and notices, of the words too.
    file = person.file()
    assert file.tradelines == ()
    omitted = {
        omission.tradeline_id
        for omission in file.omissions
        if omission.reason is OmissionReason.ERASED
    }
    assert omitted == set(lines.values())
    notices = [notice for notice in person.notices() if notice.kind is NoticeKind.ERASURE]
    assert {notice.tradeline_id for notice in notices} == {*lines.values(), ""}
    assert {notice.member_id for notice in notices} == {"operator"}
    assert not [
        omission for omission in other.file().omissions if omission.reason is OmissionReason.ERASED
    ]
    # Each furnisher: its own account, and no other's.
    for name, tradeline_id in lines.items():
        (erasure,) = [
            erasure
            for erasure in scenario.lenders[name].erasures()
            if erasure.subject_id == person.subject_id
        ]
        (account_,) = erasure.accounts
        assert (erasure.member_id, account_.tradeline_id) == (name, tradeline_id)
        assert account_.subject_ids == (person.subject_id,)
    # An auditor: all of them, each in the log and signed by the operator.
    with Auditor(scenario.bureau.add_member("auditor", ["auditor"])) as auditor:
        erasures = [
            erasure for erasure in auditor.erasures() if erasure.subject_id == person.subject_id
        ]
        assert sorted(erasure.member_id for erasure in erasures) == ["", "acme", "brook"]
        (words,) = [erasure for erasure in erasures if erasure.leaf_indices]
        assert words.accounts == ()
        for erasure in erasures:
            auditor.verify_receipt(erasure.receipt, erasure.statement)
    # Others than these do not read them.
    profile = scenario.bureau.add_member("reader", ["subscriber"], PURPOSES)
    with Lender(profile) as reader, pytest.raises(PermissionDenied):
        reader.erasures()


def test_only_the_operator_erases(shared: Scenario) -> None:
    settings = Settings.load(shared.bureau.folder)
    keyring = Keyring.open(settings.server_folder / "keyring", settings.passphrase())
    key = SigningKey.from_pem(shared.profiles["acme"].signing_key_pem)
    signer = Signer("acme", settings.origin, key)
    erasure = Erasure(header=signer.header(shared.clock.now_us()), before_month=201001)
    caller = Caller("acme", EMPTY, EMPTY, "US")
    with (
        shared.database() as database,
        offline_bureau(settings, keyring, database, shared.clock) as bureau,
        pytest.raises(Refusal) as caught,
    ):
        erase(bureau, caller, seal(erasure, key))
    assert caught.value.reason == "ROLE_REQUIRED"


@pytest.mark.parametrize("month", [202401, 299901])
def test_a_month_inside_the_retention_period_is_refused(shared: Scenario, month: int) -> None:
    shared.submit("acme", account(shared.person(), "card", MAY))
    with pytest.raises(Refusal) as caught:
        shared.erase(before_month=month)
    assert caught.value.reason == "INVALID_FIELD"


def test_the_records_of_others_in_the_same_row_stay(alone: Scenario) -> None:
    scenario = alone
    gone, stays = scenario.person(), scenario.person()
    records = [account(person, f"card-{n}", MAY) for n in range(2) for person in (gone, stays)]
    scenario.submit("acme", *records)
    scenario.erase(gone.subject_id)
    assert scenario.findings() == []
    with scenario.database() as database, closing(sqlite3.connect(database.file)) as db:
        (row,) = db.execute("SELECT record_index, tradeline_key, block FROM record").fetchall()
        bodies = [record.body for record in RecordBlock(*row).records()]
    assert list(map(bool, bodies)) == [False, True, False, True]
    report = scenario.report(stays, "brook", EvidenceLevel.ALL)
    assert len(report.tradelines) == 2
    assert gone.file().tradelines == ()


def test_two_erasures_from_one_row_lose_nothing_of_each_other(shared: Scenario) -> None:
    """Each is the work of a process of its own, and writes the whole row."""
    scenario = shared
    people = [scenario.person() for _ in range(9)]
    scenario.submit("acme", *(account(person, f"card-{n}", MAY) for n, person in enumerate(people)))
    *gone, stays = people
    # SQLite has one writer, and a second process that reads keeps its write-ahead log.
    with (
        scenario.database() as database,
        ThreadPoolExecutor(1 if database.is_sqlite else 2) as pool,
    ):
        list(pool.map(lambda person: scenario.erase(person.subject_id), gone))
    assert scenario.findings() == []
    assert [len(person.file().tradelines) for person in people] == [0] * len(gone) + [1]
    assert len(scenario.report(stays, "brook", EvidenceLevel.ALL).tradelines) == 1


def test_an_erasure_from_a_damaged_row_is_refused(alone: Scenario) -> None:
    scenario = alone
    gone, stays = scenario.person(), scenario.person()
    scenario.submit("acme", account(gone, "card", MAY), account(stays, "card-2", MAY))
    with scenario.database() as database, database.transaction() as db:
        db.execute_raw("UPDATE record SET block = CAST(x'0103' || substr(block, 3) AS BLOB)")
    with pytest.raises(Refusal, match="is damaged: restore a backup"):
        scenario.erase(gone.subject_id)
    with pytest.raises(BureauError) as caught:
        scenario.report(stays, "brook")
    assert caught.value.reason == "INTERNAL"
    other = scenario.person()
    scenario.submit("acme", account(other, "card-3", MAY))
    assert len(scenario.report(other, "brook").tradelines) == 1


def test_only_what_was_erased_is_said_to_be_erased(alone: Scenario) -> None:
    """A report of one person, changed by hand after an erasure of another, is a fault."""
    scenario = alone
    gone, stays = scenario.person(), scenario.person()
    for person in (gone, stays):
        scenario.submit("acme", account(person, "card", MAY, balance_minor=77_000))
    report = scenario.report(stays, "brook")
    scenario.erase(gone.subject_id)
    with scenario.database() as database, closing(sqlite3.connect(database.file)) as db, db:
        for (body,) in db.execute("SELECT block FROM record WHERE block <> x''").fetchall():
            record = Record.FromString(body)
            record.snapshot.balance_minor += 1
            changed = record.SerializeToString(deterministic=True)
            db.execute("UPDATE record SET block = ? WHERE block = ?", (changed, body))
    with pytest.raises(BureauError) as caught:
        scenario.lenders["brook"].replay(report.request_id, report.subject_id)
    assert caught.value.reason == "INTERNAL"


def wrote(scenario: Scenario, person: Wallet) -> str:
    """Somebody writes all that one can; the id of their dispute."""
    scenario.submit("acme", account(person, "card", MAY, original_creditor="Canary Creditor"))
    (line,) = person.file().tradelines
    narrative, addition, answer, statement, note = WRITTEN
    dispute = person.dispute(
        line.tradeline_id,
        field="status",
        reason=DisputeReason.WRONG_STATUS,
        narrative=narrative,
        attachment_digests=[b"\1" * 32],
    )
    person.add_to_dispute(dispute.dispute_id, addition)
    scenario.lenders["acme"].answer_dispute(
        dispute.dispute_id, DisputeOutcome.ACCURATE, narrative=answer
    )
    person.set_statement(statement)
    consent_id = scenario.inquiring(person, "brook")
    person.revoke(consent_id, note)
    return dispute.dispute_id


def test_what_a_person_wrote_goes_and_what_came_of_it_stays(shared: Scenario) -> None:
    scenario = shared
    person, other = scenario.person(), scenario.person()
    dispute_id = wrote(scenario, person)
    wrote(scenario, other)
    report = scenario.report(person, "brook")
    erased = scenario.erase(person.subject_id)
    assert (erased.account_count, len(erased.statements)) == (1, 5)
    assert scenario.findings() == []
    (dispute,) = person.disputes()
    assert (dispute.dispute_id, dispute.outcome) == (dispute_id, DisputeOutcome.ACCURATE)
    assert (dispute.narrative, dispute.answer_narrative) == ("", "")
    assert dispute.attachment_digests == ()
    assert [addition.narrative for addition in dispute.additions] == [""]
    assert person.file().subject_statement == ""
    # The consent is revoked as before, and says nothing of why.
    assert [
        (consent.state, consent.note) for consent in person.consents() if consent.state is REVOKED
    ] == [(REVOKED, "")]
    held = scenario.lenders["brook"].consents(person.subject_id)
    assert "canary note" not in [note.note for note in held]
    # Others' words are theirs.
    assert other.disputes()[0].narrative == WRITTEN[0]
    # Nobody gets the report that had it, nor a receipt of what is gone.
    with pytest.raises(WrongState):
        scenario.lenders["brook"].replay(report.request_id, report.subject_id)
    # There is nothing left to erase.
    assert scenario.erase(person.subject_id).is_empty
    assert scenario.findings() == []


def test_nothing_of_it_is_left_in_a_file(alone: Scenario) -> None:
    scenario = alone
    person = scenario.person()
    wrote(scenario, person)
    assert left_in(scenario.bureau.folder) == CANARIES
    scenario.erase(person.subject_id)
    assert left_in(scenario.bureau.folder) == set()


def left_in(folder: Path) -> set[str]:
    """Which canaries stand anywhere in the files of a bureau."""
    held = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return {word for word in CANARIES if any(word.encode() in data for data in held)}


def test_what_is_put_back_by_hand_is_found(shared: Scenario) -> None:
    scenario = shared
    person = scenario.person()
    wrote(scenario, person)
    scenario.erase(person.subject_id)
    with scenario.database() as database, database.transaction() as db:
        db.execute_raw(
            "UPDATE entry SET salt = commitment WHERE entry_key ="
            " (SELECT max(entry_key) FROM erased_statement)"
        )
    assert [finding.what for finding in scenario.findings()] == [
        "it was erased, and something of it is still there"
    ]
    with scenario.database() as database, database.transaction() as db:
        db.execute_raw("UPDATE entry SET salt = digest WHERE length(digest) = 0")
    assert scenario.findings() == []


def test_what_is_blanked_by_hand_is_not_erased(alone: Scenario) -> None:
    """The check finds what an operator erases by SQL, without a signed statement."""
    scenario = alone
    gone, person = scenario.person(), scenario.person()
    for wallet in (gone, person):
        wrote(scenario, wallet)
    scenario.erase(gone.subject_id)
    assert scenario.findings() == []
    with scenario.database() as database, database.transaction() as db:
        own = f"SELECT tradeline_key FROM tradeline_party WHERE subject_id = '{person.subject_id}'"
        db.execute_raw(
            f"INSERT INTO erasure SELECT tradeline_key, count(*), 0 FROM record"
            f" WHERE tradeline_key IN ({own}) GROUP BY tradeline_key"
        )
        db.execute_raw(f"UPDATE record SET block = x'' WHERE tradeline_key IN ({own})")
        event = "SELECT max(entry_key) FROM entry WHERE kind = 'consent-change'"
        db.execute_raw(f"INSERT INTO erased_statement SELECT ({event}), 0")
        db.execute_raw(f"UPDATE statement SET envelope = x'' WHERE entry_key = ({event})")
        db.execute_raw(f"UPDATE entry SET salt = x'', digest = x'' WHERE entry_key = ({event})")
    findings = [finding.what for finding in scenario.findings()]
    assert "it was erased, and no signed erasure names it" in findings
    assert any(
        what.endswith("was erased, and no signed erasure names it") and what.startswith("account")
        for what in findings
    )


def test_what_is_furnished_meanwhile_comes_before_or_after(shared: Scenario) -> None:
    scenario = shared
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    done = threading.Event()

    def furnish() -> None:
        month = JUNE
        while not done.is_set():
            scenario.submit("acme", account(person, "card", month))
            month = month + 1 if month < Month(2017, 1) else JUNE

    thread = threading.Thread(target=furnish)
    thread.start()
    try:
        for _ in range(5):
            scenario.erase(person.subject_id)
    finally:
        done.set()
        thread.join()
    assert scenario.findings() == []


def test_a_deleted_account_is_too_old_one_day(alone: Scenario) -> None:
    scenario = alone
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    ref = account(person, "card", MAY).account_ref
    scenario.submit("acme", Deletion(account_ref=ref, reason=DeletionReason.INACCURATE))
    assert scenario.erase(before_month=201505).account_count == 0
    assert scenario.erase(before_month=201506).account_count == 1
    assert scenario.findings() == []
