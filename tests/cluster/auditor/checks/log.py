"""The log: proved, dense, one tree for everybody, in the order in which things happened."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from bureau_keys.checkpoint import Checkpoint, parse_checkpoint
from bureau_keys.cosignature import parse_witness, verify_cosignature
from bureau_keys.errors import KeysError
from bureau_keys.log_audit import LogAudit, LogFault, check_checkpoints, leaf_violations
from bureau_keys.merkle import Frontier, verify_consistency
from bureau_keys.note import parse_note
from bureau_keys.receipt import Receipt
from tests.cluster.auditor.evidence import Database, Evidence, Node
from tests.cluster.auditor.finding import Findings
from tests.cluster.auditor.statements import digest_of
from tests.cluster.history import Outcome


def receipts_verify(evidence: Evidence, findings: Findings) -> None:
    """Every receipt proves that its statement is in the log, at its place."""
    for statement in evidence.statements:
        for one in statement.operations:
            if not one.receipt:
                if one.outcome is Outcome.OK:
                    findings.blame(f"accepted without a receipt: {statement}")
                continue
            findings.look()
            try:
                receipt = Receipt.from_text(one.receipt)
                receipt.verify(digest_of(one.envelope), evidence.origin, evidence.verifier)
            except KeysError as error:
                findings.blame(
                    f"a receipt does not verify: {statement}: {error}", receipt=one.receipt
                )
                continue
            if receipt.index != one.leaf_index:
                findings.blame(
                    f"a receipt is for leaf {receipt.index}, not {one.leaf_index}: {statement}"
                )


class FoundCheckpoint(NamedTuple):
    """A checkpoint that the log signed, and the place in which the auditor found it."""

    where: str
    note: str
    size: int
    root: bytes


def one_tree(evidence: Evidence, findings: Findings) -> None:
    """Any two checkpoints are consistent: those that members got, that nodes list, that are
    kept apart, and that witnesses cosigned, are all of one tree, which only grew."""
    opened = list(_opened(evidence, findings))
    audit, roots = LogAudit(opened), [Frontier().root()]
    for leaf in evidence.leaves:
        audit.add(leaf)
        roots.append(audit.frontier.root())
    for checkpoint in audit.unreached:
        findings.blame(
            f"the log has forgotten: {checkpoint.where} has a checkpoint of {checkpoint.size} "
            f"leaves, {audit.frontier.size} are stored",
            note=checkpoint.note,
        )
    for checkpoint in audit.contradicted:
        findings.blame(
            f"forked: the leaves stored do not give the root of size {checkpoint.size} "
            f"that {checkpoint.where} has",
            note=checkpoint.note,
            recomputed=roots[checkpoint.size].hex(),
        )
    for node in evidence.nodes:
        try:
            check_checkpoints(
                [checkpoint for checkpoint in opened if checkpoint.where == _list_of(node)]
            )
        except LogFault as fault:
            findings.blame(f"{node.name} lists checkpoints of no one log: {fault}")
        for first, second, proof in node.proofs:
            findings.look()
            try:
                verify_consistency(first, second, roots[first], roots[second], proof)
            except (KeysError, IndexError) as error:
                findings.blame(f"{node.name} does not prove {first} to {second}: {error}")
    for fork in evidence.forks:
        findings.blame(f"a witness has seen a fork: {fork}")


def witnesses_follow(evidence: Evidence, findings: Findings) -> None:
    """Every cosignature kept verifies, and at the end every witness has cosigned the whole
    log."""
    keys = {(key := parse_witness(vkey)).name: key.key for vkey in evidence.witnesses.values()}
    for database in evidence.databases:
        notes = dict(database.checkpoints)
        for size, witness, line in database.cosignatures:
            findings.look()
            try:
                verify_cosignature(notes[size] + line, witness, keys[witness])
            except (KeysError, KeyError) as error:
                findings.blame(f"{database.name}: no cosignature of {witness} at {size}: {error}")
    leaves = len(evidence.leaves)
    for name in evidence.witnesses:
        findings.look()
        note = evidence.cosigned.get(name)
        size = parse_checkpoint(parse_note(note)[0]).size if note else 0
        if size < leaves:
            findings.blame(f"{name} has cosigned {size} of {leaves} leaves")


def same_everywhere(evidence: Evidence, findings: Findings) -> None:
    """Every node gives out the same leaves, and every database has the same."""
    places = [
        (database.name, [e.commitment for e in database.entries]) for database in evidence.databases
    ]
    places += [(node.name, node.leaves) for node in evidence.nodes]
    for (name, leaves), (other, theirs) in pairwise(places):
        findings.look()
        if leaves != theirs:
            index = next(
                (i for i, (a, b) in enumerate(zip(leaves, theirs, strict=False)) if a != b),
                min(len(leaves), len(theirs)),
            )
            findings.blame(
                f"{name} has {len(leaves)} leaves and {other} {len(theirs)}; "
                f"they differ from leaf {index} on"
            )


def dense(evidence: Evidence, findings: Findings) -> None:
    """Leaf indices are 0, 1, 2, … without gap or double."""
    for database in evidence.databases:
        findings.look(len(database.entries))
        indices = [entry.leaf_index for entry in database.entries]
        for wanted, index in enumerate(indices):
            if index != wanted:
                findings.blame(f"{database.name} has leaf {index} where {wanted} belongs")
                break
        if database.head[0] != len(indices):
            findings.blame(
                f"{database.name} has {len(indices)} leaves, its head row says {database.head[0]}"
            )
    taken: dict[int, str] = {}
    for statement in evidence.statements:
        leaf = statement.leaf_index
        if leaf is not None and taken.setdefault(leaf, str(statement)) != str(statement):
            findings.blame(f"leaf {leaf} is of {taken[leaf]} and of {statement}")


def root_recomputed(evidence: Evidence, findings: Findings) -> None:
    """The stored statements give the stored leaves, and these the root that was signed."""
    for database in evidence.databases:
        audit = LogAudit(_newest(evidence, database, findings))
        for entry in database.entries:
            findings.look()
            audit.add(entry.commitment)
            for what in leaf_violations(entry, entry.envelope):
                findings.blame(
                    f"leaf {entry.leaf_index} in {database.name}: {what}", kind=entry.kind
                )
        if (audit.frontier.size, b"".join(audit.frontier.hashes)) != database.head:
            findings.blame(f"the head row of {database.name} is not the tree of its leaves")
        if audit.contradicted or audit.unreached:
            findings.blame(f"the leaves of {database.name} do not give the root that was signed")


def in_order(evidence: Evidence, findings: Findings) -> None:
    """A statement acknowledged before another was sent is before it in the log:
    for each signer, and for all of them."""
    accepted = [
        statement
        for statement in evidence.statements
        if statement.leaf_index is not None and statement.known_ns is not None
    ]
    acknowledged = sorted(accepted, key=lambda statement: statement.known_ns or 0)
    passed, highest = 0, None
    for statement in sorted(accepted, key=lambda statement: statement.begin_ns):
        findings.look()
        while (
            passed < len(acknowledged) and (acknowledged[passed].known_ns or 0) < statement.begin_ns
        ):
            one = acknowledged[passed]
            if highest is None or (one.leaf_index or 0) > (highest.leaf_index or 0):
                highest = one
            passed += 1
        if highest is not None and (statement.leaf_index or 0) < (highest.leaf_index or 0):
            findings.blame(
                f"{statement} stands at leaf {statement.leaf_index}, before {highest} at leaf "
                f"{highest.leaf_index}, which was acknowledged before it was sent",
                same_signer=statement.signer == highest.signer,
            )


def times_go_on(evidence: Evidence, findings: Findings) -> None:
    """Times never go back along the log, whatever the nodes' clocks say."""
    for database in evidence.databases:
        for before, after in pairwise(database.entries):
            findings.look()
            if after.time_us < before.time_us:
                findings.blame(
                    f"in {database.name} leaf {after.leaf_index} is "
                    f"{(before.time_us - after.time_us) / 1e6:.3f} s older than the one before it"
                )


def _newest(evidence: Evidence, database: Database, findings: Findings) -> Iterator[Checkpoint]:
    """Yield the checkpoint that a database has of all its leaves, if the log signed it."""
    leaves = len(database.entries)
    note = dict(database.checkpoints).get(leaves)
    if note is None:
        findings.blame(f"{database.name} has no checkpoint of its {leaves} leaves")
        return
    try:
        yield evidence.open(note)
    except KeysError as error:
        findings.blame(f"the newest checkpoint of {database.name} is not the log's: {error}")


def _opened(evidence: Evidence, findings: Findings) -> Iterator[FoundCheckpoint]:
    """Yield every checkpoint that the log signed; the others are violations."""
    for where, note in _checkpoints(evidence):
        findings.look()
        try:
            checkpoint = evidence.open(note)
        except KeysError as error:
            findings.blame(f"a checkpoint is not the log's: {where}: {error}", note=note)
            continue
        yield FoundCheckpoint(where, note, checkpoint.size, checkpoint.root)


def _checkpoints(evidence: Evidence) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for one in evidence.operations:
        if one.receipt:
            note = Receipt.from_text(one.receipt).checkpoint
            if note not in seen:
                seen.add(note)
                yield f"a receipt of {one.worker}", note
    for node in evidence.nodes:
        yield from ((_list_of(node), note) for note in node.checkpoints)
        if node.newest:
            yield f"the newest of {node.name}", node.newest
    for database in evidence.databases:
        yield from ((f"the table of {database.name}", note) for _, note in database.checkpoints)
    yield from evidence.kept.items()
    yield from ((f"witness {name}", note) for name, note in evidence.cosigned.items())


def _list_of(node: Node) -> str:
    return f"the list of {node.name}"
