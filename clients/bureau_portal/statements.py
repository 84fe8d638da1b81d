"""Describe the statements that a person signs, for the browser to read their bytes.

The browser decodes what it is to sign by these tables, and shows each field. It refuses a
statement of another type, and one with a field that the tables do not have.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

import bureau_client.models.codes as known_codes
from bureau_client.models.codes import Code
from bureau_keys.envelope import payload_type_of
from bureau_portal.words import Words
from creditbureau.v1 import (
    complaint_pb2,
    consent_pb2,
    consent_request_pb2,
    consents_pb2,
    dispute_pb2,
    hold_pb2,
    notices_pb2,
    subjects_pb2,
)

# A request to read: the browser signs it without a question.
READING = consents_pb2.SubjectRequest
SIGNED: tuple[type[Message], ...] = (
    READING,
    consent_pb2.Consent,
    consent_pb2.ConsentChange,
    consent_request_pb2.ConsentRequestDecline,
    hold_pb2.HoldPlacement,
    hold_pb2.HoldLift,
    dispute_pb2.DisputeOpening,
    dispute_pb2.DisputeAddition,
    complaint_pb2.ComplaintOpening,
    complaint_pb2.ComplaintEscalation,
    notices_pb2.NoticeChoice,
    subjects_pb2.SubjectStatement,
    subjects_pb2.KeyBinding,
    subjects_pb2.KeyApproval,
    subjects_pb2.KeyRepudiation,
)
_TIMES = {"google.protobuf.Timestamp": "time", "google.protobuf.Duration": "duration"}
_NUMBERS = {FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64}


def described(words: Words) -> dict[str, Any]:
    """Return the description of every statement in one language, as JSON has it."""
    titles = words.table("statements")
    return {
        "statements": {
            payload_type_of(message): {
                "title": titles[message.DESCRIPTOR.name],
                "reads": message is READING,
                "fields": _fields(message.DESCRIPTOR, words),
            }
            for message in SIGNED
        },
        "words": dict(words.table("browser")),
    }


def _fields(message: Any, words: Words) -> dict[str, Any]:
    """Return the description of each field of a message's descriptor, by its number."""
    labels, absent = words.table("fields"), words.table("absent")
    return {
        str(field.number): {
            "label": labels[field.name],
            **({"absent": absent[field.name]} if field.name in absent else {}),
            **_kind(field, words),
        }
        for field in message.fields
    }


def _kind(field: FieldDescriptor, words: Words) -> dict[str, Any]:
    if field.message_type is not None:
        name = field.message_type.full_name
        if name in _TIMES:
            return {"kind": _TIMES[name]}
        kind = "head" if field.name == "header" else "message"
        return {"kind": kind, "fields": _fields(field.message_type, words)}
    if field.enum_type is not None:
        return {"kind": "code", "texts": _codes(field.enum_type, words)}
    if field.name == "month":
        return {"kind": "month"}
    if field.type in _NUMBERS:
        return {"kind": "number"}
    return {"kind": "bytes" if field.type == FieldDescriptor.TYPE_BYTES else "text"}


def _codes(enum: EnumDescriptor, words: Words) -> dict[str, str]:
    """Return the texts of an enum of the contract by number: those of the SDK's code."""
    code: type[Code] = getattr(known_codes, enum.name)
    return {str(int(each)): words.code(each) for each in code if each}
