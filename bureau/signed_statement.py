"""Signed statements: what a journey does before it believes one.

Checks run in the order of the list in `verify_statement`; the first that fails
answers. What can change between here and the commit (the key, the clock) is
checked again by `VerifiedStatement.admit` inside the writer's transaction, so that every
leaf of the log was signed with a key that was in force at its index.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from google.protobuf.message import Message

from bureau import field_rules
from bureau.calendar import MICROSECONDS, timestamp_of
from bureau.context import Bureau, Caller
from bureau.errors import Refusal
from bureau.ledger import log
from bureau.ledger.commit_queue import Transaction
from bureau.ledger.log import LoggedEntry, LogProof, SignedStatement
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.envelope import digest, pae, payload_type_of, peek, verify_signature
from bureau_keys.errors import StatementError
from bureau_keys.signing import VerifyKey
from creditbureau.v1.consents_pb2 import SubjectRequest
from creditbureau.v1.envelope_pb2 import Envelope, Header, Signature
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.report_pb2 import Report

M = TypeVar("M", bound=Message)

MAX_AHEAD_US = 60 * MICROSECONDS
MAX_AGE_US = 5 * 60 * MICROSECONDS


@dataclass(frozen=True, slots=True)
class VerifiedStatement(Generic[M]):
    """A statement whose signature verified.

    Attributes:
        message: The payload.
        header: Its header.
        signed: What the log will hold.
        key_id: The key that signed it.
    """

    message: M
    header: Header
    signed: SignedStatement
    key_id: str

    def recheck_key_and_time(self, tx: Transaction) -> None:
        """Checks inside the transaction what may have changed since.

        Raises:
            Refusal: BAD_SIGNATURE if the key was withdrawn meanwhile;
                CLOCK_SKEW, EXPIRED_REQUEST.
        """
        if key_of(tx.db, self.header.signer, self.key_id, keep=True) is None:
            raise Refusal("BAD_SIGNATURE", "the signing key is not in force")
        check_fresh(self.header, tx.now_us)


def verify_statement(
    bureau: Bureau,
    db: Connection,
    envelope: Envelope,
    payload: type[M],
    *,
    kind: str,
    signer: str | None,
    key: VerifyKey | None = None,
) -> VerifiedStatement[M]:
    """Verifies a signed envelope.

    Args:
        payload: The message that it must hold.
        kind: Kind of the log entry that it will become.
        signer: Who must have signed: `members/…`; None for any subject.
        key: The key to verify with, where the statement brings its own (a proof
            of possession); else the signer's registered keys count.

    Raises:
        Refusal: WRONG_PAYLOAD_TYPE, MALFORMED_MESSAGE, NON_CANONICAL,
            WRONG_AUDIENCE, SIGNER_MISMATCH, BAD_SIGNATURE, or a reason for a
            field of the payload.
    """
    try:
        # 1. The bytes are this message, canonically encoded.
        message = peek(envelope, payload)
        header: Header = message.header  # type: ignore[attr-defined]
        # 2. For this bureau, in the caller's own name.
        if header.audience != bureau.origin:
            raise Refusal("WRONG_AUDIENCE", "the statement is signed for another audience")
        if signer is None and not header.signer.startswith("subjects/"):
            raise Refusal("SIGNER_MISMATCH", "the statement must be a subject's own")
        if signer is not None and header.signer != signer:
            raise Refusal("SIGNER_MISMATCH", f"the statement must be signed by {signer}")
        # 3. Signed with a key that is in force.
        keys = {key.key_id: key} if key else _keys_named(db, header, envelope)
        verified = verify_signature(envelope, keys)
    except StatementError as error:
        raise Refusal(error.reason, str(error)) from error
    # 4. Every field keeps the contract's rules.
    field_rules.check(message)
    name = header.request_id.lower()
    signed = SignedStatement(
        kind, header.signer, name, digest(envelope), envelope.SerializeToString(deterministic=True)
    )
    return VerifiedStatement(message, header, signed, verified.key_id)


def verify_key_possession(
    bureau: Bureau,
    db: Connection,
    envelope: Envelope,
    payload: type[M],
    *,
    signer: str | None,
    field: str,
) -> tuple[VerifiedStatement[M], VerifyKey]:
    """Verifies a proof of possession: a statement signed with the very key that
    its field `public_key` names.

    Raises:
        Refusal: What `verify_statement` raises; WEAK_KEY under the path `field`.
    """
    try:
        raw: bytes = peek(envelope, payload).public_key  # type: ignore[attr-defined]
        key = VerifyKey.from_raw(raw)
    except StatementError as error:
        raise Refusal.of_field(error.reason, field, str(error)) from error
    opened = verify_statement(
        bureau, db, envelope, payload, kind="possession", signer=signer, key=key
    )
    return opened, key


def open_subject_request(bureau: Bureau, db: Connection, request: Envelope, method: str) -> str:
    """Verifies a subject's signed request to read; returns the subject id.

    Raises:
        Refusal: What `verify_statement` raises; SIGNER_MISMATCH if it was signed
            for another method; CLOCK_SKEW, EXPIRED_REQUEST.
    """
    opened = verify_statement(
        bureau, db, request, SubjectRequest, kind="subject-request", signer=None
    )
    check_fresh(opened.header, bureau.clock.now_us())
    if opened.message.method != method:
        raise Refusal.of_field("SIGNER_MISMATCH", "method", f"signed for another method: {method}")
    return opened.header.signer.removeprefix("subjects/")


def authenticated_reader(
    bureau: Bureau, db: Connection, caller: Caller, request: Envelope | None, method: str
) -> str:
    """Who reads: the subject that signed the request, or else the member.

    Raises:
        Refusal: What `open_subject_request` raises.
    """
    if request is None:
        return caller.signer
    name = f"creditbureau.v1.{method}"
    return f"subjects/{open_subject_request(bureau, db, request, name)}"


def check_fresh(header: Header, now_us: int) -> None:
    """Raises CLOCK_SKEW or EXPIRED_REQUEST for a statement out of its time."""
    issued_us = header.issue_time.ToMicroseconds()
    if issued_us > now_us + MAX_AHEAD_US:
        raise Refusal.of_field(
            "CLOCK_SKEW", "header.issue_time", "issued more than 60 s ahead of the bureau's clock"
        )
    if issued_us < now_us - MAX_AGE_US:
        raise Refusal.of_field(
            "EXPIRED_REQUEST", "header.issue_time", "issued more than 5 minutes ago"
        )


def key_of(
    db: Connection, signer: str, key_id: str, *, retired: bool = False, keep: bool = False
) -> VerifyKey | None:
    """A signer's key in force, or None.

    Args:
        retired: Whether one that was in force once will do.
        keep: Whether it is to stay in force until the transaction has ended.
    """
    kind, _, name = signer.partition("/")
    if kind == "members":
        in_force = q.keep_key_in_force if keep else q.key_in_force
        which = q.any_member_key if retired else in_force
        row = db.one(which, key_id=key_id, member_id=name)
    else:
        in_force = q.keep_subject_key_in_force if keep else q.subject_key_in_force
        which = q.any_subject_key if retired else in_force
        row = db.one(which, key_id=key_id, subject_id=name)
    return VerifyKey.from_raw(row[0]) if row else None


def _keys_named(db: Connection, header: Header, envelope: Envelope) -> dict[str, VerifyKey]:
    """The signer's keys that an envelope names. A retry of what was accepted may be
    signed with a key that has been replaced since: by that very statement, even.
    """
    names = [signature.keyid for signature in envelope.signatures]
    found = {name: key for name in names if (key := key_of(db, header.signer, name))}
    if not found and _was_accepted(db, header, envelope):
        for name in names:
            if key := key_of(db, header.signer, name, retired=True):
                found[name] = key
    return found


def _was_accepted(db: Connection, header: Header, envelope: Envelope) -> bool:
    row = db.one(q.entry_of_request, signer=header.signer, request_id=header.request_id.lower())
    return row is not None and LoggedEntry(*row).digest == digest(envelope)


def statement_and_receipt(db: Connection, entry_key: int) -> tuple[Envelope, Receipt]:
    """An entry's statement and its receipt, as they were."""
    row = db.one(q.entry_by_key, entry_key=entry_key)
    envelope = db.one(q.envelope_of, entry_key=entry_key)
    assert row is not None, "an entry key in a row names an entry"
    assert envelope is not None, "every entry has its statement"
    return Envelope.FromString(envelope[0]), receipt_of(log.proof_of(db, LoggedEntry(*row)))


def sign_report(bureau: Bureau, payload: bytes) -> Envelope:
    """A report's bytes under the bureau's signature."""
    payload_type = payload_type_of(Report)
    signature = bureau.report_key.sign(pae(payload_type, payload))
    return Envelope(
        payload=payload,
        payload_type=payload_type,
        signatures=[Signature(sig=signature, keyid=bureau.report_key.verify_key.key_id)],
    )


def receipt_of(proof: LogProof) -> Receipt:
    """The receipt that a reply carries."""
    entry = proof.entry
    return Receipt(
        leaf_index=entry.leaf_index,
        proof=proof.proof,
        checkpoint=proof.checkpoint,
        salt=entry.salt,
        kind=entry.kind,
        answer_digest=entry.answer_digest,
        log_time=timestamp_of(entry.time_us),
    )
