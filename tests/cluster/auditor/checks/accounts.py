"""Accounts are corrected without a consent, made worse with one alone, and stay deleted until their
furnisher certifies them."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from tests.cluster.auditor.accounts import Step, accounts_of
from tests.cluster.auditor.checks.consents import Granted, consents_of, stops_of
from tests.cluster.auditor.checks.erasures import erasures_of
from tests.cluster.auditor.evidence import Evidence, StoredRecord
from tests.cluster.auditor.finding import Findings
from tests.cluster.auditor.statements import SentStatement
from tests.cluster.history import Outcome

# The step of a lender that corrects an account to nothing worse.
BETTER = "better"
NO_CONSENT = "CONSENT_REQUIRED"


def corrected(evidence: Evidence, findings: Findings) -> None:
    """A correction of what is on file to nothing worse is never refused for want of a consent."""
    for statement in evidence.statements:
        if statement.first.about.get("repair") == BETTER:
            findings.look()
            if any(one.reason == NO_CONSENT for one in statement.operations):
                findings.blame(f"{statement} makes nothing worse, and was refused {NO_CONSENT}")


def no_worse(evidence: Evidence, findings: Findings) -> None:
    """Nothing that was furnished without a consent made an account worse, or added a month that
    is still owed."""
    furnishing: dict[tuple[str, str], list[Granted]] = {}
    for consent in consents_of(evidence).values():
        about = consent.statement.first.about
        if "FURNISH" in about["actions"]:
            furnishing.setdefault((about["subject"], about["grantee"]), []).append(consent)
    sent = {(one.signer, one.request_id): one for one in evidence.statements}
    for database in evidence.databases:
        entry_at = {entry.leaf_index: entry for entry in database.entries}
        for account in accounts_of(database).values():
            for step in account.steps:
                entry, record = entry_at[step.leaf_index], step.record
                statement = sent.get((entry.signer, entry.request_id))
                if record.deletes or statement is None:
                    continue
                if not all(
                    is_forbidden(furnishing.get((subject, account.member_id), []), statement)
                    for subject in record.people
                ):
                    continue
                findings.look()
                # A month that a dispute asked for may be filled.
                asked = account.disputed is not None and account.disputed < step.leaf_index
                if is_worse(step, asked=asked):
                    findings.blame(
                        f"{database.name}: {statement} made account {account.tradeline_id} worse "
                        "without a consent",
                        leaf=step.leaf_index,
                        month=record.month,
                    )


def is_forbidden(consents: list[Granted], statement: SentStatement) -> bool:
    """Return True if none of these consents was in force while a statement was under way."""
    end_ns = statement.known_ns or statement.begin_ns
    return all(
        consent.statement.begin_ns > end_ns
        or any(
            since < statement.begin_ns and end_ns < until
            for since, until, _ in stops_of(consent.changes)
        )
        for consent in consents
    )


def is_worse(step: Step, *, asked: bool) -> bool:
    """Return True if a step makes its account worse."""
    record, before = step.record, step.replaced
    if before is None:
        return record.is_open and not asked
    return (
        _debt(record) > _debt(before)
        or record.past_due_minor > before.past_due_minor
        or record.days_past_due > before.days_past_due
        or (record.is_open and not before.is_open)
    )


def _debt(record: StoredRecord) -> int:
    """Return what is owed; a credit balance is nothing owed."""
    return max(record.balance_minor, 0)


def certified(evidence: Evidence, findings: Findings) -> None:
    """No deleted month of an account returns without its furnisher's certification, and no deleted
    account under another number."""
    for database in evidence.databases:
        races = Races.of(evidence)
        for account in accounts_of(database).values():
            for step in account.steps:
                restores = step.restores >= 0 and not races.has(step.restores, step.leaf_index)
                if step.returns or restores:
                    findings.look()
                    if not step.record.certified:
                        findings.blame(
                            f"{database.name}: month {step.record.month} of account "
                            f"{account.tradeline_id} was deleted, and returned uncertified",
                            leaf=step.leaf_index,
                        )


def noticed(evidence: Evidence, findings: Findings) -> None:
    """For each return of a deleted month, or of an account under another number or after a block,
    each person on the account has one notice, on every node, and for nothing else."""
    if not evidence.databases:
        return
    wanted, possible = _returns(evidence)
    erased = erasures_of(evidence).leaf_of
    for node in evidence.nodes:
        for subject, lines in node.returned.items():
            shown, returns = Counter(lines), wanted[subject]
            for account_id in sorted((shown.keys() | returns.keys()) - erased.keys()):
                findings.look()
                more = possible[subject][account_id]
                if not returns[account_id] <= shown[account_id] <= returns[account_id] + more:
                    findings.blame(
                        f"{node.name} has {shown[account_id]} notices for {subject} of "
                        f"{returns[account_id]} returns of account {account_id}"
                    )


def _returns(
    evidence: Evidence,
) -> tuple[defaultdict[str, Counter[str]], defaultdict[str, Counter[str]]]:
    """Count the returns of accounts, by person; and those that may have been no returns.

    A certified answer that ends a block returns its account. Where a deletion was under way when
    the account came back under another number, the bureau may not have seen it.
    """
    database, races = evidence.databases[0], Races.of(evidence)
    wanted: defaultdict[str, Counter[str]] = defaultdict(Counter)
    possible: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for account in accounts_of(database).values():
        for step in account.steps:
            if not (step.returns or step.restores >= 0):
                continue
            may_be_none = not step.returns and races.has(step.restores, step.leaf_index)
            for subject in step.record.people:
                (possible if may_be_none else wanted)[subject][account.tradeline_id] += 1
        for block in account.blocks:
            others = [one for one in account.blocks if one is not block]
            is_last = not any(one.holds_at(block.until + 1) for one in others)
            if block.is_answered and not block.confirmed and is_last:
                wanted[block.subject_id][account.tradeline_id] += 1
    return wanted, possible


@dataclass(frozen=True)
class Races:
    """The statements that were under way at the same time.

    Attributes:
        spans: By leaf index: the time of the first sending, and that of the acknowledgement.
    """

    spans: dict[int, tuple[int, int | None]]

    @classmethod
    def of(cls, evidence: Evidence) -> Races:
        """Read the times of all statements."""
        return cls(
            {
                one.leaf_index: (one.begin_ns, one.known_ns)
                for one in evidence.statements
                if one.leaf_index is not None
            }
        )

    def has(self, earlier: int, later: int) -> bool:
        """Return True if one statement was not acknowledged before another one was sent."""
        _, known_ns = self.spans.get(earlier, (0, None))
        begin_ns, _ = self.spans.get(later, (0, None))
        return known_ns is None or known_ns >= begin_ns


def shown(evidence: Evidence, findings: Findings) -> None:
    """Every file shows the accounts on file with the balances of their last accepted records,
    and no deleted account."""
    accounts = accounts_of(evidence.databases[0]).values() if evidence.databases else []
    for node in evidence.nodes:
        for subject, file in node.files.items():
            newest = {
                account.tradeline_id: account.newest_at(file.log_size) for account in accounts
            }
            wanted = {
                account_id: record.balance_minor
                for account_id, record in newest.items()
                if record and subject in record.people
            }
            for account_id in sorted(wanted.keys() | file.balances.keys()):
                findings.look()
                if wanted.get(account_id) != file.balances.get(account_id):
                    findings.blame(
                        f"{node.name} shows {subject} account {account_id} with balance "
                        f"{file.balances.get(account_id)}, last furnished with "
                        f"{wanted.get(account_id)}"
                    )


def gone(evidence: Evidence, findings: Findings) -> None:
    """No report shows an account that was deleted, and had not returned, as of its log size."""
    accounts = accounts_of(evidence.databases[0]) if evidence.databases else {}
    for statement in evidence.statements:
        about = statement.first.about
        if statement.first.kind != "query" or statement.outcome is not Outcome.OK:
            continue
        for account_id in about.get("tradelines", []):
            if account_id in accounts:
                findings.look()
                if accounts[account_id].newest_at(about["log_size"]) is None:
                    findings.blame(
                        f"the report of {statement} shows account {account_id}, which is not on "
                        "file"
                    )
