"""The keys of subjects, as the statements in the log give them: the auditor's own model.

A run is far shorter than the waiting period of a replacement: a key that waits comes in force
by an approval or by a second attester only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from bureau_keys.signing import SPKI_PREFIX
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.subjects_pb2 import (
    KeyApproval,
    KeyAttestation,
    KeyBinding,
    KeyRepudiation,
    KeyRotation,
)
from tests.cluster.auditor.evidence import Entry
from tests.cluster.auditor.statements import parsed

SUBJECT = "subjects/"


@dataclass
class Key:
    """A key that was bound to a subject.

    Attributes:
        previous: Id of the key that it replaces; empty for none.
        approved: True if the previous key signed for it.
        objectors: Attesters that repudiated it.
    """

    key_id: str
    previous: str
    approved: bool = False
    repudiated: bool = False
    objectors: set[str] = field(default_factory=set)


@dataclass
class KeyRing:
    """The keys of one subject at a place in the log.

    Attributes:
        current: Id of the key in force; empty if there is none.
        pending: Id of the key that waits; empty if there is none.
    """

    keys: dict[str, Key] = field(default_factory=dict)
    current: str = ""
    pending: str = ""


class Repudiation(NamedTuple):
    """A repudiation that took effect.

    Attributes:
        keys: Ids of the keys that it ended.
    """

    entry: Entry
    subject_id: str
    keys: frozenset[str]


@dataclass
class KeyHistory:
    """The keys of all subjects at the end of the log.

    Attributes:
        strays: Statements of subjects that no key in force at their place had signed.
    """

    rings: dict[str, KeyRing] = field(default_factory=lambda: defaultdict(KeyRing))
    repudiations: list[Repudiation] = field(default_factory=list)
    strays: list[Entry] = field(default_factory=list)

    @property
    def states(self) -> dict[str, tuple[str, str]]:
        """By key id: its subject, and its state in a word."""
        return {
            key.key_id: (subject, _state(ring, key))
            for subject, ring in self.rings.items()
            for key in ring.keys.values()
        }


def keys_of(entries: Iterable[Entry]) -> KeyHistory:
    """Fold the statements in the log, in its order."""
    history = KeyHistory()
    for entry in entries:
        if entry.signer.startswith(SUBJECT) and entry.kind != "key-repudiation":
            ring = history.rings[entry.signer.removeprefix(SUBJECT)]
            if entry.envelope and signing_key(entry.envelope) != ring.current:
                history.strays.append(entry)
        if entry.kind == "attestation":
            binding = _binding(parsed(entry.envelope, KeyAttestation).binding)
            _attest(history.rings[binding.subject_id], _key_id(binding))
        elif entry.kind == "key-rotation":
            binding = _binding(parsed(entry.envelope, KeyRotation).binding)
            ring, key_id = history.rings[binding.subject_id], _key_id(binding)
            ring.keys[key_id] = Key(key_id, ring.current, approved=True)
            ring.current = key_id
        elif entry.kind == "key-approval":
            ring = history.rings[entry.signer.removeprefix(SUBJECT)]
            if parsed(entry.envelope, KeyApproval).key_id == ring.pending:
                ring.keys[ring.pending].approved = True
                ring.current, ring.pending = ring.pending, ""
        elif entry.kind == "key-repudiation":
            history.repudiations += _repudiate(history, entry)
    return history


def signing_key(envelope: bytes) -> str:
    """Return the id of the key that an envelope names; empty for none."""
    return next((one.keyid for one in Envelope.FromString(envelope).signatures), "")


def _binding(envelope: Envelope) -> KeyBinding:
    return parsed(envelope.SerializeToString(), KeyBinding)


def _key_id(binding: KeyBinding) -> str:
    return sha256(SPKI_PREFIX + binding.public_key).hexdigest()


def _attest(ring: KeyRing, key_id: str) -> None:
    """Bind a first key, let a further one wait, or end the waiting of that."""
    if key_id == ring.pending:
        ring.current, ring.pending = key_id, ""
        return
    first = not ring.keys
    ring.keys[key_id] = Key(key_id, ring.current)
    if first:
        ring.current = key_id
    else:
        ring.pending = key_id


def _repudiate(history: KeyHistory, entry: Entry) -> Iterator[Repudiation]:
    """End a key and those that came of it, unless a second attester has to say so, too."""
    message = parsed(entry.envelope, KeyRepudiation)
    ring = history.rings[message.subject_id]
    key = ring.keys.get(message.key_id)
    if key is None:
        return
    by_member = not entry.signer.startswith(SUBJECT)
    if by_member:
        key.objectors.add(entry.signer)
        if len(key.objectors) < 2:
            return
    doomed = {key.key_id}
    for later in ring.keys.values():  # in the order of the log
        if later.previous in doomed and (later.approved or not by_member):
            doomed.add(later.key_id)
    for key_id in doomed:
        ring.keys[key_id].repudiated = True
    was_in_force = ring.current in doomed
    if ring.pending in doomed:
        ring.pending = ""
    if was_in_force:
        earlier = ring.keys.get(key.previous)
        restored = earlier and not earlier.repudiated and not key.approved
        ring.current = key.previous if restored else ""
        if ring.pending and restored:
            ring.keys[ring.pending].previous = key.previous
    yield Repudiation(entry, message.subject_id, frozenset(doomed))


def _state(ring: KeyRing, key: Key) -> str:
    if key.repudiated:
        return "repudiated"
    if key.key_id == ring.current:
        return "in force"
    return "waits" if key.key_id == ring.pending else "ended"
