"""The certificate authority for mutual TLS (X.509, RFC 5280), on P-256.

A member's identity is a URI in its certificate's subject alternative name,
`creditbureau://members/{member id}`. Ed25519 certificates would fail in gRPC's
TLS library.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bureau_keys.errors import KeysError, LockedKey, MalformedMessage

URI_PREFIX = "creditbureau://members/"
CA_DAYS = 3650
# Clocks differ: a certificate is valid from a little before it is issued.
BACKDATE = timedelta(minutes=10)


class Authority:
    """A certificate authority: its certificate, its key, what it has revoked."""

    def __init__(
        self,
        certificate: x509.Certificate,
        key: ec.EllipticCurvePrivateKey,
        revoked: Sequence[x509.RevokedCertificate] = (),
    ) -> None:
        self.certificate = certificate
        self._key = key
        self._revoked = list(revoked)

    @classmethod
    def create(cls, name: str, now: datetime, days: int = CA_DAYS) -> Authority:
        """A new authority with a self-signed certificate.

        Args:
            name: Common name.
            now: Time of issue, UTC.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        public = key.public_key()
        certificate = (
            _builder(subject, subject, public, now, days)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key)

    @classmethod
    def load(cls, folder: str | Path, passphrase: bytes | None = None) -> Authority:
        """Reads `ca.pem`, `ca.key` and `ca.crl` from a folder.

        Raises:
            LockedKey: The passphrase does not open the key.
            FileNotFoundError: The authority is not there.
        """
        folder = Path(folder)
        certificate = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
        try:
            key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), passphrase)
        except (TypeError, ValueError) as error:
            raise LockedKey("the passphrase does not open the authority's key") from error
        assert isinstance(key, ec.EllipticCurvePrivateKey), "the authority's key is on P-256"
        crl = folder / "ca.crl"
        revoked = list(x509.load_pem_x509_crl(crl.read_bytes())) if crl.exists() else []
        return cls(certificate, key, revoked)

    def save(self, folder: str | Path, passphrase: bytes | None = None) -> None:
        """Writes the authority; its key is encrypted if a passphrase is given."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        protection: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if passphrase:
            protection = serialization.BestAvailableEncryption(passphrase)
        pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection
        )
        (folder / "ca.pem").write_bytes(self.pem)
        descriptor = os.open(folder / "ca.key", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)

    @property
    def pem(self) -> bytes:
        """The authority's certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def issue_server(
        self,
        csr_pem: bytes,
        dns_names: Sequence[str],
        ips: Sequence[str],
        now: datetime,
        days: int = 397,
    ) -> bytes:
        """A node's certificate in PEM, for its host names and addresses."""
        csr = _read_csr(csr_pem)
        names: list[x509.GeneralName] = [x509.DNSName(name) for name in dns_names]
        names += [x509.IPAddress(ipaddress.ip_address(ip)) for ip in ips]
        return self._issue(csr, names, ExtendedKeyUsageOID.SERVER_AUTH, now, days)

    def issue_member(self, csr_pem: bytes, member_id: str, now: datetime, days: int = 397) -> bytes:
        """A member's certificate in PEM. What the request says of names is ignored."""
        csr = _read_csr(csr_pem)
        names = [x509.UniformResourceIdentifier(URI_PREFIX + member_id)]
        return self._issue(csr, names, ExtendedKeyUsageOID.CLIENT_AUTH, now, days)

    def revoke(self, serial: int, now: datetime) -> bytes:
        """Revokes a certificate; returns the new revocation list in PEM."""
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
        self._revoked.append(entry)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(now)
            .next_update(now + timedelta(days=30))
        )
        for revoked in self._revoked:
            builder = builder.add_revoked_certificate(revoked)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _issue(
        self,
        csr: x509.CertificateSigningRequest,
        names: Sequence[x509.GeneralName],
        use: x509.ObjectIdentifier,
        now: datetime,
        days: int,
    ) -> bytes:
        public = csr.public_key()
        if not isinstance(public, ec.EllipticCurvePublicKey):
            raise MalformedMessage("TLS keys are ECDSA on P-256")
        first = names[0].value
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, str(first)[-64:])])
        issuer = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        certificate = (
            _builder(subject, self.certificate.subject, public, now, days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer.value),
                critical=False,
            )
            .sign(self._key, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM)


def new_key_and_csr(name: str) -> tuple[bytes, bytes]:
    """A new P-256 TLS key and a signing request for it, both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem, csr.public_bytes(serialization.Encoding.PEM)


def load_certificate(data: bytes) -> x509.Certificate:
    """A certificate from PEM or DER.

    Raises:
        MalformedMessage: It is none.
    """
    try:
        if data.lstrip().startswith(b"-----"):
            return x509.load_pem_x509_certificate(data)
        return x509.load_der_x509_certificate(data)
    except ValueError as error:
        raise MalformedMessage("not an X.509 certificate") from error


def der_of(data: bytes) -> bytes:
    """A certificate's DER, from PEM or DER."""
    return load_certificate(data).public_bytes(serialization.Encoding.DER)


def fingerprint(data: bytes) -> str:
    """Lower-case hex SHA-256 of a certificate's DER, from PEM or DER."""
    return load_certificate(data).fingerprint(hashes.SHA256()).hex()


def not_after(data: bytes) -> datetime:
    """When a certificate ends, UTC."""
    return load_certificate(data).not_valid_after_utc


def identity_of(data: bytes) -> str:
    """The member id in a certificate.

    Raises:
        KeysError: It names no member, or more than one.
    """
    try:
        names = load_certificate(data).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except x509.ExtensionNotFound as error:
        raise KeysError("the certificate names no member") from error
    uris = names.value.get_values_for_type(x509.UniformResourceIdentifier)
    members = [uri.removeprefix(URI_PREFIX) for uri in uris if uri.startswith(URI_PREFIX)]
    if len(members) != 1:
        raise KeysError("the certificate must name exactly one member")
    return members[0]


def _read_csr(pem: bytes) -> x509.CertificateSigningRequest:
    try:
        csr = x509.load_pem_x509_csr(pem)
    except ValueError as error:
        raise MalformedMessage("not a PEM certificate request") from error
    if not csr.is_signature_valid:
        raise MalformedMessage("the request is not signed by its own key")
    return csr


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    now: datetime,
    days: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATE)
        .not_valid_after(now + timedelta(days=days))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
