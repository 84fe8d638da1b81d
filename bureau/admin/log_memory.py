"""The newest checkpoint that an auditor's commands have seen, kept in the profile's folder."""

from __future__ import annotations

from bureau.admin.operator import CallError, Operator
from bureau_keys.checkpoint import Checkpoint
from bureau_keys.command_line.messages import say
from bureau_keys.errors import BadProof
from bureau_keys.fork_evidence import Finding, ForkEvidence, conclude
from bureau_keys.log_memory import LogMemory, MemoryFolder
from bureau_keys.receipt_checks import check_checkpoint


def newest_checkpoint(reader: Operator, folder: MemoryFolder, *others: str) -> str:
    """Return the newest checkpoint, held to every one that the folder keeps; the folder keeps it.

    Args:
        others: Further checkpoints that the bureau has shown; the newest one must extend them.

    Raises:
        BadProof: The log forked or shrank, now or before; the evidence is in the folder.
        CallError: The bureau does not answer.
        OSError: The folder cannot be read.
    """
    if folder.evidence_path.exists():
        raise BadProof(f"an earlier call found a fork of the log: {folder.evidence_path}")
    # Read before the call: another process may keep a newer checkpoint meanwhile.
    memory = folder.read()
    note = reader.checkpoint()
    evidence = _contradicting(reader, note, [memory.newest, *memory.unproved, *others])
    if evidence is not None:
        location = _saved(folder, evidence)
        raise BadProof(
            "the log is forked, or it shrank: it does not prove that its newest checkpoint "
            f"extends one that was seen before{location}\n\n{evidence.kept}\n{evidence.seen}"
        )
    try:
        _keep(folder, memory, note)
    except OSError as error:
        say(f"{folder.path} cannot be kept ({error}): the checkpoint is not remembered")
    return note


def ask_about(reader: Operator, evidence: ForkEvidence) -> Finding:
    """Return the conclusion from evidence, after the log was asked for its proof again.

    Raises:
        BadProof: The log has not signed both checkpoints.
        CallError: The bureau does not answer.
    """
    trust = reader.profile.trust
    kept, seen = check_checkpoint(evidence.kept, trust), check_checkpoint(evidence.seen, trust)
    return ForkEvidence(evidence.kept, evidence.seen, _proof(reader, kept, seen)).check(trust)


def _keep(folder: MemoryFolder, read: LogMemory, note: str) -> None:
    """Keep the newest checkpoint, which extends the ones that were read."""
    with folder.locked():
        present = folder.read()
        unproved = tuple(one for one in present.unproved if one not in read.unproved)
        if present.newest == read.newest:
            folder.write(LogMemory(note, unproved, present.cosigned))
        else:
            # The next call proves both to be of one log.
            folder.write(LogMemory(present.newest, (*unproved, note), present.cosigned))


def _saved(folder: MemoryFolder, evidence: ForkEvidence) -> str:
    """Save evidence, and return the part of a message that names its file."""
    try:
        folder.save_evidence(evidence)
    except OSError as error:
        return f"; {folder.evidence_path} cannot be written ({error})"
    return f"; both are in {folder.evidence_path}"


def _contradicting(reader: Operator, note: str, kept: list[str]) -> ForkEvidence | None:
    """Return the evidence about the first kept checkpoint that the newest does not extend."""
    trust = reader.profile.trust
    newest = check_checkpoint(note, trust)
    for other in filter(None, kept):
        older = check_checkpoint(other, trust)
        proof = _proof(reader, older, newest) if older.size < newest.size else ()
        shrank = older.size > newest.size
        if shrank or conclude(older, newest, proof) is not Finding.CONSISTENT:
            return ForkEvidence(other, note, proof)
    return None


def _proof(reader: Operator, one: Checkpoint, other: Checkpoint) -> tuple[bytes, ...]:
    """Return the log's consistency proof between two checkpoints; empty if it has none."""
    first, second = sorted((one.size, other.size))
    if not 0 < first < second:
        return ()
    try:
        return tuple(reader.consistency_proof(first, second))
    except CallError as error:
        if error.reason != "BEYOND_LOG":
            raise
        return ()
