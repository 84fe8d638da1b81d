"""The operator's tools on PostgreSQL: init, check, backup, restore."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bureau.admin.backup import back_up, restore
from bureau.admin.bureau_folder import InitOptions
from bureau.admin.integrity import check_database
from bureau.config import Settings
from bureau.store.database import Database
from bureau.store.dump import DatabaseExistsError
from bureau.testing import running_bureau
from bureau_keys.errors import MalformedMessage
from tests.service.postgres import TOOLS, Postgres
from tests.unit.operator.lived_in import CANARY, live_in

PASSPHRASE = b"kept elsewhere"


def test_backup_and_check(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{TOOLS}{os.pathsep}{os.environ['PATH']}")
    plan = InitOptions(database_url=postgres.new_database())
    with running_bureau(tmp_path / "b", plan) as bureau:
        used = live_in(bureau, tmp_path)
    settings = Settings.load(used.folder)
    live, restored = Database(settings.database), Database(postgres.new_database())
    try:
        assert check_database(live, settings).findings == []
        about = back_up(live, tmp_path / "backup", PASSPHRASE)
        assert about.engine == "postgresql"
        stolen = (tmp_path / "backup").read_bytes()
        assert CANARY.encode() not in stolen
        assert used.subject_id.encode() not in stolen
        with pytest.raises(DatabaseExistsError):
            restore(live, tmp_path / "backup", PASSPHRASE)
        (tmp_path / "cut").write_bytes(stolen[:-100])
        with pytest.raises(MalformedMessage):
            restore(restored, tmp_path / "cut", PASSPHRASE)
        assert restore(restored, tmp_path / "backup", PASSPHRASE) == about
        checked = check_database(restored, settings)
        assert (checked.findings, checked.entries) == ([], used.entries)
    finally:
        live.dispose()
        restored.dispose()
