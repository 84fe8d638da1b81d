"""`bureau member keys` and `bureau member cert`."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Annotated, Any

import typer
from google.protobuf.message import DecodeError

from bureau.admin.admission_request import Signer
from bureau.admin.bureau_folder import lifetime, load_authority
from bureau.admin.offline_credentials import register_operator_certificate
from bureau.cli.common import (
    Dir,
    Output,
    Shown,
    clock_of,
    echo_status,
    group,
    operator_of,
    settings_of,
    show,
)
from bureau.cli.exit_codes import Exit, Stop
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
    """List the present and past keys of a member."""
    with operator_of(folder) as operator:
        show((described_key(key) for key in operator.member(member_id).keys), output)


@keys.command("add")
def add_key(
    member_id: MemberId,
    out: Annotated[Path | None, typer.Option(help="New file for a new key.")] = None,
    key_possession: Annotated[
        Path | None,
        typer.Option(
            help="Signed proof of possession of the member's key.", exists=True, dir_okay=False
        ),
    ] = None,
    folder: Dir = None,
) -> None:
    """Register an additional signing key."""
    if (out is None) == (key_possession is None):
        raise Stop(Exit.USAGE, "give either --out or --key-possession")
    if out:
        if out.exists():
            raise FileExistsError(f"{out} exists: name a new file")
        settings = settings_of(folder)
        signer = Signer(member_id, settings.origin, SigningKey.generate())
        write_private(out, signer.key.to_pem())
        possession = signer.possession(clock_of(settings).now_us())
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
    key_id: Annotated[str, typer.Argument(help="Key id from `keys list`.")],
    folder: Dir = None,
) -> None:
    """Withdraw a signing key; statements that it signed before stay valid."""
    with operator_of(folder) as operator:
        _, receipt = operator.withdraw_key(member_id, key_id)
    echo_status(f"withdrew key {key_id} of {member_id} at log index {receipt.leaf_index}")


@certificates.command("list")
def list_certificates(
    member_id: MemberId, folder: Dir = None, output: Shown = Output.TABLE
) -> None:
    """List the fingerprints of the valid certificates."""
    with operator_of(folder) as operator:
        member = operator.member(member_id)
    show(({"fingerprint": name} for name in member.certificate_fingerprints), output)


@certificates.command("renew")
def renew(
    member_id: MemberId,
    out: Annotated[
        Path, typer.Option(help="Folder for tls.pem and tls.key, for example the member's profile.")
    ],
    csr: Annotated[
        Path | None,
        typer.Option(help="Certificate request that the member made.", exists=True, dir_okay=False),
    ] = None,
    days: Annotated[
        int,
        typer.Option(
            min=0, help="Days that the certificate is valid; 0 uses the value from bureau.toml."
        ),
    ] = 0,
    offline: Annotated[
        bool,
        typer.Option(
            "--offline",
            help="Write to the database directly, when the operator's certificate has expired.",
        ),
    ] = False,
    folder: Dir = None,
) -> None:
    """Issue and register an additional certificate; the old one works until it expires
    or is withdrawn.
    """
    settings = settings_of(folder)
    if offline and member_id != Profile.load(settings.operator_folder).member_id:
        raise Stop(Exit.USAGE, "--offline is for the operator's own certificate")
    key, request = (b"", csr.read_bytes()) if csr else new_key_and_csr(member_id)
    certificate = load_authority(settings).issue_member(
        request, member_id, *lifetime(clock_of(settings), days or settings.member_days)
    )
    # Register first: the old files stay until the new certificate works.
    if offline:
        receipt = register_operator_certificate(settings, certificate, clock_of(settings))
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
    fingerprint: Annotated[str, typer.Argument(help="Fingerprint from `cert list`.")],
    folder: Dir = None,
) -> None:
    """Withdraw a certificate; its next call is refused."""
    with operator_of(folder) as operator:
        _, receipt = operator.withdraw_certificate(member_id, fingerprint)
    echo_status(
        f"withdrew certificate {fingerprint} of {member_id} at log index {receipt.leaf_index}"
    )


def described_key(key: MemberKey) -> dict[str, Any]:
    """Return the shown fields of a key."""
    return {
        "key_id": key.key_id,
        "valid_from_index": key.valid_from_index,
        "valid_to_index": key.valid_to_index or None,
    }


def read_possession(path: Path) -> Envelope:
    """Read a proof of possession from a file: an Envelope's bytes, or their base64.

    Raises:
        Stop: INVALID if the file has no Envelope.
    """
    data = path.read_bytes()
    try:
        return Envelope.FromString(_unwrapped(data))
    except DecodeError as error:
        raise Stop(
            Exit.INVALID,
            f"{path} is not a signed proof of possession",
            "Give a serialised creditbureau.v1.Envelope with a KeyPossession, or its base64.",
        ) from error


def _unwrapped(data: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(data.split()), validate=True)
    except binascii.Error:
        return data
