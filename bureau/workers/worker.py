"""One worker: a node that shares its limits, notices and turns with the others of its supervisor.

It ends by SIGTERM as a node does, and at once when its supervisor is gone.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from contextlib import suppress
from pathlib import Path

from bureau import logs
from bureau.cli.exit_codes import Exit, explained
from bureau.cli.serving import run_until_stopped
from bureau.config import Settings
from bureau.enumeration_limiter import EnumerationLimiter
from bureau.main import Server
from bureau.store.database import Database
from bureau.store.turns import Turns
from bureau.workers.channel import Beat, Handover, send
from bureau.workers.notices import CommitNotices
from bureau.workers.shared_calls import SharedCalls
from bureau.workers.shared_table import SharedTable
from bureau.workers.sharing import Sharing

# Seconds between two beats.
BEAT_S = 1.0
# Seconds after which a worker without a supervisor ends, whatever it waits for.
END_S = 5.0
# Appended to the name of a SQLite file: its workers write in turns by a lock on this file.
TURN_SUFFIX = "-turn"


def serve(channel: socket.socket, handover: Handover) -> int:
    """Serve until SIGTERM, the end of the supervisor or a failure; return the exit code."""
    settings = handover.read_settings()
    logs.configure(settings.log_level, as_json=handover.as_json, worker=handover.worker + 1)
    beats = _Beats(channel)
    threading.Thread(target=beats.end_with_supervisor, name="supervisor", daemon=True).start()
    try:
        server = Server(settings, sharing=_sharing(settings, handover))
        run_until_stopped(server, lambda: beats.start(server), is_worker=True)
    except Exception as error:
        if (text_and_code := explained(error)) is None:
            raise
        lines, code = text_and_code
        beats.fail(lines)
        return code
    return Exit.OK


def _sharing(settings: Settings, handover: Handover) -> Sharing:
    """Return the parts that the worker shares."""
    table, worker = SharedTable(handover.table, settings.worker_processes), handover.worker
    database = Database(settings.database)
    turns = None
    if database.is_sqlite:
        file = database.file.resolve()
        turns = Turns(file.with_name(file.name + TURN_SUFFIX))
    return Sharing(
        passphrase=bytes.fromhex(handover.passphrase),
        worker=handover.worker + 1,
        calls=table.amounts(0, worker),
        streams=table.amounts(1, worker),
        request_bytes=table.amounts(2, worker),
        http_connections=table.amounts(3, worker),
        unread_bytes=table.amounts(4, worker),
        recent_calls=SharedCalls(handover.calls, settings.worker_processes, worker),
        misses=EnumerationLimiter(times=table.refill_times()),
        notices=CommitNotices(handover.pipes, worker) if turns else None,
        write_turn=turns.take if turns else None,
        kept_turns=Turns(Path(handover.kept_turns)),
    )


class _Beats:
    """The worker's end of the channel."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._server: Server | None = None
        self._ended = threading.Event()

    def start(self, server: Server) -> None:
        """Send the state of the server, now and once a second."""
        self._server = server
        threading.Thread(target=self._run, args=(server,), name="beats", daemon=True).start()

    def fail(self, lines: list[str]) -> None:
        """Send the error for which the worker ends."""
        self._ended.set()
        self._send(Beat(failure=lines))

    def end_with_supervisor(self) -> None:
        """Wait for the end of the supervisor, and end then, without grace."""
        with suppress(ConnectionError):  # one that was killed before it read every beat
            while self._channel.recv(1):
                pass
        limit = threading.Timer(END_S, os._exit, (Exit.UNAVAILABLE,))
        limit.daemon = True
        limit.start()
        if self._server is None:
            os.kill(os.getpid(), signal.SIGKILL)  # nothing is served yet
        else:
            self._server.stop(0.0)

    def _run(self, server: Server) -> None:
        while not self._ended.is_set():
            self._send(Beat(serving=True, ready=server.is_ready))
            self._ended.wait(BEAT_S)

    def _send(self, beat: Beat) -> None:
        with suppress(OSError):  # the supervisor has ended
            send(self._channel, beat)
