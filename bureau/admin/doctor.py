"""Examination of a bureau's installation: each subject's health, what will soon fail, and
the fix. It changes nothing at the bureau.
"""

from __future__ import annotations

import re
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, requires, version

from bureau.admin.bureau_folder import addresses_of, host_of, trust_of
from bureau.admin.check_results import CheckResult, Health
from bureau.admin.operator import CallError, Operator
from bureau.admin.partitioning import examine_partitions
from bureau.admin.witness_doctor import ask_witnesses
from bureau.calendar import utc
from bureau.clock import Clock
from bureau.config import Settings
from bureau.ledger import checkpoint_file, log
from bureau.ledger.node_checks import ForkedLogError, LogKeyError
from bureau.store import checks, schema
from bureau.store.database import Connection, Database
from bureau_keys.authority import not_after
from bureau_keys.errors import KeysError
from bureau_keys.note import parse_vkey
from bureau_keys.profile import Profile

PYTHON_FLOOR = (3, 11)
SOON = timedelta(days=30)
MIB = 1024 * 1024
LOW_MIB, FULL_MIB = 2048, 256
# Microseconds by which the bureau lets a signer's clock be ahead; the doctor allows as much.
AHEAD_US = 60 * 1_000_000


Examination = Callable[[Settings, Clock], Iterator[CheckResult]]


def examine(settings: Settings, clock: Clock | None = None) -> Iterator[CheckResult]:
    """Examine everything, in the order in which things depend on each other."""
    for examination in EXAMINATIONS:
        yield from examination(settings, clock or Clock())


def _versions(_settings: Settings, _clock: Clock) -> Iterator[CheckResult]:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < PYTHON_FLOOR:
        yield CheckResult(Health.FAIL, "python", version, "Use Python 3.11 or later.")
    else:
        yield CheckResult(Health.OK, "python", version)
    old = [
        f"{name} {installed} < {floor}"
        for name, installed, floor in _floors()
        if _parts(installed) < _parts(floor)
    ]
    if old:
        fix = "Run `pip install --upgrade 'creditbureau[server]'`."
        yield CheckResult(Health.FAIL, "libraries", ", ".join(old), fix)
    else:
        yield CheckResult(Health.OK, "libraries", "all at the versions needed")


def _floors() -> Iterator[tuple[str, str, str]]:
    """Iterate over the server's libraries: name, version, and the lowest version that will do."""
    for line in requires("creditbureau") or ():
        name, _, marker = line.partition(";")
        match = re.match(r"([\w.-]+)(?:\[\w+\])?>=([\d.]+)", name.strip())
        if match and ("extra" not in marker or "server" in marker):
            try:
                yield match[1], version(match[1]), match[2]
            except PackageNotFoundError:
                yield match[1], "0", match[2]


def _parts(text: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", text)[:3]]


def _folder(settings: Settings, _clock: Clock) -> Iterator[CheckResult]:
    private = [
        settings.folder / "bureau.toml",
        settings.folder / settings.passphrase_file,
        settings.server_folder / "tls.key",
        settings.server_folder / "keyring",
        settings.authority_folder / "ca.key",
        settings.operator_folder / "tls.key",
        settings.operator_folder / "signing.pem",
    ]
    open_ones = [path for path in private if path.exists() and path.stat().st_mode & 0o077]
    if open_ones:
        names = ", ".join(str(path) for path in open_ones)
        fix = f"Run `chmod 600 {' '.join(map(str, open_ones))}`."
        yield CheckResult(Health.FAIL, "permissions", f"others can read {names}", fix)
    else:
        yield CheckResult(Health.OK, "permissions", "private files are their owner's only")
    free = shutil.disk_usage(settings.folder).free // MIB
    if free < LOW_MIB:
        health = Health.FAIL if free < FULL_MIB else Health.WARN
        fix = "Free disk space: on a full disk writes are refused."
        yield CheckResult(health, "disk", f"{free} MiB free", fix)
    else:
        yield CheckResult(Health.OK, "disk", f"{free} MiB free")


def _keyring(settings: Settings, _clock: Clock) -> Iterator[CheckResult]:
    try:
        trust_of(settings)
    except (OSError, KeysError, KeyError, ValueError) as error:
        fix = "Bring server/keyring and its passphrase back from where they are kept."
        yield CheckResult(Health.FAIL, "keyring", str(error), fix)
    else:
        yield CheckResult(Health.OK, "keyring", "opens, with all keys")


def _certificates(settings: Settings, clock: Clock) -> Iterator[CheckResult]:
    now = utc(clock.now_us())
    operator = settings.operator_folder
    for name, path, fix in (
        ("node certificate", settings.server_folder / "tls.pem", "Run `bureau renew`."),
        (
            "operator certificate",
            operator / "tls.pem",
            f"Run `bureau member cert renew operator --out {operator}` (ended: with --offline).",
        ),
        (
            "authority",
            settings.server_folder / "ca.pem",
            "See docs/operating.md: a new authority needs new certificates for all.",
        ),
    ):
        try:
            ends = not_after(path.read_bytes())
        except (OSError, KeysError) as error:
            yield CheckResult(Health.FAIL, name, str(error), fix)
            continue
        validity = f"until {ends.date().isoformat()}"
        if ends <= now:
            yield CheckResult(Health.FAIL, name, f"ended, {validity}", fix)
        elif ends - now < SOON:
            yield CheckResult(Health.WARN, name, validity, fix)
        else:
            yield CheckResult(Health.OK, name, validity)


def _database(settings: Settings, clock: Clock) -> Iterator[CheckResult]:
    database = Database(settings.database)
    try:
        if database.is_sqlite and not database.file.exists():
            fix = "Name the right one in bureau.toml, or restore a backup (`bureau db restore`)."
            yield CheckResult(Health.FAIL, "database", f"{database.file} is missing", fix)
            return
        if pending := schema.pending(database):
            detail = f"lacks {len(pending)} revisions"
            yield CheckResult(Health.FAIL, "database", detail, "Run `bureau db migrate`.")
            return
        if (floor := schema.floor(database)) > schema.newest():
            detail = f"takes revision {floor} or later, and this version is {schema.newest()}"
            yield CheckResult(
                Health.FAIL, "database", detail, "Install the version that migrated it."
            )
            return
        yield CheckResult(Health.OK, "database", f"answers, at revision {schema.current(database)}")
        if not database.is_sqlite:
            yield _standby(database, required=settings.require_standby)
            yield from examine_partitions(database, clock.now_us())
        elif settings.require_standby:
            fix = "Set require_standby = false, or database_url to a PostgreSQL server."
            yield CheckResult(Health.FAIL, "standby", "required, and SQLite has none", fix)
        yield from _log_in(database, settings, clock)
        yield from ask_witnesses(database, settings)
    except Exception as error:  # noqa: BLE001  (drivers raise what they like; all of it is a finding)
        detail = str(error).splitlines()[0] if str(error) else type(error).__name__
        fix = "Start the database, or correct database_url in bureau.toml."
        yield CheckResult(Health.FAIL, "database", detail, fix)
    finally:
        database.dispose()


def _standby(database: Database, *, required: bool) -> CheckResult:
    """Check that what is acknowledged is on two machines.

    Args:
        required: The setting `require_standby`.
    """
    with database.snapshot() as db:
        row = db.one(checks.replication)
    assert row is not None, "a select without a table has one row"
    fsync, names, attached, sees = row
    if fsync != "on":
        fix = "Set fsync = on: an acknowledged write must not be lost."
        return CheckResult(Health.FAIL, "standby", f"fsync is {fsync}", fix)
    if not names:
        fix = "Give it a synchronous standby (synchronous_standby_names)."
        if required:
            detail = "required, and synchronous_standby_names is empty: nothing is acknowledged"
            return CheckResult(Health.FAIL, "standby", detail, fix)
        return CheckResult(
            Health.WARN, "standby", "what is acknowledged is on one machine only", fix
        )
    if not sees:
        fix = "Grant the bureau's role pg_monitor, so that this can be seen."
        return CheckResult(Health.WARN, "standby", f"configured ({names}); attached or not", fix)
    if not attached:
        fix = "Start the standby: until it follows, no write is acknowledged."
        return CheckResult(
            Health.FAIL, "standby", f"configured ({names}), and none is attached", fix
        )
    return CheckResult(Health.OK, "standby", f"{attached} attached and synchronous")


def _log_in(database: Database, settings: Settings, clock: Clock) -> Iterator[CheckResult]:
    with database.snapshot() as db:
        yield _held(settings, db)
        newest = db.one(checks.newest_checkpoint_time)
    if newest and newest[1] > clock.now_us() + AHEAD_US:
        detail = f"behind the newest checkpoint of {utc(newest[1]).isoformat()}"
        yield CheckResult(Health.FAIL, "clock", detail, "Set this machine's clock (NTP).")
    else:
        yield CheckResult(Health.OK, "clock", "not behind the newest checkpoint")


def _held(settings: Settings, db: Connection) -> CheckResult:
    """Check that the database holds this bureau's log, with the checkpoints that nodes keep."""
    try:
        key = parse_vkey(trust_of(settings).log_key).key
        checkpoint_file.check(settings, db, key)
    except ForkedLogError as error:
        fix = "Do not serve it; see docs/operating.md, 'A database that went back in time'."
        return CheckResult(Health.FAIL, "log", str(error).splitlines()[0], fix)
    except LogKeyError as error:
        return CheckResult(Health.FAIL, "log", str(error), error.fix)
    except (OSError, KeysError) as error:
        fix = "Look at the keyring first, then at the kept checkpoints."
        return CheckResult(Health.FAIL, "log", str(error), fix)
    return CheckResult(Health.OK, "log", f"{log.size_of(db)} entries")


def _serving(settings: Settings, _clock: Clock) -> Iterator[CheckResult]:
    host, port = host_of(settings.listen), int(settings.listen.rpartition(":")[2])
    try:
        with socket.create_server((host, port)):
            pass
    except OSError:
        yield from _answers(settings)
    else:
        yield CheckResult(Health.OK, "port", f"{settings.listen} is free: no bureau serves there")


def _answers(settings: Settings) -> Iterator[CheckResult]:
    detail = f"{settings.listen} is taken"
    try:
        profile = Profile.load(settings.operator_folder)
        with Operator(replace(profile, addresses=addresses_of(settings))) as operator:
            operator.checkpoint()
    except (OSError, ValueError, KeysError, CallError) as error:
        fix = f"Another program may have the port. The operator got: {error}."
        yield CheckResult(Health.WARN, "port", detail, fix)
    else:
        yield CheckResult(Health.OK, "port", f"a bureau answers at {addresses_of(settings)[0]}")


EXAMINATIONS: tuple[Examination, ...] = (
    _versions,
    _folder,
    _keyring,
    _certificates,
    _database,
    _serving,
)
