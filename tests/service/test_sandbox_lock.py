"""One process at a time serves, restores or saves a sandbox; others are refused, and hear of it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from bureau.sandbox.folder import LOCK, RESTORES, SandboxFolder, SandboxHeldError
from bureau.sandbox.magic import applicable_subjects
from bureau.testing import free_port, make_sandbox, running_sandbox
from tests.service.postgres import until

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sandbox(tmp_path_factory.mktemp("sandbox") / "template")


def begin(folder: Path, *command: str, name: str = "dev") -> subprocess.Popen[bytes]:
    """Begin a command of `bureau dev` on a folder; its stderr goes to a file beside it."""
    with folder.with_name(f"{name}.err").open("w") as err:
        return subprocess.Popen(
            [BIN / "bureau", "dev", *command, "--dir", folder], stderr=err, stdout=err
        )


def err_of(folder: Path, name: str = "dev") -> str:
    return folder.with_name(f"{name}.err").read_text()


def serve(folder: Path, name: str, *options: str) -> subprocess.Popen[bytes]:
    listen = f"--listen=127.0.0.1:{free_port()}"
    return begin(folder, listen, "--portal-listen=", *options, name=name)


@pytest.fixture
def ending() -> Iterator[ExitStack]:
    """Ends the processes of a test, however it ends."""
    with ExitStack() as stack:
        yield stack


def test_of_two_first_starts_at_once_one_serves(tmp_path: Path, ending: ExitStack) -> None:
    folder = tmp_path / "bureau-dev"
    processes = {name: serve(folder, name, "--jurisdiction=CN") for name in ("one", "two")}
    for process in processes.values():
        ending.callback(process.wait)
        ending.callback(process.kill)
    until(lambda: any(each.poll() is not None for each in processes.values()), "the second ends")
    (loser,) = (name for name, process in processes.items() if process.poll() is not None)
    (winner,) = processes.keys() - {loser}
    assert processes[loser].returncode == 6, err_of(folder, loser)
    refused = err_of(folder, loser)
    # It names the other one, once that one has written who it is.
    assert re.search(
        rf"another process (serves|uses) {folder}: (process {processes[winner].pid} \(bureau\)"
        r", since 2\S+Z|a process that has just begun)",
        refused,
    ), refused
    # The sandbox of the first is whole.
    until(lambda: "magic subjects are there" in err_of(folder, winner), "the magic subjects")
    processes[winner].send_signal(signal.SIGTERM)
    assert processes[winner].wait(60) == 0, err_of(folder, winner)
    sandbox = SandboxFolder.open(folder)
    assert sandbox.subject_ids().keys() == applicable_subjects("CN").keys()
    # It is what it was made as.
    assert begin(folder, "--jurisdiction=US").wait(60) == 6
    assert f"{folder} is a sandbox of the jurisdiction CN, not of US" in err_of(folder)
    assert begin(folder, "subjects", "--language=zh").wait(60) == 0
    assert "在 CN 不适用：" in err_of(folder)
    assert begin(folder, "--jurisdiction=DE").wait(60) == 2
    assert "use US or CN" in err_of(folder)


def test_a_served_sandbox_is_served_by_no_other_process(template: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sandbox"
    with running_sandbox(folder, template=template) as bureau:
        second = serve(folder, "second")
        assert second.wait(60) == 6
        assert f"another process serves {folder}: process {os.getpid()} (" in err_of(
            folder, "second"
        )
        assert "Stop it first, or name another folder." in err_of(folder, "second")
        # Nor by this one once more, nor copied meanwhile.
        with pytest.raises(SandboxHeldError, match="another process serves"):
            running_sandbox(folder).__enter__()
        with pytest.raises(SandboxHeldError, match="another process serves"):
            running_sandbox(tmp_path / "copy", template=folder).__enter__()
        # The commands ask its node.
        assert begin(folder, "snapshot", "mine", name="snapshot").wait(60) == 0
        assert bureau.node.folder.snapshot_names() == ["initial", "mine"]
        assert begin(folder, "restore", "mine", name="restore").wait(60) == 0
        until(lambda: not bureau.node.restoring.is_set(), "the restore")
        assert bureau.node.generation == 1
        assert bureau.magic("late-60").report().tradelines
    assert not (folder / f"{LOCK}.holder").exists()


def test_a_command_waits_for_a_start_just_before(template: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sandbox"
    waiting = begin(folder, "subjects", "--wait", name="subjects")
    until(lambda: "waiting for `bureau dev` to serve" in err_of(folder, "subjects"), "the command")
    with running_sandbox(folder, template=template):
        assert waiting.wait(120) == 0, err_of(folder, "subjects")
    assert "late-60" in err_of(folder, "subjects")


def test_a_command_without_a_node_waits_for_no_other(template: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sandbox"
    shutil.copytree(template, folder)
    sandbox = SandboxFolder.open(folder)
    with sandbox.lock(RESTORES):
        for command in (("restore", "initial"), ("snapshot", "mine"), ("reset",), ()):
            assert begin(folder, *command).wait(60) == 6, command
            assert f"another process restores {folder}: process {os.getpid()}" in err_of(folder)
            assert "Try again once it has ended." in err_of(folder)
    assert sandbox.snapshot_names() == ["initial"]
    # The file that a killed process leaves does not count: the lock is free.
    (folder / f"{LOCK}.holder").write_text('{"process_id": 1, "doing": "serves"}')
    assert sandbox.holder is None
    assert begin(folder, "snapshot", "mine").wait(60) == 0, err_of(folder)


def test_what_a_restore_replaces_is_never_absent(template: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sandbox"
    shutil.copytree(template, folder)
    sandbox = SandboxFolder.open(folder)
    (later := folder / "members" / "later" / "keys").mkdir(parents=True)
    (later / "one.pem").write_text("made after the snapshot")
    expected = sandbox.subject_ids(), sandbox.profile("hillside")
    ended = threading.Event()

    def restore() -> None:
        try:
            sandbox.restore_snapshot("initial")
        finally:
            ended.set()

    with ThreadPoolExecutor(1) as pool:
        restored = pool.submit(restore)
        while not ended.is_set():
            assert (sandbox.subject_ids(), sandbox.profile("hillside")) == expected
        restored.result()
    assert not later.parent.exists()  # an empty folder would be no profile
    assert not list(folder.rglob("*.new"))


@pytest.mark.parametrize("is_served", [False, True])
def test_two_restores_at_once_leave_the_sandbox_whole(
    template: Path, tmp_path: Path, *, is_served: bool
) -> None:
    folder = tmp_path / "sandbox"
    shutil.copytree(template, folder)
    with ExitStack() as running:
        if is_served:
            running.enter_context(running_sandbox(folder))
        both = {name: begin(folder, "restore", "initial", name=name) for name in ("one", "two")}
        codes = {name: process.wait(120) for name, process in both.items()}
    # One of them is refused, unless it came after the other's end.
    assert 0 in codes.values(), codes
    for name, code in codes.items():
        output = err_of(folder, name)
        assert (code, "restored initial" in output) == (0, True) or code in {6, 7}, output
        assert "Traceback" not in output
    with running_sandbox(folder) as bureau:
        assert not bureau.node.folder.restoring_file.exists()
        assert bureau.magic("late-60").report("hillside").tradelines
