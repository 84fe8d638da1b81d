"""The history of an account, kept up record by record: what holds for each month,
and the trail of the records that it comes from. Pure.

Inside one month a correction beats every original, and of two of a kind the later
one in the log holds. A deletion voids what came before it; what it covers returns
only with a record that its furnisher certified anew. A history that grew record by
record is the same as one made of the records that hold, so a file of any past log
size can be made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple

from bureau.calendar import months_between
from bureau.codes import EMPTY, CodeSet
from bureau_keys.payment_profile import NO_DATA, character_of
from creditbureau.v1.record_pb2 import TradelineSnapshot
from creditbureau.v1.report_pb2 import PaymentHistory

# No history reaches further back from its newest month.
MAX_MONTHS = 120

# Payment history characters of a month 30 or more days past due, or worse.
DELINQUENT = frozenset("123456GHJKL")
# From best to worst; two say nothing of payment.
SEVERITY = "BDE0123456JHGKL"
SILENT = frozenset("BD")

STEP = Struct("<qHBi")
ORIGINAL, CORRECTION, DELETION, ACTION = range(4)
# A mark that is no kind of record: not all snapshots name the same people.
PEOPLE_CHANGED = 4


class TrailEntry(NamedTuple):
    """One record of an account's trail.

    Attributes:
        submission_key: The entry that it came with.
        record_index: Its place in the submission.
        kind: ORIGINAL or CORRECTION for a snapshot, DELETION, ACTION.
        month: yyyymm; 0 for an action, and for the deletion of a whole account.
    """

    submission_key: int
    record_index: int
    kind: int
    month: int


@dataclass(slots=True)
class Account:
    """An account as its records left it.

    Attributes:
        trail: Every record it ever got, in order of the log, packed.
        newest: Submission key and record index of the record that holds for its
            newest month; zeros if none does.
        history: A serialised PaymentHistory: what holds for each month.
        marks: The kinds of record in the trail, and PEOPLE_CHANGED.
        people: Everybody that a snapshot ever named, 16 bytes each.
    """

    tradeline_key: int
    trail: bytes = b""
    newest: tuple[int, int] = (0, 0)
    history: bytes = b""
    marks: CodeSet = EMPTY
    people: bytes = b""

    def add_subjects(self, subject_ids: Sequence[str]) -> list[str]:
        """Notes whom the next snapshot names.

        Returns:
            Those that none named before.
        """
        if bytes.fromhex("".join(sorted(subject_ids))) == self.people:
            return []
        known = people_of(self.people)
        if known:
            self.marks = self.marks.add(PEOPLE_CHANGED)
        self.people = bytes.fromhex("".join(sorted({*known, *subject_ids})))
        return [subject_id for subject_id in subject_ids if subject_id not in known]

    def apply_snapshot(self, step: TrailEntry, snapshot: TradelineSnapshot) -> None:
        """Adds a snapshot, the next record of the log."""
        history = PaymentHistory.FromString(self.history)
        newest = history.newest_month
        if step.month > newest or self._holds(step):
            put_month(history, snapshot)
            self.history = history.SerializeToString(deterministic=True)
            if step.month >= newest:
                self.newest = step[:2]
        self.append(step)

    def append(self, step: TrailEntry) -> None:
        """Adds a record that changes no month."""
        self.trail += STEP.pack(*step)
        self.marks = self.marks.add(step.kind)

    def rebuild(self, held: Iterable[tuple[TrailEntry, TradelineSnapshot]]) -> None:
        """Makes the history again of the records that hold, after a deletion."""
        history, self.newest = PaymentHistory(), (0, 0)
        for step, snapshot in held:
            if step.month > history.newest_month:
                self.newest = step[:2]
            put_month(history, snapshot)
        self.history = history.SerializeToString(deterministic=True)

    def update_row(self) -> tuple[int, int, bytes, bytes, int, bytes, int]:
        """What its records left of it, and its key: a row of `MOVED_COLUMNS`."""
        submission_key, record_index = self.newest
        what = (self.history, self.trail, self.marks, self.people)
        return (submission_key, record_index, *what, self.tradeline_key)

    def is_delinquent(self) -> bool:
        """Whether its newest month is 30 or more days past due, or worse."""
        return PaymentHistory.FromString(self.history).profile[:1] in DELINQUENT

    def needs_certification(self, month: int) -> bool:
        """Whether a month was deleted and has not returned since."""
        if DELETION not in self.marks:
            return False
        returned = False
        for _, _, kind, about in reversed(steps_of(self.trail)):
            if kind == DELETION:
                if about == month or (about == 0 and not returned):
                    return True
            elif kind != ACTION:
                if about == month:
                    return False
                returned = True
        return False

    def _holds(self, step: TrailEntry) -> bool:
        """Whether a snapshot that comes next holds its month."""
        if step.kind == CORRECTION or CORRECTION not in self.marks:
            return True
        rival = effective_snapshots(steps_of(self.trail)).get(step.month)
        return rival is None or rival.kind != CORRECTION


def people_of(people: bytes) -> list[str]:
    """The subject ids that an account's `people` are."""
    return [people[at : at + 16].hex() for at in range(0, len(people), 16)]


def steps_of(trail: bytes) -> list[TrailEntry]:
    """The records of a trail, in order of the log."""
    return list(map(TrailEntry._make, STEP.iter_unpack(trail)))


def effective_snapshots(steps: Iterable[TrailEntry]) -> dict[int, TrailEntry]:
    """The snapshot that holds for each month."""
    held: dict[int, TrailEntry] = {}
    for step in steps:
        if step.kind == DELETION:
            if step.month:
                held.pop(step.month, None)
            else:
                held.clear()
        elif step.kind != ACTION:
            rival = held.get(step.month)
            if rival is None or step.kind >= rival.kind:
                held[step.month] = step
    return held


def put_month(history: PaymentHistory, snapshot: TradelineSnapshot) -> None:
    """Makes a snapshot hold for its month; gaps are filled with D and zeros."""
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
    """The newest months of a history."""
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
    """Puts a month before the newest, so many months newer. A far newer one leaves
    nothing of what there was.
    """
    gap = min(newer, MAX_MONTHS) - 1
    history.newest_month = snapshot.month
    profile = character_of(snapshot) + NO_DATA * gap + history.profile
    history.profile = profile[:MAX_MONTHS]
    for column, amount in (
        (history.balance_minor, snapshot.balance_minor),
        (history.amount_due_minor, snapshot.amount_due_minor),
        (history.amount_paid_minor, snapshot.amount_paid_minor),
        (history.amount_past_due_minor, snapshot.amount_past_due_minor),
    ):
        for _ in range(gap):
            column.insert(0, 0)
        column.insert(0, amount)
        if len(profile) > MAX_MONTHS:
            del column[MAX_MONTHS:]


def _lengthen(history: PaymentHistory, older: int) -> None:
    """Adds months without data before the oldest."""
    history.profile += NO_DATA * older
    for column in (
        history.balance_minor,
        history.amount_due_minor,
        history.amount_paid_minor,
        history.amount_past_due_minor,
    ):
        column.extend([0] * older)
