"""Checks that a member's keys were registered in the log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bureau_client.errors import VerificationFailed
from bureau_client.members import Member
from bureau_client.verify.belief import TELL, believed, expect
from bureau_client.verify.receipts import verify_receipt
from bureau_client.wire.members import read_member
from bureau_client.wire.receipts import read_receipt
from bureau_keys import envelope as envelopes
from bureau_keys.profile import Trust
from bureau_keys.signing import VerifyKey
from creditbureau.v1 import members_pb2
from creditbureau.v1.envelope_pb2 import Envelope


def verify_member(encoded: bytes, trust: Trust) -> Member:
    """Reads a member and checks each of its keys against the log.

    Every key must come with a logged statement that registers it, and with the
    proof of possession that the statement carries. So nobody can slip in a key
    that the log, and with it every auditor, has not seen.

    Args:
        encoded: `Member.encoded` of a member asked for with its statements.
        trust: The log's origin and key.

    Raises:
        VerificationFailed: A statement is not in the log, or a key has none.
    """
    with believed("The member"):
        message = members_pb2.Member.FromString(encoded)
        member = read_member(message)
    registered: dict[str, int] = {}
    for statement in message.statements:
        with believed(f"A statement about {member.member_id}"):
            receipt = read_receipt(statement.receipt)
            envelope = statement.envelope.SerializeToString(deterministic=True)
        verify_receipt(receipt, envelope, trust)
        for key_id in _keys_registered_by(statement.envelope, member.member_id):
            registered.setdefault(key_id, receipt.leaf_index)
    for key in member.keys:
        if key.key_id not in registered:
            raise VerificationFailed(
                f"Key {key.key_id} of {member.member_id} comes without the logged statement "
                "that registers it",
                reason="BAD_PROOF",
                fix=TELL,
            )
        expect(
            f"The key id of a key of {member.member_id}",
            key.key_id,
            VerifyKey.from_raw(key.public_key).key_id,
        )
        if key.valid_from_index < registered[key.key_id]:
            raise VerificationFailed(
                f"Key {key.key_id} of {member.member_id} counts from log index "
                f"{key.valid_from_index}, before it was registered at {registered[key.key_id]}",
                reason="BAD_PROOF",
                fix=TELL,
            )
    return member


def _keys_registered_by(statement: Envelope, member_id: str) -> Iterator[str]:
    with believed(f"A statement about {member_id}"):
        for possession in _possessions(statement, member_id):
            claimed = envelopes.peek(possession, members_pb2.KeyPossession)
            key = VerifyKey.from_raw(claimed.public_key)
            envelopes.verify_envelope(possession, members_pb2.KeyPossession, {key.key_id: key})
            yield key.key_id


def _possessions(statement: Envelope, member_id: str) -> Iterable[Envelope]:
    if statement.payload_type == envelopes.payload_type_of(members_pb2.Admission):
        admission = envelopes.peek(statement, members_pb2.Admission)
        return admission.keys if admission.member_id == member_id else ()
    if statement.payload_type == envelopes.payload_type_of(members_pb2.CredentialChange):
        change = envelopes.peek(statement, members_pb2.CredentialChange)
        adds = change.member_id == member_id and change.HasField("add_key")
        return [change.add_key] if adds else ()
    return ()
