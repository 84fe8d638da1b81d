"""Encodings of messages: the canonical one, and others of the same message."""

from __future__ import annotations

from typing import Any

from creditbureau.v1.alert_pb2 import Alert
from creditbureau.v1.codes_pb2 import ACTION_FURNISH, ACTION_INQUIRE
from creditbureau.v1.consent_pb2 import Consent
from creditbureau.v1.members_pb2 import CredentialChange
from creditbureau.v1.record_pb2 import Deletion, Record, SubmissionManifest, TradelineSnapshot
from creditbureau.v1.report_pb2 import Attribute
from tests.vectors.cast import encoded, header, secret

VARINT, BYTES, FIXED32 = 0, 2, 5


def varint(value: int, extra: int = 0) -> bytes:
    """Encode a number, with superfluous bytes of zeros if asked."""
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value)
    if extra:
        data[-1] |= 0x80
        data += b"\x80" * (extra - 1) + b"\x00"
    return bytes(data)


def field(number: int, value: int | bytes) -> bytes:
    """Encode a field: a varint, or bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3 | VARINT) + varint(value)
    return varint(number << 3 | BYTES) + varint(len(value)) + value


def vectors() -> list[dict[str, Any]]:
    own = header("members/acme", "canonical")
    base = own.SerializeToString(deterministic=True)
    manifest = SubmissionManifest(header=own, records_root=secret("root"), record_count=3)
    consent = Consent(actions=[ACTION_FURNISH, ACTION_INQUIRE])
    record = Record(account_ref="a-1", deletion=Deletion(month=202601), certified=True)
    alert = Alert(alert_id="7-0", texts={"zh": "新查询", "en": "A new inquiry", "EN": ""})
    without_version = base[: -len(field(5, 1))]
    entry_zh = field(8, field(1, b"zh") + field(2, b"Z"))
    entry_en = field(8, field(1, b"en") + field(2, b"E"))
    good = {
        "an empty message": ("Header", ""),
        "fields in order of their numbers": ("Header", base.hex()),
        "a nested message": ("SubmissionManifest", encoded(manifest)),
        "repeated numbers are packed": ("Consent", encoded(consent)),
        "a member of a oneof stands by its number": ("Record", encoded(record)),
        "a text in a oneof": (
            "CredentialChange",
            encoded(CredentialChange(withdraw_key="ab" * 32)),
        ),
        "entries of a map, keys of one length, in order of their bytes": ("Alert", encoded(alert)),
        "a negative number has ten bytes": (
            "TradelineSnapshot",
            encoded(TradelineSnapshot(balance_minor=-1)),
        ),
        "an optional field that is there, though zero": (
            "TradelineSnapshot",
            encoded(TradelineSnapshot(credit_limit_minor=0)),
        ),
        "an optional double that is there, though zero": ("Attribute", encoded(Attribute(value=0))),
        "a member of a oneof that is there, though empty": ("Record", field(5, b"").hex()),
        "an enum's number that the contract does not know": (
            "SubmissionManifest",
            field(2, 99).hex(),
        ),
    }
    bad = {
        "an unknown field": ("Header", base + field(99, 1)),
        "an unknown field in a nested message": (
            "SubmissionManifest",
            field(1, base + field(99, 1)) + field(4, 3),
        ),
        "a field of another wire type": (
            "Header",
            without_version + varint(5 << 3 | FIXED32) + b"\x01\x00\x00\x00",
        ),
        "a number that is zero": ("Header", without_version + field(5, 0)),
        "a text that is empty": (
            "Header",
            field(1, b"") + base[len(field(1, b"bureau.example/log")) :],
        ),
        "a number twice": ("Header", without_version + field(5, 2) + field(5, 1)),
        "a message in two parts": (
            "SubmissionManifest",
            field(1, field(1, b"bureau.example/log")) + field(1, field(5, 1)),
        ),
        "fields in another order": ("Header", field(5, 1) + without_version),
        "a number with a superfluous byte": (
            "Header",
            without_version + varint(5 << 3) + varint(1, extra=1),
        ),
        "a length with a superfluous byte": (
            "Header",
            varint(1 << 3 | BYTES) + varint(3, extra=1) + b"a/b",
        ),
        "a tag with a superfluous byte": ("Header", varint(5 << 3, extra=1) + varint(1)),
        "a number with bits above its 32": ("Header", varint(5 << 3) + varint((1 << 40) + 1)),
        "a negative number in five bytes": ("Header", varint(5 << 3) + varint((1 << 32) - 1)),
        "a truth that is two": ("Record", field(6, 2)),
        "repeated numbers, each by itself": ("Consent", field(4, 1) + field(4, 2)),
        "two members of a oneof": (
            "Record",
            field(3, b"") + field(5, field(1, 202601)),
        ),
        "entries of a map in another order": ("Alert", entry_zh + entry_en),
        "a key of a map twice": ("Alert", entry_en + entry_en),
        "an entry of a map with its value first": (
            "Alert",
            field(8, field(2, b"E") + field(1, b"en")),
        ),
        "an entry of a map without its empty value": ("Alert", field(8, field(1, b"en"))),
    }
    malformed = {
        "bytes that end within a field": ("Header", base[:-1]),
        "a length beyond the end": ("Header", b"\x0a\x7fabc"),
        "a text that is not UTF-8": ("Header", field(1, b"\xff\xfe")),
        "a field number of zero": ("Header", b"\x00\x01"),
        "a number of eleven bytes": ("Header", b"\x28" + b"\xff" * 10 + b"\x01"),
    }
    assert field(4, 1) + field(4, 2) != consent.SerializeToString(deterministic=True)
    return [
        *(_vector(name, kind, data, "") for name, (kind, data) in good.items()),
        *(_vector(name, kind, data.hex(), "NON_CANONICAL") for name, (kind, data) in bad.items()),
        *(
            _vector(name, kind, data.hex(), "MALFORMED_MESSAGE")
            for name, (kind, data) in malformed.items()
        ),
    ]


def _vector(name: str, kind: str, data: str, reason: str) -> dict[str, Any]:
    return {"name": name, "message": kind, "data": data, "valid": not reason, "reason": reason}
