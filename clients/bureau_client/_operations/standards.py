"""The consortium's standard of credit."""

from __future__ import annotations

from bureau_client._codec.alerts import read_standard
from bureau_client._operations import methods
from bureau_client._operations.context import Context
from bureau_client._operations.members import vouched_member
from bureau_client._operations.operation import Operation, call
from bureau_client._operations.receipts import verify_receipt_and_witnesses
from bureau_client.errors import VerificationFailed
from bureau_client.models.standards import Standard
from bureau_client.verify.checks import TELL, verifying
from bureau_keys import envelope as envelopes
from bureau_keys.signer_name import member_id_of
from bureau_keys.signing import VerifyKey
from creditbureau.v1 import members_pb2, standard_pb2


def get_standard(context: Context, version: int) -> Operation[Standard]:
    """Return the standard in force, or a version of it: logged, and signed by an operator."""
    request = members_pb2.GetStandardRequest(version=version)
    reply = yield from call(methods.GET_STANDARD, request)
    envelope = reply.standard.SerializeToString(deterministic=True)
    receipt = yield from verify_receipt_and_witnesses(
        context, reply.receipt, reply.standard, kind="standard"
    )
    with verifying("The standard"):
        unverified = envelopes.peek(reply.standard, standard_pb2.StandardOfCredit)
    signer = member_id_of(unverified.header.signer)
    operator = yield from vouched_member(context.trust, signer)
    keys = [
        VerifyKey.from_raw(key.public_key)
        for key in operator.member.keys
        if key.valid_at(receipt.leaf_index)
    ]
    with verifying("The standard"):
        message, _ = envelopes.verify_envelope(
            reply.standard, standard_pb2.StandardOfCredit, {key.key_id: key for key in keys}
        )
        standard = read_standard(message, envelope, receipt)
    if message.header.audience != context.trust.origin or (version and version != message.version):
        raise VerificationFailed(
            "The standard is of another bureau or another version than requested",
            reason="WRONG_ANSWER",
            fix=TELL,
        )
    if not operator.is_operator:
        raise VerificationFailed(
            f"The standard is signed by {signer}, who is not an operator",
            reason="WRONG_ANSWER",
            fix=TELL,
        )
    return standard
