"""Every field of every request and of every signed payload, at its extremes: refused
with a reason or done, and never a fault of the bureau's, on both databases.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.message import Message

from bureau.admin.integrity import check_database
from bureau.store.database import Database
from bureau_keys.envelope import seal
from bureau_keys.signing import SigningKey
from creditbureau.v1.envelope_pb2 import Envelope
from tests.service import calls, raw
from tests.service.calls import GOOD, MAY, Scenario, open_scenario
from tests.service.raw import Answer

FAULTS = {"INTERNAL", "UNKNOWN", "UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED"}
NUL = "a\0b"
# The rule of the contract's fields that hold a UUID, as the options' text shows it.
UUID_PATTERN = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
UUID_LENGTH = 36
EXTREMES = {
    Field.TYPE_INT32: (-(1 << 31), -1, (1 << 31) - 1),
    Field.TYPE_INT64: (-(1 << 63), -1, (1 << 63) - 1),
    Field.TYPE_ENUM: (-1, 0, 99),
    Field.TYPE_BOOL: (True,),
    Field.TYPE_STRING: (NUL, "\u202e", "x" * 6000),
    Field.TYPE_BYTES: (b"", b"\xff" * 33),
}
# A stream stays open where it is not refused: a second each.
WATCHING = {
    "Complaints/WatchComplaints",
    "Consents/WatchConsents",
    "Furnishing/WatchDisputes",
    "Notices/RelayNotices",
    "Notices/WatchNotices",
    "Reporting/WatchAlerts",
}
# Whoever signed a payload, so that it can be signed again when it was changed.
signed: dict[bytes, tuple[type[Message], SigningKey]] = {}


@pytest.fixture(scope="module")
def scenario(database_url: str) -> Iterator[Scenario]:
    def remembering(message: Message, key: SigningKey) -> Envelope:
        envelope = seal(message, key)
        signed[envelope.payload] = (type(message), key)
        return envelope

    with pytest.MonkeyPatch.context() as patched:
        for module in (raw, calls):
            patched.setattr(module, "seal", remembering)
        with open_scenario(database_url) as scenario:
            yield scenario


@pytest.mark.parametrize("method", sorted(set(GOOD) - WATCHING))
def test_no_extreme_is_a_fault(scenario: Scenario, method: str) -> None:
    sender = scenario.members[MAY[method].split()[0]]
    good = GOOD[method](scenario, sender)
    for changed, what, value in extremes(good):
        answer = sender.send(method, changed)
        case = f"{method}, {what} = {value!r}: {answer}"
        assert answer.code not in FAULTS, case
        assert refused_in_full(answer), case
        if value == NUL:
            assert answer.code != "OK", case
        if is_upper_case_id(value):
            # An id has one spelling: two would be one request to some and two to others.
            assert answer.reason == "INVALID_FIELD", case


def test_the_database_holds_after_all_that(scenario: Scenario) -> None:
    settings = scenario.bureau.settings
    database = Database(settings.database)
    assert not check_database(database, settings).findings
    database.dispose()


def is_upper_case_id(value: Any) -> bool:
    """Return True for the upper-case spelling of a UUID, at a field of UUIDs."""
    return isinstance(value, str) and len(value) == UUID_LENGTH and value == value.upper()


def refused_in_full(answer: Answer) -> bool:
    """OK, or with a reason, a fix and a request id."""
    return answer.code == "OK" or bool(answer.reason and answer.fix and answer.request_id)


def extremes(good: Message) -> Iterator[tuple[Message, str, Any]]:
    """Requests with one field changed: of the request itself, and of what is signed in
    it, which is signed anew under a request id of its own.
    """
    for path, value in changes(good):
        request = copied(good)
        set_at(request, path, value)
        yield request, ".".join(path), value
    for field in good.DESCRIPTOR.fields:
        if field.message_type is not Envelope.DESCRIPTOR or not good.HasField(field.name):
            continue
        kind, key = signed[getattr(good, field.name).payload]
        payload = kind.FromString(getattr(good, field.name).payload)
        for path, value in changes(payload):
            changed: Any = copied(payload)
            changed.header.request_id = str(uuid.uuid4())
            set_at(changed, path, value)
            request = copied(good)
            getattr(request, field.name).CopyFrom(seal(changed, key))
            yield request, f"{field.name}: {'.'.join(path)}", value


def changes(
    message: Message, prefix: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Paths of fields, with values to put there; None clears a message."""
    for field in message.DESCRIPTOR.fields:
        path = (*prefix, field.name)
        if field.type == Field.TYPE_MESSAGE:
            yield path, None
            if not field.is_repeated and field.message_type is not Envelope.DESCRIPTOR:
                yield from changes(getattr(message, field.name), path)
        for value in EXTREMES.get(field.type, ()):
            yield path, value
        if UUID_PATTERN in str(field.GetOptions()):
            yield path, str(uuid.uuid4()).upper()


def set_at(message: Message, path: tuple[str, ...], value: Any) -> None:
    *inside, name = path
    for step in inside:
        message = getattr(message, step)
    field = message.DESCRIPTOR.fields_by_name[name]
    if value is None:
        message.ClearField(name)
    elif field.is_repeated:
        getattr(message, name).append(value)
    else:
        setattr(message, name, value)


def copied(message: Message) -> Message:
    return type(message).FromString(message.SerializeToString())
