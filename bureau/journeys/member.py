"""Use cases of membership: admission, changes, credentials, and lookup.

Each is a statement signed by the operator (a member may change its own
credentials), and a leaf of the log, so that whose key counted when can be proved.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, NamedTuple, TypeVar

from google.protobuf.message import Message

from bureau import field_rules, paging, signed_statement
from bureau.calendar import DAY_US, MICROSECONDS, timestamp_of
from bureau.codes import CodeSet
from bureau.context import Bureau, Caller
from bureau.credit_file.contributions import level_of
from bureau.errors import Refusal
from bureau.ledger import log
from bureau.ledger.log import LoggedEntry
from bureau.ledger.units import KeptKey, Transaction
from bureau.party_limits import PartyLimits
from bureau.signed_statement import VerifiedStatement
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.authority import fingerprint, identity_of, not_after
from bureau_keys.envelope import open_envelope
from bureau_keys.errors import KeysError
from bureau_keys.signer_name import member_signer
from bureau_keys.signing import VerifyKey
from creditbureau.v1 import codes_pb2, members_pb2
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.members_pb2 import (
    Admission,
    CredentialChange,
    KeyPossession,
    LoggedStatement,
    Member,
    MemberChange,
    MemberKey,
    MemberStateChange,
    Quota,
)

M = TypeVar("M", bound=Message)

# Statements of the longest page of a member's statements.
MAX_STATEMENTS = 500

# Member ids as the contract has them; a page token of the list of members is one.
MEMBER_ID = re.compile(r"[a-z][a-z0-9-]{0,62}")

# The quotas of a member, by the column `carried` of their rows.
QUOTAS: tuple[Literal["quota", "carried_quota"], ...] = ("quota", "carried_quota")


def admit_member(bureau: Bureau, caller: Caller, envelope: Envelope) -> tuple[Member, Receipt]:
    """Admit a member with its roles, purposes, certificates and keys.

    Raises:
        Refusal: All of `verify_statement`, for the admission and for each
            proof of possession in it; ALREADY_EXISTS, WEAK_KEY, BAD_TEXT,
            INVALID_FIELD (certificates).
    """
    caller.require_operator()
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db, bureau.origin, envelope, Admission, kind="admission", signer=caller.signer
        )
    return _admit(bureau, caller, opened)


def bootstrap_operator(bureau: Bureau, envelope: Envelope) -> tuple[Member, Receipt]:
    """Admit the operator as the first leaf of a new bureau's log.

    No member exists yet to sign it, so the admission is signed with the key that it registers.

    Raises:
        Refusal: All of `admit_member`; WRONG_STATE if the log has leaves.
    """
    with bureau.database.snapshot() as db:
        if log.size_of(db):
            raise Refusal("WRONG_STATE", "the log has leaves: the bureau has its operator")
        unverified = open_envelope(envelope, Admission)
        claimed = unverified.message
        if len(claimed.keys) != 1:
            raise Refusal.of_field("INVALID_FIELD", "keys", "the operator starts with one key")
        key = _open_key(db, bureau.origin, claimed.keys[0], claimed.member_id, "keys[0]")
        caller = Caller(
            claimed.member_id,
            CodeSet.of(claimed.roles),
            CodeSet.of(claimed.purposes),
            bureau.jurisdiction,
        )
        caller.require_operator()
        opened = signed_statement.verify_opened(
            db, bureau.origin, unverified, kind="admission", signer=caller.signer, key=key
        )
    return _admit(bureau, caller, opened, by_own_key=True)


def _admit(
    bureau: Bureau,
    caller: Caller,
    opened: VerifiedStatement[Admission],
    *,
    by_own_key: bool = False,
) -> tuple[Member, Receipt]:
    admission = opened.message
    # 1. Verify each key and certificate that it registers.
    with bureau.database.snapshot() as db:
        keys = [
            _open_key(db, bureau.origin, key, admission.member_id, f"keys[{position}]")
            for position, key in enumerate(admission.keys)
        ]
    _check_text(admission.display_name, "display_name")
    certificates = [
        _read_certificate(der, admission.member_id, f"certificates[{position}]")
        for position, der in enumerate(admission.certificates)
    ]

    # 2. One unit of work.
    def work(tx: Transaction) -> None:
        if not by_own_key:
            opened.recheck_key_and_time(tx)
        if tx.db.one(q.member_by_id, member_id=admission.member_id):
            raise Refusal.of_field("ALREADY_EXISTS", "member_id", "there is a member of this id")
        tx.db.execute(
            q.add_member,
            member_id=admission.member_id,
            display_name=admission.display_name,
            state=members_pb2.MEMBER_STATE_ACTIVE,
            roles=CodeSet.of(admission.roles),
            purposes=CodeSet.of(admission.purposes),
            jurisdiction=admission.jurisdiction,
            group_id=admission.group,
            directory_quota=admission.directory_quota,
            create_us=tx.now_us,
        )
        for key in keys:
            _add_key(tx, admission.member_id, key)
        for certificate in certificates:
            _add_certificate(tx, admission.member_id, certificate)

    return _commit(bureau, caller, opened, admission.member_id, work)


def change_member(bureau: Bureau, caller: Caller, envelope: Envelope) -> tuple[Member, Receipt]:
    """Change a member's name, roles, purposes, quotas or group.

    Raises:
        Refusal: All of `verify_statement`; NOT_FOUND, BAD_TEXT.
    """
    caller.require_operator()
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db, bureau.origin, envelope, MemberChange, kind="member-change", signer=caller.signer
        )
    change = opened.message
    _check_text(change.display_name, "display_name")

    def work(tx: Transaction) -> None:
        opened.recheck_key_and_time(tx)
        _require(tx, change.member_id)
        tx.db.execute(
            q.change_member,
            which=change.member_id,
            display_name=change.display_name,
            roles=CodeSet.of(change.roles),
            purposes=CodeSet.of(change.purposes),
            directory_quota=change.directory_quota,
            group_id=change.group,
        )
        tx.db.execute(q.drop_member_quotas, whose=change.member_id)
        for carried, name in enumerate(QUOTAS):
            if change.HasField(name):
                _add_quota(tx, change.member_id, carried, getattr(change, name))

    return _commit(bureau, caller, opened, change.member_id, work)


def set_member_state(bureau: Bureau, caller: Caller, envelope: Envelope) -> tuple[Member, Receipt]:
    """Suspend a member or end its suspension, effective from the next call on.

    Raises:
        Refusal: All of `verify_statement`; NOT_FOUND, WRONG_STATE.
    """
    caller.require_operator()
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db,
            bureau.origin,
            envelope,
            MemberStateChange,
            kind="member-state",
            signer=caller.signer,
        )
    change = opened.message
    if change.member_id == caller.member_id:
        raise Refusal.of_field("WRONG_STATE", "member_id", "the operator cannot suspend itself")

    def work(tx: Transaction) -> None:
        opened.recheck_key_and_time(tx)
        if _require(tx, change.member_id).state == change.state:
            raise Refusal("WRONG_STATE", "the member is in this state already")
        tx.db.execute(q.set_member_state, which=change.member_id, state=change.state)

    return _commit(bureau, caller, opened, change.member_id, work)


def change_credential(bureau: Bureau, caller: Caller, envelope: Envelope) -> tuple[Member, Receipt]:
    """Register or withdraw a signing key or a certificate.

    A statement signed before a withdrawal stays valid by its log index.

    Raises:
        Refusal: All of `verify_statement`; ROLE_REQUIRED, WEAK_KEY,
            NOT_FOUND, ALREADY_EXISTS, WRONG_STATE; LIMIT_REACHED, QUOTA_EXCEEDED for a member
            that is no operator.
    """
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db, bureau.origin, envelope, CredentialChange, kind="credential", signer=caller.signer
        )
        change = opened.message
        if change.member_id != caller.member_id:
            caller.require_operator()
        key = None
        if change.HasField("add_key"):
            key = _open_key(db, bureau.origin, change.add_key, change.member_id, "add_key")
    certificate = None
    if change.HasField("add_certificate"):
        certificate = _read_certificate(change.add_certificate, change.member_id, "add_certificate")

    def work(tx: Transaction) -> None:
        opened.recheck_key_and_time(tx)
        _require(tx, change.member_id)
        if (key or certificate) and not caller.is_operator:
            _check_credentials(tx, caller, bureau.limits)
        if key:
            _add_key(tx, change.member_id, key)
        elif certificate:
            _add_certificate(tx, change.member_id, certificate)
        elif change.HasField("withdraw_key"):
            if change.withdraw_key == opened.key_id:
                raise Refusal.of_field(
                    "WRONG_STATE", "withdraw_key", "a key cannot withdraw itself; use another"
                )
            tx.kept_keys.discard(KeptKey(change.member_id, change.withdraw_key))
            _require_touched(
                tx.db.count(
                    q.withdraw_member_key,
                    which=change.withdraw_key,
                    owner=change.member_id,
                    until=tx.entry_key,
                ),
                "withdraw_key",
            )
        else:
            _require_touched(
                tx.db.count(
                    q.withdraw_certificate,
                    which=change.withdraw_certificate,
                    owner=change.member_id,
                ),
                "withdraw_certificate",
            )

    return _commit(bureau, caller, opened, change.member_id, work)


def get_member(
    bureau: Bureau,
    caller: Caller,
    member_id: str,
    *,
    with_statements: bool = False,
    page_token: str = "",
) -> tuple[Member, str]:
    """Return a member, with a page of its statements if requested.

    Args:
        page_token: Token of a further page, which has the statements alone.

    Returns:
        The member, and the token of the next page; empty on the last page.

    Raises:
        Refusal: NOT_FOUND, BAD_PAGE_TOKEN.
    """
    after = paging.number_in(page_token, otherwise=-1)
    with bureau.database.snapshot() as db:
        row = db.one(q.member_by_id, member_id=member_id)
        if row is None:
            raise Refusal.of_field("NOT_FOUND", "member_id", "no member has this id")
        further = Member(member_id=member_id)
        member = further if page_token else _member_of(bureau, db, caller, StoredMember(*row))
        if not with_statements:
            return member, ""
        statements, token = _statements(db, member_id, after)
        member.statements.extend(statements)
        return member, token


def list_members(
    bureau: Bureau, caller: Caller, page_size: int, page_token: str
) -> tuple[list[Member], str]:
    """List members by page, in order of id."""
    if page_token and not MEMBER_ID.fullmatch(page_token):
        raise paging.bad_token()
    limit = page_size or paging.DEFAULT_SIZE
    with bureau.database.snapshot() as db:
        rows = db.all(q.members_after, after=page_token, limit=limit + 1)
        page, token = paging.cut(rows, limit, _id_of)
        members = ((row, _member_of(bureau, db, caller, StoredMember(*row))) for row in page)
        return paging.fit(members, token, _id_of)


def _id_of(row: q.MemberColumns) -> str:
    return row[0]


def _open_key(
    db: Connection, origin: str, envelope: Envelope, member_id: str, field: str
) -> VerifyKey:
    _, key = signed_statement.verify_key_possession(
        db, origin, envelope, KeyPossession, signer=member_signer(member_id), field=field
    )
    return key


def _read_certificate(der: bytes, member_id: str, field: str) -> tuple[str, int]:
    """Read a certificate's fingerprint and end (µs), and check that it names the member."""
    try:
        named = identity_of(der)
        ends_us = int(not_after(der).timestamp() * MICROSECONDS)
    except (KeysError, ValueError) as error:
        raise Refusal.of_field("INVALID_FIELD", field, f"no certificate: {error}") from error
    if named != member_id:
        raise Refusal.of_field("INVALID_FIELD", field, "the certificate names another member")
    return fingerprint(der), ends_us


def _commit(
    bureau: Bureau,
    caller: Caller,
    opened: VerifiedStatement[M],
    member_id: str,
    work: Callable[[Transaction], None],
) -> tuple[Member, Receipt]:
    def whole(tx: Transaction) -> None:
        tx.db.all(q.lock_operators, role=CodeSet.of([codes_pb2.ROLE_OPERATOR]))
        work(tx)
        tx.db.execute(q.add_member_statement, member_id=member_id, entry_key=tx.entry_key)
        able = tx.db.one(
            q.members_able,
            role=CodeSet.of([codes_pb2.ROLE_OPERATOR]),
            state=members_pb2.MEMBER_STATE_ACTIVE,
            now_us=tx.now_us,
        )
        if able == (0,):
            raise Refusal("WRONG_STATE", "it would leave the bureau without an operator")

    committed = bureau.ledger.commit(opened.signed, whole)
    member, _ = get_member(bureau, caller, member_id)
    return member, signed_statement.receipt_of(committed.proof)


def _add_key(tx: Transaction, member_id: str, key: VerifyKey) -> None:
    if tx.db.one(q.member_key_owner, key_id=key.key_id):
        raise Refusal("ALREADY_EXISTS", "the key is or was registered before")
    tx.db.execute(
        q.add_member_key,
        key_id=key.key_id,
        member_id=member_id,
        public_key=key.raw,
        from_entry=tx.entry_key,
        to_entry=None,
    )


def _check_credentials(tx: Transaction, caller: Caller, limits: PartyLimits) -> None:
    """Check that a member may add a key or a certificate itself.

    Withdrawals are free: each ends what an addition brought.

    Raises:
        Refusal: LIMIT_REACHED, QUOTA_EXCEEDED.
    """
    member_id, most = caller.member_id, limits.credentials
    if _count(tx.db.one(q.credential_count, member_id=member_id)) >= most:
        raise Refusal(
            "LIMIT_REACHED",
            f"at most {most} keys and certificates of one member: the operator adds more",
        )
    a_day = limits.credentials_a_day
    since_us = tx.now_us - DAY_US
    changes = tx.db.one(
        q.own_credential_changes, member_id=member_id, signer=caller.signer, since_us=since_us
    )
    if _count(changes) >= a_day:
        raise Refusal(
            "QUOTA_EXCEEDED",
            f"{a_day} changes of keys and certificates in 24 hours: a member adds no more itself",
        )


def _count(row: tuple[int] | None) -> int:
    return row[0] if row else 0


def _add_certificate(tx: Transaction, member_id: str, certificate: tuple[str, int]) -> None:
    name, ends_us = certificate
    if tx.db.one(q.certificate_owner, fingerprint=name):
        raise Refusal("ALREADY_EXISTS", "the certificate is or was registered before")
    tx.db.execute(
        q.add_certificate,
        fingerprint=name,
        member_id=member_id,
        not_after_us=ends_us,
        withdrawn=0,
    )


class StoredMember(NamedTuple):
    """The columns of a member, in the order of its table; code sets are masks."""

    member_id: str
    display_name: str
    state: int
    roles: int
    purposes: int
    jurisdiction: str
    group_id: str
    directory_quota: int
    create_us: int


def _add_quota(tx: Transaction, member_id: str, carried: int, quota: Quota) -> None:
    amounts = {field.name: getattr(quota, field.name) for field in Quota.DESCRIPTOR.fields}
    tx.db.execute(q.add_member_quota, member_id=member_id, carried=carried, **amounts)


def _require(tx: Transaction, member_id: str) -> StoredMember:
    row = tx.db.one(q.lock_member, member_id=member_id)
    if row is None:
        raise Refusal.of_field("NOT_FOUND", "member_id", "no member has this id")
    return StoredMember(*row)


def _require_touched(rows: int, field: str) -> None:
    if rows == 0:
        raise Refusal.of_field(
            "NOT_FOUND", field, "no active credential with this id is registered for the member"
        )


def _check_text(text: str, field: str) -> None:
    if field_rules.bad_text(text):
        raise Refusal.of_field("BAD_TEXT", field, "control or bidirectional characters")


def _member_of(bureau: Bureau, db: Connection, caller: Caller, stored: StoredMember) -> Member:
    member = Member(
        member_id=stored.member_id,
        display_name=stored.display_name,
        state=stored.state,  # type: ignore[arg-type]
        roles=CodeSet(stored.roles),  # type: ignore[arg-type]
        purposes=CodeSet(stored.purposes),  # type: ignore[arg-type]
        jurisdiction=stored.jurisdiction,
        group=stored.group_id,
        create_time=timestamp_of(stored.create_us),
        keys=[
            MemberKey(
                key_id=key.key_id,
                public_key=key.public_key,
                valid_from_index=key.from_index,
                valid_to_index=key.to_index,
            )
            for key in db.all(q.keys_of, member_id=stored.member_id)
        ],
    )
    if caller.is_operator or caller.member_id == member.member_id:
        member.directory_quota = stored.directory_quota
        for row in db.all_in(q.quotas_of_members, [member.member_id]):
            amounts = {field.name: getattr(row, field.name) for field in Quota.DESCRIPTOR.fields}
            getattr(member, QUOTAS[row.carried]).CopyFrom(Quota(**amounts))
        level = level_of(db, member.member_id, bureau.policy, bureau.clock.now_us())
        member.reciprocity = level  # type: ignore[assignment]
        certificates = db.all(q.certificates_of, member_id=member.member_id)
        member.certificate_fingerprints.extend(row[0] for row in certificates)
    return member


def _statements(db: Connection, member_id: str, after: int) -> tuple[list[LoggedStatement], str]:
    """Read a page of the statements that made a member.

    Args:
        after: Leaf index of the statement before the page.
    """
    rows = db.all(
        q.statements_of_member_after,
        member_id=member_id,
        after=after,
        limit=MAX_STATEMENTS + 1,
    )
    page, token = paging.cut(rows, MAX_STATEMENTS, _index_of)
    return paging.fit(((row, _logged(db, row)) for row in page), token, _index_of)


def _logged(db: Connection, row: q.EntryAndEnvelope) -> LoggedStatement:
    return LoggedStatement(
        envelope=Envelope.FromString(row[-1]),
        receipt=signed_statement.receipt_of(log.proof_of(db, LoggedEntry(*row[:-1]))),
    )


def _index_of(row: q.EntryAndEnvelope) -> int:
    return LoggedEntry(*row[:-1]).leaf_index
