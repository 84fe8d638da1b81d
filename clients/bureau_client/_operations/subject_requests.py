"""Signed requests by which subjects read their own data."""

from __future__ import annotations

from bureau_client._operations.context import SigningContext
from bureau_keys.envelope import seal
from creditbureau.v1 import consents_pb2
from creditbureau.v1.envelope_pb2 import Envelope


def subject_request(context: SigningContext, method: str) -> Envelope:
    """Return a new signed request of a subject to read by one method.

    Args:
        context: State of the client, which signs for the subject.
        method: The method's full name.
    """
    request = consents_pb2.SubjectRequest(header=context.signer.header(), method=method)
    return seal(request, context.signer.key)
