"""A bureau that lies in a portfolio: with its report key alone, with none of its keys, or with
all of them. No client believes a report that the inquiry's leaf does not commit to, nor a stream
that leaves one out.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bureau_client import (
    Auditor,
    ConsentMode,
    InvalidRequest,
    Lender,
    Purpose,
    Report,
    SigningKey,
    VerificationFailed,
    Wallet,
)
from bureau_client._operations import methods
from bureau_client.aio.lender import AsyncLender
from bureau_client.verify import verify_bundle
from bureau_keys.envelope import seal
from bureau_keys.portfolio import MAX_REPORTS, ReportTree
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.report_pb2 import Report as ReportMessage
from creditbureau.v1.reporting_pb2 import PortfolioProof, QueryPortfolioResponse
from tests.service.liar import deceive, deceive_streams, forget_the_log
from tests.service.scenario import DAY, Scenario, account, open_scenario
from tests.service.test_lying_reports import FORGED_MINOR, Liar
from tests.service.test_saved_reports import Saved, is_verified, verifiers
from tests.service.watching import MAY, monitor, monitored

CUSTOMERS = 4
Messages = list[QueryPortfolioResponse]


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", "brook") as scenario:
        # Replays under STORE are no uses of the consent.
        terms = {"mode": ConsentMode.STORE, "data_life": 30 * DAY}
        people = [monitored(scenario, "acme", **terms) for _ in range(CUSTOMERS)]
        scenario.submit("acme", *(account(person, "card", MAY) for person in people))
        yield scenario


@pytest.fixture(scope="module")
def given(scenario: Scenario) -> list[Report]:
    """The reports of one honest inquiry."""
    return portfolio_of(scenario)


@pytest.fixture(scope="module")
def liar(scenario: Scenario) -> Liar:
    return Liar.of(scenario)


# Changes the messages of a stream. The liar has every key of the bureau; the last argument is the
# signed inquiry.
Lie = Callable[[Liar, Messages, Envelope], Messages]


def forge(key: SigningKey, message: QueryPortfolioResponse) -> None:
    """Put a forged report into a message, signed with the report key."""
    report = ReportMessage.FromString(message.report.payload)
    report.tradelines[0].balance_minor = FORGED_MINOR
    message.report.CopyFrom(seal(report, key))


def forged(liar: Liar, messages: Messages, _: Envelope) -> Messages:
    forge(liar.reports, messages[1])
    return messages


def forged_first(liar: Liar, messages: Messages, _: Envelope) -> Messages:
    forge(liar.reports, messages[0])
    return messages


def forged_with_a_root(liar: Liar, messages: Messages, _: Envelope) -> Messages:
    """Count, root and proofs fit the forged reports; the leaf does not."""
    forge(liar.reports, messages[1])
    return proved(messages)


def proved(messages: Messages) -> Messages:
    """Give each message the proof of its report among all of them."""
    tree = ReportTree([hashlib.sha256(message.report.payload).digest() for message in messages])
    for index, message in enumerate(messages):
        message.portfolio.proof[:] = tree.prove(index).proof
    messages[0].portfolio.MergeFrom(tree.start())
    return messages


def without(message: int) -> Lie:
    return lambda _, messages, __: messages[:message] + messages[message + 1 :]


def nothing(_: Liar, __: Messages, ___: Envelope) -> Messages:
    return []


def swapped(_: Liar, messages: Messages, __: Envelope) -> Messages:
    return [messages[0], messages[2], messages[1], messages[3]]


def repeated(_: Liar, messages: Messages, __: Envelope) -> Messages:
    return [messages[0], messages[1], *messages[1:]]


def renumbered(_: Liar, messages: Messages, __: Envelope) -> Messages:
    """One report is shown twice, under the index of another one."""
    messages[2].report.CopyFrom(messages[1].report)
    messages[2].consent.CopyFrom(messages[1].consent)
    messages[2].portfolio.proof[:] = messages[1].portfolio.proof
    return messages


def one_more(_: Liar, messages: Messages, __: Envelope) -> Messages:
    more = QueryPortfolioResponse(cursor=str(CUSTOMERS + 1), withheld=True)
    more.portfolio.index = CUSTOMERS
    return [*messages, more]


def other_count(_: Liar, messages: Messages, __: Envelope) -> Messages:
    messages[0].portfolio.count -= 1
    return messages[:-1]


def no_receipt(_: Liar, messages: Messages, __: Envelope) -> Messages:
    messages[0].ClearField("receipt")
    return messages


def no_place(_: Liar, messages: Messages, __: Envelope) -> Messages:
    messages[1].ClearField("portfolio")
    return messages


def no_report(_: Liar, messages: Messages, __: Envelope) -> Messages:
    messages[1].ClearField("report")
    return messages


def other_cursor(_: Liar, messages: Messages, __: Envelope) -> Messages:
    messages[1].cursor = "3"
    return messages


def no_answer_in_the_leaf(liar: Liar, messages: Messages, inquiry: Envelope) -> Messages:
    forge(liar.reports, messages[1])
    liar.log_again(messages[0].receipt, inquiry)
    return proved(messages)


def one_customer_twice(liar: Liar, messages: Messages, inquiry: Envelope) -> Messages:
    messages[2].report.CopyFrom(messages[1].report)
    messages[2].consent.CopyFrom(messages[1].consent)
    return logged(liar, messages, inquiry)


def too_many(liar: Liar, messages: Messages, inquiry: Envelope) -> Messages:
    tree = ReportTree([b""] * (MAX_REPORTS + 1))
    messages[0].portfolio.MergeFrom(tree.start())
    liar.log_again(messages[0].receipt, inquiry, tree.answer_digest)
    return messages


def logged(liar: Liar, messages: Messages, inquiry: Envelope) -> Messages:
    """Let a leaf of the liar's own log commit to the reports."""
    tree = ReportTree([hashlib.sha256(message.report.payload).digest() for message in messages])
    liar.log_again(messages[0].receipt, inquiry, tree.answer_digest)
    return proved(messages)


LIES: dict[str, Lie] = {
    "a report is forged": forged,
    "the first report is forged": forged_first,
    "a report is forged, and the root too": forged_with_a_root,
    "the leaf covers no answer": no_answer_in_the_leaf,
    "the stream ends at once": nothing,
    "the last report is missing": without(CUSTOMERS - 1),
    "a report in the middle is missing": without(1),
    "the first report is missing": without(0),
    "two reports are swapped": swapped,
    "a report is repeated": repeated,
    "a report stands at another index": renumbered,
    "a report more is withheld": one_more,
    "the count is smaller": other_count,
    "the receipt is missing": no_receipt,
    "a place is missing": no_place,
    "a report is left out of its message": no_report,
    "a cursor leaps": other_cursor,
    "one customer is there twice": one_customer_twice,
    "the leaf commits to too many": too_many,
}


def true(_: Liar, messages: Messages, __: Envelope) -> Messages:
    """Change nothing: the same path without a lie must work."""
    return messages


def outcome(call: Callable[[], int]) -> int | None:
    """Return the number of reports; None if they are refused."""
    try:
        return call()
    except VerificationFailed:
        return None


def ask(scenario: Scenario, liar: Liar, lie: Lie, inquiry: bytes) -> int:
    """Count the reports of an earlier inquiry that a lender gets from a liar."""
    signed = Envelope.FromString(inquiry)
    with lender_of(scenario) as lender:
        forget_the_log(lender)
        deceive_streams(lender, lambda messages: lie(liar, messages, signed))
        return len(list(lender.resume_portfolio(inquiry)))


def ask_asynchronously(scenario: Scenario, liar: Liar, lie: Lie, inquiry: bytes) -> int:
    signed = Envelope.FromString(inquiry)

    async def run() -> int:
        async with AsyncLender(scenario.profiles["acme"], clock=scenario.now) as lender:
            forget_the_log(lender)
            deceive_streams(lender, lambda messages: lie(liar, messages, signed))
            return len([report async for report in lender.resume_portfolio(inquiry)])

    return asyncio.run(run())


def lender_of(scenario: Scenario) -> Lender:
    return Lender(scenario.profiles["acme"], clock=scenario.now)


@pytest.mark.parametrize(
    "lie", [true, logged, *LIES.values()], ids=["the truth", "it again", *LIES]
)
def test_the_sdk_believes_no_portfolio_that_lies(
    scenario: Scenario, liar: Liar, given: list[Report], lie: Lie
) -> None:
    inquiry = given[0].inquiry
    expected = CUSTOMERS if lie in (true, logged) else None
    assert outcome(lambda: ask(scenario, liar, lie, inquiry)) == expected
    assert outcome(lambda: ask_asynchronously(scenario, liar, lie, inquiry)) == expected


def test_a_new_inquiry_is_held_against_its_leaf_too(scenario: Scenario, liar: Liar) -> None:
    person = monitored(scenario, "acme")
    scenario.submit("acme", account(person, "card", MAY))

    def end(messages: Messages) -> Messages:
        return messages[:0]

    def lie(messages: Messages) -> Messages:
        forge(liar.reports, messages[0])
        return messages

    for deceit in (end, lie):
        with lender_of(scenario) as lender:
            deceive_streams(lender, deceit)
            with pytest.raises(VerificationFailed):
                list(lender.portfolio(Purpose.ACCOUNT_REVIEW, [person.subject_id]))


def test_a_portfolio_has_no_more_reports_than_people_named(
    scenario: Scenario, liar: Liar, given: list[Report]
) -> None:
    named = [report.subject_id for report in given[:2]]
    asked = list(scenario.lenders["acme"].portfolio(Purpose.ACCOUNT_REVIEW, named))
    assert len(asked) == 2

    def add(liar: Liar, messages: Messages, inquiry: Envelope) -> Messages:
        more = QueryPortfolioResponse(cursor="3", withheld=True)
        more.portfolio.index = 2
        return logged(liar, [*messages, more], inquiry)

    with pytest.raises(VerificationFailed, match="the inquiry names 2 people"):
        ask(scenario, liar, add, asked[0].inquiry)


def test_a_portfolio_has_no_people_who_are_not_customers(
    scenario: Scenario, liar: Liar, given: list[Report]
) -> None:
    stranger = scenario.person()

    def move(liar: Liar, messages: Messages, inquiry: Envelope) -> Messages:
        report = ReportMessage.FromString(messages[1].report.payload)
        report.subject_id = stranger.subject_id
        messages[1].report.CopyFrom(seal(report, liar.reports))
        return logged(liar, messages, inquiry)

    with pytest.raises(VerificationFailed, match="consent"):
        ask(scenario, liar, move, given[0].inquiry)


def test_a_resumed_portfolio_is_held_against_the_count(
    scenario: Scenario, liar: Liar, given: list[Report]
) -> None:
    first, *others = given

    def resume(lie: Lie, after: str = first.cursor) -> list[Report]:
        with lender_of(scenario) as lender:
            deceive_streams(
                lender, lambda messages: lie(liar, messages, Envelope.FromString(first.inquiry))
            )
            return list(lender.resume_portfolio(first.inquiry, after))

    assert resume(true) == others
    assert resume(true, others[-1].cursor) == []
    lies: list[Lie] = [without(CUSTOMERS - 2), without(0), nothing, no_receipt, forged]
    for lie in lies:
        with pytest.raises(VerificationFailed):
            resume(lie)
    # After the last report too a message must say that there is none.
    with pytest.raises(VerificationFailed, match="ended without its receipt"):
        resume(nothing, others[-1].cursor)
    with pytest.raises(InvalidRequest, match="is not a cursor"):
        resume(true, "x")
    with pytest.raises(InvalidRequest):
        resume(true, str(CUSTOMERS + 1))


def portfolio_of(scenario: Scenario) -> list[Report]:
    return list(scenario.lenders["acme"].portfolio(Purpose.ACCOUNT_REVIEW))


def test_a_replay_of_a_portfolio_is_proved_by_its_leaf(
    scenario: Scenario, liar: Liar, given: list[Report]
) -> None:
    """To the member and to an auditor."""
    report, other = given[1], given[2]
    auditing = scenario.bureau.add_member("watch", ["auditor"])

    def forge_it(reply: Any) -> None:
        forge(liar.reports, reply)

    def hide(reply: Any) -> None:
        reply.ClearField("portfolio")

    def move(reply: Any) -> None:
        assert other.portfolio is not None
        reply.portfolio.index = other.portfolio.index

    def log_alone(reply: Any) -> None:
        """Commit to the forged report alone; its digest is not that of a portfolio."""
        forge(liar.reports, reply)
        digest = hashlib.sha256(reply.report.payload).digest()
        liar.log_again(reply.inquiry_receipt, Envelope.FromString(report.inquiry), digest)

    lender, auditor = lender_of(scenario), Auditor(auditing, clock=scenario.now)
    with lender, auditor:
        for client in (lender, auditor):
            forget_the_log(client)
            again = client.replay(report.request_id, report.subject_id)
            assert (again.envelope, again.portfolio) == (report.envelope, report.portfolio)
            for lie in (forge_it, hide, move, log_alone):
                deceive(client, of_replays(lie))
                with pytest.raises(VerificationFailed):
                    client.replay(report.request_id, report.subject_id)


def of_replays(lie: Callable[[Any], None]) -> Callable[[str, Any], None]:
    """Return the lie about replays alone."""

    def tell(path: str, reply: Any) -> None:
        if path == methods.REPLAY_REPORT.path:
            lie(reply)

    return tell


def test_a_report_of_one_inquiry_has_no_place_in_a_portfolio(
    scenario: Scenario,
) -> None:
    person = scenario.person()
    report = scenario.report(person, "acme")

    def add_portfolio_proof(reply: Any) -> None:
        reply.portfolio.CopyFrom(ReportTree([bytes(32)]).prove(0))

    with lender_of(scenario) as lender:
        assert lender.replay(report.request_id, report.subject_id).portfolio is None
        deceive(lender, of_replays(add_portfolio_proof))
        with pytest.raises(VerificationFailed, match="answers one inquiry"):
            lender.replay(report.request_id, report.subject_id)


def changed(report: Report, **changes: Any) -> Report:
    assert report.portfolio is not None
    return replace(report, portfolio=replace(report.portfolio, **changes))


def test_no_verifier_believes_a_saved_report_that_the_leaf_does_not_commit_to(
    scenario: Scenario, liar: Liar, given: list[Report], tmp_path: Path
) -> None:
    first, second, *_ = given
    assert first.portfolio is not None
    assert second.portfolio is not None
    message = QueryPortfolioResponse(report=Envelope.FromString(second.envelope))
    forge(liar.reports, message)
    stolen = replace(second, envelope=message.report.SerializeToString(deterministic=True))
    alone = ReportTree([hashlib.sha256(message.report.payload).digest()])
    lies = {
        "forged": stolen,
        "forged, with a root of its own": changed(
            stolen, index=0, count=1, root=alone.root, proof=()
        ),
        "without its place": replace(second, portfolio=None),
        "with the place of another one": replace(second, portfolio=first.portfolio),
        "at another index": changed(second, index=0),
        "at an index below zero": changed(second, index=-1),
        "in a smaller portfolio": changed(second, count=CUSTOMERS - 1),
        "with another root": changed(second, root=bytes(32)),
        "with a short root": changed(second, root=b""),
        "without a proof": changed(second, proof=()),
        "with a longer proof": changed(second, proof=(*second.portfolio.proof, bytes(32))),
        "with a short hash": changed(second, proof=(b"", *second.portfolio.proof[1:])),
    }
    profile = scenario.profiles["acme"]
    profile.save(tmp_path / "profile")
    saved = Saved({}, profile, tmp_path / "profile")
    for report, is_true in [(second, True), *((lie, False) for lie in lies.values())]:
        path = tmp_path / "report.json"
        report.save(path)
        results = verifiers(saved, path)
        verdicts = {name: is_verified(verify) for name, verify in results.items()}
        assert verdicts == dict.fromkeys(results, is_true)
    second.save(path)
    assert verify_bundle(Report.load(path), profile.trust).portfolio == second.portfolio
    # A part that is not the message.
    path.write_text(json.dumps(json.loads(path.read_text()) | {"portfolio": "AAAA"}))
    assert not any(is_verified(verify) for verify in verifiers(saved, path).values())


def test_what_a_customer_no_longer_allows_is_withheld_under_its_index() -> None:
    with open_scenario("acme", "brook") as scenario:
        people = [monitored(scenario, "acme") for _ in range(3)]
        scenario.submit("acme", *(account(person, "card", MAY) for person in people))
        first, second, third = portfolio_of(scenario)
        withdraw(people, second.subject_id)
        withheld: list[int] = []
        lender = scenario.lenders["acme"]
        given = list(lender.resume_portfolio(first.inquiry, on_withheld=withheld.append))
        assert (given, withheld) == ([first, third], [1])
        # The first message of a stream has the receipt, also where its report is withheld.
        given = list(
            lender.resume_portfolio(first.inquiry, first.cursor, on_withheld=withheld.append)
        )
        assert (given, withheld) == ([third], [1, 1])
        # Of a new inquiry, the customer is no part.
        again = list(lender.portfolio(Purpose.ACCOUNT_REVIEW, on_withheld=withheld.append))
        assert [report.subject_id for report in again] == [first.subject_id, third.subject_id]
        assert len(withheld) == 2
        assert again[0].portfolio is not None
        assert again[0].portfolio.count == 2
        # What was erased cannot be built again.
        scenario.erase(third.subject_id)
        given = list(lender.resume_portfolio(first.inquiry, on_withheld=withheld.append))
        assert (given, withheld) == ([first], [1, 1, 1, 2])
        assert scenario.findings() == []


def withdraw(people: list[Wallet], subject_id: str) -> None:
    """Let a customer revoke the consent to be monitored."""
    person = next(person for person in people if person.subject_id == subject_id)
    (consent,) = [
        consent for consent in person.consents() if consent.purposes == (Purpose.ACCOUNT_REVIEW,)
    ]
    person.revoke(consent.consent_id)


def test_an_empty_portfolio_is_proved_too(scenario: Scenario, liar: Liar) -> None:
    stranger = scenario.person()
    signed: list[bytes] = []
    with Lender(
        scenario.profiles["acme"],
        clock=scenario.now,
        before_send=lambda statement: signed.append(statement.envelope),
    ) as lender:
        assert list(lender.portfolio(Purpose.ACCOUNT_REVIEW, [stranger.subject_id])) == []
    assert ask(scenario, liar, true, signed[0]) == 0
    for lie in (no_receipt, nothing):
        with pytest.raises(VerificationFailed):
            ask(scenario, liar, lie, signed[0])

    def one(_: Liar, messages: Messages, __: Envelope) -> Messages:
        messages[0].portfolio.CopyFrom(PortfolioProof(count=1))
        return messages

    with pytest.raises(VerificationFailed, match="does not commit to this portfolio"):
        ask(scenario, liar, one, signed[0])


def test_what_changes_between_the_building_and_the_commit_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The check of the database still finds what the log has."""
    from bureau.journeys import portfolio  # noqa: PLC0415

    commit = portfolio.commit_portfolio
    with open_scenario("acme", "brook") as scenario:
        people = [monitored(scenario, "acme") for _ in range(3)]
        late = scenario.person()
        scenario.submit("acme", *(account(person, "card", MAY) for person in (*people, late)))

        def meanwhile(*given: Any) -> Any:
            monkeypatch.setattr(portfolio, "commit_portfolio", commit)
            monitor(late, "acme")
            withdraw(people, people[0].subject_id)
            scenario.submit("acme", account(people[1], "loan", MAY))
            return commit(*given)

        monkeypatch.setattr(portfolio, "commit_portfolio", meanwhile)
        reports = portfolio_of(scenario)
        assert {report.subject_id for report in reports} == {
            person.subject_id for person in people[1:]
        }
        assert {len(report.tradelines) for report in reports} == {1}
        assert all(report.portfolio and report.portfolio.count == 2 for report in reports)
        assert scenario.findings() == []


def test_a_row_that_a_portfolios_leaf_does_not_commit_to_is_found() -> None:
    with open_scenario("acme", "brook") as scenario:
        people = [monitored(scenario, "acme") for _ in range(2)]
        scenario.submit("acme", *(account(person, "card", MAY) for person in people))
        report = portfolio_of(scenario)[0]
        assert scenario.findings() == []
        where = f"WHERE inquiry_id = '{report.request_id}'"
        # The order of the reports; then one of them less.
        changes = (
            f"UPDATE inquiry SET inquiry_key = 1000000 - inquiry_key {where}",
            f"DELETE FROM inquiry {where} AND subject_id = '{report.subject_id}'",
        )
        for change in changes:
            with scenario.database() as database, database.transaction() as db:
                db.execute_raw(change)
            findings = " ".join(map(str, scenario.findings()))
            assert "its answer is not the one that was logged" in findings
