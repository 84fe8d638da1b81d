"""A run that the harness could not carry to its end says so to machines too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cluster import __main__ as door
from tests.cluster.live import View
from tests.cluster.options import Options, parse
from tests.cluster.report import VERDICT
from tests.cluster.topology.process import NotReadyError


@pytest.fixture
def options(tmp_path: Path) -> Options:

    found = parse(["--seconds", "5", "--out", str(tmp_path)])
    assert found is not None
    return found


def test_what_did_not_come_back_is_no_clean_verdict(
    options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(options: Options, folder: Path, view: View) -> None:
        (folder / "command").write_text(options.command + "\n", "utf-8")
        raise NotReadyError("node-2 does not answer")

    monkeypatch.setattr(door, "run", run)
    assert door.carry_out(options) == door.BROKEN
    (verdict,) = tmp_path.glob(f"*/{VERDICT}")
    told = json.loads(verdict.read_text("utf-8"))
    assert told["holds"] is False
    assert told["broken_off"] == "node-2 does not answer"
    assert told["run"]["command"] == options.command
