"""Fixtures of all tests."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from types import SimpleNamespace

import pytest
import structlog
from hypothesis import HealthCheck, settings

from bureau import logs
from bureau.admin import bureau_folder
from bureau.store import schema
from bureau.store.database import Database
from bureau_keys import keyring

# No property is judged by how fast this machine computes it.
settings.register_profile("any speed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any speed")


@pytest.fixture(scope="session", autouse=True)
def log_on_stderr() -> None:
    """Log on stderr: a bureau of an earlier test logs a call late, into what another prints."""
    logs.configure("info", as_json=False)


@pytest.fixture(scope="session", autouse=True)
def no_settings_of_a_person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep contexts, languages and colours of who runs the tests out of the commands they run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        for name in ("BUREAU_CONTEXT", "BUREAU_LANGUAGE", "FORCE_COLOR", "LC_MESSAGES", "NO_COLOR"):
            patch.delenv(name, raising=False)
        patch.setenv("LC_ALL", "C.UTF-8")
        yield


@pytest.fixture
def log_as_before() -> Iterator[None]:
    """Configure the log as it was, after a test that configures it."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session", autouse=True)
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Make once what is the same for the hundreds of bureaus of a test run: the empty tables
    of SQLite, by every migration in turn, and the keys that passphrases derive.
    """
    template = Database(f"sqlite:///{tmp_path_factory.mktemp('template') / 'bureau.db'}")
    schema.upgrade(template)
    template.dispose()
    empty = template.file.read_bytes()

    def upgrade(database: Database) -> None:
        if database.is_sqlite and database.file.stat().st_size == 0:
            database.file.write_bytes(empty)
        else:
            schema.upgrade(database)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bureau_folder, "schema", SimpleNamespace(upgrade=upgrade))
        patch.setattr(keyring, "_derive", lru_cache(keyring._derive))
        yield
