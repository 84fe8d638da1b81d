"""One worker, as its supervisor starts it: `python -m bureau.workers DESCRIPTOR`."""

from __future__ import annotations

import gc
import signal
import socket
import sys
from pathlib import Path

from bureau.workers.channel import Handover
from bureau.workers.cores import keep_to_own_core
from bureau.workers.shared_metrics import use_files


def main() -> None:
    """Take the handover from the inherited channel, and serve."""
    # Ctrl-C reaches every process of the terminal; the supervisor decides on the end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = socket.socket(fileno=int(sys.argv[1]))
    with channel.makefile("rb") as lines:
        line = lines.readline()
    if not line:
        return  # the supervisor has ended
    handover = Handover.model_validate_json(line)
    # Before there are other threads, which would stay where they are.
    keep_to_own_core(handover.worker, handover.read_settings().worker_processes)
    use_files(Path(handover.metrics), handover.worker)
    gc.disable()
    from bureau.workers.worker import serve  # noqa: PLC0415  (metrics exist from here on)

    gc.enable()
    sys.exit(serve(channel, handover))


if __name__ == "__main__":
    main()
