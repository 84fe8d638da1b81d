"""Write a signed statement as its signer sent it, for an engineer to read."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from bureau_keys.envelope import payload_type_of
from creditbureau.v1 import (
    complaint_pb2,
    consent_pb2,
    consent_request_pb2,
    consents_pb2,
    decision_pb2,
    dispute_pb2,
    erasure_pb2,
    furnishing_pb2,
    hold_pb2,
    members_pb2,
    record_pb2,
    reporting_pb2,
    standard_pb2,
    subjects_pb2,
)
from creditbureau.v1.envelope_pb2 import Envelope

FILES = (
    complaint_pb2,
    consent_pb2,
    consent_request_pb2,
    consents_pb2,
    decision_pb2,
    dispute_pb2,
    erasure_pb2,
    furnishing_pb2,
    hold_pb2,
    members_pb2,
    record_pb2,
    reporting_pb2,
    standard_pb2,
    subjects_pb2,
)


@dataclass(frozen=True, slots=True)
class WrittenEnvelope:
    """A signed statement in text.

    Attributes:
        payload: The payload as JSON with the contract's names; empty for an unknown type.
        encoded: The envelope's bytes, base64.
    """

    payload_type: str
    key_id: str
    payload: str
    encoded: str


def write_envelope(statement: bytes) -> WrittenEnvelope:
    """Write a serialised envelope, which was verified."""
    envelope = Envelope.FromString(statement)
    message = _classes().get(envelope.payload_type)
    payload = ""
    if message is not None:
        payload = MessageToJson(
            message.FromString(envelope.payload),
            preserving_proto_field_name=True,
            ensure_ascii=False,
        )
    return WrittenEnvelope(
        envelope.payload_type,
        envelope.signatures[0].keyid if envelope.signatures else "",
        payload,
        b64encode(statement).decode(),
    )


@cache
def _classes() -> dict[str, type[Message]]:
    """Return the message of every statement by its payload type: those with a header."""
    every: list[Any] = [
        message for file in FILES for message in file.DESCRIPTOR.message_types_by_name.values()
    ]
    signed = [GetMessageClass(each) for each in every if "header" in each.fields_by_name]
    return {payload_type_of(each): each for each in signed}
