"""The page about HTTP: its commands run, and its limits are those of the code."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bureau.testing import free_port
from bureau_client import Purpose
from tests.documents import DOCS, ROOT, blocks
from tests.service.scenario import ALL_SECTIONS, account, open_scenario
from tests.service.watching import MAY

PAGE = DOCS / "http.md"
# Where the page has a bureau listen.
ADDRESS = "127.0.0.1:7444"


@pytest.mark.skipif(not shutil.which("curl"), reason="the page's client is curl")
def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    with open_scenario("acme", http_listen=address) as scenario:
        person = scenario.person()
        scenario.submit("acme", account(person, "card", MAY))
        consent_id = scenario.inquiring(
            person, "acme", purposes=[Purpose.CREDIT_APPLICATION], sections=ALL_SECTIONS
        )
        replace(scenario.profiles["acme"], memory_folder=None).save(tmp_path / "acme")
        (tmp_path / "protos").symlink_to(ROOT / "protos")
        script = "\n".join(block.code for block in blocks(PAGE, "sh")).replace(ADDRESS, address)
        tools = Path(sys.executable).parent
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=tmp_path,
            env={
                "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
                "SUBJECT": person.subject_id,
                "CONSENT": consent_id,
            },
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    checkpoint, *_ = done.stdout.splitlines()
    assert checkpoint == "creditbureau.local/log"
    assert '"proof"' in done.stdout
    assert "Signature Verified Successfully" in done.stdout
    assert f'subject_id: "{person.subject_id}"' in done.stdout
    assert "tradelines {" in done.stdout
