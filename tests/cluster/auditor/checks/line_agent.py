"""The line agent: each alert is acted on once, each action follows its decision, and whatever it
reports as done is in the log, however often the agent was killed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import NamedTuple

from bureau_client import DecisionOutcome, FacilityActionKind
from creditbureau.v1.decision_pb2 import DecisionReceipt
from tests.cluster.auditor.evidence import Database, Evidence
from tests.cluster.auditor.finding import Findings
from tests.cluster.auditor.statements import parsed
from tests.cluster.history import Outcome

DONE = "done"
# The action that an outcome calls for.
ACTION_OF = {
    DecisionOutcome.FREEZE: FacilityActionKind.FREEZE,
    DecisionOutcome.RESTORE: FacilityActionKind.RESTORE,
}


class Decided(NamedTuple):
    """A decision of an agent in the log."""

    leaf_index: int
    inquiry_id: str
    tradeline_id: str
    outcome: DecisionOutcome
    reasons: int


class Acted(NamedTuple):
    """An action of an agent in the log."""

    leaf_index: int
    submission_id: str
    tradeline_id: str
    kind: FacilityActionKind


def decided_once(evidence: Evidence, findings: Findings) -> None:
    """Each alert that the line agent acted on has one report and, on it, one decision on the
    line; and the agent decides on no other report."""
    alerts = _alerts(evidence)
    unfinished = {
        one.about["alert"]
        for one in evidence.operations
        if one.kind == "review" and one.about["state"] != DONE
    }
    for alert, inquiries in alerts.items():
        findings.look()
        if len(inquiries) != 1:
            findings.blame(f"alert {alert} has {len(inquiries)} reports", inquiries=inquiries)
    for database in evidence.databases:
        decisions = Counter(one.inquiry_id for one in _decisions(evidence, database))
        for alert, inquiries in alerts.items():
            count = sum(decisions.pop(inquiry, 0) for inquiry in inquiries)
            if count > 1 or (not count and alert not in unfinished):
                findings.blame(f"{database.name}: alert {alert} has {count} decisions")
        for inquiry in decisions:
            findings.blame(
                f"{database.name}: the agent decided on no alert's report", inquiry=inquiry
            )


def actions_follow(evidence: Evidence, findings: Findings) -> None:
    """Each action of the line agent follows one decision of its outcome, with reasons, which is
    before it in the log; no decision is followed twice."""
    for database in evidence.databases:
        open_decisions: dict[str, list[Decided]] = defaultdict(list)
        events: list[Decided | Acted] = [
            *_decisions(evidence, database),
            *_actions(evidence, database),
        ]
        for event in sorted(events, key=lambda event: event.leaf_index):
            if isinstance(event, Decided):
                open_decisions[event.tradeline_id].append(event)
                continue
            findings.look()
            where = f"{database.name}: the {event.kind.name} at leaf {event.leaf_index}"
            candidates = open_decisions[event.tradeline_id]
            matching = [one for one in candidates if ACTION_OF.get(one.outcome) is event.kind]
            if not matching:
                findings.blame(f"{where} follows no decision", tradeline=event.tradeline_id)
                continue
            candidates.remove(matching[-1])
            if matching[-1].outcome.is_adverse and not matching[-1].reasons:
                findings.blame(f"{where} follows a decision without reasons")


def reviews_are_logged(evidence: Evidence, findings: Findings) -> None:
    """Every review that the line agent reports as done has its decision in the log, and its
    action after it."""
    for database in evidence.databases:
        decisions = {one.leaf_index: one for one in _decisions(evidence, database)}
        actions = {one.submission_id: one for one in _actions(evidence, database)}
        for review in evidence.operations:
            if review.kind != "review" or review.about["state"] != DONE:
                continue
            alert = f"alert {review.about['alert']}"
            for line in review.about["lines"]:
                findings.look()
                decided = decisions.get(line["decision"])
                expected = review.about["inquiry"], line["tradeline"], line["outcome"]
                if decided is None or expected != (
                    decided.inquiry_id,
                    decided.tradeline_id,
                    decided.outcome.name,
                ):
                    findings.blame(
                        f"{database.name}: the decision on {alert} is not in the log",
                        line=line,
                    )
                    continue
                action = actions.get(line["submission"])
                if line["action"] and (
                    action is None
                    or action.kind.name != line["action"]
                    or action.leaf_index < decided.leaf_index
                ):
                    findings.blame(
                        f"{database.name}: the action on {alert} is not in the log",
                        line=line,
                    )


def actions_shown(evidence: Evidence, findings: Findings) -> None:
    """Every action on an account in the log is in its person's file, on every node, once."""
    logged: dict[str, list[str]] = defaultdict(list)
    for action in evidence.databases[0].actions if evidence.databases else []:
        logged[action.tradeline_id].append(action.submission_id)
    for node in evidence.nodes:
        for subject, file in node.files.items():
            for tradeline in sorted(file.tradelines):
                shown = sorted(file.actions.get(tradeline, ()))
                findings.look(len(logged[tradeline]))
                if shown != sorted(logged[tradeline]):
                    findings.blame(
                        f"{node.name} shows {subject} other actions than are logged",
                        tradeline=tradeline,
                        shown=shown,
                        logged=sorted(logged[tradeline]),
                    )


def _alerts(evidence: Evidence) -> dict[str, list[str]]:
    """Return the inquiries with a report of each alert that an agent acted on."""
    inquiries: dict[str, list[str]] = defaultdict(list)
    for statement in evidence.statements:
        alert = statement.first.about.get("alert")
        if alert and statement.first.kind == "query" and statement.outcome is Outcome.OK:
            inquiries[alert].append(statement.request_id)
    return inquiries


def _agents(evidence: Evidence) -> set[str]:
    """Return the agents, as the log names signers."""
    return {
        statement.signer for statement in evidence.statements if "alert" in statement.first.about
    }


def _decisions(evidence: Evidence, database: Database) -> list[Decided]:
    """Read the decisions of agents."""
    agents = _agents(evidence)
    decisions = []
    for entry in database.entries:
        if entry.kind == "decision" and entry.signer in agents:
            receipt = parsed(entry.envelope, DecisionReceipt)
            decisions.append(
                Decided(
                    entry.leaf_index,
                    receipt.inquiry_id,
                    receipt.tradeline_id,
                    DecisionOutcome(receipt.outcome),
                    len(receipt.reasons),
                )
            )
    return decisions


def _actions(evidence: Evidence, database: Database) -> list[Acted]:
    """Read the actions of agents."""
    agents = _agents(evidence)
    return [
        Acted(
            database.leaf_of[one.entry_key],
            one.submission_id,
            one.tradeline_id,
            FacilityActionKind(one.kind),
        )
        for one in database.actions
        if f"members/{one.member_id}" in agents and one.entry_key in database.leaf_of
    ]
