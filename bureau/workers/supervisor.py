"""The supervisor of a node with several workers.

1. It locks the node's folder, reads the passphrase once and reserves the ports.
2. It starts the workers. A worker that fails to start for a reason ends the node with that reason.
3. It restarts a worker that dies, and gives up when one keeps dying before it serves. A worker
   that ends by its own decision (a disk that failed, a database that went back) ends the node; one
   that cannot start again because the database is away does not: the others serve.
4. On SIGTERM or Ctrl-C readiness turns false, the workers drain, and the supervisor ends last.

It serves metrics, liveness and readiness over HTTP itself: the node is ready when every worker is.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType

import structlog

from bureau.cli.exit_codes import Exit, Stop
from bureau.config import Settings
from bureau.health_http import HealthServer
from bureau.workers.channel import Handover
from bureau.workers.folder import LINGER_S, WorkersFolder, locked_folder
from bureau.workers.notices import Pipe
from bureau.workers.port import reserve
from bureau.workers.shared_calls import SharedCalls
from bureau.workers.shared_metrics import create_files, summed
from bureau.workers.shared_table import SharedTable
from bureau.workers.worker_process import WorkerProcess, close_all

logger = structlog.get_logger("bureau.supervisor")

# Seconds between two looks at the workers.
LOOK_S = 0.2
# Seconds before a dead worker is started again, doubled up to the longest with each early death:
# one that came within STEADY_S of its start.
FIRST_PAUSE_S, LONGEST_PAUSE_S, STEADY_S = 0.2, 10.0, 30.0
# Largest number of times that the pause is doubled; it is at its longest before.
MOST_DOUBLINGS = 10
# Deaths of one worker in a row, each before it served, after which the node gives up.
MAX_DEATHS_AT_START = 5
# Exit codes by which a worker ends the node. Others are 0 (somebody stopped that worker alone), 1
# (a fault of the program) and negative ones (a signal): after them the worker is started again.
# So it is after UNAVAILABLE of a worker that has not served, once the others have.
DECISIONS = frozenset(Exit) - {Exit.OK, Exit.FAULT}


class Supervisor:
    """The supervisor of one node."""

    def __init__(self, settings: Settings, *, as_json: bool | None = None) -> None:
        """Prepare the supervisor; nothing runs yet.

        Args:
            as_json: Format of the workers' log; None to choose by stderr.
        """
        self._settings = settings
        self._as_json = as_json
        self._workers: list[WorkerProcess] = []
        self._memories: tuple[SharedTable | SharedCalls, ...] = ()
        self._early: list[int] = [0] * settings.worker_processes
        self._deaths_at_start: list[int] = [0] * settings.worker_processes
        self._restart_at: dict[int, float] = {}
        self._served = False  # every worker has served since the start of the node
        self._stopping = False
        self._signals = 0

    def run(self, on_serving: Callable[[str, str], None]) -> None:
        """Serve until a signal or a failure.

        Args:
            on_serving: Called once every worker serves, with the address, and with that of HTTP,
                which is empty if the node does not serve it.

        Raises:
            NodeServedError: Another supervisor serves the node.
            ListenError: An address of the settings cannot be listened at.
            Stop: A worker failed to start, ended the node, or kept dying at its start.
        """
        with ExitStack() as closing:
            # 1. The folder, the passphrase and the ports.
            folder = closing.enter_context(locked_folder(self._settings))
            passphrase = self._settings.passphrase()
            address = self._reserve("listen", closing)
            http_address = self._reserve("http_listen", closing)
            self._serve_http(folder, closing)
            addresses = {"listen": address, "http_listen": http_address}
            start = self._starter(folder, passphrase, addresses, closing)

            # 2. The workers.
            for number in (signal.SIGTERM, signal.SIGINT):
                closing.callback(signal.signal, number, signal.signal(number, self._signalled))
            closing.callback(self._end)
            for worker in range(self._settings.worker_processes):
                self._workers.append(start(worker))

            # 3. Restarts, until a signal comes.
            while not self._signals:
                if not self._served and all(worker.state.serving for worker in self._workers):
                    self._served = True
                    on_serving(address, http_address)
                time.sleep(LOOK_S)
                if not self._signals:  # the signal may have gone to the workers, too
                    self._look(start)

            # 4. The drain.
            self._drain()

    def _reserve(self, setting: str, closing: ExitStack) -> str:
        """Reserve the port of a setting; return its address, which is empty if it has none."""
        address: str = getattr(self._settings, setting)
        if not address:
            return ""
        reserved, address = reserve(setting, address)
        closing.enter_context(reserved)
        return address

    def _serve_http(self, folder: WorkersFolder, closing: ExitStack) -> None:
        """Create the files of the metrics, and serve them where the settings say so."""
        for worker in range(self._settings.worker_processes):
            create_files(folder.metrics, worker)
        if self._settings.metrics_listen:
            registry = summed(folder.metrics, self._pids)
            http = HealthServer(self._settings.metrics_listen, self._is_ready, registry)
            http.bind()
            closing.callback(http.close)
            http.start()
            closing.callback(http.stop)

    def _starter(
        self,
        folder: WorkersFolder,
        passphrase: bytes,
        addresses: dict[str, str],
        closing: ExitStack,
    ) -> Callable[[int], WorkerProcess]:
        """Create what the workers share, and return the function that starts one of them."""
        count = self._settings.worker_processes
        self._memories = table, calls = SharedTable.create(count), SharedCalls.create(count)
        pipes = [Pipe.create() for _ in range(count)]
        memories = [table.descriptor, calls.descriptor]
        shared = [*memories, folder.lock, *(end for pipe in pipes for end in pipe)]
        closing.callback(close_all, [one for one in shared if one != folder.lock])
        # The supervisor serves the metrics.
        settings = self._settings.model_copy(update={**addresses, "metrics_listen": ""})

        def start(worker: int) -> WorkerProcess:
            handover = Handover(
                worker=worker,
                settings=settings.model_dump(mode="json"),
                passphrase=passphrase.hex(),
                as_json=self._as_json,
                table=table.descriptor,
                calls=calls.descriptor,
                pipes=pipes,
                metrics=str(folder.metrics),
                kept_turns=str(folder.kept_turns),
            )
            return WorkerProcess(handover, shared)

        return start

    def _look(self, start: Callable[[int], WorkerProcess]) -> None:
        """Read the workers' beats, and start those again that are due."""
        now = time.monotonic()
        for worker in list(self._workers):
            number = worker.number
            if number in self._restart_at:
                if now >= self._restart_at[number]:
                    self._restart(number, start)
                continue
            ended = worker.exit_code is not None
            worker.look()  # after the question, so that the error of one that ended is read
            if ended:
                self._ended(worker)
            elif worker.is_hung:
                logger.error("worker_silent", worker=number + 1, pid=worker.pid)
                worker.kill()
            elif worker.state.serving:
                self._deaths_at_start[number] = 0

    def _restart(self, number: int, start: Callable[[int], WorkerProcess]) -> None:
        """Start a worker again; later, if the system has no process or descriptor to give."""
        try:
            self._workers[number] = start(number)
        except OSError as error:
            pause_s = self._put_off(number, is_early=True)
            logger.error(
                "worker_not_started",
                worker=number + 1,
                error=str(error),
                restart_s=round(pause_s, 1),
            )
        else:
            del self._restart_at[number]

    def _put_off(self, number: int, *, is_early: bool) -> float:
        """Plan the restart of a worker; return the seconds until then."""
        self._early[number] = self._early[number] + 1 if is_early else 0
        # The exponent has a bound: a float has one, and an outage may be long.
        doubled_s = FIRST_PAUSE_S * 2.0 ** min(self._early[number], MOST_DOUBLINGS)
        pause_s = min(doubled_s, LONGEST_PAUSE_S)
        self._restart_at[number] = time.monotonic() + pause_s
        return pause_s

    def _ended(self, worker: WorkerProcess) -> None:
        """Plan the restart of a worker that has ended, or end the node.

        Raises:
            Stop: The worker decided to end the node, or keeps dying at its start.
        """
        number, code = worker.number, worker.wait()
        for memory in self._memories:
            memory.clear(number)
        is_away = self._is_away(worker, code)
        if not is_away:
            _check_decision(worker, code)
        if not (worker.has_served or is_away):
            self._deaths_at_start[number] += 1
            if self._deaths_at_start[number] >= MAX_DEATHS_AT_START:
                raise Stop(
                    Exit.UNAVAILABLE,
                    f"worker {number + 1} ended {MAX_DEATHS_AT_START} times before it served, "
                    f"the last time by {worker.ending()}",
                    "See the lines of the log before this one; `bureau serve --workers 1` "
                    "starts without a supervisor, and `bureau doctor` checks the folder.",
                )
        is_early = not worker.has_served or time.monotonic() < worker.started + STEADY_S
        pause_s = self._put_off(number, is_early=is_early)
        logger.error(
            "worker_ended",
            worker=number + 1,
            by=worker.ending(),
            error=" ".join(worker.state.failure),
            restart_s=round(pause_s, 1),
        )

    def _is_away(self, worker: WorkerProcess, code: int) -> bool:
        """Return true for a worker of a node that serves, started again while something was away
        that the others have: the database, a file in the middle of its replacement, a descriptor.
        """
        return self._served and not worker.has_served and code == Exit.UNAVAILABLE

    def _is_ready(self) -> bool:
        """Return true while every worker is ready and the node is not stopping."""
        return (
            not (self._stopping or self._signals or self._restart_at)
            and len(self._workers) == self._settings.worker_processes
            and all(worker.state.ready for worker in self._workers)
        )

    def _pids(self) -> list[int]:
        """List the ids of the node's processes, the supervisor's first."""
        return [os.getpid(), *(worker.pid for worker in self._workers)]

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        """Note a signal; the second one ends the node at once."""
        self._signals += 1
        if self._signals > 1:
            for worker in self._workers:
                worker.kill()
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    def _drain(self) -> None:
        """Let the workers drain.

        Raises:
            Stop: A worker failed meanwhile.
        """
        self._stopping = True
        running = [worker for worker in self._workers if worker.exit_code is None]
        for worker in running:
            worker.stop()
        for worker in running:
            code = self._awaited(worker)
            if not self._is_away(worker, code):
                _check_decision(worker, code)

    def _awaited(self, worker: WorkerProcess) -> int:
        """Wait for a worker that drains, reading its beats, and return its exit code."""
        while worker.exit_code is None:
            worker.look()
            if worker.is_hung:
                worker.kill()
            time.sleep(LOOK_S)
        worker.look()
        return worker.wait()

    def _end(self) -> None:
        """End the workers that are left, without grace."""
        self._stopping = True
        for worker in self._workers:
            worker.abandon()
        end = time.monotonic() + LINGER_S
        for worker in self._workers:
            worker.end_by(end)


def _check_decision(worker: WorkerProcess, code: int) -> None:
    """Raise Stop if a worker has ended by its own decision, with the error that it sent."""
    if code in DECISIONS:
        first, *rest = worker.state.failure or [f"a worker ended with exit code {code}"]
        raise Stop(Exit(code), first, "\n".join(rest))
