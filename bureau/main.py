"""The composition root: one node of a bureau, or a worker of one, as a list of parts.

`Server.__init__` puts the parts together, `Server.start` starts them in order, and
`Server.stop` stops them in reverse: health says NOT_SERVING, accepted calls finish, the
ledger drains, connections close.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

import structlog

from bureau import field_rules
from bureau.call_batches import CallBatches
from bureau.clock import Clock
from bureau.config import SANDBOX_FILE, Settings
from bureau.context import Bureau
from bureau.enumeration_limiter import EnumerationLimiter
from bureau.health_http import HealthServer
from bureau.ledger import checkpoint_file
from bureau.ledger.checked_database import open_database
from bureau.ledger.checkpoint_file import CheckpointFile, SharedCheckpointFile
from bureau.ledger.commit_queue import Ledger
from bureau.ledger.commit_signal import Listener
from bureau.ledger.connection_check import ConnectionCheck
from bureau.ledger.known_checkpoint import KnownCheckpoint
from bureau.ledger.log_follower import LogFollower
from bureau.ledger.node_checks import ForkedLogError, LogKeyError
from bureau.ledger.readiness import ReadinessProbe
from bureau.ledger.witness_feeder import WitnessFeeders
from bureau.parts import Part, nothing, start_all
from bureau.policy import load_policy
from bureau.recent_calls import OwnCalls, RecentCalls
from bureau.rpc.call_log import CallLog
from bureau.rpc.connections import Connections
from bureau.rpc.edge import Edge
from bureau.rpc.guard import Guard
from bureau.rpc.http import http_entrance
from bureau.rpc.limits import MemberLimits
from bureau.rpc.server import RpcServer
from bureau.rpc.unread_answers import UnreadAnswers
from bureau.store import schema
from bureau.tracing import tracing_of
from bureau.workers.sharing import Sharing
from bureau_keys.keyring import Keyring
from bureau_keys.pseudonym import Evaluator

logger = structlog.get_logger("bureau.main")

LOG_KEY, REPORT_KEY, DIRECTORY_SEED = "log", "report", "directory"

STREAMS_OF_MEMBER = 8
MIB = 1024 * 1024
# Bytes of large requests at work; parsed they take up to forty times as much.
REQUEST_BYTES, MEMBER_REQUEST_BYTES = 32 * MIB, 24 * MIB
# Bytes of large answers that one member has not read yet; beyond them its calls are refused.
MEMBER_UNREAD_BYTES = 64 * MIB
# Thresholds of the garbage collector: allocations that were not freed before it looks at
# the youngest objects, and collections of one generation before it looks at the next.
COLLECTOR = (50_000, 20, 50)
# Seconds for which a thread that computes keeps the interpreter from others. A report gives it away
# at each statement of SQL, and waits as long to get it back: beside the checks of an upload most
# reports took several times as long by Python's 0.005.
SWITCH_INTERVAL_S = 0.001
# Threads that read inquiries at once from a database over a network, where they wait for it.
READING_THREADS = 4
# Seconds that a stopping node gives a request whose message has not arrived.
ARRIVING_S = 1.0
# Seconds after which a waiting main thread looks for signals.
SIGNAL_CHECK_S = 0.5


class SandboxError(ValueError):
    """A sandbox is to be served as production, or production as a sandbox.

    Attributes:
        fix: The operator's next step.
    """

    def __init__(self, settings: Settings) -> None:
        folder = settings.folder
        if settings.is_sandbox:
            super().__init__(f"{folder} is a sandbox, not for production")
            self.fix = f"Serve it with `bureau dev --dir {folder}`."
        else:
            super().__init__(f"{folder} is no sandbox: it has no file {SANDBOX_FILE}")
            self.fix = f"Serve it with `bureau serve --dir {folder}`, or name a new folder."


class Server:
    """One node of a bureau.

    Attributes:
        parts: The parts of the node, in the order in which they start.
        stopped: Set when every part has stopped.
        failure: The reason for which the node stopped by itself; empty if it did not.
        other_log: The database of another log, or of one that went back in time, if that is the
            reason.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock | None = None,
        edge: Edge | None = None,
        sharing: Sharing | None = None,
    ) -> None:
        """Put the parts together; nothing runs yet.

        Args:
            edge: The additions of a sandbox; None for production.
            sharing: The parts that this process shares with the other workers of the node; None
                for the one process of a node.

        Raises:
            SandboxError: Sandbox and production are mixed.
            SchemaError: The database needs `bureau db migrate`, or a later version.
            ForkedLogError: The database lacks a kept checkpoint.
            LogKeyError: The keyring is not that of the database's log.
            PolicyError: There are no rules for the jurisdiction.
            ValueError: A setting does not go with the kind of the database, or needs an extra
                that is not installed.
            bureau_keys.errors.LockedKey: Wrong passphrase.
        """
        if settings.is_sandbox != (edge is not None):
            raise SandboxError(settings)
        self.settings = settings
        self._sharing = sharing = sharing or Sharing(settings.passphrase())
        self.clock = clock or Clock()
        self.stopped = threading.Event()
        self.failure = ""
        self.other_log: ForkedLogError | LogKeyError | None = None
        self._draining, self._serving = threading.Event(), threading.Event()
        self._grace_s = self._drain_s = 0.0
        self._running: ExitStack | None = None
        self._ended = False
        self._starting, self._stopping = threading.Lock(), threading.Lock()

        # 1. The jurisdiction's rules, and the checked database.
        policy = load_policy(settings.jurisdiction, settings.folder / "policy")
        keyring = Keyring.open(settings.server_folder / "keyring", sharing.passphrase)
        log_key = keyring.get(LOG_KEY)
        self.database = open_database(settings, log_key.verify_key)
        self.database.turn = sharing.write_turn
        self.known = KnownCheckpoint(*checkpoint_file.read_all(settings).values())
        self.database.on_connect = ConnectionCheck(
            settings, self.known, log_key.verify_key, self._other_log
        )

        # 2. The ledger, and the journeys' context.
        self._feeders = WitnessFeeders(settings.witnesses, self.database, self.clock, self._fail)
        self.ledger = Ledger(
            self.database,
            log_key,
            settings.origin,
            self.clock,
            self.known,
            quotas=settings.quotas,
            on_commit=lambda _note: self._committed(),
            on_fatal=self._fail,
            on_fork=self._other_log,
            before_batch=self._feeders.require_agreement,
        )
        evaluates = "Directory" in settings.services
        self.bureau = Bureau(
            origin=settings.origin,
            policy=policy,
            database=self.database,
            ledger=self.ledger,
            clock=self.clock,
            limits=settings.limits,
            report_key=keyring.get(REPORT_KEY),
            evaluator=Evaluator.from_seed(keyring.seed(DIRECTORY_SEED)) if evaluates else None,
            misses=sharing.misses or EnumerationLimiter(),
            recent_calls=RecentCalls(sharing.recent_calls or OwnCalls()),
            inquiries=CallBatches(threads=1 if self.database.is_sqlite else READING_THREADS),
        )

        # 3. gRPC.
        self._calls = edge.calls if edge else CallLog()
        self._tracing = tracing_of(settings.traces_to, sharing.instance_of(settings.node))
        self._limits = MemberLimits(max(settings.calls * 3 // 4, 1), shared=sharing.calls)
        self._unread = UnreadAnswers(MEMBER_UNREAD_BYTES, sharing.unread_bytes)
        self._readiness = ReadinessProbe(
            self.database, self.clock, schema.newest(), self._show_ready
        )
        guard = Guard(
            self.bureau,
            self._limits,
            stream_limits=MemberLimits(STREAMS_OF_MEMBER, settings.streams, sharing.streams),
            request_memory=MemberLimits(MEMBER_REQUEST_BYTES, REQUEST_BYTES, sharing.request_bytes),
            unread=self._unread,
            readiness=self._readiness,
            calls=self._calls,
            connections=Connections(),
            tracing=self._tracing,
        )
        self.rpc = RpcServer(settings, guard, edge, shares_port=sharing.is_worker)

        # 4. HTTP in front of the same methods, if it is on.
        methods = edge.intercepted(self.rpc.methods) if edge else self.rpc.methods
        self.http = http_entrance(
            settings, methods, guard.request_memory, self._fail, sharing.http_connections
        )
        self.parts = self._parts()

    def _parts(self) -> list[Part]:
        """Return the parts in the order of their start: ports first, calls last."""
        calls, rpc = self._calls, self.rpc
        listener = Listener(self.database, self.bureau.commits)
        kept = self._checkpoint_file()
        follower = LogFollower(self.database, self.known)
        parts = [
            Part("database", nothing, self.database.dispose),
            Part("gRPC port", rpc.bind, rpc.unbind),
            Part("call log", calls.start, calls.stop),
            Part("checkpoint file", kept.start, kept.stop),
            Part("log follower", follower.start, follower.stop),
            Part("ledger", self.ledger.start, self.ledger.stop),
            Part("witness feeders", self._feeders.start, self._feeders.stop),
            Part("commit listener", listener.start, listener.stop),
            Part("read deadlines", self._limits.start, self._limits.stop),
            Part("unread answers", self._unread.start, self._unread.stop),
            Part("gRPC", rpc.start, lambda: rpc.stop(self._grace_s)),
            Part("readiness", self._readiness.start, self._drain),
        ]
        if self._tracing:
            _insert(parts, "checkpoint file", "tracing", self._tracing.start, self._tracing.stop)
        if notices := self._sharing.notices:
            heard = self.bureau.commits.notify
            _insert(parts, "gRPC", "notices", lambda: notices.start(heard), notices.stop)
        if self.settings.metrics_listen:
            http = HealthServer(self.settings.metrics_listen, self._serving.is_set)
            _insert(parts, "gRPC port", "metrics port", http.bind, http.close)
            _insert(parts, "call log", "health HTTP", http.start, http.stop)
        if self.http:
            # Its calls end in the grace of those over gRPC: it stops after gRPC has stopped.
            entrance = self.http
            _insert(parts, "gRPC port", "HTTP port", entrance.bind, entrance.close)
            _insert(parts, "gRPC", "HTTP", entrance.start, entrance.stop)
        return parts

    def _checkpoint_file(self) -> CheckpointFile:
        path, turns = self.settings.kept_checkpoint, self._sharing.kept_turns
        if turns is None:
            return CheckpointFile(path, self.known)
        return SharedCheckpointFile(path, self.known, turns)

    @property
    def is_ready(self) -> bool:
        """True while the node may be asked."""
        return self._serving.is_set()

    @property
    def address(self) -> str:
        """Address at which a started server listens."""
        host = self.settings.listen.rpartition(":")[0]
        return f"{host}:{self.rpc.port}"

    @property
    def http_address(self) -> str:
        """Address at which a started server listens for calls over HTTP; empty if it does not."""
        return self.http.address if self.http else ""

    def start(self) -> None:
        """Serve, unless the server was stopped before.

        Raises:
            ListenError: An address of the settings cannot be listened at.
            Exception: A part failed to start. Nothing of the node is left running.
        """
        with self._starting:
            if self._ended:
                return
            spare_collector()
            sys.setswitchinterval(SWITCH_INTERVAL_S)
            try:
                self._running = start_all(self.parts)
            except BaseException:
                self._ended = True
                self.stopped.set()
                raise
            threading.Thread(target=field_rules.validator, name="warm-up", daemon=True).start()
            logger.info("serving", address=self.address, node=self.settings.node)

    def stop(self, grace_s: float = 10.0, drain_s: float = 0.0) -> None:
        """Take no more calls, finish the accepted ones, and close.

        Args:
            grace_s: Seconds that accepted calls may take.
            drain_s: Seconds in which calls are still accepted after readiness turns false,
                so that load balancers send them elsewhere.
        """
        with self._starting:  # a start that has begun ends before its parts are stopped
            self._ended = True
        with self._stopping:
            if self.stopped.is_set():
                return
            self._grace_s, self._drain_s = grace_s, drain_s
            try:
                if self._running is None:
                    self.database.dispose()
                else:
                    self._running.close()
                    logger.info("stopped", node=self.settings.node)
            finally:
                self.stopped.set()

    def wait(self) -> None:
        """Block until the server has stopped."""
        # The system may hand a signal to any thread; the main one must wake up to
        # run its handler.
        while not self.stopped.wait(SIGNAL_CHECK_S):
            pass

    def _committed(self) -> None:
        """Wake the streams of this process and of the node's other workers."""
        self.bureau.commits.notify()
        if self._sharing.notices:
            self._sharing.notices.send()

    def _drain(self) -> None:
        """Turn readiness false and send streams and new calls to other nodes."""
        self._draining.set()
        self._show_ready(False)
        self._readiness.stop()
        self.bureau.commits.close()  # streams end, and go on at another node
        time.sleep(self._drain_s)
        # A request whose message has not arrived was not accepted: it gets no grace.
        self._limits.cut_read_deadlines(ARRIVING_S)
        if self.http:  # it ends beside gRPC, in the same grace
            self.http.drain(self._grace_s)

    def _show_ready(self, ready: bool) -> None:
        serving = ready and not self._draining.is_set()
        if serving:
            self._serving.set()
        else:
            self._serving.clear()
        self.rpc.show_ready(ready=serving)

    def _other_log(self, error: ForkedLogError | LogKeyError) -> None:
        """Stop: the database does not hold this node's log, and nothing more may be signed."""
        if self.other_log is not None:
            return
        self.other_log = error
        if isinstance(error, LogKeyError):
            self._fail(str(error))
            return
        evidence = self.settings.fork_evidence
        try:
            checkpoint_file.save_evidence(evidence, error)
        except OSError as unwritten:
            # `serve` prints both checkpoints when it ends, written or not.
            self._fail(f"the database went back in time; {evidence}: {unwritten.strerror}")
        else:
            self._fail(f"the database went back in time; both checkpoints are in {evidence}")

    def _fail(self, why: str) -> None:
        """Stop without grace: nothing more may be acknowledged."""
        self.failure = why
        threading.Thread(target=self.stop, args=(0.0,), name="fail", daemon=True).start()
        logger.critical("fatal", why=why)


def _insert(
    parts: list[Part],
    before: str,
    name: str,
    start: Callable[[], None],
    stop: Callable[[], None],
) -> None:
    """Insert a part that starts just before the named one, and stops just after it."""
    position = next(index for index, part in enumerate(parts) if part.name == before)
    parts.insert(position, Part(name, start, stop))


def spare_collector() -> None:
    """Spare the garbage collector the objects of the program itself, and most of the
    short-lived objects of requests, which hold no reference cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR)
