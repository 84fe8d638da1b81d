"""A freeze exempts the holders of accounts, not purposes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from creditbureau.v1.codes_pb2 import PURPOSE_ACCOUNT_REVIEW, PURPOSE_COLLECTION
from creditbureau.v1.hold_pb2 import HoldLift
from creditbureau.v1.reporting_pb2 import Inquiry, PortfolioInquiry, Replay
from tests.cluster.auditor.accounts import AccountHistory
from tests.cluster.auditor.checks.consents import used_in
from tests.cluster.auditor.checks.erasures import erasures_of
from tests.cluster.auditor.evidence import Database, Entry, Evidence
from tests.cluster.auditor.finding import Findings
from tests.cluster.auditor.present import Present
from tests.cluster.auditor.statements import parsed
from tests.cluster.auditor.subject_keys import keys_of, signing_key

SUBJECT = "subjects/"
REVIEW = "ACCOUNT_REVIEW"
FOREVER = 1 << 62


class Lift(NamedTuple):
    """A lift of a freeze: from one leaf until the repudiation of its key undid it."""

    since: int
    until: int


@dataclass
class Freeze:
    """A freeze of a file.

    Attributes:
        since: The leaf that placed it.
    """

    since: int
    lifts: list[Lift] = field(default_factory=list)

    def holds_at(self, leaf: int) -> bool:
        """Return True if it is in force at a leaf."""
        return self.since < leaf and not any(one.since < leaf < one.until for one in self.lifts)


def freezes_of(entries: list[Entry]) -> dict[str, list[Freeze]]:
    """Read the freezes in the log, by subject."""
    freezes: dict[str, dict[str, Freeze]] = defaultdict(dict)
    repudiations = keys_of(entries).repudiations
    for entry in entries:
        subject = entry.signer.removeprefix(SUBJECT)
        if entry.kind == "hold":
            freezes[subject][entry.request_id] = Freeze(entry.leaf_index)
        elif entry.kind == "hold-lift":
            freeze = freezes[subject].get(parsed(entry.envelope, HoldLift).hold_id)
            key_id = signing_key(entry.envelope)
            undone = [
                one.entry.leaf_index
                for one in repudiations
                if key_id in one.keys and one.entry.leaf_index > entry.leaf_index
            ]
            if freeze:
                freeze.lifts.append(Lift(entry.leaf_index, min(undone, default=FOREVER)))
    return {subject: list(placed.values()) for subject, placed in freezes.items()}


def holders_alone(evidence: Evidence, findings: Findings) -> None:
    """Under a freeze in force only holders of accounts are answered: a review with an open
    account of the person that is reported, a collection with any that is not sold; the same for
    portfolios and replays."""
    newest_erasure = erasures_of(evidence).newest
    for database in evidence.databases:
        freezes, purposes = freezes_of(database.entries), _purposes(database)
        present = Present.of(database)
        accounts = _by_holder(present.accounts.values())
        times = {entry.leaf_index: entry.time_us for entry in database.entries}
        for row in used_in(database, with_stored=True):
            leaf = database.leaf_of.get(row.entry_key or 0)
            # What was erased since may have been the account.
            if leaf is None or newest_erasure[row.subject_id] > leaf:
                continue
            if not any(one.holds_at(leaf) for one in freezes.get(row.subject_id, [])):
                continue
            findings.look()
            purpose = purposes.get(row.entry_key or 0, 0)
            theirs = accounts.get((row.subject_id, row.member_id), [])
            holding = Holding(present, row.subject_id, leaf, times[leaf])
            exempt = (purpose == PURPOSE_COLLECTION and any(map(holding.is_held, theirs))) or (
                purpose == PURPOSE_ACCOUNT_REVIEW and any(map(holding.is_active, theirs))
            )
            if not exempt:
                findings.blame(
                    f"{database.name}: {row.member_id} holds no account that exempts inquiry "
                    f"{row.inquiry_id} about {row.subject_id} from the freeze",
                    leaf=leaf,
                    purpose=purpose,
                )


def holders_answered(evidence: Evidence, findings: Findings) -> None:
    """No freeze refuses the review of a member that has an open account of the person that is
    reported."""
    if not evidence.databases:
        return
    database = evidence.databases[0]
    present = Present.of(database)
    accounts = _by_holder(present.accounts.values())
    times = {entry.leaf_index: entry.time_us for entry in database.entries}
    ends = sorted(
        (statement.known_ns, statement.leaf_index)
        for statement in evidence.statements
        if statement.known_ns is not None and statement.leaf_index is not None
    )
    begins = sorted(
        (statement.begin_ns, statement.leaf_index)
        for statement in evidence.statements
        if statement.leaf_index is not None
    )
    for statement in evidence.statements:
        about = statement.first.about
        if statement.first.kind != "query" or about["purpose"] != REVIEW:
            continue
        # What is before it in the log for sure, and what may be.
        known = [leaf for _, leaf in ends[: bisect_left(ends, (statement.begin_ns, 0))]]
        end_ns = max(one.known_ns for one in statement.operations)
        maybe = [leaf for _, leaf in begins[: bisect_right(begins, (end_ns, FOREVER))]]
        span = range(max(known, default=0) + 1, max(maybe, default=0) + 2)
        theirs = accounts.get((about["subject"], about["member"]), [])
        time_us = times.get(span.start - 1, 0)
        if not any(
            _is_active(present, account, about["subject"], span, time_us) for account in theirs
        ):
            continue
        findings.look()
        if any(one.reason == "HOLD" for one in statement.operations):
            findings.blame(f"a freeze refused {statement}, whose member has an open account")


class Holding(NamedTuple):
    """The state of a person's accounts at one size of the log, as a freeze regards them."""

    present: Present
    subject_id: str
    size: int
    time_us: int

    def is_held(self, account: AccountHistory) -> bool:
        """Return True if an account is on file, neither sold nor blocked for identity theft."""
        newest = account.newest_at(self.size)
        is_on_file = newest is not None and self.subject_id in newest.people
        withdrawn = account.sold_at(self.size) or account.is_blocked_at(self.size)
        return is_on_file and not withdrawn

    def is_active(self, account: AccountHistory) -> bool:
        """Return True if such an account is open and reported, too."""
        active = self.present.active_record(account, self.size, self.time_us)
        return active is not None and self.is_held(account)


def _is_active(
    present: Present, account: AccountHistory, subject_id: str, sizes: range, time_us: int
) -> bool:
    """Return True if a person's account is open and reported at all these sizes of the log."""
    leaves = [
        *(step.leaf_index for step in account.steps),
        *(sale.leaf_index for sale in account.sales),
        *(leaf for block in account.blocks for leaf in (block.since, block.until)),
        *(leaf for leaf, _ in present.states.get(account.member_id, [])),
    ]
    changed = {leaf + 1 for leaf in leaves if leaf + 1 in sizes}
    return all(
        Holding(present, subject_id, size, time_us).is_active(account)
        for size in {sizes.start, *changed}
    )


def _by_holder(
    accounts: Iterable[AccountHistory],
) -> dict[tuple[str, str], list[AccountHistory]]:
    """Group accounts by person and member."""
    holdings: dict[tuple[str, str], list[AccountHistory]] = defaultdict(list)
    for account in accounts:
        for subject in {one for step in account.steps for one in step.record.people}:
            holdings[subject, account.member_id].append(account)
    return holdings


def _purposes(database: Database) -> dict[int, int]:
    """Read the purpose of each inquiry in the log, by the key of its entry."""
    return dict(_read_purposes(database.entries))


def _read_purposes(entries: list[Entry]) -> Iterator[tuple[int, int]]:
    asked: dict[tuple[str, str], int] = {}
    for entry in entries:
        if entry.kind == "inquiry":
            purpose = int(parsed(entry.envelope, Inquiry).purpose)
        elif entry.kind == "portfolio-inquiry":
            purpose = int(parsed(entry.envelope, PortfolioInquiry).purpose)
        elif entry.kind == "replay":
            replayed = parsed(entry.envelope, Replay).inquiry_id
            purpose = asked.get((entry.signer, replayed), 0)
        else:
            continue
        asked[entry.signer, entry.request_id] = purpose
        yield entry.entry_key, purpose
