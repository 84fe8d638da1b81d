"""Turns national identifiers into subject ids; the bureau never sees the identifiers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bureau_client._operations import arguments, methods
from bureau_client._operations.context import SigningContext
from bureau_client._operations.cosigning import as_needed
from bureau_client._operations.operation import Operation, call
from bureau_client._operations.receipts import verify_reply_receipt
from bureau_client._operations.typed_calls import argument
from bureau_client.models.progress import Progress
from bureau_client.models.receipts import Receipt
from bureau_client.verify.checks import verifying
from bureau_keys import pseudonym
from bureau_keys.envelope import seal
from bureau_keys.errors import KeysError
from bureau_keys.identifiers import normalise
from creditbureau.v1 import directory_pb2


def subject_ids(
    context: SigningContext, identifiers: Iterable[tuple[str, str, str]]
) -> Operation[list[str]]:
    """Return subject ids in the order of the identifiers.

    Each different identifier counts once against the member's quota.
    """
    started = context.clock()
    inputs = [
        normalised(context, f"identifiers[{index}]", parts)
        for index, parts in enumerate(identifiers)
    ]
    different = list(dict.fromkeys(inputs))
    by_identifier: dict[bytes, str] = {}
    receipt = None
    for chunk in _chunks(different):
        ids, receipt = yield from _evaluate(context, chunk)
        by_identifier.update(zip(chunk, ids, strict=True))
        yield Progress(len(by_identifier), len(different), context.clock() - started)
    if receipt is not None:
        # Once witnesses cosign the last evaluation, they have cosigned the earlier ones too.
        yield from as_needed(context, receipt)
    return [by_identifier[identifier] for identifier in inputs]


def _evaluate(context: SigningContext, inputs: list[bytes]) -> Operation[tuple[list[str], Receipt]]:
    blinded = pseudonym.Blinded(inputs)
    evaluation = directory_pb2.Evaluation(
        header=context.signer.header(), blinded_elements=blinded.elements
    )
    sealed = seal(evaluation, context.signer.key)
    request = directory_pb2.EvaluateRequest(evaluation=sealed)
    reply = yield from call(methods.EVALUATE, request, evaluation.header.request_id)
    receipt = verify_reply_receipt(context, reply.receipt, sealed, kind="evaluation")
    with verifying("The directory's evaluation"):
        ids = blinded.finalize(reply.evaluated_elements, context.trust.directory_key)
    return ids, receipt


def normalised(context: SigningContext, field: str, parts: tuple[str, str, str]) -> bytes:
    """Return an identifier in its normal form.

    Args:
        field: Name of the argument, for the error.
        parts: Country, scheme and identifier.

    Raises:
        InvalidRequest: The identifier is wrong; `field` names it.
    """
    country, scheme, identifier = argument(field, parts, tuple[str, str, str])
    try:
        return normalise(
            country, scheme, identifier, issued_only=context.trust.issued_identifiers_only
        )
    except KeysError as error:
        # The identifier itself stays out of the message.
        raise arguments.refuse(field, "INVALID_FIELD", str(error)) from None


def _chunks(items: list[bytes]) -> Iterator[list[bytes]]:
    for start in range(0, len(items), pseudonym.MAX_BATCH):
        yield items[start : start + pseudonym.MAX_BATCH]
