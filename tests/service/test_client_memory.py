"""Clients remember the log: a real bureau that goes back in time, or forks, is caught by the next
command line, by the next client and by the auditor.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bureau.admin.bureau_folder import InitOptions
from bureau.testing import RunningBureau, running_bureau
from bureau_client import (
    AsyncAuditor,
    AsyncLender,
    AsyncWallet,
    Auditor,
    IdentificationMethod,
    Lender,
    Profile,
    SigningKey,
    VerificationFailed,
)
from bureau_client.wallet_folder import WalletFolder
from bureau_keys.fork_evidence import Finding, ForkEvidence
from bureau_keys.log_memory import EVIDENCE, MEMORY, MemoryFolder
from tests.programs import run_program

INVALID = 5
ROLES = ("furnisher", "subscriber", "attester")


def run(*words: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run one of the commands in a process of its own."""
    return run_program(*words, stdin=stdin, COLUMNS="400")


def evaluate(profile: Path) -> subprocess.CompletedProcess[str]:
    """Write to the log by the command line of a lender."""
    words = ("bureau-lender", "subject-id", "US", "ssn", "--profile", profile)
    return run(*words, stdin="000-12-3456\n")


@dataclass
class Histories:
    """Two histories of one bureau: its folder, and a copy from an earlier time.

    Attributes:
        folder: Folder of the bureau.
        older: The copy.
        profiles: Folder of the profiles: `acme` and `agent`.
    """

    folder: Path
    older: Path
    profiles: Path

    @contextmanager
    def served(self, folder: Path, *newcomers: str) -> Iterator[RunningBureau]:
        """Serve one history, after it has grown by further members."""
        with running_bureau(folder) as bureau:
            for name in newcomers:
                bureau.add_member(name, ["auditor"])
            for profile in ("acme", "agent"):
                path = self.profiles / profile
                replace(Profile.load(path), addresses=(bureau.address,)).save(path)
            yield bureau


@pytest.fixture
def histories(tmp_path: Path) -> Histories:
    folder, profiles = tmp_path / "bureau", tmp_path / "profiles"
    with running_bureau(folder, InitOptions()) as bureau:
        bureau.add_member("acme", ROLES, ["credit-application"]).save(profiles / "acme")
        bureau.add_member("agent", ["agent"]).save(profiles / "agent")
    shutil.copytree(folder, tmp_path / "older")
    return Histories(folder, tmp_path / "older", profiles)


@pytest.mark.parametrize(
    ("newcomers", "finding"),
    [([], Finding.OPEN), (["brook"], Finding.FORKED), (["brook", "cedar"], Finding.FORKED)],
    ids=["a restored backup", "a fork at the same size", "a fork at another size"],
)
def test_the_next_client_catches_a_log_that_went_back(
    histories: Histories, newcomers: list[str], finding: Finding
) -> None:
    acme = histories.profiles / "acme"
    with histories.served(histories.folder), Lender.from_profile(acme) as lender:
        for _ in range(2):
            lender.subject_id("US", "ssn", "000-00-0001")
    with histories.served(histories.older, *newcomers):
        with Lender.from_profile(acme) as lender, pytest.raises(VerificationFailed) as refused:
            lender.subject_id("US", "ssn", "000-00-0001")
        evidence = refused.value.evidence
        assert evidence is not None
        assert evidence.check(lender._context.trust) is finding
        assert ForkEvidence.from_json((acme / EVIDENCE).read_bytes()) == evidence
        auditor = Auditor.from_profile(acme)
        with auditor, pytest.raises(VerificationFailed, match="nothing was sent"):
            auditor.checkpoint()


def test_the_command_lines_name_the_evidence_until_it_is_forgotten(histories: Histories) -> None:
    acme, agent = histories.profiles / "acme", histories.profiles / "agent"
    with histories.served(histories.folder, "brook"):
        assert evaluate(acme).returncode == 0
    kept = MemoryFolder(acme).read().newest
    with histories.served(histories.older):
        caught = evaluate(acme)
        assert caught.returncode == INVALID, caught.stderr
        assert str(acme / EVIDENCE) in caught.stderr
        assert caught.stdout == "", "the answer is not used"

        # Every further call is refused, whoever makes it.
        again = run("bureau", "log", "checkpoint", "--profile", acme)
        assert (again.returncode, again.stdout) == (INVALID, "")
        assert str(acme / EVIDENCE) in again.stderr

        # Anyone verifies the file; what it does not show by itself, the log is asked for.
        check = ("bureau", "log", "check-evidence", acme / EVIDENCE, "--profile", agent)
        checked = run(*check, "--ask")
        assert checked.returncode == 0, checked.stderr
        assert Finding.OPEN.value in checked.stderr
        assert kept in checked.stdout

        # The owner has acted: the client goes on.
        forgot = run("bureau-lender", "forget-checkpoint", "--profile", acme)
        assert forgot.returncode == 0, forgot.stderr
        assert "fork-evidence-" in forgot.stderr
        assert evaluate(acme).returncode == 0


def test_evidence_that_shows_no_fork_is_no_evidence(histories: Histories, tmp_path: Path) -> None:
    acme = histories.profiles / "acme"
    with histories.served(histories.folder) as bureau:
        assert evaluate(acme).returncode == 0
        kept = MemoryFolder(acme).read().newest
        bureau.add_member("brook", ["auditor"])
        assert evaluate(acme).returncode == 0
        file = tmp_path / "claim.json"
        file.write_bytes(ForkEvidence(kept, MemoryFolder(acme).read().newest).to_json())
        check = ("bureau", "log", "check-evidence", file, "--profile", acme)
        assert run(*check).returncode == 0, "it may be a fork: the log was not asked"
        assert run(*check, "--ask").returncode == INVALID
        file.write_text("{}")
        assert run(*check).returncode == INVALID


def test_an_auditors_command_remembers_too(histories: Histories) -> None:
    agent = histories.profiles / "agent"
    with histories.served(histories.folder, "brook", "cedar"):
        assert run("bureau", "log", "verify", "--profile", agent).returncode == 0
    with histories.served(histories.older, "delta"):
        caught = run("bureau", "log", "checkpoint", "--profile", agent)
        assert caught.returncode == INVALID
        assert (caught.stdout, (agent / EVIDENCE).exists()) == ("", True)


def test_the_clients_of_every_class_are_held_to_it(histories: Histories) -> None:
    acme, agent = histories.profiles / "acme", histories.profiles / "agent"
    with histories.served(histories.folder, "brook", "cedar"):
        with Lender.from_profile(acme) as lender:
            subject_id = lender.subject_id("US", "ssn", "000-12-3456")
            folder = WalletFolder.create(histories.profiles / "wallet", subject_id)
            with folder.open(Profile.load(agent)) as person:
                lender.attest(
                    person.binding(),
                    method=IdentificationMethod.IN_PERSON,
                    identify_time=datetime.now(UTC),
                )
        assert folder.rotate(Profile.load(agent)) is not None
        assert run("bureau-wallet", "forget-checkpoint", "--wallet", folder.path).returncode == 0
        assert not (folder.path / MEMORY).exists()
        with folder.open(Profile.load(agent)) as person:
            person.set_statement("I have a new job.")
        assert (folder.path / MEMORY).exists()
        assert not (agent / MEMORY).exists()

    # The same history, copied, takes another course.
    shutil.rmtree(histories.older)
    shutil.copytree(histories.folder, histories.older)
    words = ("bureau-wallet", "statement", "Again.", "--wallet", folder.path, "--profile", agent)
    with histories.served(histories.folder), Lender.from_profile(acme) as lender:
        lender.subject_id("US", "ssn", "000-00-0001")
        assert run(*words).returncode == 0
    with histories.served(histories.older, "other", "others", "more"):
        caught = run(*words)
        assert caught.returncode == INVALID, caught.stderr
        assert str(folder.path / EVIDENCE) in caught.stderr

        async def ask() -> None:
            async with AsyncLender.from_profile(acme) as lender:
                with pytest.raises(VerificationFailed, match="does not verify") as refused:
                    await lender.subject_id("US", "ssn", "000-00-0001")
                assert refused.value.evidence is not None
            async with AsyncAuditor.from_profile(acme) as auditor:
                with pytest.raises(VerificationFailed, match="nothing was sent"):
                    await auditor.checkpoint()
            key = SigningKey.generate()
            profile = replace(Profile.load(agent), memory_folder=folder.path)
            async with AsyncWallet(profile, subject_id, key) as wallet:
                with pytest.raises(VerificationFailed, match="nothing was sent"):
                    await wallet.consents()

        asyncio.run(ask())


def test_two_processes_of_one_profile_keep_one_log(histories: Histories) -> None:
    acme = histories.profiles / "acme"
    with histories.served(histories.folder):
        command = [
            str(Path(sys.executable).with_name("bureau-lender")),
            *("subject-id", "US", "ssn", "--profile", str(acme)),
        ]
        running = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(4)
        ]
        for process in running:
            assert process.communicate("000-12-3456\n")[0]
        assert [process.returncode for process in running] == [0] * 4
        assert evaluate(acme).returncode == 0
        memory = json.loads((acme / MEMORY).read_text())
        with Auditor.from_profile(acme) as auditor:
            assert auditor.checkpoint().note == memory["newest"]
        assert not memory["unproved"]


def test_a_folder_that_cannot_be_written_breaks_no_call(histories: Histories) -> None:
    acme = histories.profiles / "acme"
    with histories.served(histories.folder):
        (acme / "log-memory.lock").mkdir()
        done = evaluate(acme)
        assert done.returncode == 0
        assert done.stderr.count("only until it ends") == 1
        assert len(done.stdout.strip()) == 32
        assert not (acme / MEMORY).exists()
