"""One rule for who signed what."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st

from bureau_keys.errors import BadSignature, LockedKey, MalformedMessage, WeakKey
from bureau_keys.signing import SPKI_PREFIX, SigningKey, VerifyKey
from tests.unit.keys import vectors

# RFC 8032 section 7.1, tests 1 to 3: seed, public key, message, signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
]
# Points of small order (RFC 7748 section 7 names the set), and encodings of them.
SMALL_ORDER = [
    "00" * 32,
    "01" + "00" * 31,
    "ec" + "ff" * 30 + "7f",
    "ed" + "ff" * 30 + "7f",
    "ee" + "ff" * 30 + "7f",
    "00" * 31 + "80",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
]
KEY = SigningKey.from_seed(bytes(range(32)))


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_the_standards_examples(seed: str, public: str, message: str, signature: str) -> None:
    key = SigningKey.from_seed(bytes.fromhex(seed))
    assert key.verify_key.raw.hex() == public
    assert key.sign(bytes.fromhex(message)).hex() == signature
    key.verify_key.verify(bytes.fromhex(signature), bytes.fromhex(message))


def test_wycheproof() -> None:
    for group in vectors.load("wycheproof/ed25519_test.json")["testGroups"]:
        key = VerifyKey.from_spki(bytes.fromhex(group["publicKeyDer"]))
        assert key == VerifyKey.from_raw(bytes.fromhex(group["publicKey"]["pk"]))
        assert key == VerifyKey.from_pem(group["publicKeyPem"].encode())
        for case in group["tests"]:
            valid = _verifies(key, bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"]))
            assert valid == (case["result"] == "valid"), case


def test_cctv_edge_cases_are_all_refused() -> None:
    # The strictest of the rules that are in use: what is odd in any way does not count.
    for case in vectors.load("cctv/ed25519vectors.json"):
        assert _accepts(case) == (not case["flags"]), case


def _accepts(case: dict[str, Any]) -> bool:
    try:
        key = VerifyKey.from_raw(bytes.fromhex(case["key"]))
    except WeakKey:
        return False
    return _verifies(key, bytes.fromhex(case["sig"]), case["msg"].encode())


def _verifies(key: VerifyKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except BadSignature:
        return False
    return True


@pytest.mark.parametrize("raw", SMALL_ORDER)
def test_weak_keys_are_refused_in_every_form(raw: str) -> None:
    for make in (VerifyKey.from_raw, lambda data: VerifyKey.from_spki(SPKI_PREFIX + data)):
        with pytest.raises(WeakKey) as refused:
            make(bytes.fromhex(raw))
        assert refused.value.reason == "WEAK_KEY"
        assert refused.value.fix


@pytest.mark.parametrize("raw", [b"", KEY.verify_key.raw[:31], KEY.verify_key.raw + b"\0"])
def test_a_key_has_32_bytes(raw: bytes) -> None:
    with pytest.raises(WeakKey):
        VerifyKey.from_raw(raw)


def test_the_key_id_is_that_of_the_spki() -> None:
    public = ed25519.Ed25519PublicKey.from_public_bytes(KEY.verify_key.raw)
    spki = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert KEY.verify_key.spki == spki
    assert KEY.verify_key.key_id == hashlib.sha256(spki).hexdigest()
    assert VerifyKey.from_spki(spki) == KEY.verify_key


def test_keys_of_another_kind_are_refused() -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    public = other.public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    with pytest.raises(WeakKey):
        VerifyKey.from_spki(public.public_bytes(serialization.Encoding.DER, form))
    with pytest.raises(WeakKey):
        VerifyKey.from_pem(public.public_bytes(serialization.Encoding.PEM, form))
    with pytest.raises(WeakKey):
        VerifyKey.from_pem(b"no key")
    pem = other.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with pytest.raises(MalformedMessage):
        SigningKey.from_pem(pem)


def test_an_spki_says_what_it_is() -> None:
    raw, spki = KEY.verify_key.raw, KEY.verify_key.spki
    x25519 = spki.replace(bytes.fromhex("2b6570"), bytes.fromhex("2b656e"))
    for der in (b"", raw, spki[:-1], spki + b"\0", x25519):
        with pytest.raises(WeakKey):
            VerifyKey.from_spki(der)


def test_keys_are_values() -> None:
    again = VerifyKey.from_raw(KEY.verify_key.raw)
    assert again == KEY.verify_key
    assert len({again, KEY.verify_key, SigningKey.generate().verify_key}) == 2


@given(st.binary(max_size=300), st.data())
def test_any_changed_byte_breaks_a_signature(message: bytes, data: st.DataObject) -> None:
    signature = KEY.sign(message)
    KEY.verify_key.verify(signature, message)
    index = data.draw(st.integers(0, len(signature) + len(message) - 1))
    changed = bytearray(signature + message)
    changed[index] ^= data.draw(st.integers(1, 255))
    assert not _verifies(KEY.verify_key, bytes(changed[:64]), bytes(changed[64:]))


@pytest.mark.parametrize("signature", [b"", KEY.sign(b"m")[:63], KEY.sign(b"m") + b"\0"])
def test_a_signature_has_64_bytes(signature: bytes) -> None:
    with pytest.raises(BadSignature):
        KEY.verify_key.verify(signature, b"m")


def test_a_message_cannot_lend_bytes_to_a_signature() -> None:
    signature = KEY.sign(b"message")
    with pytest.raises(BadSignature):
        KEY.verify_key.verify(signature[:32], signature[32:] + b"message")


@pytest.mark.parametrize("passphrase", [None, b"open sesame"])
def test_a_stored_key_comes_back(passphrase: bytes | None) -> None:
    pem = KEY.to_pem(passphrase)
    assert (b"ENCRYPTED" in pem) == (passphrase is not None)
    assert SigningKey.from_pem(pem, passphrase).seed == KEY.seed


@pytest.mark.parametrize("passphrase", [None, b"", b"wrong"])
def test_a_locked_key_stays_locked(passphrase: bytes | None) -> None:
    with pytest.raises(LockedKey) as refused:
        SigningKey.from_pem(KEY.to_pem(b"right"), passphrase)
    assert refused.value.reason == "LOCKED_KEY"


def test_an_empty_passphrase_is_not_taken_for_none() -> None:
    with pytest.raises(LockedKey):
        KEY.to_pem(b"")


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33)])
def test_a_seed_has_32_bytes(seed: bytes) -> None:
    with pytest.raises(MalformedMessage):
        SigningKey.from_seed(seed)


def test_a_broken_file_is_no_key() -> None:
    with pytest.raises(MalformedMessage):
        SigningKey.from_pem(b"no key")


def test_the_secret_is_not_shown() -> None:
    assert KEY.seed.hex() not in repr(KEY)
    assert repr(KEY.seed) not in repr(KEY)
