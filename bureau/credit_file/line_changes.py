"""Find what a furnisher did to a line: froze, restored or closed it, lowered or raised its limit.

An action says it with its reasons. A snapshot shows it too, and says nothing new where an action
said it before: a line's state counts the actions since its newest month.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from bureau.calendar import month_of
from bureau.credit_file.batch_records import BatchRecord
from bureau.credit_file.facility_state import CLOSING, ENDED, LINES, is_frozen_by
from bureau.credit_file.history import ACTION, Account, TrailEntry, people_of, steps_of
from bureau.credit_file.line_limits import LIMIT_CHANGE, LineLimits, limit_notice
from bureau.credit_file.stored_records import records_of, snapshots_at
from bureau.store.database import Connection
from creditbureau.v1 import record_pb2
from creditbureau.v1.notice_pb2 import (
    NOTICE_KIND_LIMIT_CHANGED,
    NOTICE_KIND_LIMIT_LOWERED,
    NOTICE_KIND_LIMIT_RAISED,
    NOTICE_KIND_LINE_CLOSED,
    NOTICE_KIND_LINE_FROZEN,
    NOTICE_KIND_LINE_RESTORED,
)
from creditbureau.v1.record_pb2 import FacilityAction, TradelineSnapshot

# The kind of notice that an action on a line gives; that of a new limit follows from the old one.
NOTICE_OF_ACTION: dict[int, int] = {
    record_pb2.FACILITY_ACTION_KIND_FREEZE: NOTICE_KIND_LINE_FROZEN,
    record_pb2.FACILITY_ACTION_KIND_RESTORE: NOTICE_KIND_LINE_RESTORED,
    record_pb2.FACILITY_ACTION_KIND_CLOSE: NOTICE_KIND_LINE_CLOSED,
}
# The kinds of notices about lines, which an action may have caused.
OF_LINES = frozenset(
    {
        *NOTICE_OF_ACTION.values(),
        NOTICE_KIND_LIMIT_CHANGED,
        NOTICE_KIND_LIMIT_LOWERED,
        NOTICE_KIND_LIMIT_RAISED,
    }
)


class LineState(NamedTuple):
    """The state of a line after some records of its trail.

    Attributes:
        limit_minor: The credit limit; None for a line without one.
        reported_minor: The limit in the newest snapshot, which an action of later may have changed.
    """

    limit_minor: int | None
    reported_minor: int | None
    is_frozen: bool
    is_closed: bool

    @classmethod
    def of(
        cls, snapshot: TradelineSnapshot, index: int, actions: Sequence[tuple[int, FacilityAction]]
    ) -> LineState:
        """Return the state that the newest snapshot and the actions make.

        Args:
            index: The snapshot's index in the trail.
            actions: Each with its index, in order of the log.
        """
        by_time = sorted(actions, key=lambda one: (_time_us(one[1]), one[0]), reverse=True)
        since = [
            action
            for logged, action in by_time
            if _month(action) > snapshot.month or logged > index
        ]
        limit = snapshot.credit_limit_minor if snapshot.HasField("credit_limit_minor") else None
        limits = (action for action in since if action.kind == LIMIT_CHANGE)
        newest = next(limits, None)
        # An action of the newest month says what that month's snapshot may show later.
        closes = any(
            action.kind in CLOSING and (_month(action) >= snapshot.month or logged > index)
            for logged, action in by_time
        )
        return cls(
            newest.credit_limit_minor if newest else limit,
            limit,
            is_frozen_by(snapshot, [action for _, action in by_time]),
            bool(snapshot.close_date or snapshot.status in ENDED or closes),
        )


def changes(before: LineState, after: LineState) -> Iterator[int]:
    """Yield the NoticeKind of each change of a line; of one that was closed, of that alone."""
    if after.is_closed:
        if not before.is_closed:
            yield NOTICE_KIND_LINE_CLOSED
        return
    if after.is_frozen != before.is_frozen:
        yield NOTICE_KIND_LINE_FROZEN if after.is_frozen else NOTICE_KIND_LINE_RESTORED
    kind = limit_notice(before.limit_minor, after.limit_minor)
    if before.limit_minor == after.limit_minor:
        # A late month: it is news only where the limit was never so low, or so high.
        kinds = {
            limit_notice(known, after.reported_minor)
            for known in (before.limit_minor, before.reported_minor)
        }
        kind = kinds.pop() if len(kinds) == 1 else NOTICE_KIND_LIMIT_CHANGED
    if kind != NOTICE_KIND_LIMIT_CHANGED:
        yield kind


def notice_of_action(
    db: Connection, steps: Sequence[TrailEntry], index: int, action: FacilityAction
) -> int | None:
    """Return the NoticeKind that an action gives; None for one that gives no notice.

    Args:
        steps: The trail of the account.
        index: The action's index in the trail.
    """
    if action.kind != LIMIT_CHANGE:
        return NOTICE_OF_ACTION.get(action.kind)
    return LineLimits(db, steps[:index], steps[index].submission_key).notice_of(action)


class SnapshotChanges:
    """The lines of a batch before its records, and what its snapshots change."""

    def __init__(
        self,
        db: Connection,
        accounts: Mapping[str, Account],
        snapshots: Collection[BatchRecord],
        actions: Iterable[BatchRecord],
    ) -> None:
        """Read the lines that a snapshot of the batch may change.

        Args:
            snapshots: The snapshots that may change a line.
            actions: The actions of the batch.
        """
        self._snapshots = {line.record_index: line.snapshot for line in snapshots}
        self._own_actions = {line.record_index: line.record.action for line in actions}
        refs = dict.fromkeys(line.account_ref for line in snapshots)
        known = {ref: accounts[ref] for ref in refs if accounts[ref].newest[0]}
        newest = snapshots_at(db, [account.newest for account in known.values()])
        self._before = {
            ref: (newest[account.newest], account.people) for ref, account in known.items()
        }
        acting = {ref: account for ref, account in known.items() if ACTION in account.marks}
        self._actions = _actions_of(db, acting)
        self._states = {
            ref: LineState.of(newest[account.newest], _newest_index(account), self._actions[ref])
            for ref, account in acting.items()
        }

    def after(
        self, accounts: Mapping[str, Account], submission_key: int
    ) -> Iterator[tuple[str, int, list[str]]]:
        """Yield what the newest snapshots of the batch changed.

        Returns:
            Reference, NoticeKind, and the people of the snapshot who were on the account before.
        """
        for ref, (before, people_before) in self._before.items():
            account = accounts[ref]
            key, record_index = account.newest
            snapshot = self._snapshots.get(record_index)
            if key != submission_key or snapshot is None:
                continue  # an earlier month, or a deletion brought one back
            if ACTION not in account.marks and _is_alike(before, snapshot):
                continue
            past = self._states.get(ref) or LineState.of(before, 0, ())
            present = self._present(ref, account, snapshot, submission_key)
            known = set(people_of(people_before))
            people = sorted(known.intersection(party.subject_id for party in snapshot.parties))
            for kind in changes(past, present):
                yield ref, kind, people

    def _present(
        self, ref: str, account: Account, snapshot: TradelineSnapshot, submission_key: int
    ) -> LineState:
        """Return the state of a line after the batch, whose own actions are in memory."""
        if ACTION not in account.marks:
            return LineState.of(snapshot, 0, ())
        own = [
            (index, self._own_actions[step.record_index])
            for index, step in enumerate(steps_of(account.trail))
            if step.submission_key == submission_key and step.kind == ACTION
        ]
        return LineState.of(snapshot, _newest_index(account), [*self._actions.get(ref, ()), *own])


def may_change(snapshot: TradelineSnapshot) -> bool:
    """Return True if a snapshot can show a line that is frozen, limited or closed."""
    return bool(
        snapshot.portfolio_type in LINES
        or snapshot.HasField("credit_limit_minor")
        or snapshot.close_date
        or snapshot.status in ENDED
    )


def _is_alike(before: TradelineSnapshot, after: TradelineSnapshot) -> bool:
    """Return True if two snapshots show a line in the same state: most months are such."""
    past, present = before.status, after.status
    return (
        before.credit_limit_minor == after.credit_limit_minor
        and (past == present or (past in ENDED) == (present in ENDED))
        and before.special_comment == after.special_comment
        and before.close_date == after.close_date
    )


def _newest_index(account: Account) -> int:
    """Return the index of the newest month's snapshot in the trail of an account."""
    steps = steps_of(account.trail)
    return next(index for index, step in enumerate(steps) if step[:2] == account.newest)


def _actions_of(
    db: Connection, accounts: Mapping[str, Account]
) -> dict[str, list[tuple[int, FacilityAction]]]:
    """Read the actions of accounts together, each with its index in the account's trail."""
    places = [
        (ref, index, step)
        for ref, account in accounts.items()
        for index, step in enumerate(steps_of(account.trail))
        if step.kind == ACTION
    ]
    actions: dict[str, list[tuple[int, FacilityAction]]] = {ref: [] for ref in accounts}
    records = records_of(db, [step for _, _, step in places])
    for (ref, index, _), (_, record, _) in zip(places, records, strict=True):
        actions[ref].append((index, record.action))
    return actions


def _month(action: FacilityAction) -> int:
    return month_of(_time_us(action))


def _time_us(action: FacilityAction) -> int:
    return action.effective_time.ToMicroseconds()
