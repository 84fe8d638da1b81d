"""Signed requests by which subjects read their own data."""

from __future__ import annotations

from bureau_client._operations.context import SigningContext
from bureau_keys.envelope import seal
from creditbureau.v1 import consents_pb2
from creditbureau.v1.envelope_pb2 import Envelope


def subject_request(caller: SigningContext, method: str) -> Envelope:
    """Return a new signed request of a subject to read by one method.

    Args:
        caller: The subject.
        method: The method's full name.
    """
    request = consents_pb2.SubjectRequest(header=caller.author.header(), method=method)
    return seal(request, caller.author.key)
