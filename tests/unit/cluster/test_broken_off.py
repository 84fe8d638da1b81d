"""A run that the harness could not carry to its end says so to machines too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cluster import __main__ as command
from tests.cluster.live import View
from tests.cluster.options import Options, parse
from tests.cluster.report import VERDICT
from tests.cluster.topology.process import NotReadyError


@pytest.fixture
def options(tmp_path: Path) -> Options:

    parsed = parse(["--seconds", "5", "--out", str(tmp_path)])
    assert parsed is not None
    return parsed


def test_what_did_not_come_back_is_no_clean_verdict(
    options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(options: Options, folder: Path, view: View) -> None:
        (folder / "command").write_text(options.command + "\n", "utf-8")
        raise NotReadyError("node-2 does not answer")

    monkeypatch.setattr(command, "run", run)
    assert command.carry_out(options) == command.BROKEN
    (verdict,) = tmp_path.glob(f"*/{VERDICT}")
    written = json.loads(verdict.read_text("utf-8"))
    assert written["holds"] is False
    assert written["broken_off"] == "node-2 does not answer"
    assert written["run"]["command"] == options.command
