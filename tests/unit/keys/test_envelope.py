"""What is signed, and under which name."""

from __future__ import annotations

import hashlib

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from bureau_keys.envelope import (
    MAX_PAYLOAD_BYTES,
    digest,
    pae,
    parse_canonical,
    payload_type_of,
    peek,
    seal,
    verify_envelope,
    verify_signature,
)
from bureau_keys.errors import (
    BadSignature,
    KeysError,
    MalformedMessage,
    NonCanonical,
    TooLarge,
    WrongPayloadType,
)
from bureau_keys.signing import SigningKey
from creditbureau.v1.envelope_pb2 import Envelope, Header, Signature
from creditbureau.v1.members_pb2 import KeyPossession
from creditbureau.v1.record_pb2 import SubmissionManifest
from creditbureau.v1.reporting_pb2 import Inquiry

KEY = SigningKey.from_seed(bytes(range(32)))
OTHER = SigningKey.from_seed(bytes(32))
KEYS = {KEY.verify_key.key_id: KEY.verify_key}
HEADER = Header(audience="bureau.example/log", signer="members/acme", request_id="1")


def test_the_specifications_example() -> None:
    # secure-systems-lab/dsse, protocol.md, "Test Vectors".
    encoded = pae("http://example.com/HelloWorld", b"hello world")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_lengths_are_those_of_bytes() -> None:
    assert pae("é", b"") == "DSSEv1 2 é 0 ".encode()


@given(st.tuples(st.text(max_size=20), st.binary(max_size=20)))
def test_no_two_statements_are_signed_alike(statement: tuple[str, bytes]) -> None:
    kind, body = statement
    encoded = pae(kind, body)
    for moved in range(1, len(body) + 1):
        # What ends the type here begins the body there.
        shifted = kind + body[:moved].decode("latin-1"), body[moved:]
        assert pae(*shifted) != encoded


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (Inquiry, "inquiry"),
        (SubmissionManifest, "submission-manifest"),
        (KeyPossession(), "key-possession"),
    ],
)
def test_payload_types(message: Message | type[Message], kind: str) -> None:
    assert payload_type_of(message) == f"application/vnd.creditbureau.{kind}.v1+protobuf"


def test_a_sealed_message_opens() -> None:
    envelope = seal(Inquiry(header=HEADER), KEY)
    message, key = verify_envelope(envelope, Inquiry, KEYS)
    assert message == Inquiry(header=HEADER)
    assert key == KEY.verify_key
    assert verify_envelope(envelope, Inquiry, KEYS.get) == (message, key)
    assert peek(envelope, Inquiry) == message
    assert [signature.keyid for signature in envelope.signatures] == [KEY.verify_key.key_id]


def test_the_wrong_payload_is_refused_before_its_signature() -> None:
    envelope = Envelope(payload=b"\xff", payload_type=payload_type_of(Inquiry))
    for look in (
        lambda: verify_envelope(envelope, SubmissionManifest, KEYS),
        lambda: peek(envelope, SubmissionManifest),
    ):
        with pytest.raises(WrongPayloadType) as refused:
            look()
        assert refused.value.reason == "WRONG_PAYLOAD_TYPE"


def test_a_signature_for_one_type_does_not_count_for_another() -> None:
    envelope = seal(Inquiry(header=HEADER), KEY)
    envelope.payload_type = payload_type_of(SubmissionManifest)
    with pytest.raises(BadSignature):
        verify_envelope(envelope, SubmissionManifest, KEYS)


def test_the_signature_is_checked_before_the_payload() -> None:
    envelope = Envelope(payload=b"\xff", payload_type=payload_type_of(Inquiry))
    with pytest.raises(BadSignature):
        verify_envelope(envelope, Inquiry, KEYS)
    signed = pae(envelope.payload_type, envelope.payload)
    envelope.signatures.add(sig=KEY.sign(signed), keyid=KEY.verify_key.key_id)
    with pytest.raises(MalformedMessage):
        verify_envelope(envelope, Inquiry, KEYS)


def test_only_keys_that_count_count() -> None:
    envelope = seal(Inquiry(header=HEADER), OTHER)
    with pytest.raises(BadSignature) as refused:
        verify_envelope(envelope, Inquiry, KEYS)
    assert refused.value.reason == "BAD_SIGNATURE"
    # The key id is a hint: another's signature under it is nobody's.
    envelope.signatures[0].keyid = KEY.verify_key.key_id
    with pytest.raises(BadSignature):
        verify_envelope(envelope, Inquiry, KEYS)
    with pytest.raises(BadSignature):
        verify_envelope(Envelope(payload_type=payload_type_of(Inquiry)), Inquiry, KEYS)


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 0), ()])
@pytest.mark.parametrize("beside", ["of a stranger", "false, under a known key id"])
def test_there_is_exactly_one_signature(order: tuple[int, ...], beside: str) -> None:
    """Two readers would choose differently among several."""
    envelope = seal(Inquiry(header=HEADER), KEY)
    other = seal(Inquiry(header=HEADER), OTHER).signatures[0]
    if beside != "of a stranger":
        other.keyid = KEY.verify_key.key_id
    both = (envelope.signatures[0], other)
    changed = Envelope(
        payload=envelope.payload,
        payload_type=envelope.payload_type,
        signatures=[both[index] for index in order],
    )
    with pytest.raises(BadSignature):
        verify_envelope(changed, Inquiry, KEYS)
    with pytest.raises(BadSignature):
        peek(changed, Inquiry)


def test_unknown_fields_of_an_envelope_are_refused() -> None:
    """Nobody signed them, so that anyone could add them without end."""
    envelope = seal(Inquiry(header=HEADER), KEY)
    junk = b"\xfa\x7f\x03abc"
    beside = Envelope.FromString(envelope.SerializeToString() + junk)
    within = Envelope.FromString(envelope.SerializeToString())
    within.signatures[0].MergeFromString(junk)
    for changed in (beside, within):
        with pytest.raises(NonCanonical):
            verify_envelope(changed, Inquiry, KEYS)
        with pytest.raises(NonCanonical):
            peek(changed, Inquiry)
        with pytest.raises(NonCanonical):
            verify_signature(changed, KEYS)


@pytest.mark.parametrize(
    ("message", "limit"), [(Inquiry, MAX_PAYLOAD_BYTES), (SubmissionManifest, 4096)]
)
def test_a_payload_has_a_limit(message: type[Message], limit: int) -> None:
    around = len(message(header=Header(audience="a" * 256)).SerializeToString()) - 256
    payload = message(header=Header(audience="a" * (limit - around - 1))).SerializeToString()
    assert limit - 2 <= len(payload) <= limit
    kind = payload_type_of(message)

    def signed(body: bytes) -> Envelope:
        signature = Signature(sig=KEY.sign(pae(kind, body)), keyid=KEY.verify_key.key_id)
        return Envelope(payload=body, payload_type=kind, signatures=[signature])

    verify_envelope(signed(payload), message, KEYS)
    with pytest.raises(TooLarge) as refused:
        verify_envelope(signed(payload + bytes(3)), message, KEYS)
    assert refused.value.reason == "TOO_LARGE"


def test_the_digest_names_the_statement_not_its_signatures() -> None:
    envelope = seal(Inquiry(header=HEADER), KEY)
    expected = hashlib.sha256(pae(envelope.payload_type, envelope.payload)).digest()
    assert digest(envelope) == expected
    assert digest(seal(Inquiry(header=HEADER), OTHER)) == expected
    envelope.payload += b"\0"
    assert digest(envelope) != expected


def test_malformed_bytes_are_told() -> None:
    # Truncated, a group that nothing began, text that is not UTF-8.
    for data in (b"\x0a\x05", b"\x0c", b"\x0a\x04\x0a\x02\xff\xfe"):
        with pytest.raises(MalformedMessage) as refused:
            parse_canonical(Inquiry, data)
        assert refused.value.reason == "MALFORMED_MESSAGE"


def test_other_encodings_of_a_message_are_refused() -> None:
    message = Header(audience="a", signer="b")
    canonical = message.SerializeToString(deterministic=True)
    assert parse_canonical(Header, canonical) == message
    first, second = canonical[:3], canonical[3:]
    for data in (
        second + first,  # another order
        first + canonical,  # a field twice
        canonical[:1] + b"\x81\x00" + canonical[2:],  # a length of two bytes
        canonical + b"\xf8\x7f\x01",  # an unknown field
        canonical + Header(request_id="x").SerializeToString()[:1] + b"\x00",  # a default
    ):
        with pytest.raises(NonCanonical) as refused:
            parse_canonical(Header, data)
        assert refused.value.reason == "NON_CANONICAL"


def test_unknown_fields_in_what_is_nested_are_refused() -> None:
    inner = HEADER.SerializeToString() + b"\xf8\x7f\x01"
    with pytest.raises(NonCanonical):
        parse_canonical(Inquiry, b"\x0a" + bytes([len(inner)]) + inner)


@given(st.data())
def test_any_changed_byte_is_noticed(data: st.DataObject) -> None:
    envelope = seal(Inquiry(header=HEADER), KEY)
    part = data.draw(st.sampled_from(["payload", "payload_type", "sig", "keyid"]))
    holder = envelope if part.startswith("payload") else envelope.signatures[0]
    value = getattr(holder, part)
    changed = bytearray(value.encode() if isinstance(value, str) else value)
    index = data.draw(st.integers(0, len(changed) - 1))
    changed[index] ^= data.draw(st.integers(1, 127 if isinstance(value, str) else 255))
    setattr(holder, part, changed.decode() if isinstance(value, str) else bytes(changed))
    with pytest.raises(KeysError):
        verify_envelope(envelope, Inquiry, KEYS)
