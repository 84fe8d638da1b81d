"""Let no process serve a node while workers of an earlier start do."""

from __future__ import annotations

from pathlib import Path

import pytest

from bureau.admin.bureau_folder import InitOptions, create
from bureau.cli.app import command_of
from bureau.cli.exit_codes import Exit
from bureau.workers import folder as workers_folder
from bureau.workers.folder import locked_folder, without_workers


def test_a_node_of_one_process_waits_for_the_workers_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = create(tmp_path / "bureau", InitOptions(listen="127.0.0.1:0"))
    with without_workers(settings):  # there were none
        pass
    assert not (settings.folder / "workers-node-1").exists()
    monkeypatch.setattr(workers_folder, "LINGER_S", 0.2)
    # Workers hold the lock of the supervisor that they outlive.
    with locked_folder(settings), pytest.raises(SystemExit) as ended:
        command_of(["serve", "--dir", str(settings.folder)])()
    assert ended.value.code == Exit.CONFLICT
    assert "another process serves the node node-1" in capsys.readouterr().err
    with without_workers(settings):
        pass
