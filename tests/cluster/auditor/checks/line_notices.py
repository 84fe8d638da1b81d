"""Check that what lenders do to lines, and the deadlines that pass, have their notices: to the
people on the account, once, and no deadline before its time.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from bureau_client import FacilityActionKind
from tests.cluster.auditor.accounts import AccountHistory, Step, accounts_of
from tests.cluster.auditor.checks.erasures import erasures_of
from tests.cluster.auditor.evidence import Database, Evidence, LineNotice
from tests.cluster.auditor.finding import Findings

DAY_US = 86_400_000_000
# The kind of notice of each kind of action that people hear of; records close accounts, too.
KINDS = {
    int(FacilityActionKind.FREEZE): "LINE_FROZEN",
    int(FacilityActionKind.RESTORE): "LINE_RESTORED",
    int(FacilityActionKind.CLOSE): "LINE_CLOSED",
}


def told_of_lines(evidence: Evidence, findings: Findings) -> None:
    """On every node a person lists one notice of each line of theirs that a lender froze, restored
    or closed, by an action or by a record, and none of what no lender did."""
    erased = erasures_of(evidence).leaf_of
    for database in evidence.databases:
        done = dict(done_to_lines(database))
        for node in evidence.nodes:
            for subject, shown in node.lines.items():
                # What was written while the node was read is later than what it shows.
                newest = max((one.leaf_index for one in shown), default=-1)
                due = {one for one, people in done.items() if subject in people}
                listed = Counter(one for one in shown if one.leaf_index < len(database.entries))
                for one in sorted({one for one in due if one.leaf_index <= newest} | set(listed)):
                    if one.tradeline_id in erased:
                        continue
                    findings.look()
                    if listed[one] != 1 or one not in done:
                        findings.blame(
                            f"{node.name} shows {subject} {listed[one]} notices {one.kind} of leaf "
                            f"{one.leaf_index}; {database.name} gives {int(one in done)}"
                        )


def not_before_deadlines(evidence: Evidence, findings: Findings) -> None:
    """No node says that a deadline passed which lies beyond the end of its log by more than a day:
    an idle log ends earlier than the run."""
    for database in evidence.databases:
        end_us = max((entry.time_us for entry in database.entries), default=0) + DAY_US
        for node in evidence.nodes:
            for subject, deadlines in node.deadlines.items():
                findings.look()
                for about_id, due_us in deadlines:
                    if due_us > end_us:
                        findings.blame(
                            f"{node.name} says to {subject} that {about_id} is overdue: its "
                            f"deadline {due_us} is later than {database.name}"
                        )


def done_to_lines(database: Database) -> Iterator[tuple[LineNotice, frozenset[str]]]:
    """Yield what lenders did to lines, each with the people who must hear of it."""
    accounts = accounts_of(database)
    acted: set[LineNotice] = set()
    for action in database.actions:
        leaf = database.leaf_of.get(action.entry_key)
        kind, account = KINDS.get(action.kind), accounts.get(action.tradeline_id)
        newest = account.newest_at(leaf + 1) if account and leaf is not None else None
        if leaf is not None and kind is not None and newest is not None:
            one = LineNotice(leaf, kind, action.tradeline_id)
            acted.add(one)
            yield one, newest.people
    for account in accounts.values():
        for leaf, steps in _by_leaf(account):
            one = LineNotice(leaf, "LINE_CLOSED", account.tradeline_id)
            if one not in acted and (people := _closed(account, leaf, steps)):
                yield one, people


def _by_leaf(account: AccountHistory) -> Iterator[tuple[int, list[Step]]]:
    steps: defaultdict[int, list[Step]] = defaultdict(list)
    for step in account.steps:
        steps[step.leaf_index].append(step)
    yield from steps.items()


def _closed(account: AccountHistory, leaf: int, steps: Sequence[Step]) -> frozenset[str]:
    """Return the people who were on an account before a submission closed it; nobody otherwise."""
    before, after = account.newest_at(leaf), steps[-1].newest
    if before is None or after is None or not before.is_open or after.is_open:
        return frozenset()
    if after not in [step.record for step in steps]:
        return frozenset()  # a deletion brought an earlier month back
    known = {
        subject
        for step in account.steps
        if step.leaf_index < leaf
        for subject in step.record.people
    }
    return frozenset(after.people & known)
