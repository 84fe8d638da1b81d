"""A bureau to be refused by: two lenders, an agent, a person; and what a refusal must say."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bureau.admin.bureau_folder import InitOptions
from bureau.store import queries as q
from bureau.testing import RunningBureau, running_bureau
from bureau_keys.envelope import pae, payload_type_of, seal
from bureau_keys.signing import SigningKey
from creditbureau.v1 import (
    codes_pb2,
    consent_pb2,
    consents_pb2,
    reporting_pb2,
    subjects_pb2,
)
from creditbureau.v1.envelope_pb2 import Envelope, Signature
from tests.service.raw import Answer, Person, Raw, attestation, snapshot

LENDER = ("furnisher", "subscriber", "attester")
FURNISH, INQUIRE = codes_pb2.ACTION_FURNISH, codes_pb2.ACTION_INQUIRE


@dataclass
class Scenario:
    """A bureau, two lenders, an agent, a person with consents to the first lender."""

    bureau: RunningBureau
    acme: Raw
    brook: Raw
    agent: Raw
    person: Person
    consent_id: str

    def size(self) -> int:
        with self.bureau.server.database.snapshot() as db:
            row = db.one(q.log_size)
            assert row is not None
            return int(row[0])

    def grant(self, envelope: Envelope) -> Answer:
        request = consents_pb2.GrantConsentRequest(consent=envelope)
        return self.agent.send("Consents/GrantConsent", request)

    def granted(self, grantee: str, action: int, **changes: Any) -> str:
        answer = self.grant(self.person.consent(grantee, action, **changes))
        assert answer.code == "OK", answer
        return str(answer.reply.consent.consent_id)

    def change(self, consent_id: str, transition: int) -> Answer:
        message = consent_pb2.ConsentChange(
            header=self.person.header(),
            consent_id=consent_id,
            transition=transition,  # type: ignore[arg-type]
        )
        request = consents_pb2.ChangeConsentRequest(change=seal(message, self.person.key))
        return self.agent.send("Consents/ChangeConsent", request)


@contextmanager
def open_scenario(database_url: str = "") -> Iterator[Scenario]:
    """A scenario of its own for each module."""
    with running_bureau(plan=InitOptions(database_url=database_url)) as bureau:
        acme = Raw(bureau.add_member("acme", LENDER, ["credit-application", "account-review"]))
        brook = Raw(bureau.add_member("brook", LENDER, ["credit-application"]))
        agent = Raw(bureau.add_member("agent", ["agent"]))
        origin = acme.profile.trust.origin
        person = Person(uuid.uuid4().hex, SigningKey.generate(), origin)
        request = subjects_pb2.AttestKeyRequest(attestation=attestation(acme, person))
        assert acme.send("Subjects/AttestKey", request).code == "OK"
        scenario = Scenario(bureau, acme, brook, agent, person, "")
        scenario.granted("acme", FURNISH)
        scenario.consent_id = scenario.granted("acme", INQUIRE)
        yield scenario


def refused(scenario: Scenario, answer: Answer, code: str, reason: str, field: str = "") -> None:
    assert (answer.code, answer.reason) == (code, reason), answer
    assert answer.fix
    assert uuid.UUID(answer.request_id)
    if field:
        assert field in answer.fields, answer
    good = scenario.acme.submit([snapshot(scenario.person.subject_id)])
    assert good.code == "OK", good


def inquiry_of(scenario: Scenario, **changes: Any) -> reporting_pb2.Inquiry:
    fields: dict[str, Any] = {
        "header": scenario.acme.header(),
        "subject_id": scenario.person.subject_id,
        "purpose": codes_pb2.PURPOSE_CREDIT_APPLICATION,
        "consent_id": scenario.consent_id,
    }
    return reporting_pb2.Inquiry(**(fields | changes))


def signed(key: SigningKey, message: Any, signature: bytes | None = None) -> Envelope:
    payload = message.SerializeToString(deterministic=True)
    kind = payload_type_of(message)
    return Envelope(
        payload=payload,
        payload_type=kind,
        signatures=[
            Signature(sig=signature or key.sign(pae(kind, payload)), keyid=key.verify_key.key_id)
        ],
    )


def ask(scenario: Scenario, envelope: Envelope) -> Answer:
    request = reporting_pb2.QueryReportRequest(inquiry=envelope)
    return scenario.acme.send("Reporting/QueryReport", request)
