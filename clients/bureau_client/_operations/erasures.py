"""The operator's erasures, as the statements that it signed."""

from __future__ import annotations

from collections.abc import Sequence

from bureau_client._codec.erasures import read_erasure
from bureau_client._operations import methods
from bureau_client._operations.context import Context
from bureau_client._operations.members import signed_by_operator
from bureau_client._operations.operation import Operation, call
from bureau_client._operations.pages import Order, as_it_is, collect
from bureau_client._operations.receipts import verify_receipt_and_witnesses
from bureau_client.models.erasures import Erasure
from bureau_client.verify.checks import verifying
from creditbureau.v1 import erasure_pb2, furnishing_pb2, members_pb2

NEWEST_FIRST = Order[members_pb2.LoggedStatement](name=lambda logged: logged.receipt.leaf_index)


def list_erasures(context: Context, limit: int | None) -> Operation[list[Erasure]]:
    """List erasures, newest first, each logged and signed by an operator."""

    def page(token: str) -> Operation[tuple[Sequence[members_pb2.LoggedStatement], str]]:
        request = furnishing_pb2.ListErasuresRequest(page_token=token)
        reply = yield from call(methods.LIST_ERASURES, request)
        return reply.erasures, reply.next_page_token

    listed = yield from collect("The list of erasures", page, as_it_is, NEWEST_FIRST, limit)
    erasures: list[Erasure] = []
    for logged in listed:
        erasure = yield from _verified(context, logged)
        erasures.append(erasure)
    return erasures


def _verified(context: Context, logged: members_pb2.LoggedStatement) -> Operation[Erasure]:
    envelope = logged.envelope.SerializeToString(deterministic=True)
    receipt = yield from verify_receipt_and_witnesses(
        context, logged.receipt, logged.envelope, kind="erasure"
    )
    message = yield from signed_by_operator(
        context, "The erasure", logged.envelope, erasure_pb2.Erasure, receipt
    )
    with verifying("The erasure"):
        return read_erasure(message, envelope, receipt)
