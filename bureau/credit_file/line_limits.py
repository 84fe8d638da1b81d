"""Hold each new limit of a line against the one before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bureau.calendar import month_of
from bureau.credit_file.history import ACTION, TrailEntry, effective_snapshots
from bureau.credit_file.stored_records import record_of, records_of
from bureau.store.database import Connection
from creditbureau.v1 import record_pb2
from creditbureau.v1.notice_pb2 import (
    NOTICE_KIND_LIMIT_CHANGED,
    NOTICE_KIND_LIMIT_LOWERED,
    NOTICE_KIND_LIMIT_RAISED,
)
from creditbureau.v1.record_pb2 import FacilityAction, TradelineSnapshot

LIMIT_CHANGE = record_pb2.FACILITY_ACTION_KIND_LIMIT_CHANGE


class _Change(NamedTuple):
    """A change of the limit by an action."""

    time_us: int
    trail_index: int
    limit_minor: int


class _Reported(NamedTuple):
    """The limit in a newest snapshot; None for a line without one."""

    month: int
    trail_index: int
    limit_minor: int | None


class LineLimits:
    """The limits of one line, as records are added to its trail.

    The records of before are read once; a batch adds its own from memory, so that many actions on
    one account cost each as much as the first.
    """

    def __init__(self, db: Connection, steps: Sequence[TrailEntry], submission_key: int) -> None:
        """Read the limits that a trail gives.

        Args:
            steps: The trail so far, in order of the log.
            submission_key: The submission whose actions are judged; its steps are the last.
        """
        own = (index for index, step in enumerate(steps) if step.submission_key == submission_key)
        first = next(own, len(steps))
        self._changes = _changes_in(db, steps)
        self._newest = _newest_in(db, steps)
        before = [change for change in self._changes if change.trail_index < first]
        newest = self._newest if first == len(steps) else _newest_in(db, steps[:first])
        self._before_submission = _limit_after(newest, before)

    def add_snapshot(self, index: int, snapshot: TradelineSnapshot) -> None:
        """Add a snapshot of the newest month."""
        self._newest = _reported(snapshot, index)

    def add_action(self, index: int, action: FacilityAction) -> None:
        """Add an action."""
        if action.kind == LIMIT_CHANGE:
            self._changes.append(_change(index, action))

    def notice_of(self, action: FacilityAction) -> int:
        """Return the NoticeKind of the next limit: it is held against the one before it, or, where
        a snapshot of the same submission shows it already, against the one before the submission.
        """
        limit = action.credit_limit_minor
        kind = limit_notice(_limit_after(self._newest, self._changes), limit)
        if kind == NOTICE_KIND_LIMIT_CHANGED:
            kind = limit_notice(self._before_submission, limit)
        return kind


def limit_notice(before: int | None, after: int | None) -> int:
    """Return the NoticeKind of a new limit."""
    if before is None or after is None or before == after:
        return NOTICE_KIND_LIMIT_CHANGED
    return NOTICE_KIND_LIMIT_LOWERED if after < before else NOTICE_KIND_LIMIT_RAISED


def _limit_after(newest: _Reported | None, changes: Sequence[_Change]) -> int | None:
    """Return the limit of a line: that of its newest snapshot, or of a later action."""
    if newest is None:
        return None
    later = (
        change
        for change in changes
        if change.trail_index > newest.trail_index or month_of(change.time_us) > newest.month
    )
    last = max(later, default=None)
    return newest.limit_minor if last is None else last.limit_minor


def _newest_in(db: Connection, steps: Sequence[TrailEntry]) -> _Reported | None:
    effective = effective_snapshots(steps)
    if not effective:
        return None
    newest = effective[max(effective)]
    return _reported(record_of(db, newest)[0].snapshot, steps.index(newest))


def _reported(snapshot: TradelineSnapshot, index: int) -> _Reported:
    limit = snapshot.credit_limit_minor if snapshot.HasField("credit_limit_minor") else None
    return _Reported(snapshot.month, index, limit)


def _changes_in(db: Connection, steps: Sequence[TrailEntry]) -> list[_Change]:
    indices = [index for index, step in enumerate(steps) if step.kind == ACTION]
    records = records_of(db, [steps[index] for index in indices])
    return [
        _change(index, record.action)
        for index, (_, record, _) in zip(indices, records, strict=True)
        if record.action.kind == LIMIT_CHANGE
    ]


def _change(index: int, action: FacilityAction) -> _Change:
    return _Change(action.effective_time.ToMicroseconds(), index, action.credit_limit_minor)
