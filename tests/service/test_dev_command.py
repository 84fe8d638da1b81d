"""`bureau dev` as a process: its first call, its commands with and without a node, its end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from bureau.sandbox.magic import magic_subjects
from bureau.testing import free_port, make_sandbox
from tests.programs import run_program
from tests.service.postgres import until

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a sandbox that no process serves."""
    home = tmp_path_factory.mktemp("home")
    make_sandbox(home / "bureau-dev")
    return home


def run(home: Path, *command: str, fails: int = 0) -> str:
    done = run_program(*command, folder=home, COLUMNS="200")
    assert done.returncode == fails, done.stderr
    return done.stderr if fails else done.stdout


def run_in_a_shell(home: Path, typed: str) -> str:
    path = f"{BIN}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euc", typed],
        cwd=home,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PATH": path},
    ).stdout


@contextmanager
def serving(home: Path, *options: str) -> Iterator[Path]:
    """Run `bureau dev` inside the block; yield the file of its stderr."""
    command = [str(BIN / "bureau"), "dev", f"--listen=127.0.0.1:{free_port()}", *options]
    log, out = home / "dev.err", home / "dev.out"
    with log.open("w") as err, out.open("w") as stdout:
        process = subprocess.Popen(command, cwd=home, stderr=err, stdout=stdout)
    try:
        until(lambda: "serving at" in log.read_text() or process.poll() is not None, "the node")
        yield log
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()


def test_the_first_start_prints_a_first_call_that_works(tmp_path: Path) -> None:
    with serving(tmp_path) as log:
        assert "NOT FOR PRODUCTION" in log.read_text()
        subjects = json.loads(run(tmp_path, "bureau", "dev", "subjects", "--wait", "-o", "json"))
        assert [row["name"] for row in subjects] == list(magic_subjects())
        assert all(row["subject_id"] for row in subjects)
        text = (tmp_path / "dev.out").read_text()
        shell, python = text.split("# The lender, in Python:\n")
        lender, person = (part for part in shell.split("\n\n") if "bureau-" in part)
        for part, shown in ((lender, "riverbank"), (person, "meadow")):
            assert shown in run_in_a_shell(tmp_path, part)
        done = subprocess.run(
            [sys.executable, "-c", python], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines() == [
            "riverbank CURRENT 60000 USD",
            "meadow CURRENT 720000 USD",
        ]
        # A second process on the folder is refused, and names the first.
        assert "another process serves" in run(tmp_path, "bureau", "dev", fails=6)
        until(lambda: "Reporting/QueryReport" in log.read_text(), "the line of the query")
        calls = run(tmp_path, "bureau", "dev", "logs", "tail", "--no-follow", "-o", "jsonl")
        assert "written-instruction" in calls
        # The portal is on a port of its own, and lists who can sign in.
        until(lambda: "the portal serves" in log.read_text(), "the portal")
        address = log.read_text().partition("the portal serves ")[2].split()[0]
        with urlopen(address, timeout=60) as page:
            assert "late-60" in page.read().decode()
    # All is there at once when it is started again.
    with serving(tmp_path, "--quiet", "--portal-listen=") as log:
        assert "clean" in run(tmp_path, "bureau", "dev", "subjects")
        assert "portal" not in log.read_text()
    with socket.create_server(("127.0.0.1", 0)) as other:
        busy = f"--portal-listen=127.0.0.1:{other.getsockname()[1]}"
        assert "cannot listen on" in run(tmp_path, "bureau", "dev", busy, fails=7)
    assert "no address" in run(tmp_path, "bureau", "dev", "--portal-listen=here", fails=2)


def test_a_start_that_was_killed_begins_again(tmp_path: Path) -> None:
    folder = tmp_path / "bureau-dev"
    make_sandbox(folder)
    (folder / "sandbox" / "months.json").unlink()  # the last file of a start
    before = (folder / "sandbox" / "subjects.json").read_text()
    with serving(tmp_path):
        run(tmp_path, "bureau", "dev", "subjects", "--wait")
    assert (folder / "sandbox" / "subjects.json").read_text() != before


def test_commands_without_a_node(home: Path) -> None:
    dev = ("bureau", "dev")
    run(home, *dev, "snapshot", "one")
    assert "already" in run(home, *dev, "snapshot", "one", fails=6)
    assert "initial, one" in run(home, *dev, "restore", "two", fails=4)
    notes = home / "bureau-dev" / "notes.txt"
    notes.write_text("of the user's own")
    run(home, *dev, "restore", "one")
    assert notes.exists()
    run(home, *dev, "reset")
    listed = json.loads(run(home, *dev, "snapshot", "-o", "json"))
    assert [row["name"] for row in listed] == ["initial", "one"]
    assert "no name of a snapshot" in run(home, *dev, "snapshot", "a/b", fails=5)
    assert "no name of a snapshot" in run(home, *dev, "restore", "..", fails=5)
    assert "is not served" in run(home, *dev, "clock", "freeze", fails=7)
    assert "no span of time" in run(home, *dev, "clock", "advance", "a month", fails=2)
    assert "征信" in run(home, *dev, "subjects", "--language", "zh")
    assert "use en or zh" in run(home, *dev, "subjects", "--language", "fr", fails=2)
    assert "start a sandbox" in run(home, *dev, "--dir", "elsewhere", "subjects", fails=4)


def test_commands_with_a_node(home: Path) -> None:
    dev = ("bureau", "dev")
    with serving(home) as log:
        moved = json.loads(run(home, *dev, "clock", "advance", "5w", "-o", "json"))
        assert moved["furnished_months"]
        assert json.loads(run(home, *dev, "clock", "freeze", "-o", "json"))["frozen"]
        run(home, *dev, "snapshot", "moved")
        run(home, *dev, "reset")
        shown = json.loads(run(home, *dev, "clock", "show", "-o", "json"))
        assert (shown["frozen"], shown["time"] < moved["time"]) == (False, True)
        run(home, *dev, "restore", "moved")
        shown = json.loads(run(home, *dev, "clock", "show", "-o", "json"))
        assert (shown["frozen"], shown["time"] >= moved["time"]) == (True, True)
        assert "NOT_FOUND" in run(home, *dev, "restore", "nothing", fails=4)
        # The operator's and the lenders' commands go by the same clock.
        profile = ("--profile", "bureau-dev/members/hillside")
        run(home, "bureau", "doctor", "--dir", "bureau-dev")
        run(
            home, "bureau", "member", "add", "tideway", "--dir", "bureau-dev", "--role", "furnisher"
        )
        assert "hillside" in run(home, "bureau-lender", "members", *profile)
        # So does the identification of a person, which is at most 30 days old.
        typed = f"echo 000-99-0001 | bureau-lender subject-id US ssn {' '.join(profile)}"
        subject = run_in_a_shell(home, typed)
        agent = ("--profile", "bureau-dev/members/wallets", "--wallet", "mine")
        run(home, "bureau-wallet", "create", subject.strip(), "--wallet", "mine")
        run(home, "bureau-wallet", "binding", *agent, "--file", "binding.bin")
        run(home, "bureau-lender", "attest", "binding.bin", *profile, "--method", "in-person")
        until(lambda: log.read_text().count("restored a snapshot") == 2, "both restores")
