"""`bureau member keys` and `bureau member cert`."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Annotated, Any

import typer
from google.protobuf.message import DecodeError

from bureau.admin.admission_request import Signer
from bureau.admin.bureau_folder import load_authority, utc
from bureau.admin.offline_credentials import register_operator_certificate
from bureau.cli.common import Dir, Output, Shown, echo_status, group, operator_of, settings_of, show
from bureau.cli.exit_codes import Exit, Stop
from bureau.clock import Clock
from bureau_keys.authority import new_key_and_csr, not_after
from bureau_keys.profile import Profile
from bureau_keys.secret_files import write_private
from bureau_keys.signing import SigningKey
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.members_pb2 import MemberKey

keys = group("A member's signing keys.")
certificates = group("A member's TLS certificates.")

MemberId = Annotated[str, typer.Argument(metavar="ID", help="The member's id.")]


@keys.command("list")
def list_keys(member_id: MemberId, folder: Dir = None, output: Shown = Output.TABLE) -> None:
    """All keys that the member has or had."""
    with operator_of(folder) as operator:
        show((described_key(key) for key in operator.member(member_id).keys), output)


@keys.command("add")
def add_key(
    member_id: MemberId,
    out: Annotated[
        Path | None, typer.Option(help="Makes a new key and writes it to this file.")
    ] = None,
    key_possession: Annotated[
        Path | None,
        typer.Option(help="The member's own key, as signed proof.", exists=True, dir_okay=False),
    ] = None,
    folder: Dir = None,
) -> None:
    """Registers a further signing key."""
    if (out is None) == (key_possession is None):
        raise Stop(Exit.USAGE, "give one of --out and --key-possession")
    if out:
        if out.exists():
            raise FileExistsError(f"{out} exists: name a new file")
        signer = Signer(member_id, settings_of(folder).origin, SigningKey.generate())
        write_private(out, signer.key.to_pem())
        possession = signer.possession(Clock().now_us())
    else:
        assert key_possession is not None, "one of the two was given"
        possession = read_possession(key_possession)
    with operator_of(folder) as operator:
        _, receipt = operator.add_key(member_id, possession)
    key_id = possession.signatures[0].keyid
    echo_status(f"registered key {key_id} of {member_id} at log index {receipt.leaf_index}")


@keys.command("withdraw")
def withdraw_key(
    member_id: MemberId,
    key_id: Annotated[str, typer.Argument(help="As `keys list` names it.")],
    folder: Dir = None,
) -> None:
    """Withdraws a signing key; what it signed before stays valid."""
    with operator_of(folder) as operator:
        _, receipt = operator.withdraw_key(member_id, key_id)
    echo_status(f"withdrew key {key_id} of {member_id} at log index {receipt.leaf_index}")


@certificates.command("list")
def list_certificates(
    member_id: MemberId, folder: Dir = None, output: Shown = Output.TABLE
) -> None:
    """Fingerprints of the certificates in force."""
    with operator_of(folder) as operator:
        member = operator.member(member_id)
    show(({"fingerprint": found} for found in member.certificate_fingerprints), output)


@certificates.command("renew")
def renew(
    member_id: MemberId,
    out: Annotated[
        Path, typer.Option(help="Folder for tls.pem and tls.key, for example its profile.")
    ],
    csr: Annotated[
        Path | None,
        typer.Option(help="The member's own certificate request.", exists=True, dir_okay=False),
    ] = None,
    days: Annotated[int, typer.Option(min=0, help="0: as settings say.")] = 0,
    offline: Annotated[
        bool,
        typer.Option(
            "--offline",
            help="At the database itself: for the operator, when its own certificate has ended.",
        ),
    ] = False,
    folder: Dir = None,
) -> None:
    """Issues and registers a further certificate; the old one works until it ends
    or is withdrawn.
    """
    settings = settings_of(folder)
    if offline and member_id != Profile.load(settings.operator_folder).member_id:
        raise Stop(Exit.USAGE, "--offline is for the operator's own certificate")
    key, request = (b"", csr.read_bytes()) if csr else new_key_and_csr(member_id)
    certificate = load_authority(settings).issue_member(
        request, member_id, utc(Clock().now_us()), days or settings.member_days
    )
    # Registered first: files that work stay until their successors do.
    if offline:
        receipt = register_operator_certificate(settings, certificate, Clock())
    else:
        with operator_of(folder) as operator:
            _, receipt = operator.add_certificate(member_id, certificate)
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    if key:
        write_private(out / "tls.key", key)
    write_private(out / "tls.pem", certificate)
    ends = not_after(certificate).date().isoformat()
    echo_status(
        f"registered a certificate of {member_id} at log index {receipt.leaf_index}, until {ends}"
    )


@certificates.command("withdraw")
def withdraw_certificate(
    member_id: MemberId,
    fingerprint: Annotated[str, typer.Argument(help="As `cert list` names it.")],
    folder: Dir = None,
) -> None:
    """Refuses a certificate from the next call on."""
    with operator_of(folder) as operator:
        _, receipt = operator.withdraw_certificate(member_id, fingerprint)
    echo_status(
        f"withdrew certificate {fingerprint} of {member_id} at log index {receipt.leaf_index}"
    )


def described_key(key: MemberKey) -> dict[str, Any]:
    """A key in words."""
    return {
        "key_id": key.key_id,
        "valid_from_index": key.valid_from_index,
        "valid_to_index": key.valid_to_index or None,
    }


def read_possession(path: Path) -> Envelope:
    """A proof of possession from a file: an Envelope's bytes, or their base64.

    Raises:
        Stop: INVALID, if it is none.
    """
    data = path.read_bytes()
    try:
        return Envelope.FromString(_unwrapped(data))
    except DecodeError as error:
        raise Stop(
            Exit.INVALID,
            f"{path} is no signed proof of possession",
            "It is a serialised creditbureau.v1.Envelope with a KeyPossession, or its base64.",
        ) from error


def _unwrapped(data: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(data.split()), validate=True)
    except binascii.Error:
        return data
