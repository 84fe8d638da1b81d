"""The chains of subjects' events: every statement about a subject, in the order of the log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from bureau_keys.event_chain import ChainHead, extend
from bureau_keys.merkle import leaf_hash
from creditbureau.v1.complaint_pb2 import ComplaintAnswer, ComplaintDecision
from creditbureau.v1.consent_event_pb2 import DeletionConfirmation
from creditbureau.v1.consent_request_pb2 import ConsentRequest, ConsentRequestWithdrawal
from creditbureau.v1.decision_pb2 import DecisionReceipt
from creditbureau.v1.dispute_pb2 import DisputeAnswer
from creditbureau.v1.erasure_pb2 import Erasure
from creditbureau.v1.subjects_pb2 import KeyAttestation, KeyBinding, KeyRepudiation
from tests.cluster.auditor.evidence import Database, Entry, Evidence, StoredLink
from tests.cluster.auditor.finding import Findings
from tests.cluster.auditor.statements import parsed
from tests.cluster.history import Outcome

SUBJECT = "subjects/"


def every_event_in_order(evidence: Evidence, findings: Findings) -> None:
    """The chain of each subject has every leaf about them but submissions, in the order of
    the log."""
    for database in evidence.databases:
        stored: dict[str, list[StoredLink]] = defaultdict(list)
        for link in database.links:
            stored[link.subject_id].append(link)
        chains = chains_of(database)
        for subject in sorted(chains.keys() | stored.keys()):
            wanted, links = chains.get(subject, []), stored[subject]
            findings.look(len(wanted))
            if wanted != links:
                findings.blame(
                    f"{database.name}: the chain of {subject} is not of the leaves about them",
                    leaves=[link.leaf_index for link in wanted],
                    stored=[link.leaf_index for link in links],
                )


def heads_in_reports(evidence: Evidence, findings: Findings) -> None:
    """Every report, and every subject's file, shows the head of the chain as of its log size."""
    if not evidence.databases:
        return
    chains = chains_of(evidence.databases[0])
    for statement in evidence.statements:
        about = statement.first.about
        if statement.first.kind == "query" and statement.outcome is Outcome.OK and "chain" in about:
            findings.look()
            head = _head(chains.get(about["subject"], []), about["log_size"])
            if about["chain"] != head.hash.hex():
                findings.blame(f"another head of the chain in the report of {statement}")
    for node in evidence.nodes:
        for subject, file in node.files.items():
            findings.look()
            head = _head(chains.get(subject, []), file.log_size)
            if (file.events, file.chain) != (head.events, head.hash.hex()):
                findings.blame(
                    f"{node.name} shows another head of the chain in the file of {subject}",
                    events=file.events,
                    wanted=head.events,
                )


def chains_of(database: Database) -> dict[str, list[StoredLink]]:
    """Compute every subject's chain from the statements in the log."""
    asked: dict[int | None, list[str]] = defaultdict(list)
    for row in database.inquiries:
        asked[row.entry_key].append(row.subject_id)
    disputants = {
        entry.request_id: entry.signer for entry in database.entries if entry.kind == "dispute"
    }
    heads: dict[str, ChainHead] = defaultdict(ChainHead)
    chains: dict[str, list[StoredLink]] = defaultdict(list)
    for entry in database.entries:
        hashed = leaf_hash(entry.commitment)
        for subject in {*asked[entry.entry_key], *_named(entry, disputants)}:
            heads[subject] = head = extend(heads[subject], [hashed])
            chains[subject].append(StoredLink(subject, head.events, entry.leaf_index, head.hash))
    return dict(chains)


def _named(entry: Entry, disputants: dict[str, str]) -> Iterator[str]:
    """Yield the subjects whom a statement itself names."""
    signer = entry.signer
    if entry.kind == "dispute-answer":
        signer = disputants.get(parsed(entry.envelope, DisputeAnswer).dispute_id, "")
    if signer.startswith(SUBJECT):
        yield signer.removeprefix(SUBJECT)
    elif entry.kind == "attestation":
        binding = parsed(entry.envelope, KeyAttestation).binding
        yield parsed(binding.SerializeToString(), KeyBinding).subject_id
    elif entry.kind == "consent-request":
        yield parsed(entry.envelope, ConsentRequest).subject_id
    elif entry.kind == "consent-request-withdrawal":
        yield parsed(entry.envelope, ConsentRequestWithdrawal).subject_id
    elif entry.kind == "complaint-answer":
        yield parsed(entry.envelope, ComplaintAnswer).subject_id
    elif entry.kind == "complaint-decision":
        yield parsed(entry.envelope, ComplaintDecision).subject_id
    elif entry.kind == "decision":
        yield parsed(entry.envelope, DecisionReceipt).subject_id
    elif entry.kind == "deletion":
        yield parsed(entry.envelope, DeletionConfirmation).subject_id
    elif entry.kind == "erasure":
        erasure = parsed(entry.envelope, Erasure)
        yield from {
            subject_id for account in erasure.accounts for subject_id in account.subject_ids
        }
        if erasure.statements:
            yield erasure.subject_id
    elif entry.kind == "key-repudiation":
        yield parsed(entry.envelope, KeyRepudiation).subject_id


def _head(links: list[StoredLink], log_size: int) -> ChainHead:
    """Return the head of a chain as of a log size."""
    before = [link for link in links if link.leaf_index < log_size]
    return ChainHead(before[-1].number, before[-1].hash) if before else ChainHead()
