"""The answer to a grant follows from the write: it is the consent as everybody reads it then."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration

from bureau_keys.envelope import seal
from bureau_keys.signing import SigningKey
from creditbureau.v1 import codes_pb2, consent_pb2, consents_pb2, subjects_pb2
from creditbureau.v1.consents_pb2 import GrantConsentResponse
from creditbureau.v1.envelope_pb2 import Envelope
from tests.service.raw import Person
from tests.service.raw_scenario import INQUIRE, Scenario, open_scenario

PAUSE = consent_pb2.CONSENT_TRANSITION_PAUSE


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    with open_scenario(database_url) as opened:
        yield opened


def granted(scenario: Scenario, envelope: Envelope) -> GrantConsentResponse:
    answer = scenario.grant(envelope)
    assert answer.code == "OK", answer
    assert isinstance(answer.reply, GrantConsentResponse)
    return answer.reply


def check_as_read(scenario: Scenario, answer: GrantConsentResponse) -> None:
    """The grantee reads what the subject's agent was answered."""
    request = consents_pb2.GetConsentRequest(consent_id=answer.consent.consent_id)
    read = scenario.acme.send("Consents/GetConsent", request)
    assert read.code == "OK", read
    assert answer.consent == read.reply.consent
    assert [*answer.keys] == [*read.reply.keys]
    assert answer.receipt == answer.consent.receipt


def rotated(scenario: Scenario, person: Person) -> Person:
    newer = SigningKey.generate()
    binding = subjects_pb2.KeyBinding(
        header=person.header(), subject_id=person.subject_id, public_key=newer.verify_key.raw
    )
    message = subjects_pb2.KeyRotation(header=person.header(), binding=seal(binding, newer))
    request = subjects_pb2.RotateKeyRequest(rotation=seal(message, person.key))
    assert scenario.agent.send("Subjects/RotateKey", request).code == "OK"
    return Person(person.subject_id, newer, person.origin)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"start": datetime.now(UTC) + timedelta(days=1)},
        {"max_uses": 1},
        {"actions": [INQUIRE, codes_pb2.ACTION_MONITOR]},
        {
            "mode": consent_pb2.CONSENT_MODE_STORE,
            "data_life": Duration(seconds=86_400 * 30),
        },
    ],
    ids=["plain", "not begun", "one use", "monitoring", "stored data"],
)
def test_the_answer_to_a_grant_is_the_consent_as_it_is_read(
    scenario: Scenario, changes: dict[str, Any]
) -> None:
    answer = granted(scenario, scenario.person.consent("acme", INQUIRE, **changes))
    assert answer.consent.state == (
        consent_pb2.CONSENT_STATE_PENDING
        if "start" in changes
        else consent_pb2.CONSENT_STATE_ACTIVE
    )
    check_as_read(scenario, answer)


def test_the_answer_has_every_key_back_to_the_attestation(scenario: Scenario) -> None:
    scenario.person = rotated(scenario, rotated(scenario, scenario.person))
    answer = granted(scenario, scenario.person.consent("acme", INQUIRE))
    assert len(answer.keys) == 3
    check_as_read(scenario, answer)


def test_the_answer_to_a_replacement_is_the_newer_consent(scenario: Scenario) -> None:
    first = granted(scenario, scenario.person.consent("acme", INQUIRE)).consent.consent_id
    newer = scenario.person.consent("acme", INQUIRE, replaces=first, arrangement_id=first)
    check_as_read(scenario, granted(scenario, newer))


def test_a_repeated_grant_is_answered_with_the_consent_as_it_has_become(
    scenario: Scenario,
) -> None:
    envelope = scenario.person.consent("acme", INQUIRE)
    first = granted(scenario, envelope)
    assert granted(scenario, envelope) == first
    assert scenario.change(first.consent.consent_id, PAUSE).code == "OK"
    again = granted(scenario, envelope)
    assert again.consent.state == consent_pb2.CONSENT_STATE_PAUSED
    assert again.receipt == first.receipt
    check_as_read(scenario, again)


def test_what_is_refused_keeps_no_other_grant_from_its_answer(scenario: Scenario) -> None:
    """Grants that come at the same time are committed together."""
    person = scenario.person
    good = [person.consent("acme", INQUIRE) for _ in range(4)]
    header = person.header()
    twice = [person.consent("acme", INQUIRE, header=header, max_uses=uses) for uses in (1, 2)]
    forged = person.consent("acme", INQUIRE)
    forged.signatures[0].sig = bytes(64)
    bad = person.consent("acme", INQUIRE, subject_id=uuid.uuid4().hex)
    stranger = person.consent("nobody", INQUIRE)
    sent = [good[0], forged, good[1], twice[0], bad, twice[1], good[2], stranger, good[0], good[3]]
    with ThreadPoolExecutor(len(sent)) as pool:
        answers = list(pool.map(scenario.grant, sent))
    for index in (0, 2, 6, 8, 9):
        assert answers[index].code == "OK", answers[index]
        check_as_read(scenario, answers[index].reply)
    assert answers[0].reply == answers[8].reply
    refusals = [answers[index].reason for index in (1, 4, 7)]
    assert refusals == ["BAD_SIGNATURE", "SIGNER_MISMATCH", "NOT_FOUND"]
    assert sorted(answers[index].reason for index in (3, 5)) == ["", "IDEMPOTENCY_CONFLICT"]
