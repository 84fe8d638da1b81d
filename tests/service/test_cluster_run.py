"""The harness, as a consortium would run it: a short run of several faults, audited."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.processes import is_running

HARNESS = (sys.executable, "-m", "tests.cluster")
PATIENCE_S = 300.0
CLEAN, FOUND, USAGE, INTERRUPTED = 0, 1, 2, 130
# Promises of so many seconds: a machine that does other things may break them, whatever the
# bureau does. `make cluster` holds the bureau to them.
TIMED = {"I8 again", "I8 peace"}


def harness(out: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A run to its end."""
    command = [*HARNESS, *words, "--out", str(out)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_a_short_mixed_run_keeps_every_promise_that_no_busy_machine_breaks(tmp_path: Path) -> None:
    size = ("--nodes", "3", "--lenders", "2", "--wallets", "1")
    done = harness(tmp_path, *size, "--seconds", "30", "--seed", "7")
    assert done.returncode in {CLEAN, FOUND}, done.stdout[-4000:] + done.stderr[-4000:]
    (folder,) = tmp_path.iterdir()
    verdict = json.loads((folder / "verdict.json").read_text("utf-8"))
    broken = {check["name"] for check in verdict["checks"] if check["broken"]}
    assert broken <= TIMED, done.stdout[-4000:]
    assert verdict["holds"] is (done.returncode == CLEAN)
    assert (folder / "report.html").stat().st_size > 0
    assert (folder / "command").read_text("utf-8").strip() in done.stdout


def started(out: Path) -> list[int]:
    """The processes that a run has started."""
    pids = []
    for path in out.glob("*/timeline.jsonl"):
        *lines, _ = path.read_text("utf-8").split("\n")  # the last one may be being written
        events = [json.loads(line) for line in lines]
        pids += [event["about"]["pid"] for event in events if event["kind"] == "started"]
    return pids


def test_an_interrupted_run_leaves_nothing(tmp_path: Path) -> None:
    command = [*HARNESS, "--nodes", "1", "--faults", "none", "--out", str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as running:
        end = time.monotonic() + PATIENCE_S
        while not started(tmp_path):
            assert time.monotonic() < end
            assert running.poll() is None
            time.sleep(0.1)
        os.kill(running.pid, signal.SIGINT)
        assert running.wait(PATIENCE_S) == INTERRUPTED
    assert not [pid for pid in started(tmp_path) if is_running(pid)]


def test_an_unknown_fault_is_told(tmp_path: Path) -> None:
    done = harness(tmp_path, "--faults", "meteor")
    assert done.returncode == USAGE
    assert "no such fault: meteor" in done.stdout
