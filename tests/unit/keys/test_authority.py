"""Certificates: what they say, and that TLS takes them."""

from __future__ import annotations

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bureau_keys.authority import (
    Authority,
    der_of,
    identity_of,
    load_certificate,
    new_key_and_csr,
    not_after,
)
from bureau_keys.errors import BadProof, LockedKey, MalformedMessage

# TLS goes by the clock of the machine.
NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
PEM = serialization.Encoding.PEM


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.create("Bureau authority", NOW)


@pytest.fixture(scope="module")
def member(authority: Authority) -> tuple[bytes, bytes]:
    key, csr = new_key_and_csr("acme")
    return authority.issue_member(csr, "acme", NOW), key


@pytest.fixture(scope="module")
def server(authority: Authority) -> tuple[bytes, bytes]:
    key, csr = new_key_and_csr("node")
    return authority.issue_server(csr, ["bureau.example"], ["127.0.0.1", "::1"], NOW), key


def test_the_authoritys_certificate(authority: Authority) -> None:
    own = authority.certificate
    constraints = own.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca, constraints.value.path_length) == (
        True,
        True,
        0,
    )
    usage = own.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert (usage.value.key_cert_sign, usage.value.crl_sign) == (True, True)
    assert not usage.value.digital_signature
    own.verify_directly_issued_by(own)
    assert isinstance(own.public_key(), ec.EllipticCurvePublicKey)
    assert own.not_valid_before_utc < NOW < own.not_valid_after_utc
    assert load_certificate(authority.pem) == own


def test_a_members_certificate(authority: Authority, member: tuple[bytes, bytes]) -> None:
    own = load_certificate(member[0])
    own.verify_directly_issued_by(authority.certificate)
    assert identity_of(member[0]) == identity_of(der_of(member[0])) == "acme"
    names = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [
        "creditbureau://members/acme"
    ]
    assert _uses(own) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    constraints = own.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca) == (True, False)
    usage = own.extensions.get_extension_for_class(x509.KeyUsage)
    assert (usage.critical, usage.value.digital_signature, usage.value.key_cert_sign) == (
        True,
        True,
        False,
    )
    issuer = own.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    subject = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    assert issuer.key_identifier == subject.value.digest
    assert not_after(member[0]) == NOW + 397 * DAY
    assert own.not_valid_before_utc == NOW - timedelta(minutes=10)


def test_a_servers_certificate(server: tuple[bytes, bytes]) -> None:
    own = load_certificate(server[0])
    names = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["bureau.example"]
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    assert addresses == ["127.0.0.1", "::1"]
    assert _uses(own) == [ExtendedKeyUsageOID.SERVER_AUTH]
    with pytest.raises(MalformedMessage):
        identity_of(server[0])


def _uses(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


def test_serials_are_random(authority: Authority) -> None:
    _, csr = new_key_and_csr("acme")
    serials = {
        load_certificate(authority.issue_member(csr, "acme", NOW)).serial_number for _ in range(8)
    }
    assert len(serials) == 8
    assert min(serials).bit_length() > 64


def test_mutual_tls(
    tmp_path: Path,
    authority: Authority,
    server: tuple[bytes, bytes],
    member: tuple[bytes, bytes],
) -> None:
    der = _handshake(tmp_path, authority, server, member, "bureau.example")
    assert identity_of(der) == "acme"
    assert _handshake(tmp_path, authority, server, member, "127.0.0.1") == der
    # Not under another name, not with a certificate for the other side, not by others.
    stranger = Authority.create("Bureau authority", NOW)
    key, csr = new_key_and_csr("acme")
    for answering, calling, name in (
        (server, member, "other.example"),
        (member, member, "bureau.example"),
        (server, server, "bureau.example"),
        (server, (stranger.issue_member(csr, "acme", NOW), key), "bureau.example"),
        (server, (authority.issue_member(csr, "acme", NOW - 999 * DAY), key), "bureau.example"),
    ):
        with pytest.raises(ssl.SSLError):
            _handshake(tmp_path, authority, answering, calling, name)


def _handshake(
    folder: Path,
    authority: Authority,
    server: tuple[bytes, bytes],
    member: tuple[bytes, bytes],
    name: str,
) -> bytes:
    """The member's certificate (DER) as the server sees it, after a handshake."""
    sides = []
    for purpose, (certificate, key) in (
        (ssl.Purpose.CLIENT_AUTH, server),
        (ssl.Purpose.SERVER_AUTH, member),
    ):
        context = ssl.create_default_context(purpose, cadata=authority.pem.decode())
        context.verify_mode = ssl.CERT_REQUIRED
        pem = folder / "side.pem"
        pem.write_bytes(certificate + key)
        context.load_cert_chain(pem)
        sides.append(context)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    answering = sides[0].wrap_bio(up, down, server_side=True)
    calling = sides[1].wrap_bio(down, up, server_hostname=name)
    for side in (calling, answering) * 3:
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    peer_certificate = answering.getpeercert(binary_form=True)
    assert peer_certificate is not None
    return peer_certificate


def test_the_request_does_not_choose_the_name(authority: Authority) -> None:
    _, csr = new_key_and_csr("operator")
    assert identity_of(authority.issue_member(csr, "acme", NOW)) == "acme"


def _csr(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "acme")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return builder.sign(key, None).public_bytes(PEM)
    return builder.sign(key, hashes.SHA256()).public_bytes(PEM)


def test_requests_that_are_refused(authority: Authority) -> None:
    csr = new_key_and_csr("acme")[1]
    der = bytearray(x509.load_pem_x509_csr(csr).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    forged = x509.load_der_x509_csr(bytes(der)).public_bytes(PEM)
    other_curve = _csr(ec.generate_private_key(ec.SECP384R1()))
    for bad in (
        b"",
        b"no request",
        forged,
        other_curve,
        _csr(ed25519.Ed25519PrivateKey.generate()),
    ):
        with pytest.raises(MalformedMessage) as refused:
            authority.issue_member(bad, "acme", NOW)
        assert refused.value.reason == "MALFORMED_MESSAGE"


@pytest.mark.parametrize("member_id", ["", "Acme", "a/b", "a b", "é", "1a", "a" * 64, "acme\n"])
def test_ids_that_no_member_has(authority: Authority, member_id: str) -> None:
    with pytest.raises(MalformedMessage):
        authority.issue_member(new_key_and_csr("acme")[1], member_id, NOW)


@pytest.mark.parametrize(("names", "ips"), [([], []), (["é.example"], []), ([], ["localhost"])])
def test_names_that_no_server_has(authority: Authority, names: list[str], ips: list[str]) -> None:
    with pytest.raises(MalformedMessage):
        authority.issue_server(new_key_and_csr("node")[1], names, ips, NOW)


def test_a_renewed_certificate(authority: Authority, member: tuple[bytes, bytes]) -> None:
    later = NOW + 300 * DAY
    renewed = authority.renew(member[0], later, days=30)
    old, new = load_certificate(member[0]), load_certificate(renewed)
    assert identity_of(renewed) == "acme"
    assert new.public_key() == old.public_key()
    assert _uses(new) == _uses(old)
    assert new.serial_number != old.serial_number
    assert not_after(renewed) == later + 30 * DAY
    new.verify_directly_issued_by(authority.certificate)


def test_only_ones_own_certificates_are_renewed(member: tuple[bytes, bytes]) -> None:
    # Of the same name, with another key.
    other = Authority.create("Bureau authority", NOW)
    for certificate in (member[0], Authority.create("Other", NOW).pem):
        with pytest.raises(BadProof):
            other.renew(certificate, NOW)
    with pytest.raises(MalformedMessage):
        other.renew(b"no certificate", NOW)


def test_revocation(tmp_path: Path) -> None:
    authority = Authority.create("Bureau authority", NOW)
    _, csr = new_key_and_csr("acme")
    lost, good = (authority.issue_member(csr, "acme", NOW) for _ in range(2))
    serial = load_certificate(lost).serial_number
    first = x509.load_pem_x509_crl(authority.revoke(serial, NOW))
    authority.save(tmp_path)
    again = Authority.load(tmp_path)
    second = x509.load_pem_x509_crl(again.revoke(12345, NOW + DAY))
    third = x509.load_pem_x509_crl(again.revoke(serial, NOW + 2 * DAY))
    assert [entry.serial_number for entry in first] == [serial]
    assert {entry.serial_number for entry in second} == {serial, 12345}
    assert len(third) == 2
    numbers = [
        crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        for crl in (first, second, third)
    ]
    assert numbers == sorted(set(numbers))
    public = authority.certificate.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    for crl in (first, second, third):
        assert crl.is_signature_valid(public)
        assert crl.issuer == authority.certificate.subject
        crl.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    entry = third.get_revoked_certificate_by_serial_number(serial)
    assert entry is not None
    assert entry.revocation_date_utc == NOW
    with pytest.raises(BadProof):
        again.renew(lost, NOW)
    again.renew(good, NOW)
    assert again.is_revoked(serial)
    assert not again.is_revoked(load_certificate(good).serial_number)


@pytest.mark.parametrize("passphrase", [None, b"open sesame"])
def test_a_stored_authority_comes_back(tmp_path: Path, passphrase: bytes | None) -> None:
    authority = Authority.create("Bureau authority", NOW)
    authority.save(tmp_path / "authority", passphrase)
    key = tmp_path / "authority" / "ca.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert (b"ENCRYPTED" in key.read_bytes()) == (passphrase is not None)
    again = Authority.load(tmp_path / "authority", passphrase)
    issued = again.issue_member(new_key_and_csr("acme")[1], "acme", NOW)
    load_certificate(issued).verify_directly_issued_by(authority.certificate)


def test_an_authority_stays_locked(tmp_path: Path) -> None:
    authority = Authority.create("Bureau authority", NOW)
    with pytest.raises(LockedKey):
        authority.save(tmp_path, b"")
    authority.save(tmp_path, b"right")
    for passphrase in (None, b"wrong"):
        with pytest.raises(LockedKey):
            Authority.load(tmp_path, passphrase)
    with pytest.raises(FileNotFoundError):
        Authority.load(tmp_path / "elsewhere")


@pytest.mark.parametrize("name", ["ca.pem", "ca.crl"])
def test_a_broken_authority_is_told(tmp_path: Path, name: str) -> None:
    Authority.create("Bureau authority", NOW).save(tmp_path)
    (tmp_path / name).write_bytes(b"broken")
    with pytest.raises(MalformedMessage):
        Authority.load(tmp_path)


def test_a_key_belongs_to_its_certificate(tmp_path: Path) -> None:
    Authority.create("Bureau authority", NOW).save(tmp_path)
    (tmp_path / "ca.pem").write_bytes(Authority.create("Bureau authority", NOW).pem)
    with pytest.raises(MalformedMessage):
        Authority.load(tmp_path)


def test_an_id_that_no_member_can_have_is_refused_in_words(authority: Authority) -> None:
    _, csr = new_key_and_csr("acme")
    with pytest.raises(MalformedMessage, match="begins with a small letter") as refused:
        authority.issue_member(csr, "ACME", NOW)
    assert "[a-z]" not in str(refused.value)
