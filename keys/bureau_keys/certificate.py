"""Contents of certificates and of requests for them (X.509, RFC 5280; PKCS #10, RFC 2986).

A member's identity is a URI in its certificate's subject alternative name,
`creditbureau://members/{member id}`.
"""

from __future__ import annotations

import re
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bureau_keys.errors import MalformedMessage

URI_PREFIX = "creditbureau://members/"
MEMBER_ID = re.compile(r"[a-z][a-z0-9-]{0,62}")


def load_certificate(data: bytes) -> x509.Certificate:
    """Return a certificate from PEM or DER.

    Raises:
        MalformedMessage: It is none.
    """
    try:
        if data.lstrip().startswith(b"-----"):
            return x509.load_pem_x509_certificate(data)
        return x509.load_der_x509_certificate(data)
    except (ValueError, x509.InvalidVersion) as error:
        raise MalformedMessage("not an X.509 certificate") from error


def der_of(data: bytes) -> bytes:
    """Return a certificate's DER, from PEM or DER."""
    return load_certificate(data).public_bytes(serialization.Encoding.DER)


def fingerprint(data: bytes) -> str:
    """Return the lower-case hex SHA-256 of a certificate's DER, from PEM or DER."""
    return load_certificate(data).fingerprint(hashes.SHA256()).hex()


def not_after(data: bytes) -> datetime:
    """Return the end of a certificate, UTC."""
    return load_certificate(data).not_valid_after_utc


def identity_of(data: bytes) -> str:
    """Return the member id in a certificate.

    Raises:
        MalformedMessage: It is no certificate, or does not name exactly one member.
    """
    certificate = load_certificate(data)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError) as error:
        raise MalformedMessage("the certificate names no member") from error
    uris = names.value.get_values_for_type(x509.UniformResourceIdentifier)
    members = [uri.removeprefix(URI_PREFIX) for uri in uris if uri.startswith(URI_PREFIX)]
    if len(members) != 1 or not MEMBER_ID.fullmatch(members[0]):
        raise MalformedMessage("the certificate must name exactly one member")
    return members[0]


def new_key_and_csr(name: str) -> tuple[bytes, bytes]:
    """Return a new P-256 TLS key and a signing request for it, both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem, csr.public_bytes(serialization.Encoding.PEM)


def key_of_csr(pem: bytes) -> ec.EllipticCurvePublicKey:
    """Return the P-256 key of a request that is signed with it.

    Raises:
        MalformedMessage: It is no such request.
    """
    try:
        csr = x509.load_pem_x509_csr(pem)
        public, holds = csr.public_key(), csr.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise MalformedMessage("not a PEM certificate request") from error
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(
        public.curve, ec.SECP256R1
    ):
        raise MalformedMessage("TLS keys are ECDSA on P-256")
    if not holds:
        raise MalformedMessage("the request is not signed by its own key")
    return public
