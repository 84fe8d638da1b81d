"""Comparison of checkpoints that a bureau has shown: at each of its addresses, and to others."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace

from bureau.admin.log_memory import newest_checkpoint
from bureau.admin.operator import CallError, Operator
from bureau_keys.checkpoint import Checkpoint
from bureau_keys.errors import BadProof
from bureau_keys.log_memory import MemoryFolder
from bureau_keys.profile import Profile
from bureau_keys.receipt_checks import check_checkpoint


@dataclass(frozen=True, slots=True)
class Compared:
    """A source of a checkpoint.

    Attributes:
        source: Address of the bureau, or name of a file.
        checkpoint: The checkpoint, which is one of the same log as all others; None if the address
            did not answer.
        problem: The reason why it did not.
    """

    source: str
    checkpoint: Checkpoint | None
    problem: str = ""


def compare_checkpoints(
    profile: Profile, folder: MemoryFolder, notes: Mapping[str, str]
) -> list[Compared]:
    """Compare the newest checkpoint of each address with all that others were shown.

    Args:
        folder: The memory of the profile; it is compared too, keeps the newest checkpoint, and
            evidence of a fork.
        notes: Signed checkpoints by the name of their file.

    Raises:
        BadProof: A checkpoint is not of this log, or two of them are not of one log that only
            grew; the evidence is in the folder.
        CallError: No address answers.
    """
    # 1. The checkpoints of others, each signed by the log.
    compared = [Compared(name, _checked(name, note, profile)) for name, note in notes.items()]
    with ExitStack() as readers:
        # 2. The newest checkpoint of each address.
        answered: dict[str, tuple[Operator, str]] = {}
        for address in profile.addresses:
            reader = readers.enter_context(Operator(replace(profile, addresses=(address,))))
            try:
                note = reader.checkpoint()
            except CallError as error:
                failure = error
                compared.append(Compared(address, None, str(error)))
            else:
                answered[address] = reader, note
                compared.append(Compared(address, _checked(address, note, profile)))
        if not answered:
            raise failure
        # 3. The largest of them extends all others, by the proofs of the node that showed it.
        sizes = {each.source: each.checkpoint.size for each in compared if each.checkpoint}
        largest = max(answered, key=sizes.__getitem__)
        others = [*notes.values(), *(note for _, note in answered.values())]
        newest_checkpoint(answered[largest][0], folder, *others)
    return compared


def _checked(source: str, note: str, profile: Profile) -> Checkpoint:
    try:
        return check_checkpoint(note, profile.trust)
    except BadProof as error:
        raise BadProof(f"{source}: {error}") from error
