"""What a report holds: the truth as of a log size, as far as the consent opens it."""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from bureau.testing import running_bureau
from bureau_keys.envelope import seal
from bureau_keys.signing import SigningKey
from creditbureau.v1 import (
    codes_pb2,
    consent_pb2,
    consents_pb2,
    record_pb2,
    report_pb2,
    reporting_pb2,
    subjects_pb2,
)
from creditbureau.v1.report_pb2 import Report
from tests.service.raw import Answer, Person, Raw, attestation, snapshot

LENDER = ("furnisher", "subscriber", "attester")
ORIGINAL = record_pb2.SUBMISSION_KIND_ORIGINAL
CORRECTION = record_pb2.SUBMISSION_KIND_CORRECTION
CARD, LOAN = codes_pb2.PORTFOLIO_TYPE_REVOLVING, codes_pb2.PORTFOLIO_TYPE_INSTALMENT


class Street:
    """A lender, an agent, and as many persons as a test wants."""

    def __init__(self, acme: Raw, agent: Raw) -> None:
        self.acme = acme
        self.agent = agent

    def person(self) -> Person:
        """Somebody whose key is bound, and who may be furnished."""
        origin = self.acme.profile.trust.origin
        person = Person(uuid.uuid4().hex, SigningKey.generate(), origin)
        request = subjects_pb2.AttestKeyRequest(attestation=attestation(self.acme, person))
        assert self.acme.send("Subjects/AttestKey", request).code == "OK"
        self.grant(person, codes_pb2.ACTION_FURNISH)
        return person

    def grant(self, person: Person, action: int = codes_pb2.ACTION_INQUIRE, **changes: Any) -> str:
        request = consents_pb2.GrantConsentRequest(
            consent=person.consent("acme", action, **changes)
        )
        answer = self.agent.send("Consents/GrantConsent", request)
        assert answer.code == "OK", answer
        return str(answer.reply.consent.consent_id)

    def revoke(self, person: Person, consent_id: str) -> Answer:
        change = consent_pb2.ConsentChange(
            header=person.header(),
            consent_id=consent_id,
            transition=consent_pb2.CONSENT_TRANSITION_REVOKE,
        )
        request = consents_pb2.ChangeConsentRequest(change=seal(change, person.key))
        return self.agent.send("Consents/ChangeConsent", request)

    def furnish(
        self, person: Person, *, account_ref: str, kind: int = ORIGINAL, **changes: Any
    ) -> None:
        """Reports one month of an account of the person's own."""
        own = f"{person.subject_id[:8]}-{account_ref}"
        record = snapshot(person.subject_id, account_ref=own, **changes)
        answer = self.acme.submit([record], kind=kind)
        assert answer.code == "OK", answer

    def report(self, person: Person, consent_id: str) -> Report:
        answer = self.acme.query(person.subject_id, consent_id)
        assert answer.code == "OK", answer
        return Report.FromString(answer.reply.report.payload)


@contextmanager
def open_street() -> Iterator[Street]:
    """A bureau of the block's own."""
    with running_bureau() as bureau:
        profile = bureau.add_member("acme", LENDER, ["credit-application"])
        yield Street(Raw(profile), Raw(bureau.add_member("agent", ["agent"])))


@pytest.fixture(scope="module")
def street() -> Iterator[Street]:
    with open_street() as street:
        yield street


DELIVERIES = [(ORIGINAL, 100), (CORRECTION, 200), (ORIGINAL, 300)]


@pytest.mark.parametrize("order", list(itertools.permutations(DELIVERIES)))
def test_a_correction_beats_originals_in_any_order(
    street: Street, order: tuple[tuple[int, int], ...]
) -> None:
    person = street.person()
    for kind, balance in order:
        street.furnish(person, kind=kind, account_ref="one", balance_minor=balance)
    report = street.report(person, street.grant(person))
    (line,) = report.tradelines
    assert line.balance_minor == 200
    assert list(line.history.balance_minor) == [200]


@pytest.mark.parametrize("kind", [ORIGINAL, CORRECTION])
def test_between_two_of_a_kind_the_later_wins(street: Street, kind: int) -> None:
    person = street.person()
    for balance in (100, 300, 200):
        street.furnish(person, kind=kind, account_ref="one", balance_minor=balance)
    assert street.report(person, street.grant(person)).tradelines[0].balance_minor == 200


def test_same_inputs_same_report(street: Street) -> None:
    person = street.person()
    street.furnish(person, account_ref="one", balance_minor=100)
    consent_id = street.grant(person)
    request = reporting_pb2.QueryReportRequest(
        inquiry=street.acme.inquiry(person.subject_id, consent_id)
    )
    first = street.acme.send("Reporting/QueryReport", request)
    # What comes after the log size that it was read at does not show in it.
    street.furnish(person, account_ref="one", balance_minor=900, kind=CORRECTION)
    street.furnish(person, account_ref="two", balance_minor=900)
    assert street.acme.query(person.subject_id, consent_id).code == "OK"
    again = street.acme.send("Reporting/QueryReport", request)
    assert first.code == again.code == "OK"
    assert first.reply == again.reply
    assert len(street.report(person, consent_id).tradelines) == 2


def test_a_scope_opens_what_it_names(street: Street) -> None:
    person = street.person()
    for month in range(202401, 202407):
        street.furnish(person, account_ref="card", month=month, portfolio_type=CARD)
    street.furnish(person, account_ref="loan", portfolio_type=LOAN)
    summary, tradelines, history = 1, 2, 3

    whole = street.report(person, street.grant(person))
    assert {line.portfolio_type for line in whole.tradelines} == {CARD, LOAN}
    assert [len(line.history.profile) for line in whole.tradelines] == [6, 1]
    assert not whole.omissions

    cards = street.report(person, street.grant(person, portfolio_types=[CARD], history_months=2))
    (line,) = cards.tradelines
    assert (line.portfolio_type, len(line.history.profile)) == (CARD, 2)
    assert cards.summary.tradeline_count == 1
    assert {omission.section for omission in cards.omissions} == {tradelines, history}

    figures = street.report(person, street.grant(person, sections=[summary]))
    assert figures.summary.tradeline_count == 2
    assert not figures.tradelines
    assert not figures.inquiries
    scope = report_pb2.OMISSION_REASON_CONSENT_SCOPE
    assert {omission.reason for omission in figures.omissions} == {scope}


def test_evidence_goes_no_further_than_the_sections(street: Street) -> None:
    person = street.person()
    for month in (202401, 202402, 202403):
        street.furnish(person, account_ref="card", month=month)
    evidence, tradelines, history = 6, 2, 3
    whole = reporting_pb2.EVIDENCE_LEVEL_ALL
    for sections, wanted in (
        ([evidence, tradelines, history], 3),
        ([evidence, tradelines], 1),
        ([evidence], 0),
        ([tradelines, history], 0),
    ):
        consent_id = street.grant(person, sections=sections)
        answer = street.acme.query(person.subject_id, consent_id, evidence=whole)
        assert len(answer.reply.evidence.evidence) == wanted, sections


def test_no_hit_is_an_answer(street: Street) -> None:
    person = street.person()
    report = street.report(person, street.grant(person))
    assert report.outcome == report_pb2.REPORT_OUTCOME_NO_HIT
    assert not report.tradelines


def test_who_left_the_account_leaves_the_file(street: Street) -> None:
    stays, leaves = street.person(), street.person()
    role = codes_pb2.PARTY_ROLE_JOINT
    both = [record_pb2.Party(subject_id=p.subject_id, role=role) for p in (stays, leaves)]
    street.furnish(stays, account_ref="joint", month=202401, parties=both)
    assert street.report(leaves, street.grant(leaves)).tradelines[0].party_count == 2
    street.furnish(stays, account_ref="joint", month=202402, parties=both[:1])
    consent_id = street.grant(leaves)
    answer = street.acme.query(
        leaves.subject_id, consent_id, evidence=reporting_pb2.EVIDENCE_LEVEL_ALL
    )
    assert (
        Report.FromString(answer.reply.report.payload).outcome == report_pb2.REPORT_OUTCOME_NO_HIT
    )
    assert not answer.reply.evidence.evidence


def test_uses_never_exceed_the_limit(street: Street) -> None:
    person = street.person()
    consent_id = street.grant(person, max_uses=5)
    with ThreadPoolExecutor(12) as pool:
        answers = list(
            pool.map(lambda _: street.acme.query(person.subject_id, consent_id), range(24))
        )
    reasons = [answer.reason for answer in answers]
    assert reasons.count("") == 5
    assert reasons.count("CONSENT_EXHAUSTED") == 19


def test_one_request_sent_at_once_has_one_effect(street: Street) -> None:
    person = street.person()
    consent_id = street.grant(person, max_uses=1)
    request = reporting_pb2.QueryReportRequest(
        inquiry=street.acme.inquiry(person.subject_id, consent_id)
    )
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: street.acme.send("Reporting/QueryReport", request), range(8))
        )
    assert {answer.code for answer in answers} == {"OK"}
    assert len({answer.reply.SerializeToString(deterministic=True) for answer in answers}) == 1


@pytest.fixture
def own_street() -> Iterator[Street]:
    with open_street() as street:
        yield street


def test_what_was_revoked_before_a_request_blocks_it(own_street: Street) -> None:
    # At most 190 misses, of the 200 that a member of a new bureau has.
    street = own_street
    for _ in range(10):
        person = street.person()
        consent_id = street.grant(person)
        acknowledged = threading.Event()
        late: list[str] = []

        def ask(person: Person = person, consent_id: str = consent_id) -> None:
            for _ in range(6):
                was_revoked = acknowledged.is_set()  # noqa: B023  (joined in this round)
                answer = street.acme.query(person.subject_id, consent_id)
                if was_revoked:
                    late.append(answer.reason)  # noqa: B023

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        assert street.revoke(person, consent_id).code == "OK"
        acknowledged.set()
        for thread in threads:
            thread.join()
        assert street.acme.query(person.subject_id, consent_id).reason == "CONSENT_REVOKED"
        assert set(late) <= {"CONSENT_REVOKED"}
