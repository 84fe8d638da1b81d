"""The certificate authority for mutual TLS (X.509, RFC 5280), on P-256: Ed25519
certificates would fail in gRPC's TLS library.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bureau_keys.certificate import (
    MEMBER_ID,
    URI_PREFIX,
    der_of,
    fingerprint,
    identity_of,
    key_of_csr,
    load_certificate,
    new_key_and_csr,
    not_after,
)
from bureau_keys.errors import BadProof, LockedKey, MalformedMessage
from bureau_keys.secret_files import write_private
from bureau_keys.whole_files import write_whole

__all__ = [
    "Authority",
    "der_of",
    "fingerprint",
    "identity_of",
    "load_certificate",
    "new_key_and_csr",
    "not_after",
]

CA_DAYS = 3650
CRL_DAYS = 30
# Clocks differ: a certificate is valid from a little before it is issued.
BACKDATE = timedelta(minutes=10)


class Authority:
    """A certificate authority: its certificate, its key, what it has revoked."""

    def __init__(
        self,
        certificate: x509.Certificate,
        key: ec.EllipticCurvePrivateKey,
        crl: x509.CertificateRevocationList | None = None,
    ) -> None:
        self.certificate = certificate
        self._key = key
        self._crl = crl

    @classmethod
    def create(cls, name: str, now: datetime, days: int = CA_DAYS) -> Authority:
        """Return a new authority with a self-signed certificate.

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
        """Read `ca.pem`, `ca.key` and `ca.crl` from a folder.

        Raises:
            LockedKey: The passphrase does not open the key.
            MalformedMessage: A file is broken, or the key is not the certificate's.
            FileNotFoundError: The authority is not there.
        """
        folder = Path(folder)
        certificate = load_certificate((folder / "ca.pem").read_bytes())
        try:
            key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), passphrase)
        except (TypeError, ValueError) as error:
            raise LockedKey("the passphrase does not open the authority's key") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or (
            key.public_key() != certificate.public_key()
        ):
            raise MalformedMessage("the authority's key is not that of its certificate")
        try:
            crl = x509.load_pem_x509_crl((folder / "ca.crl").read_bytes())
        except FileNotFoundError:
            return cls(certificate, key)
        except ValueError as error:
            raise MalformedMessage("the authority's revocation list is broken") from error
        return cls(certificate, key, crl)

    def save(self, folder: str | Path, passphrase: bytes | None = None) -> None:
        """Write `ca.pem`, `ca.key` and, if it has revoked, `ca.crl` to a folder.

        Args:
            passphrase: Encrypts the key; None leaves it in clear.

        Raises:
            LockedKey: The passphrase is empty: it would protect nothing.
        """
        if passphrase == b"":
            raise LockedKey("an empty passphrase protects nothing")
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        protection: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if passphrase:
            protection = serialization.BestAvailableEncryption(passphrase)
        pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection
        )
        write_private(folder / "ca.key", pem)
        write_whole(folder / "ca.pem", self.pem)
        if self._crl is not None:
            write_whole(folder / "ca.crl", self._crl.public_bytes(serialization.Encoding.PEM))

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
        """Return a node's certificate in PEM, for its host names and addresses.

        Raises:
            MalformedMessage: The request does not hold, or the names are none.
        """
        public = key_of_csr(csr_pem)
        try:
            names: list[x509.GeneralName] = [x509.DNSName(name) for name in dns_names]
            names += [x509.IPAddress(ipaddress.ip_address(ip)) for ip in ips]
        except ValueError as error:
            raise MalformedMessage(f"not a host name or an address: {error}") from error
        if not names:
            raise MalformedMessage("a server's certificate names a host or an address")
        use = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        return self._issue(public, x509.SubjectAlternativeName(names), use, now, days)

    def issue_member(self, csr_pem: bytes, member_id: str, now: datetime, days: int = 397) -> bytes:
        """Return a member's certificate in PEM. What the request says of names is ignored.

        Raises:
            MalformedMessage: The request does not hold, or a member cannot have this id.
        """
        public = key_of_csr(csr_pem)
        if not MEMBER_ID.fullmatch(member_id):
            raise MalformedMessage(
                "a member id begins with a small letter and has small letters, digits and dashes, "
                "at most 63 characters"
            )
        names = x509.SubjectAlternativeName(
            [x509.UniformResourceIdentifier(URI_PREFIX + member_id)]
        )
        use = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        return self._issue(public, names, use, now, days)

    def renew(self, certificate: bytes, now: datetime, days: int = 397) -> bytes:
        """Return a further certificate in PEM for the same key and names.

        Raises:
            MalformedMessage: It is no certificate.
            BadProof: Another authority issued it, or it was revoked.
        """
        old = load_certificate(certificate)
        try:
            old.verify_directly_issued_by(self.certificate)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise BadProof("another authority issued the certificate") from error
        if self.is_revoked(old.serial_number):
            raise BadProof("the certificate was revoked")
        public = old.public_key()
        assert isinstance(public, ec.EllipticCurvePublicKey), "we issue for P-256 only"
        names = old.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        use = old.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        return self._issue(public, names, use, now, days)

    def revoke(self, serial: int, now: datetime) -> bytes:
        """Revoke a certificate; return the new revocation list in PEM (RFC 5280 section 5), which
        ends after 30 days: revoking again renews it.
        """
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(now)
            .next_update(now + timedelta(days=CRL_DAYS))
            # Lists that are made later have higher numbers.
            .add_extension(x509.CRLNumber(int(now.timestamp() * 1000)), critical=False)
            .add_extension(self._identifier, critical=False)
        )
        for revoked in self._crl or ():
            builder = builder.add_revoked_certificate(revoked)
        if not self.is_revoked(serial):
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now)
            builder = builder.add_revoked_certificate(entry.build())
        self._crl = builder.sign(self._key, hashes.SHA256())
        return self._crl.public_bytes(serialization.Encoding.PEM)

    def is_revoked(self, serial: int) -> bool:
        """Return whether a certificate was revoked."""
        crl = self._crl
        return crl is not None and crl.get_revoked_certificate_by_serial_number(serial) is not None

    @property
    def _identifier(self) -> x509.AuthorityKeyIdentifier:
        own = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own.value)

    def _issue(
        self,
        public: ec.EllipticCurvePublicKey,
        names: x509.SubjectAlternativeName,
        use: x509.ExtendedKeyUsage,
        now: datetime,
        days: int,
    ) -> bytes:
        first = next(iter(names)).value
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, str(first)[-64:])])
        certificate = (
            _builder(subject, self.certificate.subject, public, now, days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(use, critical=False)
            .add_extension(names, critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(self._identifier, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM)


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
