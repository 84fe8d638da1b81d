"""The proof of a consent: the statements that granted and changed it, and how the signing keys
became the subject's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bureau.calendar import timestamp_of
from bureau.credit_file.consent_state import HeldConsent
from bureau.ledger import log
from bureau.ledger.log import LoggedEntry
from bureau.signed_statement import (
    key_statement,
    logged_statement,
    logged_statements,
    receipt_of,
)
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.consent_history import FINAL
from bureau_keys.deletion_checks import end_of_consent, last_change_us
from bureau_keys.envelope import payload_type_of
from bureau_keys.signer_name import subject_id_of
from creditbureau.v1.consent_pb2 import CONSENT_STATE_EXPIRED, ConsentState
from creditbureau.v1.consents_pb2 import ConsentView, ErasedChange, ListConsentsResponse
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.members_pb2 import LoggedStatement
from creditbureau.v1.reporting_pb2 import ConsentProof
from creditbureau.v1.subjects_pb2 import KeyRepudiation, KeyRotation

ROTATION, REPUDIATION = payload_type_of(KeyRotation), payload_type_of(KeyRepudiation)


class KeyProofs:
    """The statements that bound keys to subjects, each read once."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._read: set[tuple[str, str]] = set()

    def of(self, subject_id: str, key_ids: Iterable[str]) -> list[LoggedStatement]:
        """Read the statements that bound keys: rotations back to the attestation.

        Returns:
            Those that were not read before, in order of the log.
        """
        statements: list[LoggedStatement] = []
        for key_id in key_ids:
            statements += self._chain(subject_id, key_id)
        return in_log_order(statements)

    def _chain(self, subject_id: str, key_id: str) -> Iterator[LoggedStatement]:
        while (subject_id, key_id) not in self._read:
            self._read.add((subject_id, key_id))
            statement = key_statement(self._db, subject_id, key_id)
            yield statement
            if statement.envelope.payload_type != ROTATION:
                return
            key_id = statement.envelope.signatures[0].keyid


def prove_consent(db: Connection, consent: HeldConsent) -> ConsentProof:
    """Read the proof of a consent."""
    return prove_consents(db, [consent])[consent.consent_id]


def prove_consents(db: Connection, consents: Sequence[HeldConsent]) -> dict[str, ConsentProof]:
    """Read the proofs of consents by consent id, their statements by one query."""
    statements = logged_statements(db, [consent.entry_key for consent in consents])
    proofs = {}
    for consent in consents:
        signed = statements[consent.entry_key]
        keys = KeyProofs(db).of(consent.subject_id, [signed.envelope.signatures[0].keyid])
        proofs[consent.consent_id] = ConsentProof(consent=signed, keys=keys)
    return proofs


def show_consent(
    db: Connection, consent: HeldConsent, keys: KeyProofs, now_us: int
) -> ListConsentsResponse:
    """Read a consent as its subject and its grantee see it, with the keys not read before."""
    signed = logged_statement(db, consent.entry_key)
    view = show_grant(consent, signed, now_us)
    for row in db.all(q.changes_of_consent, consent_id=consent.consent_id):
        entry, envelope, transition = LoggedEntry(*row[:-2]), row[-2], row[-1]
        if envelope:
            receipt = receipt_of(log.proof_of(db, entry))
            view.changes.add(envelope=Envelope.FromString(envelope), receipt=receipt)
        else:
            view.erased_changes.append(
                ErasedChange(
                    leaf_index=entry.leaf_index,
                    log_time=timestamp_of(entry.time_us),
                    transition=transition,  # type: ignore[arg-type]
                )
            )
    if changed_us := last_change_us(view):
        view.state = _state_at(consent, changed_us, now_us)
    _add_deletion(db, consent, view)
    key_ids = _key_ids(consent.subject_id, signed, view.changes)
    return ListConsentsResponse(consents=[view], keys=keys.of(consent.subject_id, key_ids))


def show_grant(consent: HeldConsent, signed: LoggedStatement, now_us: int) -> ConsentView:
    """Return a consent as its subject and its grantee see it where nothing has changed it: without
    changes, its state as of the grant.

    Args:
        signed: The statement that granted it.
    """
    return ConsentView(
        consent_id=consent.consent_id,
        consent=signed.envelope,
        receipt=signed.receipt,
        use_count=consent.use_count,
        state=_state_at(consent, signed.receipt.log_time.ToMicroseconds(), now_us),
    )


def _state_at(consent: HeldConsent, changed_us: int, now_us: int) -> ConsentState.ValueType:
    """Return the state at a time, as everybody else judges it who reads the log.

    Args:
        changed_us: Time of the last change's entry; of the grant's without one.
    """
    return consent._replace(update_us=changed_us).state_at(now_us)  # type: ignore[return-value]


def _add_deletion(db: Connection, consent: HeldConsent, view: ConsentView) -> None:
    """Add the time by which the grantee must delete what it received, and its confirmation."""
    row = db.one(q.deletion_of_consent, consent_id=consent.consent_id)
    life_us, confirmed = row or (0, None)
    if not life_us:
        return
    is_final = consent.state in FINAL
    end_us = end_of_consent(consent.expire_us, last_change_us(view) if is_final else None)
    if consent.use_count and (is_final or view.state == CONSENT_STATE_EXPIRED):
        view.delete_by_time.CopyFrom(timestamp_of(end_us + life_us))
    if confirmed is not None:
        view.deletion.CopyFrom(logged_statement(db, confirmed))


def in_log_order(statements: Iterable[LoggedStatement]) -> list[LoggedStatement]:
    """Return statements in order of the log."""
    return sorted(statements, key=lambda logged: logged.receipt.leaf_index)


def _key_ids(
    subject_id: str, consent: LoggedStatement, changes: Iterable[LoggedStatement]
) -> Iterator[str]:
    """Yield the subject's keys that signed a consent and its changes, or were repudiated."""
    yield consent.envelope.signatures[0].keyid
    for logged in changes:
        if logged.envelope.payload_type == REPUDIATION:
            repudiation = KeyRepudiation.FromString(logged.envelope.payload)
            yield repudiation.key_id
            if subject_id_of(repudiation.header.signer) != subject_id:
                continue
        yield logged.envelope.signatures[0].keyid
