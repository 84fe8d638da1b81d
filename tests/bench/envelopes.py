"""Envelopes sealed and verified, beside bare PyNaCl over the same bytes."""

from __future__ import annotations

from collections.abc import Iterator

from nacl import bindings

from bureau_keys.envelope import pae, seal, verify_envelope
from bureau_keys.signing import SigningKey
from creditbureau.v1.reporting_pb2 import Inquiry
from tests.bench.fixture import LoadedBureau
from tests.bench.measure import Measure, bench
from tests.bench.proofs import against
from tests.bench.statements import PURPOSE, header

COUNT = 1000


@bench("envelopes")
def envelopes(_house: LoadedBureau) -> Iterator[Measure]:
    """Of an inquiry."""
    key = SigningKey.generate()
    public, secret = bindings.crypto_sign_seed_keypair(key.seed)
    keys = {key.verify_key.key_id: key.verify_key}
    inquiry = Inquiry(
        header=header("bench/log", "members/alder"),
        subject_id="ab" * 16,
        purpose=PURPOSE,
        consent_id="6f2f1b1e-8f7c-4f6c-9c52-0c6b9f1f7c11",
    )
    sealed = seal(inquiry, key)
    message = pae(sealed.payload_type, sealed.payload)
    signed = bindings.crypto_sign(message, secret)

    def verify() -> None:
        for _ in range(COUNT):
            verify_envelope(sealed, Inquiry, keys)

    def verify_bare() -> None:
        for _ in range(COUNT):
            bindings.crypto_sign_open(signed, public)

    def sign() -> None:
        for _ in range(COUNT):
            seal(inquiry, key)

    def sign_bare() -> None:
        for _ in range(COUNT):
            bindings.crypto_sign(message, secret)

    for name, work, bare in (
        ("envelopes verified", verify, verify_bare),
        ("envelopes sealed", sign, sign_bare),
    ):
        yield against(name, COUNT, work, bare)
