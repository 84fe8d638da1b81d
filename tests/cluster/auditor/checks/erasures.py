"""Everything that the operator erased is gone, and everybody whom it concerns can know it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from creditbureau.v1.erasure_pb2 import Erasure
from tests.cluster.auditor.checks.writes import GONE
from tests.cluster.auditor.evidence import Evidence
from tests.cluster.auditor.finding import Findings
from tests.cluster.auditor.statements import parsed
from tests.cluster.history import Outcome


@dataclass
class Erasures:
    """The erasures in the log.

    Attributes:
        leaf_of: By account, the leaf of its erasure.
        people_of: By account, the subjects whom the erasure names.
        newest: By subject, the leaf of the newest erasure that names them.
    """

    leaf_of: dict[str, int] = field(default_factory=dict)
    people_of: dict[str, list[str]] = field(default_factory=dict)
    newest: dict[str, int] = field(default_factory=lambda: defaultdict(lambda: -1))


def erasures_of(evidence: Evidence) -> Erasures:
    """Read the erasures in the log."""
    erasures = Erasures()
    for entry in evidence.databases[0].entries if evidence.databases else []:
        if entry.kind == "erasure":
            for account in parsed(entry.envelope, Erasure).accounts:
                erasures.leaf_of[account.tradeline_id] = entry.leaf_index
                erasures.people_of[account.tradeline_id] = list(account.subject_ids)
                erasures.newest.update(dict.fromkeys(account.subject_ids, entry.leaf_index))
    return erasures


def logged_and_noticed(evidence: Evidence, findings: Findings) -> None:
    """Every erasure is in the log and shown to auditors, and each person whom it names has a
    notice of it."""
    erasures = erasures_of(evidence)
    for one in evidence.operations:
        if one.kind == "erase" and one.outcome is Outcome.OK:
            findings.look()
            for account in one.about["tradelines"]:
                if account not in erasures.leaf_of:
                    findings.blame(f"the erasure of account {account} is not in the log")
    for node in evidence.nodes:
        for account, people in erasures.people_of.items():
            findings.look()
            if account not in node.erased:
                findings.blame(f"{node.name} does not list the erasure of account {account}")
            for subject in people:
                if subject in node.notices and account not in node.notices[subject]:
                    findings.blame(
                        f"{node.name} has no notice for {subject} of the erasure of {account}"
                    )


def gone(evidence: Evidence, findings: Findings) -> None:
    """An erased account is in no file and no later report, and a report from before that has
    it is replayed no more."""
    erasures = erasures_of(evidence)
    for node in evidence.nodes:
        for subject, file in node.files.items():
            findings.look()
            for account in sorted(file.tradelines & erasures.leaf_of.keys()):
                findings.blame(
                    f"{node.name} shows erased account {account} in the file of {subject}"
                )
    for statement in evidence.statements:
        about = statement.first.about
        if statement.first.kind != "query" or "tradelines" not in about:
            continue
        findings.look()
        erased = [account for account in about["tradelines"] if account in erasures.leaf_of]
        later = [one for one in erased if erasures.leaf_of[one] < about["log_size"]]
        if later:
            findings.blame(f"the report of {statement} has erased accounts", accounts=later)
        for node in evidence.nodes:
            answer = node.replays.get(statement.request_id)
            if erased and not later and answer not in {None, GONE}:
                findings.blame(
                    f"{node.name} replays the report of {statement}, which has erased accounts"
                )
            if answer == GONE and erasures.newest[about["subject"]] < about["log_size"]:
                findings.blame(
                    f"{node.name} says that something of {statement} was erased: nothing was"
                )
