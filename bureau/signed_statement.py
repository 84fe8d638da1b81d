"""Verify signed statements before a journey acts on them.

The checks run in the order of `verify_statement`, and the first that fails answers. The
key and the clock can change before the commit: `VerifiedStatement.recheck_key_and_time`
checks both again inside the writer's transaction, so every leaf of the log was signed with
a key that was in force at the leaf's index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from google.protobuf.message import Message

from bureau import field_rules, tracing
from bureau.calendar import DAY_US, MICROSECONDS, timestamp_of
from bureau.context import Caller
from bureau.errors import Refusal
from bureau.ledger import log
from bureau.ledger.log import LoggedEntry, LogProof, SignedStatement
from bureau.ledger.units import KeptKey, Transaction
from bureau.recent_calls import CarriedStatement, carried_statement
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.entry_kinds import StatementKind
from bureau_keys.envelope import OpenedEnvelope, open_envelope, pae, payload_type_of
from bureau_keys.errors import StatementError
from bureau_keys.signer_name import SignerName, member_id_of, subject_id_of
from bureau_keys.signing import SigningKey, VerifyKey
from creditbureau.v1.consents_pb2 import SubjectRequest
from creditbureau.v1.envelope_pb2 import Envelope, Header, Signature
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.members_pb2 import LoggedStatement
from creditbureau.v1.report_pb2 import Report

M = TypeVar("M", bound=Message)

# A statement from further ahead of the bureau's clock is refused with CLOCK_SKEW; one that
# is older than MAX_AGE_US with EXPIRED_REQUEST.
MAX_AHEAD_US = 60 * MICROSECONDS
MAX_AGE_US = 5 * 60 * MICROSECONDS
# Age of an accepted inquiry whose answer may be read again: longer than the longest stream, and
# than a run of many inquiries that is started again after a crash.
MAX_RESUME_US = DAY_US


@dataclass(frozen=True, slots=True)
class VerifiedStatement(Generic[M]):
    """A statement whose signature verified.

    Attributes:
        message: The payload.
        header: The payload's header.
        signed: The statement as the log will hold it.
        key_id: The key that signed it.
    """

    message: M
    header: Header
    signed: SignedStatement
    key_id: str

    @property
    def subject_id(self) -> str:
        """The subject that signed."""
        return subject_id_of(self.header.signer)

    def recheck_key_and_time(self, tx: Transaction) -> None:
        """Check inside the transaction what may have changed since.

        Raises:
            Refusal: BAD_SIGNATURE if the key is not in force;
                CLOCK_SKEW, EXPIRED_REQUEST.
        """
        if not self._is_key_kept(tx):
            raise not_in_force()
        check_fresh(self.header, tx.now_us)

    def key_in_force(self, db: Connection, now_us: int) -> bool:
        """Return True if the key that signed the statement is in force at a time."""
        if member_id := member_id_of(self.header.signer):
            return db.one(q.key_in_force, key_id=self.key_id, member_id=member_id) is not None
        subject = {"key_id": self.key_id, "subject_id": self.subject_id}
        return db.one(q.subject_key_in_force, **subject, now_us=now_us) is not None

    def _is_key_kept(self, tx: Transaction) -> bool:
        """Lock the key that signed the statement until the transaction ends, and return True if
        it is in force.
        """
        db, now_us = tx.db, tx.now_us
        if member_id := member_id_of(self.header.signer):
            own = KeptKey(member_id, self.key_id)
            if own in tx.kept_keys:
                return True
            if not db.one(q.keep_key_in_force, key_id=self.key_id, member_id=member_id):
                return False
            tx.kept_keys.add(own)
            return True
        subject = {"key_id": self.key_id, "subject_id": self.subject_id}
        key = db.one(q.keep_subject_key, **subject)
        if key is None:
            return False
        if key.to_entry is not None:
            # Another node may have ended the key while this one waited for it: in the log the
            # entry comes before this statement, whose batch began earlier.
            row = db.one(q.time_of_entry, entry_key=key.to_entry)
            now_us = max(now_us, row[0] if row else 0)
        return key.start_us <= now_us < key.end_us


def verify_statement(
    db: Connection,
    origin: str,
    envelope: Envelope,
    payload: type[M],
    *,
    kind: StatementKind,
    signer: SignerName | None,
) -> VerifiedStatement[M]:
    """Verify an envelope that a registered key of its signer must have signed.

    Args:
        origin: The log's origin, the audience of every statement.
        payload: The type of the message.
        kind: Kind of the log entry.
        signer: The required signer; None for any subject.

    Raises:
        Refusal: WRONG_PAYLOAD_TYPE, MALFORMED_MESSAGE, NON_CANONICAL,
            WRONG_AUDIENCE, SIGNER_MISMATCH, BAD_SIGNATURE, or a reason for a
            field of the payload.
    """
    try:
        opened = open_envelope(envelope, payload)
    except StatementError as error:
        raise Refusal(error.reason, str(error)) from error
    return verify_opened(db, origin, opened, kind=kind, signer=signer)


def verify_opened(
    db: Connection,
    origin: str,
    opened: OpenedEnvelope[M],
    *,
    kind: StatementKind,
    signer: SignerName | None,
    key: VerifyKey | None = None,
) -> VerifiedStatement[M]:
    """Verify an envelope that is parsed already, as `verify_statement` does.

    Args:
        key: The only key to verify with, where the statement brings its own key (a
            proof of possession); otherwise the signer's registered keys are used.
    """
    # 1. For this bureau, in the caller's own name.
    header: Header = opened.message.header  # type: ignore[attr-defined]
    if header.audience != origin:
        raise Refusal("WRONG_AUDIENCE", "the statement is signed for another audience")
    if signer is None and not subject_id_of(header.signer):
        raise Refusal("SIGNER_MISMATCH", "the statement must be a subject's own")
    if signer is not None and header.signer != signer:
        raise Refusal("SIGNER_MISMATCH", f"the statement must be signed by {signer}")
    # 2. Signed with a key of the signer's.
    with tracing.step("verify"):
        keys = {key.key_id: key} if key else _named_key(db, header, opened)
        try:
            signing_key = opened.verify(keys)
        except StatementError as error:
            raise Refusal(error.reason, str(error)) from error
    # 3. Every field keeps the contract's rules.
    field_rules.check(opened.message)
    if kind != "possession":
        purpose = getattr(opened.message, "purpose", 0)
        carried_statement.set(CarriedStatement(header.request_id, purpose))
    signed = SignedStatement(
        kind,
        SignerName(header.signer),
        header.request_id,
        opened.digest,
        opened.envelope.SerializeToString(deterministic=True),
    )
    return VerifiedStatement(opened.message, header, signed, signing_key.key_id)


def verify_key_possession(
    db: Connection,
    origin: str,
    envelope: Envelope,
    payload: type[M],
    *,
    signer: SignerName | None,
    field: str,
) -> tuple[VerifiedStatement[M], VerifyKey]:
    """Verify a proof of possession: a statement signed with the key in its field
    `public_key`.

    Raises:
        Refusal: All of `verify_statement`; WEAK_KEY under the path `field`.
    """
    try:
        opened = open_envelope(envelope, payload)
        key = VerifyKey.from_raw(opened.message.public_key)  # type: ignore[attr-defined]
    except StatementError as error:
        raise Refusal.of_field(error.reason, field, str(error)) from error
    return verify_opened(db, origin, opened, kind="possession", signer=signer, key=key), key


def verify_subject_request(
    db: Connection, origin: str, request: Envelope, method: str, now_us: int
) -> VerifiedStatement[SubjectRequest]:
    """Verify a subject's request to read, signed with their key in force.

    Args:
        method: The method that the request must be for: `Service/Method`.

    Raises:
        Refusal: All of `verify_request_of_any_key`; BAD_SIGNATURE if the key is not in force.
    """
    statement = verify_request_of_any_key(db, origin, request, method, now_us)
    if not statement.key_in_force(db, now_us):
        raise not_in_force()
    return statement


def verify_request_of_any_key(
    db: Connection, origin: str, request: Envelope, method: str, now_us: int
) -> VerifiedStatement[SubjectRequest]:
    """Verify a subject's request to read, signed with any key that was ever bound to them.

    Raises:
        Refusal: All of `verify_statement`; SIGNER_MISMATCH if it was signed
            for another method; CLOCK_SKEW, EXPIRED_REQUEST.
    """
    statement = verify_statement(
        db, origin, request, SubjectRequest, kind="subject-request", signer=None
    )
    check_fresh(statement.header, now_us)
    name = f"creditbureau.v1.{method}"
    if statement.message.method != name:
        raise Refusal.of_field("SIGNER_MISMATCH", "method", f"signed for another method: {name}")
    return statement


def not_in_force() -> Refusal:
    """Return the refusal of a statement whose key has ended or is still pending."""
    return Refusal("BAD_SIGNATURE", "the signing key is not in force")


def authenticated_reader(
    db: Connection,
    origin: str,
    caller: Caller,
    request: Envelope | None,
    method: str,
    now_us: int,
) -> SignerName:
    """Return the signer of a subject's request, or the calling member if there is none.

    Raises:
        Refusal: All of `verify_subject_request`.
    """
    if request is None:
        return caller.signer
    return verify_subject_request(db, origin, request, method, now_us).signed.signer


def check_fresh(header: Header, now_us: int) -> None:
    """Raise CLOCK_SKEW or EXPIRED_REQUEST unless a statement was issued lately."""
    issued_us = header.issue_time.ToMicroseconds()
    if issued_us > now_us + MAX_AHEAD_US:
        raise Refusal.of_field(
            "CLOCK_SKEW", "header.issue_time", "issued more than 60 s ahead of the bureau's clock"
        )
    if issued_us < now_us - MAX_AGE_US:
        raise Refusal.of_field(
            "EXPIRED_REQUEST", "header.issue_time", "issued more than 5 minutes ago"
        )


def check_fresh_or_accepted(db: Connection, opened: VerifiedStatement[M], now_us: int) -> None:
    """Check that a new inquiry was issued lately, or that an accepted one is at most a day old,
    so that its answer can be read again.

    Raises:
        Refusal: CLOCK_SKEW, EXPIRED_REQUEST.
    """
    try:
        check_fresh(opened.header, now_us)
    except Refusal:
        if not is_accepted(db, opened):
            raise
        if opened.header.issue_time.ToMicroseconds() < now_us - MAX_RESUME_US:
            message = "issued more than a day ago: sign a new inquiry"
            raise Refusal.of_field("EXPIRED_REQUEST", "header.issue_time", message) from None


def is_accepted(db: Connection, opened: VerifiedStatement[M]) -> bool:
    """Return True if a statement of this signer and request id is in the log."""
    signed = opened.signed
    entry = db.one(q.entry_of_request, signer=signed.signer, request_id=signed.request_id)
    return entry is not None


def _named_key(db: Connection, header: Header, opened: OpenedEnvelope[M]) -> dict[str, VerifyKey]:
    """Look up the signer's key that an envelope names.

    A subject's key counts between two times, so `recheck_key_and_time` and
    `verify_subject_request` decide whether it is in force. A retry of an accepted statement
    may be signed with a key that was replaced since, even by that statement.
    """
    if member_id := member_id_of(header.signer):
        named = {"key_id": opened.key_id, "member_id": member_id}
        row = db.one(q.key_in_force, **named)
        if row is None and _was_accepted(db, header, opened.digest):
            row = db.one(q.any_member_key, **named)
    elif not field_rules.check_all(header):
        return {}  # no database need be asked for a name that is none
    else:
        subject_id = subject_id_of(header.signer)
        row = db.one(q.subject_public_key, key_id=opened.key_id, subject_id=subject_id)
    return {opened.key_id: VerifyKey.from_raw(row[0])} if row else {}


def _was_accepted(db: Connection, header: Header, digest: bytes) -> bool:
    if not field_rules.check_all(header):
        return False  # and no database need be asked for an id that is none
    row = db.one(q.entry_of_request, signer=header.signer, request_id=header.request_id)
    return row is not None and LoggedEntry(*row).digest == digest


def statement_and_receipt(db: Connection, entry_key: int) -> tuple[Envelope, Receipt]:
    """Read an entry's statement and its receipt."""
    row = db.one(q.statement_by_key, entry_key=entry_key)
    assert row is not None, "an entry key in a row names an entry, and every entry its statement"
    return _with_receipt(db, row)


def committed_statement(signed: SignedStatement, proof: LogProof) -> LoggedStatement:
    """Return a statement that was committed this moment with its receipt, as one message."""
    return LoggedStatement(envelope=Envelope.FromString(signed.envelope), receipt=receipt_of(proof))


def logged_statement(db: Connection, entry_key: int) -> LoggedStatement:
    """Read an entry's statement with its receipt, as one message."""
    envelope, receipt = statement_and_receipt(db, entry_key)
    return LoggedStatement(envelope=envelope, receipt=receipt)


def logged_statements(db: Connection, entry_keys: Sequence[int]) -> dict[int, LoggedStatement]:
    """Read entries' statements with their receipts, by entry key, by one query."""
    statements = {}
    for row in db.all_in(q.statements_by_key, entry_keys):
        envelope, receipt = _with_receipt(db, row)
        statements[row[0]] = LoggedStatement(envelope=envelope, receipt=receipt)
    return statements


def key_statement(db: Connection, subject_id: str, key_id: str) -> LoggedStatement:
    """Read the statement that bound a key to a subject, with its receipt."""
    row = db.one(q.statement_of_subject_key, key_id=key_id, subject_id=subject_id)
    assert row is not None, "a key that signed an accepted statement has a row"
    envelope, receipt = _with_receipt(db, row)
    return LoggedStatement(envelope=envelope, receipt=receipt)


def _with_receipt(db: Connection, row: q.StatementColumns) -> tuple[Envelope, Receipt]:
    proof = log.proof_under(db, LoggedEntry(*row[:-3]), *row[-2:])
    return Envelope.FromString(row[-3]), receipt_of(proof)


def unerased_statement(db: Connection, entry_key: int) -> LoggedStatement:
    """Read an entry's statement with its receipt; without the statement if it was erased."""
    logged = logged_statement(db, entry_key)
    if not logged.envelope.payload:
        logged.ClearField("envelope")
    return logged


def sign_report(key: SigningKey, payload: bytes) -> Envelope:
    """Sign a report's bytes with the bureau's report key."""
    payload_type = payload_type_of(Report)
    with tracing.step("sign"):
        signature = key.sign(pae(payload_type, payload))
    return Envelope(
        payload=payload,
        payload_type=payload_type,
        signatures=[Signature(sig=signature, keyid=key.verify_key.key_id)],
    )


def receipt_of(proof: LogProof) -> Receipt:
    """Return the receipt of a proof."""
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
