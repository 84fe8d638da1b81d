"""The folder of a bureau, as `bureau init` makes it: ready to serve.

::

    bureau.toml    settings
    authority/     the certificate authority: the operator's, not needed to serve
    server/        a node's TLS key and certificate, the keyring
    operator/      the operator's own profile
    bureau.db      the database, unless it is elsewhere

The operator is admitted as the first leaf of the log, by its own key.
"""

from __future__ import annotations

import ipaddress
import json
import secrets
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bureau.admin.admission_request import MemberApplication, Signer
from bureau.admin.offline_credentials import offline_bureau
from bureau.calendar import DAY_US, utc
from bureau.clock import Clock
from bureau.config import SETTINGS_FILE, Settings
from bureau.journeys.member import bootstrap_operator
from bureau.ledger import log
from bureau.main import DIRECTORY_SEED, LOG_KEY, REPORT_KEY
from bureau.policy import load_policy
from bureau.store import queries as q
from bureau.store import schema
from bureau.store.database import Database
from bureau_keys.authority import CA_DAYS, Authority, new_key_and_csr
from bureau_keys.envelope import seal
from bureau_keys.keyring import Keyring
from bureau_keys.note import note_vkey
from bureau_keys.profile import Profile, Trust
from bureau_keys.pseudonym import Evaluator
from bureau_keys.secret_files import write_private
from bureau_keys.signing import SigningKey
from creditbureau.v1.codes_pb2 import ROLE_OPERATOR

OPERATOR_ID = "operator"
# The public key with which the operator began; members pin it.
FIRST_OPERATOR = "operator.pub"
PASSPHRASE = "passphrase"  # noqa: S105  (a file's name)
ANYWHERE = frozenset({"0.0.0.0", "[::]", "::", ""})  # noqa: S104  (compared with, not bound)


class FolderError(Exception):
    """A folder cannot become, or is not, what it should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InitOptions:
    """Options of a new bureau.

    Attributes:
        addresses: Addresses at which members reach it; empty for the one it listens at.
        directory_addresses: Addresses of the directory; empty for those of the bureau.
        database_url: URL of the database; empty for a SQLite file in the folder.
        names: Further host names and addresses in the server's certificate.
        member_days: Days that certificates are valid.
        passphrase_file: File of the passphrase of keyring and authority; None to make one
            for each.
        policy_file: The rules of a jurisdiction that the bureau does not come with.
        issued_identifiers_only: Profiles refuse identifiers that were never issued.
    """

    origin: str = "creditbureau.local/log"
    listen: str = "127.0.0.1:7443"
    addresses: tuple[str, ...] = ()
    directory_addresses: tuple[str, ...] = ()
    database_url: str = ""
    jurisdiction: str = "US"
    names: tuple[str, ...] = ()
    member_days: int = 397
    passphrase_file: Path | None = None
    policy_file: Path | None = None
    issued_identifiers_only: bool = False


def create(folder: str | Path, plan: InitOptions, clock: Clock | None = None) -> Settings:
    """Create a bureau in a folder that is empty or not there yet.

    Afterwards all of the bureau is in the folder, or nothing.

    Raises:
        FolderError: The folder is not empty, or the database holds a bureau.
        pydantic.ValidationError: A setting of the plan is wrong.
        PolicyError: There are no rules for the jurisdiction, or they are wrong.
    """
    folder = Path(folder).resolve()
    was_there = folder.exists()
    if was_there and (not folder.is_dir() or any(folder.iterdir())):
        raise FolderError(f"{folder} is not empty: name a new folder")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return _build(folder, plan, clock or Clock())
    except BaseException:
        for child in folder.iterdir() if folder.is_dir() else ():
            shutil.rmtree(child) if child.is_dir() else child.unlink()
        if folder.is_dir() and not was_there:
            folder.rmdir()
        raise


def trust_of(settings: Settings) -> Trust:
    """Return the trust that clients of this bureau pin.

    Raises:
        bureau_keys.errors.LockedKey: Wrong passphrase.
    """
    keyring = Keyring.open(settings.server_folder / "keyring", settings.passphrase())
    # Reports of a key that was rotated out still verify; of the next one, from its day on.
    reports = [name for name in keyring.names() if name.partition("@")[0] == REPORT_KEY]
    return Trust(
        origin=settings.origin,
        log_key=note_vkey(settings.origin, keyring.get(LOG_KEY).verify_key),
        operator_key=bytes.fromhex((settings.server_folder / FIRST_OPERATOR).read_text("utf-8")),
        report_keys=tuple(keyring.get(name).verify_key.raw for name in reports),
        directory_key=Evaluator.from_seed(keyring.seed(DIRECTORY_SEED)).public_key,
        witnesses=tuple(witness.key for witness in settings.witnesses),
        quorum=settings.quorum,
        issued_identifiers_only=settings.issued_identifiers_only,
    )


def addresses_of(settings: Settings) -> tuple[str, ...]:
    """Return the addresses at which members reach the bureau."""
    host, _, port = settings.listen.rpartition(":")
    return settings.addresses or (f"{'localhost' if host in ANYWHERE else host}:{port}",)


def load_authority(settings: Settings) -> Authority:
    """Load the certificate authority.

    Raises:
        FolderError: The folder has none: the operator took it away.
        bureau_keys.errors.LockedKey: Wrong passphrase.
    """
    folder = settings.authority_folder
    if not (folder / "ca.key").is_file():
        raise FolderError(f"{folder / 'ca.key'} is missing: bring the authority's folder back")
    own = folder / PASSPHRASE
    passphrase = own.read_bytes().strip() if own.is_file() else settings.passphrase()
    return Authority.load(folder, passphrase)


def issue_node(settings: Settings, authority: Authority, clock: Clock) -> None:
    """Issue a new TLS key and certificate to the node; a serving node takes them up."""
    reached = (settings.listen, *settings.addresses, *settings.directory_addresses)
    reached_hosts = {host_of(address) for address in reached}
    hosts = sorted({"localhost", "127.0.0.1", "::1", *settings.names, *reached_hosts} - ANYWHERE)
    ips = [host for host in hosts if _is_ip(host)]
    key, csr = new_key_and_csr(settings.node)
    certificate = authority.issue_server(
        csr,
        [host for host in hosts if host not in ips],
        ips,
        *lifetime(clock, settings.member_days),
    )
    write_private(settings.server_folder / "tls.key", key)
    write_private(settings.server_folder / "tls.pem", certificate)
    write_private(settings.server_folder / "ca.pem", authority.pem)


def lifetime(clock: Clock, days: int) -> tuple[datetime, int]:
    """Return the begin of a new certificate and its days: `days` after the latest time at which
    the certificate is checked.
    """
    earliest_us, latest_us = clock.span_us()
    return utc(earliest_us), days + (latest_us - earliest_us) // DAY_US


def host_of(address: str) -> str:
    """Return the host of `host:port`, without the brackets of an IPv6 address."""
    return address.rpartition(":")[0].strip("[]")


def _build(folder: Path, plan: InitOptions, clock: Clock) -> Settings:
    # 1. Settings.
    write_private(folder / SETTINGS_FILE, _settings_text(plan).encode())
    settings = Settings.load(folder)
    settings.server_folder.mkdir(mode=0o700)
    settings.authority_folder.mkdir(mode=0o700)
    if plan.policy_file is not None:
        (folder / "policy").mkdir(mode=0o700)
        shutil.copyfile(plan.policy_file, folder / "policy" / f"{plan.jurisdiction}.toml")
    load_policy(settings.jurisdiction, folder / "policy")  # before anything rests on it
    # 2. Passphrases, each beside what it opens, or the operator's own for both.
    if plan.passphrase_file is None:
        for secret_folder in (settings.server_folder, settings.authority_folder):
            write_private(secret_folder / PASSPHRASE, secrets.token_urlsafe(32).encode() + b"\n")
    # 3. The authority, and the node's certificate.
    authority = Authority.create(f"{plan.origin} authority", *lifetime(clock, CA_DAYS))
    own = settings.authority_folder / PASSPHRASE
    authority.save(
        settings.authority_folder,
        own.read_bytes().strip() if own.is_file() else settings.passphrase(),
    )
    issue_node(settings, authority, clock)
    # 4. The node's keys.
    keyring = Keyring.create(settings.server_folder / "keyring", settings.passphrase())
    keyring.add(LOG_KEY, SigningKey.generate())
    keyring.add(REPORT_KEY, SigningKey.generate())
    keyring.add_seed(DIRECTORY_SEED, secrets.token_bytes(32))
    # 5. The operator.
    operator_key = SigningKey.generate()
    write_private(
        settings.server_folder / FIRST_OPERATOR, operator_key.verify_key.raw.hex().encode()
    )
    operator = _operator_profile(settings, authority, operator_key, clock)
    operator.save(settings.operator_folder)
    # 6. The log, with the operator as its first leaf.
    database = Database(settings.database)
    if database.is_sqlite:
        database.file.touch(mode=0o600)
    try:
        _start_log(settings, keyring, database, operator, clock)
    finally:
        database.dispose()
    return settings


def _operator_profile(
    settings: Settings, authority: Authority, key: SigningKey, clock: Clock
) -> Profile:
    tls_key, csr = new_key_and_csr(OPERATOR_ID)
    return Profile(
        member_id=OPERATOR_ID,
        addresses=addresses_of(settings),
        trust=trust_of(settings),
        ca_pem=authority.pem,
        tls_certificate_pem=authority.issue_member(
            csr, OPERATOR_ID, *lifetime(clock, settings.member_days)
        ),
        tls_key_pem=tls_key,
        signing_key_pem=key.to_pem(),
    )


def _start_log(
    settings: Settings, keyring: Keyring, database: Database, operator: Profile, clock: Clock
) -> None:
    schema.upgrade(database)
    log_key = keyring.get(LOG_KEY)
    with database.transaction() as db:
        if db.one(q.log_size):
            raise FolderError("the database holds a bureau already: name an empty one")
        log.create(db, log_key, settings.origin, clock.now_us())
    signer = Signer(OPERATOR_ID, settings.origin, SigningKey.from_pem(operator.signing_key_pem))
    newcomer = MemberApplication(
        member_id=OPERATOR_ID,
        display_name="Operator",
        roles=[ROLE_OPERATOR],
        purposes=[],
        jurisdiction=settings.jurisdiction,
        quota=0,
        group="",
        certificate_pem=operator.tls_certificate_pem,
        possession=signer.possession(clock.now_us()),
    )
    admission = newcomer.admission(signer.header(clock.now_us()))
    with offline_bureau(settings, keyring, database, clock) as bureau:
        bootstrap_operator(bureau, seal(admission, signer.key))


def _settings_text(plan: InitOptions) -> str:
    """Render the settings as TOML; JSON strings, arrays and `true` are valid TOML values."""
    settings: dict[str, object] = {
        "origin": plan.origin,
        "listen": plan.listen,
        "addresses": list(plan.addresses),
        "directory_addresses": list(plan.directory_addresses),
        "names": list(plan.names),
        "jurisdiction": plan.jurisdiction,
        "member_days": plan.member_days,
    }
    if plan.issued_identifiers_only:
        settings["issued_identifiers_only"] = True
    if plan.database_url:
        settings["database_url"] = plan.database_url
    if plan.passphrase_file:
        settings["passphrase_file"] = str(plan.passphrase_file.resolve())
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    return "\n".join(
        ["# Settings of this bureau; BUREAU_… in the environment overrides.", *lines, ""]
    )


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
