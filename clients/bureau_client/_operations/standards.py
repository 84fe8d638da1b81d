"""The consortium's standard of credit."""

from __future__ import annotations

from bureau_client._codec.alerts import read_standard
from bureau_client._operations import methods
from bureau_client._operations.context import Context
from bureau_client._operations.members import signed_by_operator
from bureau_client._operations.operation import Operation, call
from bureau_client._operations.receipts import verify_receipt_and_witnesses
from bureau_client.errors import VerificationFailed
from bureau_client.models.standards import Standard
from bureau_client.verify.checks import TELL, verifying
from creditbureau.v1 import members_pb2, standard_pb2


def get_standard(context: Context, version: int) -> Operation[Standard]:
    """Return the standard in force, or a version of it: logged, and signed by an operator."""
    request = members_pb2.GetStandardRequest(version=version)
    reply = yield from call(methods.GET_STANDARD, request)
    envelope = reply.standard.SerializeToString(deterministic=True)
    receipt = yield from verify_receipt_and_witnesses(
        context, reply.receipt, reply.standard, kind="standard"
    )
    message = yield from signed_by_operator(
        context, "The standard", reply.standard, standard_pb2.StandardOfCredit, receipt
    )
    if version and version != message.version:
        raise VerificationFailed(
            "The standard is of another version than requested", reason="WRONG_ANSWER", fix=TELL
        )
    with verifying("The standard"):
        return read_standard(message, envelope, receipt)
