"""Ed25519 signatures (RFC 8032), with one verification rule for everybody.

Verification is libsodium's: it refuses public keys of small order and
non-canonical encodings, which other libraries accept. With the identity as a key
one signature would verify every message.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from nacl import bindings
from nacl.exceptions import CryptoError

from bureau_keys.errors import BadSignature, LockedKey, MalformedMessage, WeakKey

KEY_BYTES = 32
SIGNATURE_BYTES = 64
# DER of SubjectPublicKeyInfo for Ed25519 (RFC 8410) up to the key itself.
SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """An Ed25519 public key that is safe to verify with.

    Attributes:
        raw: The key, 32 bytes.
        key_id: Lower-case hex SHA-256 of the DER SubjectPublicKeyInfo.
    """

    raw: bytes
    key_id: str = field(compare=False)

    @classmethod
    def from_raw(cls, raw: bytes) -> VerifyKey:
        """Return a key from its 32 bytes.

        Raises:
            WeakKey: Wrong length, not on the curve, outside the group of prime
                order (small order too), or not in canonical encoding.
        """
        return _checked(raw)

    @classmethod
    def from_spki(cls, der: bytes) -> VerifyKey:
        """Return a key from its DER SubjectPublicKeyInfo (RFC 8410).

        Raises:
            WeakKey: It is of another kind, or `from_raw` refuses it.
        """
        if not der.startswith(SPKI_PREFIX):
            raise WeakKey("not the DER public key of Ed25519")
        return cls.from_raw(der.removeprefix(SPKI_PREFIX))

    @classmethod
    def from_pem(cls, pem: bytes) -> VerifyKey:
        """Return a key from PEM.

        Raises:
            WeakKey: It is no PEM, or `from_spki` refuses it.
        """
        try:
            key = load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise WeakKey("not a PEM public key") from error
        return cls.from_spki(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    @property
    def spki(self) -> bytes:
        """DER SubjectPublicKeyInfo."""
        return SPKI_PREFIX + self.raw

    def verify(self, signature: bytes, message: bytes) -> None:
        """Check a signature of 64 bytes.

        Raises:
            BadSignature: It does not verify.
        """
        if len(signature) != SIGNATURE_BYTES:
            raise BadSignature("a signature has 64 bytes")
        try:
            bindings.crypto_sign_open(signature + message, self.raw)
        except CryptoError as error:
            raise BadSignature("the signature does not verify") from error


# The check takes as long as verifying a signature, and keys come again and again.
@lru_cache(maxsize=16384)
def _checked(raw: bytes) -> VerifyKey:
    if len(raw) != KEY_BYTES or not bindings.crypto_core_ed25519_is_valid_point(raw):
        raise WeakKey("not an Ed25519 key that is safe to verify with")
    return VerifyKey(raw, hashlib.sha256(SPKI_PREFIX + raw).hexdigest())


class StatementKey(Protocol):
    """A key that signs statements: a `SigningKey`, or one that another device holds."""

    @property
    def verify_key(self) -> VerifyKey:
        """The public half."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message, 64 bytes."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """An Ed25519 private key.

    Attributes:
        verify_key: Its public half.
    """

    _secret: bytes  # seed and public key, 64 bytes, as libsodium wants it
    verify_key: VerifyKey

    @classmethod
    def generate(cls) -> SigningKey:
        """Return a new key from the system's randomness."""
        return cls.from_seed(bindings.randombytes(KEY_BYTES))

    @classmethod
    def from_seed(cls, seed: bytes) -> SigningKey:
        """Return the key of a 32-byte seed (RFC 8032 section 5.1.5).

        Raises:
            MalformedMessage: It has another length.
        """
        if len(seed) != KEY_BYTES:
            raise MalformedMessage("the seed of a signing key has 32 bytes")
        public, secret = bindings.crypto_sign_seed_keypair(seed)
        return cls(secret, VerifyKey.from_raw(public))

    @classmethod
    def from_pem(cls, pem: bytes, passphrase: bytes | None = None) -> SigningKey:
        """Return a key from PKCS#8 PEM.

        Raises:
            LockedKey: The passphrase is wrong, missing or superfluous.
            MalformedMessage: It is no Ed25519 key.
        """
        try:
            key = load_pem_private_key(pem, passphrase)
        except TypeError as error:
            raise LockedKey("the key needs a passphrase, or needs none") from error
        except (ValueError, UnsupportedAlgorithm) as error:
            if b"ENCRYPTED" in pem:
                raise LockedKey("the passphrase does not open the key") from error
            raise MalformedMessage("not a PEM private key") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise MalformedMessage("a key of another kind than Ed25519")
        return cls.from_seed(key.private_bytes_raw())

    def to_pem(self, passphrase: bytes | None = None) -> bytes:
        """Return PKCS#8 PEM, encrypted if a passphrase is given.

        Raises:
            LockedKey: The passphrase is empty: it would protect nothing.
        """
        if passphrase == b"":
            raise LockedKey("an empty passphrase protects nothing")
        protection = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
        key = Ed25519PrivateKey.from_private_bytes(self._secret[:KEY_BYTES])
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection)

    @property
    def seed(self) -> bytes:
        """The 32 bytes that the key is made from: the secret itself."""
        return self._secret[:KEY_BYTES]

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message, 64 bytes; the same each time."""
        return bindings.crypto_sign(message, self._secret)[:SIGNATURE_BYTES]

    def __repr__(self) -> str:
        return f"SigningKey({self.verify_key.key_id[:16]}…)"
