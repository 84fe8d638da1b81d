"""The history of an account: the effective snapshot of each month, and the trail of all
records. Pure.

Within one month a correction overrides every original, and of two records of a kind the
later one in the log is effective. A deletion voids the records before it; the month
returns only with a record that its furnisher certified. A history updated record by record
equals one rebuilt from the effective snapshots, so the credit file of any past log size
can be rebuilt.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from struct import Struct
from typing import NamedTuple

from bureau.calendar import months_between
from bureau.codes import EMPTY, CodeSet
from bureau.credit_file.furnished_month import MAX_MONTHS, FurnishedMonth
from bureau_keys.payment_profile import NO_DATA, character_of
from creditbureau.v1.record_pb2 import TradelineSnapshot
from creditbureau.v1.report_pb2 import PaymentHistory

# No serialised history is longer: 120 characters and four amounts of ten bytes at most.
MAX_HISTORY_BYTES = 5_000

# Payment history characters of a month 30 or more days past due, or worse.
DELINQUENT = frozenset("123456GHJKL")
# The payment history character of a month that is current and has a balance.
CURRENT_WITH_BALANCE = "0"
# Payment history characters from best to worst; SILENT ones report no payment.
SEVERITY = "BDE0123456JHGKL"
SILENT = frozenset("BD")

STEP = Struct("<qHBi")
KIND_OFFSET = Struct("<qH").size
ORIGINAL, CORRECTION, DELETION, ACTION = range(4)
DELETION_MASK = CodeSet.of([DELETION])
# A subject id in an account's `people`.
SUBJECT_ID_BYTES = 16
# A mark that is not a kind of record: snapshots of the account name different subjects.
PEOPLE_CHANGED = 4


class TrailEntry(NamedTuple):
    """One record of an account's trail.

    Attributes:
        submission_key: Entry key of the submission.
        record_index: Index of the record in the submission.
        kind: ORIGINAL or CORRECTION for a snapshot, DELETION, ACTION.
        month: yyyymm; 0 for an action and for the deletion of a whole account.
    """

    submission_key: int
    record_index: int
    kind: int
    month: int


@dataclass(slots=True)
class Account:
    """An account with its trail and history.

    Attributes:
        trail: Every record of the account, in order of the log, packed.
        newest: Submission key and record index of the effective snapshot of the newest
            month; zeros if there is none.
        history: A serialised PaymentHistory of the effective snapshots.
        marks: The kinds of record in the trail, and PEOPLE_CHANGED.
        people: Every subject that a snapshot ever named, 16 bytes each.
    """

    tradeline_key: int
    trail: bytes = b""
    newest: tuple[int, int] = (0, 0)
    history: bytes = b""
    marks: CodeSet = EMPTY
    people: bytes = b""

    def add_subjects(self, people: bytes) -> list[str]:
        """Add the subjects that the next snapshot names.

        Returns:
            The subjects that no snapshot named before.
        """
        if people == self.people:
            return []
        named = people_of(people)
        if not self.people:
            self.people = people
            return named
        known = people_of(self.people)
        self.marks = self.marks.add(PEOPLE_CHANGED)
        self.people = packed({*known, *named})
        return [subject_id for subject_id in named if subject_id not in known]

    def apply_snapshot(self, step: TrailEntry, month: FurnishedMonth) -> None:
        """Apply a snapshot, the next record of the log."""
        if longer := month.put_next(self.history):
            self.history, self.newest = longer, step[:2]
            self.append(step)
            return
        history = PaymentHistory.FromString(self.history)
        newest = history.newest_month
        if step.month > newest or self._holds(step):
            put_month(history, month.snapshot)
            self.history = history.SerializeToString(deterministic=True)
            if step.month >= newest:
                self.newest = step[:2]
        self.append(step)

    def append(self, step: TrailEntry) -> None:
        """Append a record that changes no month."""
        self.trail += STEP.pack(*step)
        self.marks = self.marks.add(step.kind)

    def rebuild(self, snapshots: Iterable[tuple[TrailEntry, TradelineSnapshot]]) -> None:
        """Rebuild the history from the effective snapshots, after a deletion."""
        history, self.newest = PaymentHistory(), (0, 0)
        for step, snapshot in snapshots:
            if step.month > history.newest_month:
                self.newest = step[:2]
            put_month(history, snapshot)
        self.history = history.SerializeToString(deterministic=True)

    def new_row(
        self, tradeline_id: str, member_id: str, account_ref: str, currency: str
    ) -> tuple[int, str, str, str, str, int, int, bytes, bytes, int, bytes]:
        """Return the row of a new account, in TRADELINE_COLUMNS order."""
        identity = (self.tradeline_key, tradeline_id, member_id, account_ref, currency)
        return (*identity, *self.newest, self.history, self.trail, self.marks, self.people)

    def update_row(self) -> tuple[int, int, bytes, bytes, int, bytes, int]:
        """Return the updated columns and the key, in MOVED_COLUMNS order."""
        submission_key, record_index = self.newest
        what = (self.history, self.trail, self.marks, self.people)
        return (submission_key, record_index, *what, self.tradeline_key)

    def is_delinquent(self) -> bool:
        """Return True if the newest month is 30 or more days past due, or worse."""
        return PaymentHistory.FromString(self.history).profile[:1] in DELINQUENT

    @property
    def record_count(self) -> int:
        """Number of records in the trail."""
        return len(self.trail) // STEP.size

    @property
    def action_count(self) -> int:
        """Number of facility actions in the trail."""
        return kinds_in(self.trail).count(ACTION)

    def needs_certification(self, month: int) -> bool:
        """Return True if a month was deleted and has not returned since."""
        if not self.marks & DELETION_MASK:  # several times as fast as `in`, for each record
            return False
        whole, months = self.deleted()
        return whole or month in months

    def deleted(self) -> tuple[bool, set[int]]:
        """Return what was deleted and has not returned since: True for the whole account, and the
        months that were deleted by themselves.
        """
        whole, months = False, set[int]()
        for _, _, kind, about in steps_of(self.trail):
            if kind == DELETION and about:
                months.add(about)
            elif kind == DELETION:
                whole = True
            elif kind != ACTION:
                whole = False
                months.discard(about)
        return whole, months

    def _holds(self, step: TrailEntry) -> bool:
        """Return True if the next snapshot becomes the effective one of its month."""
        if step.kind == CORRECTION or CORRECTION not in self.marks:
            return True
        rival = effective_snapshots(steps_of(self.trail)).get(step.month)
        return rival is None or rival.kind != CORRECTION


def people_of(people: bytes) -> list[str]:
    """Split an account's `people` into subject ids."""
    if len(people) == SUBJECT_ID_BYTES:  # most accounts are of one person
        return [people.hex()]
    width = SUBJECT_ID_BYTES
    return [people[start : start + width].hex() for start in range(0, len(people), width)]


def packed(subject_ids: Collection[str]) -> bytes:
    """Return subject ids as an account's `people`."""
    return bytes.fromhex("".join(sorted(subject_ids)))


# Several times as fast as `_make`, which counts the fields that STEP has by its format.
_entry_of: Callable[[tuple[int, ...]], TrailEntry] = partial(tuple.__new__, TrailEntry)


def steps_of(trail: bytes) -> list[TrailEntry]:
    """Parse a trail into its entries, in order of the log."""
    return list(map(_entry_of, STEP.iter_unpack(trail)))


def first_step_of(trail: bytes) -> TrailEntry:
    """Parse the first entry of a trail."""
    return TrailEntry(*STEP.unpack_from(trail))


def kinds_in(trail: bytes) -> bytes:
    """Return the kind of each entry of a trail."""
    return trail[KIND_OFFSET :: STEP.size]


def effective_in(trail: bytes) -> dict[int, TrailEntry]:
    """Find the effective snapshot of each month of a trail."""
    kinds, steps = kinds_in(trail), steps_of(trail)
    if CORRECTION in kinds or DELETION in kinds:
        return effective_snapshots(steps)
    return {step.month: step for step in steps if step.kind != ACTION}


def effective_snapshots(steps: Iterable[TrailEntry]) -> dict[int, TrailEntry]:
    """Find the effective snapshot of each month."""
    effective: dict[int, TrailEntry] = {}
    for step in steps:
        if step.kind == DELETION:
            if step.month:
                effective.pop(step.month, None)
            else:
                effective.clear()
        elif step.kind != ACTION:
            rival = effective.get(step.month)
            if rival is None or step.kind >= rival.kind:
                effective[step.month] = step
    return effective


def deleted_snapshots(steps: Iterable[TrailEntry]) -> dict[int, TrailEntry]:
    """Find the last snapshot of each month that was deleted and has not returned."""
    trail = list(steps)
    effective = effective_snapshots(trail)
    return {
        step.month: step
        for step in trail
        if step.kind not in {DELETION, ACTION} and step.month not in effective
    }


def put_month(history: PaymentHistory, snapshot: TradelineSnapshot) -> None:
    """Put a snapshot into a history; gaps are filled with D and zeros."""
    month, newest = snapshot.month, history.newest_month
    age = months_between(month, newest) if newest else -1
    if age < 0:
        _put_newer(history, snapshot, -age)
        return
    if age >= len(history.profile):
        _lengthen(history, min(age + 1, MAX_MONTHS) - len(history.profile))
    if age < MAX_MONTHS:
        profile = history.profile
        history.profile = profile[:age] + character_of(snapshot) + profile[age + 1 :]
        history.balance_minor[age] = snapshot.balance_minor
        history.amount_due_minor[age] = snapshot.amount_due_minor
        history.amount_paid_minor[age] = snapshot.amount_paid_minor
        history.amount_past_due_minor[age] = snapshot.amount_past_due_minor


def first_months(history: PaymentHistory, count: int) -> PaymentHistory:
    """Return the newest months of a history."""
    if len(history.profile) <= count:
        return history
    return PaymentHistory(
        newest_month=history.newest_month,
        profile=history.profile[:count],
        balance_minor=history.balance_minor[:count],
        amount_due_minor=history.amount_due_minor[:count],
        amount_paid_minor=history.amount_paid_minor[:count],
        amount_past_due_minor=history.amount_past_due_minor[:count],
    )


def _put_newer(history: PaymentHistory, snapshot: TradelineSnapshot, newer: int) -> None:
    """Put a month that is newer than the newest by `newer` months.

    A month more than MAX_MONTHS newer replaces the whole history.
    """
    gap = min(newer, MAX_MONTHS) - 1
    silent = [0] * gap
    history.newest_month = snapshot.month
    profile = character_of(snapshot) + NO_DATA * gap + history.profile
    history.profile = profile[:MAX_MONTHS]
    for column, amount in (
        (history.balance_minor, snapshot.balance_minor),
        (history.amount_due_minor, snapshot.amount_due_minor),
        (history.amount_paid_minor, snapshot.amount_paid_minor),
        (history.amount_past_due_minor, snapshot.amount_past_due_minor),
    ):
        column[:0] = (amount, *silent)
        if len(profile) > MAX_MONTHS:
            del column[MAX_MONTHS:]


def _lengthen(history: PaymentHistory, older: int) -> None:
    """Add months without data before the oldest."""
    history.profile += NO_DATA * older
    for column in (
        history.balance_minor,
        history.amount_due_minor,
        history.amount_paid_minor,
        history.amount_past_due_minor,
    ):
        column.extend([0] * older)
