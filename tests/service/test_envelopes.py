"""Envelopes that hold more than was signed: refused by every method, and never stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from google.protobuf.message import Message

from bureau.rpc.methods import SERVICES
from bureau_keys.envelope import seal
from bureau_keys.signing import SigningKey
from creditbureau.v1.envelope_pb2 import Envelope, Signature
from creditbureau.v1.furnishing_pb2 import SubmitRecordsRequest
from creditbureau.v1.reporting_pb2 import Inquiry
from tests.service.calls import GOOD, MAY, Scenario, open_scenario

# An unknown field with a kilobyte of junk.
JUNK = b"\xfa\x7f\x80\x08" + bytes(1024)


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario() as scenario:
        yield scenario


def junk_in_the_envelope(envelope: Envelope) -> None:
    envelope.MergeFromString(JUNK)


def junk_in_the_signature(envelope: Envelope) -> None:
    envelope.signatures[0].MergeFromString(JUNK)


def a_second_signature(envelope: Envelope) -> None:
    envelope.signatures.append(seal(Inquiry(), SigningKey.generate()).signatures[0])


def garbage_first_under_the_known_key_id(envelope: Envelope) -> None:
    good = Signature.FromString(envelope.signatures[0].SerializeToString())
    envelope.signatures[0].sig = bytes(64)
    envelope.signatures.append(good)


def the_same_signature_twice(envelope: Envelope) -> None:
    envelope.signatures.append(envelope.signatures[0])


CHANGES: tuple[tuple[Callable[[Envelope], None], str], ...] = (
    (junk_in_the_envelope, "NON_CANONICAL"),
    (junk_in_the_signature, "NON_CANONICAL"),
    (a_second_signature, "TOO_MANY_ITEMS"),
    (garbage_first_under_the_known_key_id, "TOO_MANY_ITEMS"),
    (the_same_signature_twice, "TOO_MANY_ITEMS"),
)


def envelopes_of(request: Message) -> list[str]:
    """Return the fields of a request that hold an envelope."""
    return [
        field.name
        for field in request.DESCRIPTOR.fields
        if field.message_type is Envelope.DESCRIPTOR and request.HasField(field.name)
    ]


def signed_methods() -> list[str]:
    """Return the methods whose request has an envelope, by the contract."""
    return [
        f"{service.name}/{method.name}"
        for service in SERVICES
        for method in service.methods
        if any(one.message_type is Envelope.DESCRIPTOR for one in method.input_type.fields)
        and f"{service.name}/{method.name}" in GOOD
    ]


@pytest.mark.parametrize("method", signed_methods())
def test_what_nobody_signed_is_refused(scenario: Scenario, method: str) -> None:
    sender = scenario.members[MAY[method].split()[0]]
    request = GOOD[method](scenario, sender)
    names = envelopes_of(request)
    if not names:  # of two ways to ask, the member's own has no envelope
        return
    before = scenario.size()
    for name in names:
        for change, reason in CHANGES:
            changed = type(request).FromString(request.SerializeToString())
            change(getattr(changed, name))
            answer = sender.send(method, changed)
            assert answer.reason == reason, (change.__name__, answer)
    assert scenario.size() == before
    # The same without what was added: it was refused for nothing else.
    assert sender.send(method, request).code == "OK"


def test_a_statement_has_a_limit_of_its_own(scenario: Scenario) -> None:
    """A batch may be large; the manifest that signs it may not."""
    furnisher = scenario.members["furnisher"]
    good = GOOD["Furnishing/SubmitRecords"](scenario, furnisher)
    changed = SubmitRecordsRequest.FromString(good.SerializeToString())
    changed.manifest.payload += b"\xfa\x7f\x80\x20" + bytes(4096)
    assert furnisher.send("Furnishing/SubmitRecords", changed).reason == "TOO_LARGE"
