"""A client in Go, that has nothing but the contract and the documents, gets in.

The program is built from its sources and from the protos; nothing of it is generated
beforehand. Without Go, or without the modules that it stands on, it is left out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bureau.testing import RunningBureau, running_bureau
from bureau_client import Report
from bureau_client.verify.bundles import verify_bundle
from bureau_keys.profile import Profile
from tests.documents import ROOT
from tests.vectors.files import FILES, FOLDER

SOURCES = ROOT / "tests" / "interop" / "go"
PURPOSES = ("credit-application", "account-review")

# Seconds: where no module and no part of Go's library is in a cache yet, a build takes minutes.
pytestmark = pytest.mark.timeout(3600)


def go_program() -> str | None:
    return shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")


@pytest.fixture(scope="module")
def interop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, built."""
    go = go_program()
    if go is None:
        pytest.skip("Go is not on this machine: the client in Go is left out")
    folder = tmp_path_factory.mktemp("interop") / "go"
    shutil.copytree(SOURCES, folder, ignore=shutil.ignore_patterns("gen"))
    shutil.copy(FOLDER / "identifiers.json", folder)
    path = os.pathsep.join([str(Path(go).parent), str(Path(sys.executable).parent)])
    environment = {
        **os.environ,
        "PATH": f"{path}{os.pathsep}{os.environ['PATH']}",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=readonly",
    }

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    modules = run("go", "mod", "download")
    if modules.returncode:
        pytest.skip(f"the modules of the client in Go cannot be had: {modules.stderr[-500:]}")
    for command in (
        ("buf", "generate", str(ROOT), "--path", str(ROOT / "protos" / "creditbureau")),
        ("go", "build", "-o", "interop", "."),
    ):
        done = run(*command)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return folder / "interop"


def output_of(interop: Path, *words: str | Path) -> str:
    done = subprocess.run(
        [str(interop), *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def saved(bureau: RunningBureau, member_id: str, folder: Path, *roles: str) -> Profile:
    """A new member's profile, in a folder."""
    purposes = PURPOSES if "subscriber" in roles else ()
    profile = bureau.add_member(member_id, roles, purposes)
    profile.save(folder / member_id)
    return profile


def test_every_vector_holds_in_go(interop: Path) -> None:
    assert f"vectors in {len(FILES)} files" in output_of(interop, "vectors", FOLDER)


def test_the_main_job_from_an_identifier_to_alerts(interop: Path, tmp_path: Path) -> None:
    with running_bureau() as bureau:
        saved(bureau, "acme", tmp_path, "furnisher", "subscriber", "attester")
        other = saved(bureau, "brook", tmp_path, "subscriber")
        saved(bureau, "agent", tmp_path, "agent")
        file = tmp_path / "report.json"
        output = output_of(
            interop, "job", tmp_path / "acme", tmp_path / "brook", tmp_path / "agent", file
        )
    steps = [line.split()[0] for line in output.splitlines()]
    assert steps == [
        "subject",
        "consents",
        "listed",
        "submitted",
        "report",
        "alert",
        "alert",
        "refused",
    ]
    assert "listed 2 consents" in output
    # What Go saved verifies in Python, and in Go again, without the bureau.
    report = verify_bundle(Report.load(file), other.trust)
    assert len(report.evidence) == 2
    assert report.subject_id in output_of(interop, "verify", tmp_path / "brook", file)
    stranger = replace(other.trust, report_keys=(other.trust.operator_key,))
    replace(other, trust=stranger).save(tmp_path / "stranger")
    refused = subprocess.run(
        [str(interop), "verify", str(tmp_path / "stranger"), str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (refused.returncode, "BAD_SIGNATURE" in refused.stderr) == (1, True)
