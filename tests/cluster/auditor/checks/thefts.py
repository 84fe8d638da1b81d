"""An account that is blocked for identity theft is in no report, is not sold, and returns only
certified."""

from __future__ import annotations

from creditbureau.v1.record_pb2 import FACILITY_ACTION_KIND_TRANSFER
from tests.cluster.auditor.accounts import accounts_of
from tests.cluster.auditor.evidence import Evidence
from tests.cluster.auditor.finding import Findings
from tests.cluster.auditor.reports import reports_of
from tests.cluster.auditor.thefts import blocks_of


def not_shown(evidence: Evidence, findings: Findings) -> None:
    """No report shows an account that is blocked as of its log size, or whose block was
    acknowledged before the request was sent."""
    if not evidence.databases:
        return
    blocks = blocks_of(evidence.databases[0])
    known_ns = {
        statement.leaf_index: statement.known_ns
        for statement in evidence.statements
        if statement.leaf_index is not None
    }
    for report in reports_of(evidence):
        begin_ns = report.statement.begin_ns
        shown = set(report.lines)
        for account_id, of_account in blocks.items():
            for block in of_account:
                acknowledged_ns = known_ns.get(block.since)
                is_later = acknowledged_ns is not None and acknowledged_ns < begin_ns
                if report.log_size > block.until or not (report.log_size > block.since or is_later):
                    continue
                findings.look()
                if account_id in shown:
                    findings.blame(
                        f"the report of {report.statement} shows account {account_id}, which is "
                        "blocked for identity theft",
                        log_size=report.log_size,
                        since=block.since,
                    )


def not_sold(evidence: Evidence, findings: Findings) -> None:
    """No sale is in the log of an account that is blocked for identity theft, or that was deleted
    for it."""
    for statement in evidence.statements:
        # The attempts: those that were refused left nothing in the log.
        if statement.first.about.get("debt") == "sell":
            findings.look()
    for database in evidence.databases:
        accounts = accounts_of(database)
        for action in database.actions:
            leaf = database.leaf_of.get(action.entry_key)
            account = accounts.get(action.tradeline_id)
            if action.kind != FACILITY_ACTION_KIND_TRANSFER or leaf is None or account is None:
                continue
            confirmed = any(block.confirmed and block.until < leaf for block in account.blocks)
            is_gone = confirmed and account.newest_at(leaf) is None
            if account.is_blocked_at(leaf) or is_gone:
                findings.blame(
                    f"{database.name}: account {account.tradeline_id} was sold, although it was "
                    "blocked for identity theft",
                    leaf=leaf,
                )


def certified(evidence: Evidence, findings: Findings) -> None:
    """A block for identity theft ends by an answer that certifies the account or deletes it."""
    for database in evidence.databases:
        for account_id, blocks in blocks_of(database).items():
            for block in blocks:
                findings.look()
                if block.is_answered and not (block.certified or block.confirmed):
                    findings.blame(
                        f"{database.name}: the block of account {account_id} ended by an answer "
                        "that certifies nothing",
                        leaf=block.until,
                    )
