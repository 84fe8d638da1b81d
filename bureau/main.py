"""The composition root: puts a bureau together from its settings and serves it.

Start: database at this version's schema, not behind the kept checkpoint; keys;
ledger; gRPC. Stop: health says NOT_SERVING, what was accepted finishes, the
ledger drains, connections close.
"""

from __future__ import annotations

import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from bureau import field_rules, health_http
from bureau.clock import Clock
from bureau.config import Settings
from bureau.context import Bureau
from bureau.health_http import HealthServer
from bureau.ledger import checkpoint_file
from bureau.ledger.checkpoint_file import CheckpointFile
from bureau.ledger.commit_queue import Ledger
from bureau.ledger.commit_signal import Listener
from bureau.ledger.connection_check import ConnectionCheck
from bureau.ledger.node_checks import ForkedLogError
from bureau.ledger.readiness import ReadinessProbe
from bureau.ledger.witness_feeder import WitnessFeeders
from bureau.policy import load_policy
from bureau.rpc.call_log import CallLog
from bureau.rpc.guard import Guard, MembersOnlyInterceptor
from bureau.rpc.limits import MemberLimits
from bureau.rpc.methods import MAX_REQUEST_BYTES, SERVICES
from bureau.rpc.services import handlers
from bureau.store import schema
from bureau.store.database import Database
from bureau_keys.keyring import Keyring
from bureau_keys.pseudonym import Evaluator
from bureau_keys.signing import VerifyKey

logger = structlog.get_logger("bureau.main")

LOG_KEY, REPORT_KEY, DIRECTORY_SEED = "log", "report", "directory"

# Limits against floods, stalls and bombs; each measured, see docs/adr/0004.
CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES + 1024),
    ("grpc.max_metadata_size", 8192),
    ("grpc.absolute_max_metadata_size", 16384),
    ("grpc.max_concurrent_streams", 100),
    ("grpc.max_allowed_incoming_connections", 4096),
    ("grpc.server_handshake_timeout_ms", 5000),
    ("grpc.max_connection_idle_ms", 300_000),
    ("grpc.max_connection_age_ms", 600_000),
    ("grpc.max_connection_age_grace_ms", 30_000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),  # clients ping each 10 s
    ("grpc.http2.max_ping_strikes", 2),
    ("grpc.so_reuseport", 0),  # a second server on the port must fail, not share it
)
# Calls beyond the workers wait in line; beyond these they are refused.
CALLS_PER_WORKER = 8
STREAMS_OF_MEMBER = 8
MIB = 1024 * 1024
# Bytes of large requests at work; parsed they take up to forty times as much.
ROOM_BYTES, ROOM_OF_MEMBER = 32 * MIB, 24 * MIB


# Objects more than freed, and rounds of younger generations, before a collection.
COLLECTOR = (50_000, 20, 50)
# Seconds that a stopping node gives a request that is on its way.
ARRIVING_S = 1.0
# Seconds after which a waiting main thread looks for signals.
SIGNAL_CHECK_S = 0.5


class SchemaError(Exception):
    """The database is not at the schema that this version needs."""


class Server:
    """One node of a bureau."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        """Puts the parts together; nothing runs yet.

        Raises:
            SchemaError: The database needs `bureau db migrate`, or a later version.
            ForkedLogError: The database is behind the kept checkpoint.
            PolicyError: There are no rules for the jurisdiction.
            ValueError: A setting does not go with the kind of the database.
            bureau_keys.errors.LockedKey: Wrong passphrase.
        """
        self.settings = settings
        self.clock = clock or Clock()
        self.stopped = threading.Event()
        self.failure = ""
        self.fork: ForkedLogError | None = None
        self._starting = threading.Lock()
        self._began = self._ended = False

        # 1. The rules of the place; the database, as this version needs it and as it
        #    was left.
        policy = load_policy(settings.jurisdiction, settings.folder / "policy")
        keyring = Keyring.open(settings.server_folder / "keyring", settings.passphrase())
        log_key = keyring.get(LOG_KEY)
        self.keeper = CheckpointFile(settings.kept_checkpoint)
        self.database = open_database(settings, log_key.verify_key)
        self.database.on_connect = ConnectionCheck(
            self.keeper, settings.origin, log_key.verify_key, self._forked
        )

        # 2. The ledger, and who carries its checkpoints out.
        self.ledger = Ledger(
            self.database,
            log_key,
            settings.origin,
            self.clock,
            on_commit=self._committed,
            on_fatal=self._fail,
            on_fork=self._forked,
        )
        self.couriers = WitnessFeeders(settings.witnesses, self.database, self.clock, self._fail)
        serves_directory = "Directory" in settings.services
        self.bureau = Bureau(
            origin=settings.origin,
            policy=policy,
            database=self.database,
            ledger=self.ledger,
            clock=self.clock,
            report_key=keyring.get(REPORT_KEY),
            evaluator=Evaluator.from_seed(keyring.seed(DIRECTORY_SEED))
            if serves_directory
            else None,
        )

        self._listener = Listener(self.database, self.bureau.commits)

        # 3. gRPC.
        self._seats = MemberLimits(max(settings.workers * 3 // 4, 1))
        self._pulse = ReadinessProbe(self.database, self.clock, schema.newest(), self._is_ready)
        self._calls = CallLog()
        guard = Guard(
            self.bureau,
            self._seats,
            streams=MemberLimits(STREAMS_OF_MEMBER, settings.streams),
            room=MemberLimits(ROOM_OF_MEMBER, ROOM_BYTES),
            pulse=self._pulse,
            calls=self._calls,
        )
        # A stream keeps its worker; others find theirs nevertheless.
        workers = settings.workers + settings.streams
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="call")
        self._grpc = grpc.server(
            self._pool,
            interceptors=[MembersOnlyInterceptor(guard)],
            options=CHANNEL_OPTIONS,
            maximum_concurrent_rpcs=settings.workers * CALLS_PER_WORKER + settings.streams,
        )
        self._grpc.add_generic_rpc_handlers(handlers(guard, settings.services))
        self._health = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)
        names = [service.full_name for service in SERVICES if service.name in settings.services]
        reflection.enable_server_reflection(
            [*names, health.SERVICE_NAME, reflection.SERVICE_NAME], self._grpc
        )
        # `liveness` as long as the process is up; the rest while it may be asked.
        self._readiness = ["", "readiness", *names]
        self._draining, self._serving = threading.Event(), threading.Event()
        self._is_ready(False)
        self._health.set("liveness", health_pb2.HealthCheckResponse.SERVING)
        self._vitals: HealthServer | None = None
        self.port = 0

    @property
    def address(self) -> str:
        """Where the server listens, once started."""
        host = self.settings.listen.rpartition(":")[0]
        return f"{host}:{self.port}"

    def start(self) -> None:
        """Serves, unless it was stopped before.

        Raises:
            RuntimeError: The port is taken.
        """
        with self._starting:
            if self._ended:
                return
            # Bound first: a port that is taken must leave nothing running.
            self.port = self._grpc.add_secure_port(
                self.settings.listen, tls_credentials(self.settings.server_folder)
            )
            settle()
            self.ledger.start()
            self.keeper.start()
            self.couriers.start()
            self._listener.start()
            self._seats.start()
            self._calls.start()
            self._grpc.start()
            self._pulse.start()
            if self.settings.metrics_listen:
                self._vitals = health_http.serve(self.settings.metrics_listen, self._serving.is_set)
            threading.Thread(target=field_rules.validator, name="warm-up", daemon=True).start()
            logger.info("serving", address=self.address, node=self.settings.node)
            self._began = True

    def stop(self, grace_s: float = 10.0, drain_s: float = 0.0) -> None:
        """Takes no more calls, finishes those it accepted, and closes.

        Args:
            grace_s: How long those may take.
            drain_s: How long calls are still taken after it says that it is not ready,
                so that who watches that sends them elsewhere.
        """
        if self.stopped.is_set():
            return
        with self._starting:  # what began to start is whole before it is stopped
            self._ended = True
        if not self._began:
            self.database.dispose()
            self.stopped.set()
            return
        self._draining.set()
        self._is_ready(False)
        self._pulse.stop()
        self.bureau.commits.close()  # streams end, and go on at another node
        time.sleep(drain_s)
        # What has not arrived was not accepted: it gets no grace.
        self._seats.cut_read_deadlines(ARRIVING_S)
        self._grpc.stop(grace_s).wait()
        self.ledger.stop()
        self.keeper.stop()
        self.couriers.stop()
        self._listener.stop()
        self._seats.stop()
        self._calls.stop()
        self._pool.shutdown(wait=False)
        if self._vitals is not None:
            self._vitals.shutdown()
            self._vitals.server_close()
        self.database.dispose()
        self.stopped.set()
        logger.info("stopped", node=self.settings.node)

    def wait(self) -> None:
        """Blocks until the server has stopped."""
        # The system may hand a signal to any thread; the main one must wake up to
        # run its handler.
        while not self.stopped.wait(SIGNAL_CHECK_S):
            pass

    def _is_ready(self, ready: bool) -> None:
        status = health_pb2.HealthCheckResponse
        serving = ready and not self._draining.is_set()
        if serving:
            self._serving.set()
        else:
            self._serving.clear()
        for name in self._readiness:
            self._health.set(name, status.SERVING if serving else status.NOT_SERVING)

    def _committed(self, note: str) -> None:
        self.keeper.write(note)
        self.bureau.commits.notify()

    def _forked(self, error: ForkedLogError) -> None:
        """The database went back in time: nothing more may be signed."""
        if self.fork is None:
            self.fork = error
            evidence = self.settings.fork_evidence
            try:
                checkpoint_file.save_evidence(evidence, error)
            except OSError as unwritten:
                # They are told all the same: `serve` prints both when it ends.
                self._fail(f"the database went back in time; {evidence}: {unwritten.strerror}")
            else:
                self._fail(f"the database went back in time; both checkpoints are in {evidence}")

    def _fail(self, why: str) -> None:
        """The database failed: nothing more may be acknowledged."""
        self.failure = why
        threading.Thread(target=self.stop, args=(0.0,), daemon=True).start()
        logger.critical("fatal", why=why)


def settle() -> None:
    """Spares the collector what stays for good, and the many short-lived objects of
    requests, which hold no circles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR)


def open_database(settings: Settings, log_key: VerifyKey) -> Database:
    """The database, at this version's schema and not behind the kept checkpoint.

    Raises:
        SchemaError, ForkedLogError, ValueError: See `Server`.
    """
    database = Database(settings.database, settings.node, require_standby=settings.require_standby)
    try:
        check_schema(database)
        with database.snapshot() as db:
            checkpoint_file.check(settings.kept_checkpoint, db, settings.origin, log_key)
    except ForkedLogError as error:
        checkpoint_file.save_evidence(settings.fork_evidence, error)
        raise
    finally:
        database.dispose()  # what it opened so far was admitted by nobody
    return database


def check_schema(database: Database) -> None:
    """Raises SchemaError for a database that this version cannot serve."""
    if database.is_sqlite and not database.file.exists():
        raise SchemaError(
            f"{database.file} is missing: name the right one in bureau.toml, or restore a "
            "backup with `bureau db restore`"
        )
    if pending := schema.pending(database):
        raise SchemaError(
            f"the database lacks {len(pending)} revisions, from {pending[0][0]} on: "
            "run `bureau db migrate`"
        )
    if (floor := schema.floor(database)) > schema.newest():
        raise SchemaError(
            f"the database has been migrated beyond this version: it takes {floor} or later, "
            f"and this is {schema.newest()}; install the version that migrated it"
        )


def tls_credentials(folder: Path) -> grpc.ServerCredentials:
    """Mutual TLS from a node's folder; new files are picked up for new connections."""
    names = ("tls.key", "tls.pem", "ca.pem")
    state: dict[str, float] = {}

    def read() -> grpc.ServerCertificateConfiguration:
        key, chain, authority = ((folder / name).read_bytes() for name in names)
        return grpc.ssl_server_certificate_configuration([(key, chain)], authority)

    def changed() -> Any:  # the stubs do not know that None keeps what there is
        try:
            newest = max((folder / name).stat().st_mtime for name in names)
            if state.get("newest") == newest:
                return None
            configuration = read()
        except OSError:
            # gRPC goes on with what it has; somebody must know.
            logger.exception("tls_reload_failed", folder=str(folder))
            return None
        state["newest"] = newest
        return configuration

    return grpc.dynamic_ssl_server_credentials(read(), changed, require_client_authentication=True)
