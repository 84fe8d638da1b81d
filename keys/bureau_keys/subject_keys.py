"""The keys of subjects, proved by the log: attested by a member, then rotated by the subject."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from bureau_keys.envelope import open_envelope, payload_type_of, peek
from bureau_keys.errors import BadProof
from bureau_keys.key_history import STILL, LoggedKey, keys_at
from bureau_keys.profile import Trust
from bureau_keys.receipt_checks import check_logged
from bureau_keys.signer_name import member_id_of, member_signer, subject_id_of, subject_signer
from bureau_keys.signing import VerifyKey
from creditbureau.v1.envelope_pb2 import Envelope, Header
from creditbureau.v1.members_pb2 import LoggedStatement
from creditbureau.v1.subjects_pb2 import KeyAttestation, KeyBinding, KeyRotation

ROTATION = payload_type_of(KeyRotation)
# Keys of each subject by key id; of each member, those that the log proves.
SubjectKeys: TypeAlias = dict[str, dict[str, LoggedKey]]
MemberKeys: TypeAlias = Mapping[str, Iterable[LoggedKey]]


def attesters_of(statements: Iterable[LoggedStatement]) -> set[str]:
    """Return the members that attested the keys of subjects, without checking a signature.

    Raises:
        KeysError: A statement is neither an attestation nor a rotation.
    """
    return {
        member_id_of(peek(logged.envelope, KeyAttestation).header.signer)
        for logged in statements
        if logged.envelope.payload_type != ROTATION
    }


def prove_subject_keys(
    statements: Iterable[LoggedStatement], members: MemberKeys, trust: Trust
) -> SubjectKeys:
    """Return the keys that statements bind to subjects, with the leaves between which they count.

    Args:
        statements: Attestations and rotations, in order of the log.
        members: Keys of the attesting members, proved by the log, by member id.
        trust: The log's origin and key.

    Raises:
        KeysError: A statement is not in the log, in another order, or signed with another key.
    """
    keys: SubjectKeys = {}
    last = -1
    for logged in statements:
        index = logged.receipt.leaf_index
        if index <= last:
            raise BadProof("the statements about the subject's key are not in order of the log")
        last = index
        if logged.envelope.payload_type == ROTATION:
            _rotate(keys, logged, trust)
        else:
            _attest(keys, logged, members, trust)
    return keys


def signing_key(
    keys: SubjectKeys, subject_id: str, envelope: Envelope, leaf_index: int, what: str
) -> LoggedKey:
    """Return the subject's key that a statement names, if it counts at the statement's leaf.

    Raises:
        BadProof: No statement binds the key to the subject, or only after the statement.
    """
    key_id = envelope.signatures[0].keyid if envelope.signatures else ""
    key = keys.get(subject_id, {}).get(key_id)
    if key is None:
        raise BadProof(f"{what} is signed with {key_id!r}: no key of the subject {subject_id}")
    if leaf_index <= key.start:
        raise BadProof(f"{what} was logged before its key was bound to the subject")
    if leaf_index > key.end:
        raise BadProof(f"{what} was logged after its key was replaced")
    return key


def bound_before(keys: SubjectKeys, subject_id: str, leaf_index: int) -> dict[str, VerifyKey]:
    """Return the keys that were bound to a subject before a leaf, by key id.

    A key's end is not held against it: two attesters can bring a replaced key back.
    """
    bound = keys.get(subject_id, {}).values()
    return {logged.key.key_id: logged.key for logged in bound if logged.start < leaf_index}


def check_header(header: Header, signer: str, trust: Trust, what: str) -> None:
    """Check that a statement names its signer and this bureau.

    Raises:
        BadProof: It names others.
    """
    if (header.signer, header.audience) != (signer, trust.origin):
        raise BadProof(f"{what} is by {header.signer}, for {header.audience}; expected {signer}")


def _attest(keys: SubjectKeys, logged: LoggedStatement, members: MemberKeys, trust: Trust) -> None:
    index, statement = logged.receipt.leaf_index, open_envelope(logged.envelope, KeyAttestation)
    attestation = statement.message
    attester = member_id_of(attestation.header.signer)
    if attester not in members:
        raise BadProof(f"the keys of {attester}, which attested the subject's key, are missing")
    check_logged(logged.receipt, statement.digest, trust, "attestation")
    statement.verify(keys_at(members[attester], index))
    check_header(attestation.header, member_signer(attester), trust, "the attestation")
    subject_id, key = _bound(attestation.binding, trust)
    # A second attester's statement leaves the key as the first one bound it.
    keys.setdefault(subject_id, {}).setdefault(key.key_id, LoggedKey(key, index, STILL))


def _rotate(keys: SubjectKeys, logged: LoggedStatement, trust: Trust) -> None:
    index, statement = logged.receipt.leaf_index, open_envelope(logged.envelope, KeyRotation)
    rotation = statement.message
    subject_id = subject_id_of(rotation.header.signer)
    present = signing_key(keys, subject_id, logged.envelope, index, "the rotation of the key")
    check_logged(logged.receipt, statement.digest, trust, "key-rotation")
    statement.verify({present.key.key_id: present.key})
    check_header(rotation.header, subject_signer(subject_id), trust, "the rotation of the key")
    bound_to, key = _bound(rotation.binding, trust)
    if bound_to != subject_id:
        raise BadProof("the subject's key is bound to another subject")
    keys[subject_id][present.key.key_id] = present._replace(end=index)
    keys[subject_id].setdefault(key.key_id, LoggedKey(key, index, STILL))


def _bound(envelope: Envelope, trust: Trust) -> tuple[str, VerifyKey]:
    statement = open_envelope(envelope, KeyBinding)
    binding = statement.message
    key = VerifyKey.from_raw(binding.public_key)
    statement.verify({key.key_id: key})
    check_header(
        binding.header, subject_signer(binding.subject_id), trust, "the binding of the key"
    )
    return binding.subject_id, key
