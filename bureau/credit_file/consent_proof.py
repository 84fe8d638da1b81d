"""The proof of a consent: its signed statement, and how the signing key became the subject's."""

from __future__ import annotations

from collections.abc import Iterator

from bureau.credit_file.consent_state import HeldConsent
from bureau.signed_statement import statement_and_receipt
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.envelope import payload_type_of
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.members_pb2 import LoggedStatement
from creditbureau.v1.reporting_pb2 import ConsentProof
from creditbureau.v1.subjects_pb2 import KeyRotation

ROTATION = payload_type_of(KeyRotation)


def prove_consent(db: Connection, consent: HeldConsent) -> ConsentProof:
    """Read the proof of a consent."""
    signed = _statement(db, consent.entry_key)
    keys = list(_key_statements(db, consent.subject_id, signed.envelope))
    return ConsentProof(consent=signed, keys=reversed(keys))


def _key_statements(db: Connection, subject_id: str, signed: Envelope) -> Iterator[LoggedStatement]:
    """Yield the statements that bound a statement's key: rotations back to the attestation."""
    while True:
        entry_key = next(
            found[0]
            for signature in signed.signatures
            if (
                found := db.one(
                    q.entry_of_subject_key, key_id=signature.keyid, subject_id=subject_id
                )
            )
        )
        bound = _statement(db, entry_key)
        yield bound
        if bound.envelope.payload_type != ROTATION:
            return
        signed = bound.envelope


def _statement(db: Connection, entry_key: int) -> LoggedStatement:
    envelope, receipt = statement_and_receipt(db, entry_key)
    return LoggedStatement(envelope=envelope, receipt=receipt)
