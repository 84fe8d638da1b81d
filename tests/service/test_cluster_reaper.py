"""Nothing of the harness outlives it, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cluster.timeline import Timeline, read_timeline
from tests.cluster.topology.process import Process
from tests.cluster.topology.reaper import Reaper
from tests.processes import is_running

PATIENCE_S = 120.0
SLEEP = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
# A harness that starts something, says which process it is, and never ends by itself.
HARNESS = """
import sys, time
from pathlib import Path
from tests.cluster.timeline import Timeline
from tests.cluster.topology.process import Process
from tests.cluster.topology.reaper import Reaper
folder = Path(sys.argv[1])
process = Process(
    "sleeper", sys.argv[2:], log=folder / "log", reaper=Reaper(), timeline=Timeline(folder)
)
process.start()
print(process.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=lambda number: number.name)
def test_what_it_started_ends_with_it(tmp_path: Path, how: signal.Signals) -> None:
    command = [sys.executable, "-c", HARNESS, str(tmp_path), *SLEEP]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as harness:
        assert harness.stdout is not None
        started = int(harness.stdout.readline())
        assert is_running(started)
        os.kill(harness.pid, how)
        harness.wait(PATIENCE_S)
    end = time.monotonic() + PATIENCE_S
    while is_running(started):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_process_is_paused_resumed_stopped_and_told_of(tmp_path: Path) -> None:
    reaper = Reaper()
    try:
        process = Process(
            "sleeper", SLEEP, log=tmp_path / "log", reaper=reaper, timeline=Timeline(tmp_path)
        )
        assert process.state == "down"
        process.start()
        assert process.state == "up"
        process.pause()
        assert process.state == "paused"
        assert process.stop() == -signal.SIGTERM
        assert process.state == "down"
        process.start()
        process.kill()
        assert process.exit_code == -signal.SIGKILL
    finally:
        reaper.close()
    events = [(event.kind, event.name) for event in read_timeline(tmp_path)]
    assert events == [("started", "sleeper"), ("ended", "sleeper")] * 2
