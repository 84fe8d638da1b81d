"""A debt that is sold counts once and keeps its dates, and what is no longer reported counts as
nothing present."""

from __future__ import annotations

from collections import Counter

from tests.cluster.auditor.evidence import Evidence
from tests.cluster.auditor.finding import Findings
from tests.cluster.auditor.present import Present
from tests.cluster.auditor.reports import SeenReport, reports_of


def sold(evidence: Evidence, findings: Findings) -> None:
    """Each report ends the line of an account that was sold in the month of the sale, and no other
    line."""
    if not evidence.databases:
        return
    accounts = Present.of(evidence.databases[0]).accounts
    for report in reports_of(evidence):
        for account_id in report.lines:
            if account_id not in accounts:
                continue
            month, shown = accounts[account_id].sold_at(report.log_size), report.sold
            if month or account_id in shown:
                findings.look()
            if month != shown.get(account_id, 0):
                findings.blame(
                    f"the report of {report.statement} ends account {account_id} in "
                    f"{shown.get(account_id, 0)}, which was sold in {month}"
                )


def counted_once(evidence: Evidence, findings: Findings) -> None:
    """The totals of each report are those of the debts that it shows: open, not sold, and still
    reported."""
    if not evidence.databases:
        return
    present = Present.of(evidence.databases[0])
    for report in reports_of(evidence):
        # What was erased since cannot be counted again.
        if report.totals is None or not present.accounts.keys() >= set(report.lines):
            continue
        findings.look()
        count, balances = _totals(present, report)
        shown = {name: amount for name, amount in report.totals["balances"].items() if amount}
        if (count, balances) != (report.totals["open"], shown):
            findings.blame(
                f"the report of {report.statement} counts {report.totals['open']} accounts with "
                f"{shown}, of which {count} are open with {balances}"
            )


def _totals(present: Present, report: SeenReport) -> tuple[int, dict[str, int]]:
    """Count the open accounts that a report shows, and sum their balances by currency."""
    count, balances = 0, Counter[str]()
    for account_id in report.lines:
        account = present.accounts[account_id]
        record = present.active_record(account, report.log_size, report.time_us)
        if record and report.subject_id in record.owing:
            count += 1
            balances[record.currency] += max(record.balance_minor, 0)
    return count, {currency: amount for currency, amount in balances.items() if amount}


def dates_kept(evidence: Evidence, findings: Findings) -> None:
    """No record of the buyer of a debt has a later first delinquency than the line that was
    sold."""
    for database in evidence.databases:
        accounts = Present.of(database).accounts
        bought = {
            (step.record.member_id, step.record.account_ref): account
            for account in accounts.values()
            for step in account.steps
            if step.record.account_ref
        }
        for seller in accounts.values():
            for sale in seller.sales:
                buyer = bought.get((sale.buyer, sale.number))
                for step in buyer.steps if buyer else []:
                    line = seller.newest_at(step.leaf_index)
                    if step.leaf_index < sale.leaf_index or not (line and line.first_delinquency):
                        continue
                    findings.look()
                    if step.record.first_delinquency > line.first_delinquency:
                        findings.blame(
                            f"{database.name}: account {step.record.tradeline_id} dates the first "
                            f"delinquency {step.record.first_delinquency}, the account that was "
                            f"sold {line.first_delinquency}",
                            leaf=step.leaf_index,
                        )


def stale_marked(evidence: Evidence, findings: Findings) -> None:
    """Each report marks the open accounts that are no longer reported, and no others."""
    if not evidence.databases:
        return
    present = Present.of(evidence.databases[0])
    for report in reports_of(evidence):
        for account_id in report.lines:
            account = present.accounts.get(account_id)
            if account is None:
                continue
            findings.look()
            is_stale = present.is_stale(account, report.log_size, report.time_us)
            if is_stale != (account_id in report.stale):
                shown, true = ("stale", "is reported") if not is_stale else ("reported", "is not")
                findings.blame(
                    f"the report of {report.statement} shows account {account_id} as {shown}, "
                    f"which {true}"
                )
