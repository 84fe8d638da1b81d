"""What certificates say, and whom they name."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from bureau_keys.certificate import der_of, fingerprint, identity_of, load_certificate, not_after
from bureau_keys.errors import MalformedMessage

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_a_fingerprint_is_the_hash_of_the_der() -> None:
    pem = _self_signed([])
    der = der_of(pem)
    assert fingerprint(pem) == fingerprint(der) == hashlib.sha256(der).hexdigest()
    assert der_of(der) == der
    assert not_after(pem) == not_after(der) == NOW + timedelta(days=1)


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["https://acme.example"],
        ["creditbureau://members/"],
        ["creditbureau://members/a/b"],
        ["creditbureau://members/acme", "creditbureau://members/other"],
        ["creditbureau://members/acme", "creditbureau://members/acme"],
    ],
)
def test_a_certificate_names_exactly_one_member(names: list[str]) -> None:
    with pytest.raises(MalformedMessage):
        identity_of(_self_signed([x509.UniformResourceIdentifier(name) for name in names]))


def test_other_names_beside_the_members_are_passed_over() -> None:
    names = ["https://acme.example", "creditbureau://members/acme"]
    certificate = _self_signed([x509.UniformResourceIdentifier(name) for name in names])
    assert identity_of(certificate) == "acme"
    # A member's URI counts as a URI only.
    with pytest.raises(MalformedMessage):
        identity_of(_self_signed([x509.DNSName("creditbureau://members/acme")]))


def _self_signed(names: list[x509.GeneralName]) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "creditbureau://members/acme")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


@pytest.mark.parametrize("data", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\n"])
def test_what_is_no_certificate(data: bytes) -> None:
    for read in (load_certificate, der_of, fingerprint, not_after, identity_of):
        with pytest.raises(MalformedMessage):
            read(data)
