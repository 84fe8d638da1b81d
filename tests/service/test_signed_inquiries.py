"""Lists of inquiries: who asked is what a member signed, whatever the bureau answers.

Each lie goes to the person's wallet and to the member's own list, synchronous and
asynchronous.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bureau_client import (
    BureauError,
    InquiryOutcome,
    Lender,
    Purpose,
    VerificationFailed,
    Wallet,
)
from bureau_keys.denial import denial_digest
from bureau_keys.envelope import digest, seal
from creditbureau.v1 import codes_pb2, report_pb2
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.members_pb2 import LoggedStatement
from creditbureau.v1.reporting_pb2 import Inquiry, PortfolioInquiry, Replay, ReplayReportRequest
from tests.service.client_calls import client_of
from tests.service.liar import answers, deceive
from tests.service.raw import Raw
from tests.service.scenario import Scenario, account, open_scenario
from tests.service.watching import MAY, monitor

# Outcomes of the four inquiries about the person, newest first.
SHOWN = [
    InquiryOutcome.DENIED,
    InquiryOutcome.REPLAYED,
    InquiryOutcome.REPORTED,
    InquiryOutcome.REPORTED,
]
Lie = Callable[[Any], object]


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario() as opened:
        yield opened


@pytest.fixture(scope="module")
def person(scenario: Scenario) -> Wallet:
    """A person about whom acme asked, asked again, had replayed, and was denied."""
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    monitor(person, "acme")
    consent_id = scenario.inquiring(person, "acme")
    lender = scenario.lenders["acme"]
    assert list(lender.portfolio(Purpose.ACCOUNT_REVIEW))
    report = lender.query(
        person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent_id
    )
    lender.replay(report.request_id, report.subject_id)
    person.pause(consent_id)
    with pytest.raises(BureauError):
        lender.query(person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent_id)
    return person


def another_member(reply: Any) -> None:
    for line in reply.inquiries:
        line.member_id = "brook"


def no_statement(reply: Any) -> None:
    for line in reply.inquiries:
        line.statement = 0


def beyond_the_statements(reply: Any) -> None:
    reply.inquiries[0].statement = len(reply.statements) + 1


def statement_of_another(reply: Any) -> None:
    reply.inquiries[0].statement, reply.inquiries[1].statement = (
        reply.inquiries[1].statement,
        reply.inquiries[0].statement,
    )


def other_reason(reply: Any) -> None:
    reply.inquiries[0].denial_reason = "HOLD"


def no_denial(reply: Any) -> None:
    reply.inquiries[0].outcome = report_pb2.INQUIRY_OUTCOME_REPORTED
    reply.inquiries[0].denial_reason = ""


def denied_after_all(reply: Any) -> None:
    reply.inquiries[2].outcome = report_pb2.INQUIRY_OUTCOME_DENIED
    reply.inquiries[2].denial_reason = "HOLD"


def other_purpose(reply: Any) -> None:
    reply.inquiries[2].purpose = codes_pb2.PURPOSE_COLLECTION


def other_consent(reply: Any) -> None:
    reply.inquiries[2].consent_id = "00000000-0000-4000-8000-000000000000"


def other_time(reply: Any) -> None:
    reply.inquiries[2].create_time.seconds -= 86_400


def other_leaf(reply: Any) -> None:
    reply.inquiries[2].leaf_index += 1


def one_twice(reply: Any) -> None:
    reply.inquiries.add().CopyFrom(reply.inquiries[-1])


def unsigned(reply: Any) -> None:
    signature = reply.statements[0].envelope.signatures[0]
    signature.sig = bytes(64)


def unlogged(reply: Any) -> None:
    reply.statements[0].receipt.leaf_index += 1


def hidden_statement(reply: Any) -> None:
    """Only the inquiry for a portfolio may come without its envelope."""
    reply.statements[0].ClearField("envelope")


def portfolio_without_digest(reply: Any) -> None:
    """Show the inquiry for a portfolio by its receipt alone."""
    reply.statements[-1].ClearField("envelope")


def portfolio_of_no_log(reply: Any) -> None:
    """Invent an inquiry for a portfolio, with a true checkpoint."""
    logged = LoggedStatement(digest=bytes(32), receipt=reply.statements[-1].receipt)
    logged.receipt.salt = bytes(32)
    reply.statements[-1].CopyFrom(logged)


def portfolio_of_another_kind(reply: Any) -> None:
    """Show the digest of an inquiry as that of a portfolio."""
    logged = reply.statements[2]
    logged.digest = digest(logged.envelope)
    logged.ClearField("envelope")


def portfolio_denied(reply: Any) -> None:
    reply.inquiries[-1].outcome = report_pb2.INQUIRY_OUTCOME_DENIED
    reply.inquiries[-1].denial_reason = "HOLD"


LIES: tuple[Lie, ...] = (
    portfolio_without_digest,
    portfolio_of_no_log,
    portfolio_of_another_kind,
    portfolio_denied,
    another_member,
    no_statement,
    beyond_the_statements,
    statement_of_another,
    other_reason,
    no_denial,
    denied_after_all,
    other_purpose,
    other_consent,
    other_time,
    other_leaf,
    one_twice,
    unsigned,
    unlogged,
    hidden_statement,
)


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
@pytest.mark.parametrize("kind", ["wallet", "lender"])
def test_no_list_that_lies_is_believed(
    scenario: Scenario, person: Wallet, lie: Lie, kind: str
) -> None:
    def tell(_: str, reply: Any) -> None:
        if hasattr(reply, "inquiries"):
            lie(reply)

    client = client_of(kind, scenario, person, 0, is_async=False)
    deceive(client, tell)
    with pytest.raises(VerificationFailed):
        client.inquiries()
    client.close()

    async def read() -> None:
        other = client_of(kind, scenario, person, 0, is_async=True)
        deceive(other, tell)
        with pytest.raises(VerificationFailed):
            await other.inquiries()
        await other.close()

    asyncio.run(read())


def test_each_line_comes_with_what_was_signed(scenario: Scenario, person: Wallet) -> None:
    for lines in (person.inquiries(), scenario.lenders["acme"].inquiries(person.subject_id)):
        assert [line.outcome for line in lines] == SHOWN
        # The inquiry for the portfolio names no customer.
        assert [line.proved for line in lines] == [True, True, True, False]
        payloads = [Envelope.FromString(line.statement).payload for line in lines]
        denied, asked = Inquiry.FromString(payloads[0]), Inquiry.FromString(payloads[2])
        assert denied.subject_id == asked.subject_id == person.subject_id
        assert Replay.FromString(payloads[1]).inquiry_id == asked.header.request_id
        assert PortfolioInquiry.FromString(payloads[3]).header.signer == "members/acme"
        receipts = [line.receipt for line in lines]
        assert [receipt.kind for receipt in receipts if receipt] == [
            "inquiry-denial",
            "replay",
            "inquiry",
            "portfolio-inquiry",
        ]
        assert receipts[0] is not None
        assert receipts[0].answer_digest == denial_digest("CONSENT_PAUSED")
    with client_of("auditor", scenario, person, 0, is_async=False) as auditor:
        for line in person.inquiries():
            assert line.receipt is not None
            auditor.verify_receipt(line.receipt, line.statement)


def test_nobody_reads_who_the_other_customers_are(scenario: Scenario) -> None:
    people = [scenario.person() for _ in range(2)]
    for person in people:
        scenario.submit("acme", account(person, "card", MAY))
        monitor(person, "acme")
    lender: Lender = scenario.lenders["acme"]
    named = [person.subject_id for person in people]
    assert len(list(lender.portfolio(Purpose.ACCOUNT_REVIEW, named))) == 2
    for person in people:
        (line,) = person.inquiries()
        assert (line.member_id, line.statement, line.proved) == ("acme", b"", False)
        assert line.receipt is not None
    own = [line for line in lender.inquiries() if line.subject_id in named]
    assert len({line.statement for line in own}) == 1
    assert all(line.statement and line.proved for line in own)


def test_a_portfolio_that_names_one_customer_is_proved_to_them(scenario: Scenario) -> None:
    person = scenario.person()
    scenario.submit("acme", account(person, "card", MAY))
    monitor(person, "acme")
    assert list(scenario.lenders["acme"].portfolio(Purpose.ACCOUNT_REVIEW, [person.subject_id]))
    (line,) = person.inquiries()
    assert line.proved


@pytest.mark.parametrize("kind", ["inquiry-denial", "replay", "inquiry", "portfolio-inquiry"])
def test_what_was_asked_about_one_person_is_shown_to_no_other(
    scenario: Scenario, person: Wallet, kind: str
) -> None:
    """Only the inquiry for a portfolio names no one: it is shown, and not as proved."""
    true: list[Any] = []
    deceive(person, lambda _, reply: true.append(reply))
    person.inquiries()
    deceive(person, lambda *_: None)
    other = scenario.person()

    def move(_: str, reply: Any) -> None:
        if hasattr(reply, "inquiries"):
            reply.CopyFrom(true[0])
            kept = [
                line
                for line in reply.inquiries
                if reply.statements[line.statement - 1].receipt.kind == kind
            ]
            del reply.inquiries[:]
            reply.inquiries.extend(kept)

    for shown in answers(scenario, "wallet", other, lambda client: client.inquiries(), move):
        if kind == "portfolio-inquiry":
            assert [line.proved for line in shown] == [False]
        else:
            assert isinstance(shown, VerificationFailed)


def test_a_replay_names_its_subject(scenario: Scenario, person: Wallet) -> None:
    report = scenario.report(scenario.person(), "acme")
    raw = Raw(scenario.profiles["acme"])
    unnamed = Replay(header=raw.header(), inquiry_id=report.request_id)
    replay = ReplayReportRequest(replay=seal(unnamed, raw.key))
    assert raw.send("Reporting/ReplayReport", replay).reason == "INVALID_FIELD"
