"""A member's profile: the folder with which its engineer reaches a bureau.

The operator hands it over at admission. `profile.toml` says who the member is,
where the bureau is and what to trust; the files beside it are the certificate
authority, the member's TLS certificate and key, and its signing key::

    profile.toml   member, addresses, directory_addresses, origin, log_key,
                   operator_key, report_keys, directory_key, witnesses, quorum,
                   max_cosignature_age_seconds, issued_identifiers_only,
                   sandbox_clock
    ca.pem         the authority that issued the bureau's certificate
    tls.pem        the member's certificate (P-256)
    tls.key        its private key
    signing.pem    the member's Ed25519 signing key (PKCS#8, may be encrypted)
"""

from __future__ import annotations

import errno
import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bureau_keys.cosignature import parse_witness
from bureau_keys.errors import KeysError
from bureau_keys.secret_files import write_private

# As many as a request may name.
MAX_WITNESSES = 16
MAX_AGE = "max_cosignature_age_seconds"
ISSUED_ONLY = "issued_identifiers_only"
SANDBOX_CLOCK = "sandbox_clock"


@dataclass(frozen=True, slots=True)
class Trust:
    """Values that a client pins: obtained from the operator once, never from the wire.

    Attributes:
        origin: The log's origin; also the audience of everything signed for it.
        log_key: C2SP verifier key of the log's checkpoints.
        operator_key: Ed25519 public key (32 bytes) of the bureau's operator when the
            bureau began: any other that counts was vouched for from it on.
        report_keys: Ed25519 public keys (32 bytes) under which reports verify.
        directory_key: Public key of the directory's VOPRF, 32 bytes.
        witnesses: C2SP verifier keys of the witnesses whose cosignatures count.
        quorum: How many of them must have cosigned what a receipt leads to; 0: the
            log's own signature is enough.
        max_cosignature_age_seconds: Age from which a cosignature no longer shows that a
            checkpoint is the newest one; 0: at no age.
        issued_identifiers_only: Refuse identifiers that were never issued, which serve for
            tests.
    """

    origin: str
    log_key: str
    operator_key: bytes
    report_keys: tuple[bytes, ...]
    directory_key: bytes
    witnesses: tuple[str, ...] = ()
    quorum: int = 0
    max_cosignature_age_seconds: int = 0
    issued_identifiers_only: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """A member's way to one bureau. Keys are PEM text.

    Attributes:
        addresses: Where its nodes are reached.
        directory_addresses: Where its directory is, if elsewhere.
        memory_folder: Folder in which a client keeps the newest checkpoint that it has seen
            (`log_memory`); None to keep it as long as the client lives. `load` sets it to
            the profile's folder.
        sandbox_clock: File with the time of a sandbox on this machine (`sandbox_clock`), by
            which its clients sign; None for the machine's time.
    """

    member_id: str
    addresses: tuple[str, ...]
    trust: Trust
    ca_pem: bytes
    tls_certificate_pem: bytes
    tls_key_pem: bytes
    signing_key_pem: bytes
    directory_addresses: tuple[str, ...] = ()
    memory_folder: Path | None = field(default=None, compare=False)
    sandbox_clock: Path | None = field(default=None, compare=False)

    @classmethod
    def load(cls, folder: str | Path) -> Profile:
        """Read a profile folder.

        Raises:
            FileNotFoundError: A file of the profile is missing; the message names it.
            ValueError: `profile.toml` lacks a setting, or names witnesses that are none;
                the message says which.
        """
        folder = Path(folder)
        settings = tomllib.loads(_text_of(folder / "profile.toml"))
        witnesses, quorum = _witnesses(folder, settings)
        try:
            trust = Trust(
                origin=settings["origin"],
                log_key=settings["log_key"],
                operator_key=bytes.fromhex(settings["operator_key"]),
                report_keys=tuple(bytes.fromhex(key) for key in settings["report_keys"]),
                directory_key=bytes.fromhex(settings["directory_key"]),
                witnesses=witnesses,
                quorum=quorum,
                max_cosignature_age_seconds=_max_age(folder, settings),
                issued_identifiers_only=_issued_only(folder, settings),
            )
            member_id, addresses = settings["member"], tuple(settings["addresses"])
        except KeyError as missing:
            raise ValueError(f"{folder / 'profile.toml'} lacks the setting {missing}") from missing
        return cls(
            member_id=member_id,
            addresses=addresses,
            trust=trust,
            ca_pem=(folder / "ca.pem").read_bytes(),
            tls_certificate_pem=(folder / "tls.pem").read_bytes(),
            tls_key_pem=(folder / "tls.key").read_bytes(),
            signing_key_pem=(folder / "signing.pem").read_bytes(),
            directory_addresses=tuple(settings.get("directory_addresses", ())),
            memory_folder=folder,
            sandbox_clock=_sandbox_clock(folder, settings),
        )

    def requiring(self, quorum: int, witnesses: Sequence[str] | None = None) -> Profile:
        """Return the same profile with another quorum.

        Args:
            witnesses: Verifier keys of the witnesses that count; None: as before.
        """
        chosen = self.trust.witnesses if witnesses is None else tuple(witnesses)
        return replace(self, trust=replace(self.trust, witnesses=chosen, quorum=quorum))

    def save(self, folder: str | Path) -> None:
        """Write the profile folder; private files are readable by the owner only."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        places = (self.addresses, self.directory_addresses)
        clock = ""
        if self.sandbox_clock is not None:
            # Relative, so that the folder of a sandbox can be moved.
            clock = os.path.relpath(self.sandbox_clock.resolve(), folder.resolve())
        text = settings_text(self.member_id, *places, self.trust, clock)
        write_private(folder / "profile.toml", text.encode())
        write_private(folder / "ca.pem", self.ca_pem)
        write_private(folder / "tls.pem", self.tls_certificate_pem)
        write_private(folder / "tls.key", self.tls_key_pem)
        write_private(folder / "signing.pem", self.signing_key_pem)


def _text_of(file: Path) -> str:
    """Return the text of a profile's settings.

    Raises:
        FileNotFoundError: The folder is no profile; the message says where profiles come from.
    """
    try:
        return file.read_text("utf-8")
    except FileNotFoundError:
        raise FileNotFoundError(
            errno.ENOENT,
            "no profile is in this folder; the operator hands a profile over, and a sandbox has "
            "one of each lender in bureau-dev/members",
            str(file),
        ) from None


def settings_text(
    member_id: str,
    addresses: Sequence[str],
    directory_addresses: Sequence[str],
    trust: Trust,
    sandbox_clock: str = "",
) -> str:
    """Return the text of `profile.toml`; nothing in it is secret.

    Args:
        sandbox_clock: Path from the profile's folder to the time of a sandbox; empty for
            production.
    """
    settings: dict[str, object] = {
        "member": member_id,
        "addresses": list(addresses),
        "directory_addresses": list(directory_addresses),
        "origin": trust.origin,
        "log_key": trust.log_key,
        "operator_key": trust.operator_key.hex(),
        "report_keys": [key.hex() for key in trust.report_keys],
        "directory_key": trust.directory_key.hex(),
        "witnesses": list(trust.witnesses),
        "quorum": trust.quorum,
    }
    if trust.max_cosignature_age_seconds:
        settings[MAX_AGE] = trust.max_cosignature_age_seconds
    if trust.issued_identifiers_only:
        settings[ISSUED_ONLY] = True
    if sandbox_clock:
        settings[SANDBOX_CLOCK] = sandbox_clock
    # JSON strings, numbers, true and arrays of strings are valid TOML values.
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())


def _max_age(folder: Path, settings: Mapping[str, Any]) -> int:
    """Return the age from which a cosignature is stale; 0 without the setting."""
    seconds = settings.get(MAX_AGE, 0)
    if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds < 0:
        raise ValueError(
            f"{folder / 'profile.toml'}: {MAX_AGE} is {seconds!r}; write whole seconds, or 0"
        )
    return seconds


def _issued_only(folder: Path, settings: Mapping[str, Any]) -> bool:
    """Return True if identifiers that were never issued are refused."""
    value = settings.get(ISSUED_ONLY, False)
    if not isinstance(value, bool):
        raise ValueError(  # noqa: TRY004, as for every other setting
            f"{folder / 'profile.toml'}: {ISSUED_ONLY} is {value!r}; write true or false"
        )
    return value


def _sandbox_clock(folder: Path, settings: Mapping[str, Any]) -> Path | None:
    """Return the file with the time of a sandbox; None without the setting."""
    name = settings.get(SANDBOX_CLOCK)
    if name is not None and not isinstance(name, str):
        raise ValueError(
            f"{folder / 'profile.toml'}: {SANDBOX_CLOCK} is {name!r}; write the name of a file"
        )
    return folder / name if name else None


def _witnesses(folder: Path, settings: Mapping[str, Any]) -> tuple[tuple[str, ...], int]:
    """Return the keys of the witnesses, and how many are needed."""
    keys, quorum = tuple(settings.get("witnesses", ())), settings.get("quorum", 0)
    try:
        different = {parse_witness(key).key.raw for key in keys}
    except (KeysError, AttributeError) as error:
        raise ValueError(f"{folder / 'profile.toml'}: a witness is wrong: {error}") from error
    if len(keys) > MAX_WITNESSES:
        raise ValueError(f"{folder / 'profile.toml'}: more than {MAX_WITNESSES} witnesses")
    if not isinstance(quorum, int) or not 0 <= quorum <= len(different):
        raise ValueError(
            f"{folder / 'profile.toml'}: the quorum is {quorum} among {len(different)} witnesses"
        )
    return keys, quorum
