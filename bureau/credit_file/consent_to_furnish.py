"""Require the consents to furnish that the records of a batch need.

Everybody on an account lets the member furnish it, by a consent that is in force and covers the
kind of facility. Deletions need none, nor do the records on an account on file that the policy
names (`corrections.py`): each is compared with what is on file before it in the batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from bureau import field_rules
from bureau.codes import CodeSet
from bureau.credit_file.accounts import AccountBatch
from bureau.credit_file.batch_records import BatchRecord
from bureau.credit_file.corrections import (
    FurnishedSnapshot,
    action_needs_no_consent,
    needs_no_consent,
)
from bureau.credit_file.delinquencies import (
    ADVERSE,
    CURRENT,
    SETTLED,
    ReportedMonth,
    delinquencies_of,
    delinquency_in,
)
from bureau.credit_file.history import (
    ACTION,
    DELETION,
    Account,
    effective_snapshots,
    people_of,
    steps_of,
)
from bureau.credit_file.stored_records import record_of
from bureau.ledger.units import Transaction
from bureau.policy import Policy
from bureau.store import queries as q
from bureau.store.database import Connection
from creditbureau.v1 import codes_pb2, consent_pb2
from creditbureau.v1.record_pb2 import TradelineSnapshot

# A consent that names no kind of facility covers all.
ANY_KIND = -1
FURNISH_MASK = CodeSet.of([codes_pb2.ACTION_FURNISH])
MESSAGE = (
    "no consent of this subject to furnish covers the caller; without one an account on file is"
    " corrected to nothing worse, closed or paid in full"
)


class AccountOnFile:
    """The effective snapshots of an account, followed through the records of a batch.

    Attributes:
        months: Every month that was ever furnished, deleted ones too.
    """

    def __init__(self, db: Connection, account: Account) -> None:
        self._db = db
        self._steps = effective_snapshots(steps_of(account.trail))
        self._kinds = {month: step.kind for month, step in self._steps.items()}
        self.months = {step.month for step in steps_of(account.trail) if step.kind < DELETION}
        self._snapshots: dict[int, TradelineSnapshot] = {}

    def snapshot(self, month: int) -> TradelineSnapshot | None:
        """Return the effective snapshot of a month, or None."""
        if month not in self._kinds:
            return None
        if month not in self._snapshots:
            self._snapshots[month] = record_of(self._db, self._steps[month])[0].snapshot
        return self._snapshots[month]

    @property
    def newest(self) -> TradelineSnapshot | None:
        """The effective snapshot of the newest month; None if nothing is on file."""
        return self.snapshot(max(self._kinds, default=0))

    def moves_delinquency(self, snapshot: TradelineSnapshot) -> bool:
        """Return True if with a snapshot a delinquency of another month begins later.

        A month that becomes current divides a delinquency, and a date that goes dates it no more.
        """
        replaced = self.snapshot(snapshot.month)
        drops = replaced is not None and replaced.first_delinquency_date
        if snapshot.status != CURRENT and (not drops or snapshot.first_delinquency_date):
            return False
        if replaced is not None and replaced.status == CURRENT:
            return False
        months = {}
        for month in self._kinds:
            if effective := self.snapshot(month):
                months[month] = ReportedMonth.of(effective)
        before = delinquencies_of(months.values())
        months[snapshot.month] = ReportedMonth.of(snapshot)
        after = delinquencies_of(months.values())
        for reported in months.values():
            if reported.status in ADVERSE | SETTLED:
                past = delinquency_in(reported.month, before)
                present = delinquency_in(reported.month, after)
                if past and present and present.began > past.began:
                    return True
        return False

    def follow(self, line: BatchRecord) -> None:
        """Apply a record of the batch."""
        if line.kind == DELETION:
            for month in [line.month] if line.month else list(self._kinds):
                self._kinds.pop(month, None)
        elif line.kind != ACTION:
            self.months.add(line.month)
            if line.kind >= self._kinds.get(line.month, line.kind):
                self._kinds[line.month] = line.kind
                self._snapshots[line.month] = line.snapshot


def require_consents(tx: Transaction, policy: Policy, booking: AccountBatch) -> None:
    """Require a consent to furnish from every subject on every account.

    Raises:
        Refusal: CONSENT_REQUIRED, with each person without a consent.
    """
    deleted = {line.account_ref for line in booking.lines if line.kind == DELETION}
    acted = {
        line.account_ref: _acted_on(tx, booking, line, has_deletion=line.account_ref in deleted)
        for line in booking.batch.actions
    }
    people = booking.batch.people
    if acted:
        people = sorted(set(people).union(*acted.values()))
    kinds = _kinds_covered(tx, booking.member_id, people)
    # Most consents cover every kind of facility, and then no record has to be compared.
    if all(kinds.get(person) == ANY_KIND for person in people):
        return
    fields = _fields_without(tx, policy, booking, acted, kinds)
    listed = islice(fields, field_rules.MAX_FOUND + 1)
    if breaches := [field_rules.violation(field, "CONSENT_REQUIRED", MESSAGE) for field in listed]:
        raise field_rules.refusal(breaches)


def _acted_on(
    tx: Transaction, booking: AccountBatch, line: BatchRecord, *, has_deletion: bool
) -> set[str]:
    """Return the people whom an action is about.

    Everybody whom the account ever named, if nothing is on file, or if the batch deletes from it
    and so may bring back somebody who left.
    """
    people = set() if has_deletion else booking.people_on(tx, line)
    return people or set(people_of(booking.accounts[line.account_ref].people))


def _kinds_covered(tx: Transaction, member_id: str, people: Sequence[str]) -> dict[str, CodeSet]:
    """Return the kinds of facility that each person lets a member furnish."""
    rows = tx.db.all_in(
        q.subjects_with_consent,
        people,
        grantee=member_id,
        state=consent_pb2.CONSENT_STATE_ACTIVE,
        action=FURNISH_MASK,
        now_us=tx.now_us,
    )
    kinds: dict[str, int] = {}
    for subject_id, portfolio_types in rows:
        kinds[subject_id] = kinds.get(subject_id, 0) | (portfolio_types or ANY_KIND)
    return {subject_id: CodeSet(mask) for subject_id, mask in kinds.items()}


def _fields_without(
    tx: Transaction,
    policy: Policy,
    booking: AccountBatch,
    acted: dict[str, set[str]],
    kinds: dict[str, CodeSet],
) -> Iterator[str]:
    """Yield the field of each person, or account, that lacks a consent that it needs.

    Args:
        acted: The people on each account that an action is about.
        kinds: The kinds of facility that each person lets the member furnish.
    """

    def consenting(people: Iterable[str], kind: int) -> set[str]:
        return {person for person in people if person in kinds and kind in kinds[person]}

    def lacking(line: BatchRecord) -> bool:
        if line.kind == ACTION:
            return any(kinds.get(person) != ANY_KIND for person in acted[line.account_ref])
        return any(
            person not in kinds or line.snapshot.portfolio_type not in kinds[person]
            for person in line.subject_ids
        )

    refs = {line.account_ref for line in booking.lines if lacking(line)}
    files = {ref: AccountOnFile(tx.db, booking.accounts[ref]) for ref in refs}
    for line in booking.lines:
        file, path = files.get(line.account_ref), f"records[{line.record_index}]"
        if file is None:
            continue
        if line.kind == ACTION:
            kind = booking.portfolio_type(tx, line.account_ref)
            people = acted[line.account_ref]
            allowing, newest = consenting(people, kind), file.newest
            if people - allowing and not (
                newest is not None
                and action_needs_no_consent(
                    policy.without_consent, line.record.action.kind, newest, allowing
                )
            ):
                yield f"{path}.account_ref"
        elif line.subject_ids:
            allowing = consenting(line.subject_ids, line.snapshot.portfolio_type)
            if len(allowing) < len(line.subject_ids) and not _needs_none(
                tx, policy, booking, line, file, allowing
            ):
                for seat, subject_id in enumerate(line.subject_ids):
                    if subject_id not in allowing:
                        yield f"{path}.snapshot.parties[{seat}].subject_id"
        file.follow(line)


def _needs_none(
    tx: Transaction,
    policy: Policy,
    booking: AccountBatch,
    line: BatchRecord,
    file: AccountOnFile,
    consenting: set[str],
) -> bool:
    """Return True if a snapshot of an account on file needs no further consent."""
    newest = file.newest
    if newest is None:
        return False
    name = booking.names[line.account_ref]
    furnished = FurnishedSnapshot(
        line.kind,
        line.snapshot,
        newest,
        file.snapshot(line.month),
        file.months,
        lambda: file.moves_delinquency(line.snapshot),
        lambda: {month for (month,) in tx.db.all(q.disputed_months, tradeline_id=name)},
        consenting,
    )
    return needs_no_consent(policy.without_consent, furnished)
