"""Erasures from the operator's command line: plan them, sign them, and put them into the log.

The statements take the same journey and the same log as any other, at the database itself:
nodes may serve meanwhile, and none needs to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from bureau.admin.admission_request import Signer
from bureau.admin.offline_credentials import offline_bureau
from bureau.clock import Clock
from bureau.codes import CodeSet
from bureau.config import Settings
from bureau.context import Bureau, Caller
from bureau.credit_file.erasable import has_words, newest_month, rest_of, written
from bureau.credit_file.history import people_of
from bureau.errors import Refusal
from bureau.journeys.erasure import erase
from bureau.journeys.member import StoredMember
from bureau.ledger.checked_database import open_database
from bureau.main import LOG_KEY
from bureau.store import queries as q
from bureau.store.database import Connection, Database
from bureau_keys.envelope import seal
from bureau_keys.keyring import Keyring
from bureau_keys.profile import Profile
from bureau_keys.signer_name import subject_signer
from bureau_keys.signing import SigningKey
from creditbureau.v1.erasure_pb2 import ErasedAccount, ErasedStatement, Erasure

T = TypeVar("T")

# Accounts and statements in one erasure: the largest payload holds them, and the writer is
# free for others after each.
ACCOUNTS, STATEMENTS = 50, 100
PAGE = 500
# Plans of one erasure: whatever is furnished meanwhile makes a plan out of date.
MAX_PLANS = 10


@dataclass(frozen=True, slots=True)
class Cause:
    """The reason of an erasure: a person, or the age of accounts.

    Attributes:
        subject_id: The person; empty for accounts that are too old.
        before_month: yyyymm, the first month whose accounts are kept; 0 for a person.
    """

    subject_id: str = ""
    before_month: int = 0


@dataclass(slots=True)
class Plan:
    """Everything that an erasure takes.

    Attributes:
        accounts: By furnisher.
        statements: The person's statements with words, and the answers to their disputes.
        kept: Accounts of the person that name others too; they stay.
    """

    accounts: dict[str, list[ErasedAccount]] = field(default_factory=dict)
    statements: list[ErasedStatement] = field(default_factory=list)
    kept: int = 0

    @property
    def is_empty(self) -> bool:
        """True if there is nothing to erase."""
        return not (self.accounts or self.statements)

    @property
    def account_count(self) -> int:
        """Number of accounts."""
        return sum(map(len, self.accounts.values()))


def plan_erasure(database: Database, cause: Cause) -> Plan:
    """List everything that an erasure takes, and erase nothing."""
    with database.snapshot() as db:
        return _of_person(db, cause.subject_id) if cause.subject_id else _of_age(db, cause)


def erase_all(settings: Settings, cause: Cause, clock: Clock) -> Plan:
    """Erase by the operator's signed statements; return what was erased.

    Raises:
        SchemaError, ForkedLogError: The database is not one to write to.
        Refusal: The operator's signing key is not in force, or the month is inside the
            retention period.
        StorageError: A reader of the SQLite file holds on to what was erased.
    """
    profile = Profile.load(settings.operator_folder)
    keyring = Keyring.open(settings.server_folder / "keyring", settings.passphrase())
    signer = Signer(
        profile.member_id, settings.origin, SigningKey.from_pem(profile.signing_key_pem)
    )
    database = open_database(settings, keyring.get(LOG_KEY).verify_key)
    erased = Plan()
    try:
        with offline_bureau(settings, keyring, database, clock) as bureau:
            caller = _caller(bureau, profile.member_id)
            for tried in range(1, MAX_PLANS + 1):
                try:
                    _erase(bureau, caller, signer, plan_erasure(database, cause), cause, erased)
                    break
                except Refusal as refused:
                    if refused.reason != "WRONG_STATE" or tried == MAX_PLANS:
                        raise
        database.drop_write_ahead_log()
    finally:
        database.dispose()
    return erased


def _caller(bureau: Bureau, member_id: str) -> Caller:
    """Return the member that signs, with the roles that it is admitted for."""
    with bureau.database.snapshot() as db:
        row = db.one(q.member_by_id, member_id=member_id)
    if row is None:
        raise Refusal("NOT_FOUND", f"the database has no member {member_id}")
    stored = StoredMember(*row)
    return Caller(
        stored.member_id, CodeSet(stored.roles), CodeSet(stored.purposes), stored.jurisdiction
    )


def _erase(
    bureau: Bureau, caller: Caller, signer: Signer, plan: Plan, cause: Cause, erased: Plan
) -> None:
    """Erase a plan, and note what was erased in `erased`."""
    erased.kept = plan.kept
    for erasure in _statements(plan, cause):
        erasure.header.CopyFrom(signer.header(bureau.clock.now_us()))
        erase(bureau, caller, seal(erasure, signer.key))
        if erasure.accounts:
            erased.accounts.setdefault(erasure.member_id, []).extend(erasure.accounts)
        erased.statements.extend(erasure.statements)


def _statements(plan: Plan, cause: Cause) -> Iterator[Erasure]:
    """Yield the statements of a plan: one furnisher in each, so that none reads of others."""
    for member_id, accounts in sorted(plan.accounts.items()):
        for some in _parts(accounts, ACCOUNTS):
            yield Erasure(
                member_id=member_id,
                subject_id=cause.subject_id,
                before_month=cause.before_month,
                accounts=some,
            )
    for pieces in _parts(plan.statements, STATEMENTS):
        yield Erasure(subject_id=cause.subject_id, statements=pieces)


def _parts(listed: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (listed[start : start + size] for start in range(0, len(listed), size))


def _of_person(db: Connection, subject_id: str) -> Plan:
    plan = Plan()
    for account in db.all(q.accounts_of_person, subject_id=subject_id):
        if people_of(account.people) == [subject_id]:
            _add(plan, account)
        else:
            plan.kept += 1
    rows = db.all(q.events_of_person, subject_id=subject_id)
    rows += db.all(q.consent_changes_of, signer=subject_signer(subject_id))
    rows += db.all(q.consent_requests_to, subject_id=subject_id)
    for row in rows:
        message = written(row.kind, row.envelope)
        if message is not None and has_words(message):
            plan.statements.append(
                ErasedStatement(leaf_index=row.leaf_index, rest=rest_of(message))
            )
    return plan


def _of_age(db: Connection, cause: Cause) -> Plan:
    plan, after = Plan(), 0
    while page := db.all(q.accounts_after, after=after, limit=PAGE):
        for account in page:
            if newest_month(account.history, account.trail) < cause.before_month:
                _add(plan, account)
        after = page[-1].tradeline_key
    return plan


def _add(plan: Plan, account: q.ErasableAccount) -> None:
    plan.accounts.setdefault(account.member_id, []).append(
        ErasedAccount(tradeline_id=account.tradeline_id, subject_ids=people_of(account.people))
    )
