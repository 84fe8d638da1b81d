"""The bureau of the bench, with members and people, served by a process on one
core, and beside it on the same core the bare echo server.
"""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from bureau.admin.bureau_folder import InitOptions, create
from bureau.codes import CodeSet
from bureau.config import SETTINGS_FILE, Settings
from bureau.policy import Bounds
from bureau.quotas import Quota, Quotas
from bureau.store import queries as q
from bureau.store.database import Database
from bureau.testing import free_port, running_bureau
from bureau_keys.envelope import seal
from bureau_keys.merkle import leaf_hash, root_of
from bureau_keys.profile import Profile
from bureau_keys.signing import SigningKey
from creditbureau.v1 import codes_pb2, consent_pb2
from creditbureau.v1.envelope_pb2 import Header
from creditbureau.v1.furnishing_pb2 import SubmitRecordsRequest
from creditbureau.v1.record_pb2 import (
    SUBMISSION_KIND_ORIGINAL,
    RecordBatch,
    SubmissionManifest,
)
from tests.bench import process
from tests.bench.echo import THREADS
from tests.bench.people import NEWEST_MONTH, Account, Person, months_back, people, record
from tests.bench.statements import (
    ALL_SECTIONS,
    PURPOSE,
    SECTIONS,
    attestation,
    consent,
    consent_id_of,
    header,
)

LENDERS = ("alder", "birch", "cedar")
BATCH = 10_000
START_S = 30.0
# Threads that sign everybody up.
CALLERS = 16

BUREAU_SERVE = (Path(sys.executable).with_name("bureau"), "serve", "--dir")
ECHO = (sys.executable, "-m", "tests.bench.echo")

# Monitors the first of the people.
WATCHER = "birch"

Call = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a run.

    Attributes:
        people: With ordinary files; a tenth as many have long ones.
        crowd: People with one account at each lender, for bulk.
        rounds: Bureau and baseline take turns so often.
        calls: In each round.
        batches: Of 10,000 records, of each kind.
        pile: Of each kind of statement that one person piles up.
        many: People on whom one `query_many` queries reports.
        growth: Accounts of the bureau that has grown.
        import_mb: Megabytes of the file that is imported.
        stored: Accounts of which two years are furnished, to count the bytes on the disk.
    """

    people: int = 600
    crowd: int = 10_000
    rounds: int = 6
    calls: int = 1000
    batches: int = 6
    pile: int = 10_000
    many: int = 10_000
    growth: int = 1_000_000
    import_mb: int = 1000
    stored: int = 30_000


QUICK = Size(
    people=150,
    rounds=2,
    calls=300,
    batches=2,
    pile=1000,
    many=600,
    growth=100_000,
    import_mb=20,
    stored=6_000,
)


@dataclass(frozen=True, slots=True)
class Lender:
    """A member of the bench's bureau.

    Attributes:
        channel: To the bureau.
    """

    profile: Profile
    key: SigningKey
    channel: grpc.Channel

    def header(self) -> Header:
        """The header of a new statement."""
        return header(self.profile.trust.origin, f"members/{self.profile.member_id}")

    def submission(self, records: Sequence[bytes]) -> bytes:
        """A signed submission, ready to send."""
        manifest = SubmissionManifest(
            header=self.header(),
            kind=SUBMISSION_KIND_ORIGINAL,
            records_root=root_of([leaf_hash(raw) for raw in records]),
            record_count=len(records),
            label="bench",
        )
        return SubmitRecordsRequest(
            manifest=seal(manifest, self.key),
            batch=RecordBatch(records=records).SerializeToString(),
        ).SerializeToString()

    def call(self, method: str) -> Call:
        """A method of the bureau, bytes to bytes."""
        return bytes_call(self.channel, f"/creditbureau.v1.{method}")


@dataclass(slots=True)
class LoadedBureau:
    """Everything that the benchmarks work with.

    Attributes:
        people: With ordinary files.
        heavy: With long files.
        crowd: With an account at each lender, nothing reported yet.
        idle_mib: The bureau's memory after its start.
    """

    folder: Path
    size: Size
    settings: Settings
    bureau: subprocess.Popen[bytes]
    echo: subprocess.Popen[bytes]
    echo_channel: grpc.Channel
    lenders: dict[str, Lender] = field(default_factory=dict)
    people: list[Person] = field(default_factory=list)
    heavy: list[Person] = field(default_factory=list)
    crowd: list[Account] = field(default_factory=list)
    idle_mib: float = 0

    def echo_of(self, name: str, answer: bytes) -> Call:
        """The echo server's method that gives this answer."""
        (self.folder / "echo").mkdir(exist_ok=True)
        (self.folder / "echo" / name).write_bytes(answer)
        return bytes_call(self.echo_channel, f"/echo/{name}")


def bytes_call(channel: grpc.Channel, method: str) -> Call:
    """A method that takes and gives bytes."""

    def same(data: bytes) -> bytes:
        return data

    return channel.unary_unary(method, same, same)


@contextmanager
def open_loaded_bureau(folder: Path, size: Size, database_url: str = "") -> Iterator[LoadedBureau]:
    """Build, serve and fill a bureau; close it afterwards."""
    port, echo_port = free_port(), free_port()
    plan = InitOptions(
        listen=f"127.0.0.1:{port}", database_url=database_url, policy_file=_unbounded(folder)
    )
    settings = create(folder / "bureau", plan)
    _raise_limits(settings.folder / SETTINGS_FILE)
    profiles = _admit(settings)
    crowd = _seed(settings, size)
    ordinary = people("ordinary", LENDERS, size.people)
    heavy = people("heavy", LENDERS, max(size.people // 10, 1), heavy=True)
    with (
        serving(*BUREAU_SERVE, settings.folder, log=folder / "bureau.log") as bureau,
        serving(
            *ECHO,
            settings.folder,
            f"127.0.0.1:{echo_port}",
            log=folder / "echo.log",
        ) as echo,
    ):
        with channel_of(profiles["operator"], f"127.0.0.1:{port}") as channel:
            wait_for(channel)
        lenders = {
            name: Lender(
                profile,
                SigningKey.from_pem(profile.signing_key_pem),
                channel_of(profile, f"127.0.0.1:{port}"),
            )
            for name, profile in profiles.items()
        }
        with channel_of(profiles["alder"], f"127.0.0.1:{echo_port}") as echo_channel:
            loaded = LoadedBureau(
                folder=settings.folder,
                size=size,
                settings=settings,
                bureau=bureau,
                echo=echo,
                echo_channel=echo_channel,
                lenders=lenders,
                people=ordinary,
                heavy=heavy,
                crowd=crowd,
                idle_mib=process.memory_mib(bureau.pid),
            )
            _sign_up(loaded)
            _furnish(loaded)
            yield loaded
        for lender in lenders.values():
            lender.channel.close()


@contextmanager
def serving(
    *command: str | Path, log: Path, cores: set[int] = process.SERVER_CORE, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A server's process inside the block."""
    child = process.start(*map(str, command), log=log, cores=cores, **environment)
    try:
        yield child
    finally:
        child.terminate()
        child.wait(timeout=START_S)


def channel_of(profile: Profile, address: str) -> grpc.Channel:
    """A member's connection."""
    credentials = grpc.ssl_channel_credentials(
        profile.ca_pem, profile.tls_key_pem, profile.tls_certificate_pem
    )
    return grpc.secure_channel(address, credentials)


def wait_for(channel: grpc.Channel) -> None:
    """Waits until a bureau says that it serves."""
    health: Any = health_pb2_grpc.HealthStub(channel)
    answer = health.Check(health_pb2.HealthCheckRequest(), timeout=START_S, wait_for_ready=True)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def _unbounded(folder: Path) -> Path:
    """Write the rules of the United States without bounds on what one person piles up, and on how
    often a consent is used in a month.
    """
    lifted = dict.fromkeys(set(Bounds.__dataclass_fields__) - {"days"}, 1 << 40)
    lifted["max_monthly"] = 0  # no limit
    lines = (files("bureau") / "data" / "policy" / "US.toml").read_text("utf-8").splitlines()
    names = [line.partition(" = ")[0] for line in lines]
    path = folder / "US.toml"
    text = "\n".join(
        f"{name} = {lifted[name]}" if name in lifted else line
        for name, line in zip(names, lines, strict=True)
    )
    path.write_text(text, "utf-8")
    return path


def _raise_limits(path: Path) -> None:
    """Set limits that no load meets."""
    path.write_text(f"calls = {THREADS}\n{path.read_text('utf-8')}", "utf-8")
    with path.open("a", encoding="utf-8") as file:
        for kind in Quotas.model_fields:
            file.write(f"\n[quotas.{kind}]\n")
            file.writelines(f"{name} = {1 << 40}\n" for name in Quota.model_fields)


def _admit(settings: Settings) -> dict[str, Profile]:
    with running_bureau(settings.folder) as bureau:
        profiles = {
            name: bureau.add_member(
                name,
                ["furnisher", "subscriber", "attester", "agent"],
                ["written-instruction", "account-review"],
            )
            for name in LENDERS
        }
        profiles["operator"] = bureau.operator
    return profiles


def _seed(settings: Settings, size: Size) -> list[Account]:
    """Write the consents of the crowd to furnish as rows; nobody asks for their statements."""
    strangers = [person.subject_id for person in people("crowd", LENDERS, size.crowd)]
    crowd = [
        Account(lender, f"crowd-{number}", subject_id)
        for lender in LENDERS
        for number, subject_id in enumerate(strangers)
    ]
    database = Database(settings.database)
    try:
        with database.transaction() as db:
            rows = [_consent_row(account.subject_id, account.lender) for account in crowd]
            db.execute_many(q.add_consent, rows)
    finally:
        database.dispose()
    return crowd


def _consent_row(subject_id: str, lender: str) -> dict[str, object]:
    now = datetime.now(UTC)
    return {
        "consent_id": str(uuid.uuid4()),
        "subject_id": subject_id,
        "grantee": lender,
        "actions": CodeSet.of([codes_pb2.ACTION_FURNISH]),
        "purposes": CodeSet.of([PURPOSE]),
        "sections": CodeSet.of(SECTIONS),
        "portfolio_types": 0,
        "history_months": 36,
        "start_us": _us(now - timedelta(days=1)),
        "expire_us": _us(now + timedelta(days=300)),
        "max_uses": 0,
        "frequency_unit": 0,
        "frequency_value": 0,
        "state": consent_pb2.CONSENT_STATE_ACTIVE,
        "use_count": 0,
        "period": 0,
        "period_count": 0,
        "entry_key": 0,
        "create_us": _us(now),
        "update_us": _us(now),
        "note": "",
        "arrangement_id": None,
    }


def _us(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)


def _sign_up(loaded: LoadedBureau) -> None:
    """Bind the keys of all people, and grant their consents to every lender."""
    origin, agent = loaded.settings.origin, loaded.lenders[LENDERS[0]]
    persons = [*loaded.people, *loaded.heavy]
    keys = [attestation(origin, person, LENDERS[0], agent.key) for person in persons]
    consents = [consent(origin, persons[0], WATCHER, codes_pb2.ACTION_MONITOR)]
    for person in persons:
        for lender in LENDERS:
            plain, full = (consent_id_of(person, lender, kind) for kind in ("plain", "full"))
            consents += [
                consent(origin, person, lender, codes_pb2.ACTION_FURNISH),
                consent(origin, person, lender, consent_id=plain),
                consent(origin, person, lender, consent_id=full, sections=ALL_SECTIONS),
            ]
    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(agent.call("Subjects/AttestKey"), keys))
        list(pool.map(agent.call("Consents/GrantConsent"), consents))


def _furnish(loaded: LoadedBureau) -> None:
    """Report everybody's history."""
    for name in LENDERS:
        lender = loaded.lenders[name]
        submit = lender.call("Furnishing/SubmitRecords")
        for batch in histories([*loaded.heavy, *loaded.people], name):
            submit(lender.submission(batch))


def histories(
    persons: Sequence[Person], lender_name: str, newest: int = NEWEST_MONTH
) -> Iterator[list[bytes]]:
    """Yield a lender's records of people in batches, month by month as lenders report, so that a
    person's records lie apart in the database.
    """
    records = (
        record(account, month)
        for month in months_back(36, newest)
        for person in persons
        if month in months_back(person.months, newest)
        for account in person.accounts
        if account.lender == lender_name
    )
    while batch := list(islice(records, BATCH)):
        yield batch
