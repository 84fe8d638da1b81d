"""The chain of a subject's events: in the signed file, in every report, and in the list."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bureau_client import (
    AsyncWallet,
    BureauError,
    DisputeOutcome,
    DisputeReason,
    HoldKind,
    Lender,
    Purpose,
    Report,
    VerificationFailed,
    Wallet,
)
from bureau_client._codec.receipts import read_receipt
from bureau_client._operations import methods
from bureau_client.verify.event_memory import GAP, NEWEST
from bureau_client.verify.receipts import leaf_hash_of
from bureau_client.verify.report_heads import HEADS
from bureau_keys.envelope import digest, peek, seal
from bureau_keys.event_chain import ChainHead, contradict, extend
from bureau_keys.keyring import Keyring
from bureau_keys.merkle import leaf_hash
from bureau_keys.signing import SigningKey
from creditbureau.v1 import reporting_pb2
from creditbureau.v1.envelope_pb2 import Envelope, Header
from creditbureau.v1.report_pb2 import Report as ReportMessage
from creditbureau.v1.reporting_pb2 import Inquiry
from tests.service.client_calls import asked_for_consent, carry_out, client_of, decision_on
from tests.service.liar import answers, deceive, forget_the_log, lists_of
from tests.service.raw import Answer, Raw
from tests.service.scenario import Scenario, account, open_scenario
from tests.service.test_lying_reports import Liar
from tests.service.watching import MAY, monitor

# What happens to the person of `lived`, in the order of the log.
KINDS = [
    "attestation",
    "consent",
    "consent",
    "consent",
    "inquiry",
    "replay",
    "decision",
    "hold",
    "hold-lift",
    "dispute",
    "dispute-answer",
    "subject-statement",
    "consent",
    "portfolio-inquiry",
    "consent-change",
    "inquiry-denial",
    "consent-request",
    "consent",
    "consent-request",
    "consent-request-decline",
    "consent-request",
    "consent-request-withdrawal",
]


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", "brook") as opened:
        yield opened


def asked(scenario: Scenario, person: Wallet, consent_id: str, name: str = "acme") -> Report:
    return scenario.lenders[name].query(
        person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent_id
    )


def lived(scenario: Scenario) -> Wallet:
    """A person to whom everything happened that makes an event."""
    person, acme = scenario.person(), scenario.lenders["acme"]
    scenario.submit("acme", account(person, "card", MAY))
    consent_id = scenario.inquiring(person, "acme")
    report = asked(scenario, person, consent_id)
    acme.replay(report.request_id, report.subject_id)
    acme.record_decision(decision_on(report))
    hold = person.place_hold(HoldKind.SECURITY_FREEZE)
    person.lift_hold(hold.hold_id)
    line = report.tradelines[0]
    dispute = person.dispute(
        line.tradeline_id, field="balance_minor", reason=DisputeReason.WRONG_AMOUNT
    )
    acme.answer_dispute(dispute.dispute_id, DisputeOutcome.ACCURATE, narrative="looked into")
    person.set_statement("I moved in May.")
    monitor(person, "acme")
    assert list(acme.portfolio(Purpose.ACCOUNT_REVIEW))
    person.revoke(consent_id)
    with pytest.raises(BureauError):
        asked(scenario, person, consent_id)
    for answer in (person.grant_request, person.decline_request, acme.withdraw_consent_request):
        answer(asked_for_consent(acme, person))
    return person


def test_everything_but_submissions_is_an_event(scenario: Scenario) -> None:
    person = lived(scenario)
    events = person.events()
    assert [event.kind for event in events] == KINDS
    assert [event.number for event in events] == list(range(1, len(KINDS) + 1))
    own = f"subjects/{person.subject_id}"
    assert {event.signer for event in events} == {own, "members/acme"}
    assert all(event.statement for event in events)
    # The inquiry for the portfolio names no customer.
    assert [event.kind for event in events if not event.proved] == ["portfolio-inquiry"]
    # Whoever has the log can follow the chain to the head of the signed file.
    leaves = client_of("auditor", scenario, person, 0, is_async=False).leaves(0, 10_000)
    head = extend(ChainHead(), [leaf_hash(leaves[event.leaf_index]) for event in events])
    file = person.file()
    assert head == (file.event_count, file.event_chain_hash)
    assert scenario.findings() == []


def test_a_report_covers_what_was_before_it(scenario: Scenario) -> None:
    person = scenario.person()
    consent_id = scenario.inquiring(person, "acme")
    first, second = (asked(scenario, person, consent_id) for _ in range(2))
    assert first.event_count == 0, "how often others act is not for a member"
    assert first.event_chain_hash != second.event_chain_hash
    scenario.lenders["acme"].check_events(first, second)
    scenario.lenders["acme"].check_events(second, first)
    again = scenario.lenders["acme"].replay(first.request_id, first.subject_id)
    assert again.event_chain_hash == first.event_chain_hash
    # The first report covers what was before it; the second covers the first inquiry too.
    leaves = client_of("auditor", scenario, person, 0, is_async=False).leaves(0, 10_000)
    for report in (first, second):
        before = [event for event in person.events() if event.leaf_index < report.log_size]
        head = extend(ChainHead(), [leaf_hash(leaves[event.leaf_index]) for event in before])
        assert head.hash == report.event_chain_hash


def test_strangers_learn_nothing_of_a_chain(scenario: Scenario) -> None:
    """A member without two heads of one subject gets no answer, chain or no chain."""
    person, other = scenario.person(), scenario.person()
    reports = [
        asked(scenario, asker, scenario.inquiring(asker, "acme")) for asker in (person, other)
    ]
    brook = scenario.lenders["brook"]
    forged = [replace(report, subject_id=person.subject_id) for report in reports]
    with pytest.raises(VerificationFailed, match="no chain"):
        brook.check_events(*forged)


def test_a_member_with_one_report_learns_nothing_of_what_was_before(scenario: Scenario) -> None:
    """Refuse every head but one that a report of this person shows."""
    person, other = scenario.person(), scenario.person()
    head, later = (
        asked(scenario, person, scenario.inquiring(person, "acme")).event_chain_hash
        for _ in range(2)
    )
    others = asked(scenario, other, scenario.inquiring(other, "acme")).event_chain_hash
    raw = Raw(scenario.profiles["acme"])

    def proved(first: bytes, second: bytes) -> Answer:
        request = reporting_pb2.ProveEventsRequest(
            subject_id=person.subject_id, first_hash=first, second_hash=second
        )
        return raw.send("Reporting/ProveEvents", request)

    assert proved(b"", head).reason == "INVALID_FIELD"
    assert proved(head[:-1], later).reason == "INVALID_FIELD"
    for first, second in ((bytes(32), head), (others, later), (head, others), (later, head)):
        assert proved(first, second).reason == "NOT_FOUND"
    assert not proved(head, head).reply.leaf_hashes
    events = person.events()
    between = proved(head, later).reply.leaf_hashes
    # The first inquiry, and the consent to the second one.
    assert list(between) == [
        leaf_hash(
            client_of("auditor", scenario, person, 0, is_async=False).leaves(0, 10_000)[
                event.leaf_index
            ]
        )
        for event in events[-3:-1]
    ]


def lying_file(scenario: Scenario, change: Callable[[ReportMessage], object]) -> Any:
    """Return a lie that signs another file with the bureau's own key."""
    settings = scenario.bureau.settings
    key = Keyring.open(settings.server_folder / "keyring", settings.passphrase()).get("report")

    def lie(path: str, reply: Any) -> None:
        if path.endswith("GetFile"):
            report = ReportMessage.FromString(reply.file.payload)
            change(report)
            reply.file.CopyFrom(seal(report, key))

    return lie


def fewer(report: ReportMessage) -> None:
    report.event_count -= 1


def another(report: ReportMessage) -> None:
    report.event_chain_hash = bytes(32)


def none(report: ReportMessage) -> None:
    report.ClearField("event_count")
    report.ClearField("event_chain_hash")


@pytest.mark.parametrize("change", [fewer, another, none], ids=lambda lie: lie.__name__)
def test_a_file_that_lost_an_event_is_refused_and_kept(
    scenario: Scenario, change: Callable[[ReportMessage], object], tmp_path: Path
) -> None:
    person = scenario.person()
    key, agent = scenario.keys[person.subject_id], scenario.agent

    def wallet() -> Wallet:
        return Wallet(agent, person.subject_id, key, clock=scenario.now, folder=tmp_path)

    with wallet() as first:
        kept = first.file()
    with wallet() as second:
        deceive(second, lying_file(scenario, change))
        with pytest.raises(VerificationFailed, match=GAP):
            second.file()
    evidence = json.loads((tmp_path / GAP).read_bytes())
    one, other = (
        peek(Envelope.FromString(base64.b64decode(evidence[name])), ReportMessage)
        for name in ("kept", "seen")
    )
    assert one.event_count == kept.event_count
    if change is not none:
        assert contradict(one, other)
    # The true file is believed as before.
    with wallet() as third:
        assert third.file().event_count == kept.event_count


@pytest.mark.parametrize("change", [fewer, another, none], ids=lambda lie: lie.__name__)
def test_a_wallet_holds_a_file_to_what_others_of_its_folder_kept(
    scenario: Scenario, change: Callable[[ReportMessage], object], tmp_path: Path
) -> None:
    """A wallet that is open for long, and one that kept a newer file meanwhile."""
    person = scenario.person()
    key, agent = scenario.keys[person.subject_id], scenario.agent
    old, newer = (
        Wallet(agent, person.subject_id, key, clock=scenario.now, folder=tmp_path) for _ in range(2)
    )
    with old, newer:
        old.file()
        scenario.inquiring(person, "brook")
        kept = newer.file()
        deceive(old, lying_file(scenario, change))
        with pytest.raises(VerificationFailed, match=GAP):
            old.file()
        stored = json.loads((tmp_path / NEWEST).read_bytes())["file"]
        assert base64.b64decode(stored) == kept.envelope


def test_files_that_end_in_the_other_order_are_no_gap(scenario: Scenario, tmp_path: Path) -> None:
    """A file is asked for, and a newer one is kept before it arrives."""
    person = scenario.person()
    key, agent = scenario.keys[person.subject_id], scenario.agent
    one, other = (
        Wallet(agent, person.subject_id, key, clock=scenario.now, folder=tmp_path) for _ in range(2)
    )
    other._events = one._events
    newer: list[Report] = []

    def meanwhile(path: str, _: Any) -> None:
        if path.endswith("GetFile") and not newer:
            other.set_statement("I moved.")
            newer.append(other.file())

    deceive(one, meanwhile)
    older = one.file()
    assert older.event_count == newer[0].event_count - 1
    # The newer one is kept, in the folder too.
    assert one._events.kept.head.events == newer[0].event_count
    with Wallet(agent, person.subject_id, key, clock=scenario.now, folder=tmp_path) as next_one:
        assert next_one._events.kept == one._events.kept
    for wallet in (one, other):
        wallet.close()


def test_a_folder_that_cannot_be_written_is_no_error(scenario: Scenario, tmp_path: Path) -> None:
    person = scenario.person()
    folder = tmp_path / "a file"
    folder.write_text("")
    key = scenario.keys[person.subject_id]
    wallet = Wallet(scenario.agent, person.subject_id, key, clock=scenario.now, folder=folder)
    with wallet, pytest.warns(UserWarning, match="only until it ends"):
        assert wallet.file().event_count == wallet.file().event_count


def test_an_old_file_is_refused(scenario: Scenario) -> None:
    """The log had more leaves before the file was asked for."""
    person = scenario.person()
    wallet = client_of("wallet", scenario, person, 0, is_async=False)
    wallet.set_statement("I moved.")

    def older(report: ReportMessage) -> None:
        report.log_size -= 1

    deceive(wallet, lying_file(scenario, older))
    with pytest.raises(VerificationFailed, match="before it was asked for"):
        wallet.file()
    wallet.close()


def dropped(reply: Any) -> None:
    del reply.events[1]


def renumbered(reply: Any) -> None:
    del reply.events[1]
    for number, event in enumerate(reply.events, 1):
        event.number = number


def cut_off(reply: Any) -> None:
    del reply.events[-1]


def swapped(reply: Any) -> None:
    one, other = reply.events[0].statement, reply.events[1].statement
    kept = type(one).FromString(one.SerializeToString())
    one.CopyFrom(other)
    other.CopyFrom(kept)


def of_no_log(reply: Any) -> None:
    reply.events[0].leaf_hash = bytes(32)
    reply.events[0].statement.ClearField("envelope")


def one_twice(reply: Any) -> None:
    again = reply.events.add()
    again.CopyFrom(reply.events[-2])
    again.number = len(reply.events)


def without_its_statement(reply: Any) -> None:
    reply.events[0].statement.ClearField("envelope")


def as_another_kind(reply: Any) -> None:
    """Hide a statement, and say that it had words, which were erased."""
    for event in reply.events:
        event.statement.ClearField("envelope")
        event.statement.receipt.kind = "inquiry"


def as_shared(reply: Any) -> None:
    """Show the digest of a statement that names the subject alone."""
    logged = reply.events[0].statement
    logged.digest = digest(logged.envelope)
    logged.ClearField("envelope")


def of_no_event(reply: Any) -> None:
    reply.events[0].statement.receipt.kind = "submission"


def unsigned(reply: Any) -> None:
    for event in reply.events:
        event.statement.envelope.signatures[0].sig = bytes(64)


def under_no_key(reply: Any) -> None:
    del reply.keys[:]


LIES = (
    dropped,
    renumbered,
    cut_off,
    swapped,
    of_no_log,
    one_twice,
    without_its_statement,
    as_another_kind,
    as_shared,
    of_no_event,
    unsigned,
    under_no_key,
)


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_a_list_of_events_that_lies_is_refused(
    scenario: Scenario, lie: Callable[[Any], object]
) -> None:
    person = scenario.person()
    person.set_statement("I moved.")

    def listed(wallet: Any) -> Any:
        wallet._events.kept = kept
        return wallet.events()

    with client_of("wallet", scenario, person, 0, is_async=False) as wallet:
        wallet.file()
        kept = wallet._events.kept
    false = lists_of(methods.LIST_EVENTS.path, lie)
    for shown in answers(scenario, "wallet", person, listed, false):
        assert isinstance(shown, VerificationFailed)


def test_the_events_of_one_person_are_not_shown_to_another(scenario: Scenario) -> None:
    """Neither the whole list, nor one event of a kind."""
    person, other = lived(scenario), scenario.person()
    true: list[Any] = []
    deceive(person, lists_of(methods.LIST_EVENTS.path, true.append))
    person.events()
    deceive(person, lambda *_: None)

    for kind in ["", *sorted({*KINDS})]:

        def move(reply: Any, kind: str = kind) -> None:
            kept = [one for one in true[0].events if one.statement.receipt.kind == kind]
            reply.CopyFrom(true[0])
            if kind:
                del reply.events[:]
                reply.events.extend(kept[:1])
                reply.events[0].number = 1

        false = lists_of(methods.LIST_EVENTS.path, move)
        for shown in answers(scenario, "wallet", other, lambda wallet: wallet.events(), false):
            if kind == "portfolio-inquiry":
                assert [event.proved for event in shown] == [False]
            else:
                assert isinstance(shown, VerificationFailed), kind


def test_an_event_under_a_key_of_no_member_is_refused(scenario: Scenario) -> None:
    """A bureau can sign a log with any leaf, and sign for no member."""
    person, liar = scenario.person(), Liar.of(scenario)

    def forge(reply: Any) -> None:
        event = reply.events[-1]
        header = Header(signer="members/brook", audience=liar.origin)
        inquiry = Inquiry(header=header, subject_id=person.subject_id)
        logged = event.statement
        logged.envelope.CopyFrom(seal(inquiry, SigningKey.generate()))
        logged.receipt.kind = "inquiry"
        liar.log_again(logged.receipt, logged.envelope)
        receipt = read_receipt(logged.receipt)
        event.leaf_hash = leaf_hash_of(receipt, logged.envelope.SerializeToString())

    def listed(wallet: Any) -> Any:
        forget_the_log(wallet)
        return wallet.events()

    false = lists_of(methods.LIST_EVENTS.path, forge)
    for shown in answers(scenario, "wallet", person, listed, false):
        assert isinstance(shown, VerificationFailed)
        assert "does not count" in str(shown)


def test_a_lender_finds_its_own_inquiry_in_the_next_report(scenario: Scenario) -> None:
    person = scenario.person()
    consent_id = scenario.inquiring(person, "acme")
    lender: Lender = client_of("lender", scenario, person, 0, is_async=False)
    question: dict[str, Any] = {"purpose": Purpose.CREDIT_APPLICATION, "consent_id": consent_id}
    lender.query(person.subject_id, **question)

    def hide(path: str, reply: Any) -> None:
        if path.endswith("ProveEvents"):
            del reply.leaf_hashes[-1]

    deceive(lender, hide)
    with pytest.raises(VerificationFailed, match="does not extend"):
        lender.query(person.subject_id, **question)
    deceive(lender, lambda *_: None)
    lender.query(person.subject_id, **question)
    lender.close()


def test_the_asynchronous_wallet_lists_the_same(scenario: Scenario) -> None:
    person = scenario.person()

    async def listed() -> None:
        wallet: AsyncWallet = client_of("wallet", scenario, person, 0, is_async=True)
        async with wallet:
            assert await wallet.events() == person.events()
            assert (await wallet.events(limit=2)) == person.events()[:2]

    asyncio.run(listed())


def test_an_erased_statement_keeps_its_place(scenario: Scenario) -> None:
    person = scenario.person()
    person.set_statement("words that go")
    before = person.events()
    scenario.erase(person.subject_id)
    after = person.events()
    assert len(after) > len(before)
    assert [event.leaf_index for event in after[: len(before)]] == [
        event.leaf_index for event in before
    ]
    assert [event.kind for event in after if not event.proved] == ["subject-statement"]
    assert scenario.findings() == []


def other_events(path: str, reply: Any) -> None:
    """Prove the chain between two reports with an event that there is not."""
    if path.endswith("ProveEvents"):
        reply.leaf_hashes.append(bytes(32))


@pytest.mark.parametrize("kind", ["query", "portfolio", "replay"])
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_the_next_client_of_a_lender_holds_reports_to_the_heads_of_the_folder(
    scenario: Scenario, tmp_path: Path, kind: str, is_async: bool
) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    consent_id = scenario.inquiring(person, "acme")
    monitor(person, "acme")
    scenario.profiles["acme"] = replace(scenario.profiles["acme"], memory_folder=tmp_path)

    def ask(client: Any) -> Any:
        if kind == "portfolio":
            return client.portfolio(Purpose.ACCOUNT_REVIEW, [person.subject_id])
        return client.query(
            person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent_id
        )

    def ask_again(client: Any) -> Any:
        if kind == "replay":
            return client.replay(kept.request_id, person.subject_id)
        return ask(client)

    def report(lender: Any) -> Report:
        answer = ask(lender)
        (single,) = [answer] if isinstance(answer, Report) else answer
        assert isinstance(single, Report)
        return single

    def lender(*, is_async: bool = False) -> Any:
        return client_of("lender", scenario, person, 0, is_async=is_async)

    with lender() as first:
        kept = report(first)
        assert report(first).event_chain_hash != kept.event_chain_hash
        first.replay(kept.request_id, person.subject_id)
    following = lender(is_async=is_async)
    deceive(following, other_events)
    gap = f"event-gap-{person.subject_id}"
    with pytest.raises(VerificationFailed, match=gap):
        carry_out(following, ask_again)
    assert (tmp_path / f"{gap}.json").exists()
    # The true chain is believed as before.
    with lender() as last:
        assert report(last).event_chain_hash != kept.event_chain_hash


def test_a_lender_whose_folder_cannot_be_written_remembers_until_it_ends(
    scenario: Scenario, tmp_path: Path
) -> None:
    person = scenario.person()
    consent_id = scenario.inquiring(person, "acme")
    folder = tmp_path / "a file"
    folder.write_text("")
    profile = replace(scenario.profiles["acme"], memory_folder=folder)
    with Lender(profile, clock=scenario.now) as lender:

        def query() -> Report:
            return lender.query(
                person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent_id
            )

        with pytest.warns(UserWarning, match="only until it ends"):
            query()
        query()
        deceive(lender, other_events)
        with pytest.raises(VerificationFailed, match="chain of events"):
            query()


def test_a_damaged_file_of_heads_is_named(scenario: Scenario, tmp_path: Path) -> None:
    person = scenario.person()
    consent_id = scenario.inquiring(person, "acme")
    (tmp_path / HEADS).write_bytes(b"junk" * 1024)
    profile = replace(scenario.profiles["acme"], memory_folder=tmp_path)
    with (
        Lender(profile, clock=scenario.now) as lender,
        pytest.raises(VerificationFailed, match=f"{HEADS} holds no heads"),
    ):
        lender.query(person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent_id)
