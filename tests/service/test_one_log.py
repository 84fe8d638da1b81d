"""No node continues another log than the one that nodes have acknowledged: a database that lost
entries, or one of another bureau.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bureau.admin.bureau_folder import InitOptions, create
from bureau.admin.check_results import CheckResult, Health
from bureau.admin.doctor import examine
from bureau.admin.forks import NoForkError, accept_fork
from bureau.admin.offline_credentials import register_operator_certificate
from bureau.cli.exit_codes import Exit, exit_of
from bureau.clock import Clock
from bureau.config import Settings
from bureau.ledger import log
from bureau.ledger.node_checks import ForkedLogError, LogKeyError
from bureau.main import Server
from bureau.store.database import Database
from bureau.testing import running_bureau
from tests.service.postgres import Postgres, both, running_postgres, until


def settings_of(folder: Path, **overrides: object) -> Settings:
    return Settings.load(folder, listen="127.0.0.1:0", **overrides)


def size_of(settings: Settings) -> int:
    database = Database(settings.database)
    try:
        with database.snapshot() as db:
            return log.size_of(db)
    finally:
        database.dispose()


def checked(settings: Settings, subject: str) -> CheckResult:
    (check,) = [result for result in examine(settings) if result.subject == subject]
    return check


def copy(folder: Path, to: Path) -> None:
    """Make the folder of a further node: without what the first one, which runs, keeps and
    replaces.
    """
    own = ("checkpoint-*", ".checkpoint-*", "bureau.db*")
    shutil.copytree(folder, to, ignore=shutil.ignore_patterns(*own))


@contextmanager
def started(settings: Settings) -> Iterator[Server]:
    server = Server(settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def cut_back(tmp_path: Path) -> Path:
    """Return the folder of a bureau whose database is an older copy, with what node-1 keeps."""
    folder = tmp_path / "bureau"
    with running_bureau(folder, InitOptions()) as bureau:
        bureau.add_member("riverbank")
    older = (folder / "bureau.db").read_bytes()
    with running_bureau(folder) as bureau:
        bureau.add_member("hillside")
    (folder / "bureau.db").write_bytes(older)
    return folder


@pytest.mark.parametrize("node", ["node-1", "node-2", "bureau-2.example"])
def test_what_one_node_keeps_holds_for_every_node_of_the_folder(cut_back: Path, node: str) -> None:
    settings = settings_of(cut_back, node=node)
    size = size_of(settings)
    with pytest.raises(ForkedLogError):
        Server(settings)
    assert checked(settings, "log").health is Health.FAIL
    with pytest.raises(ForkedLogError):
        register_operator_certificate(settings, b"", Clock())
    assert size_of(settings) == size


def test_the_operator_gives_up_what_every_node_keeps(cut_back: Path) -> None:
    kept = cut_back / "checkpoint-node-1"
    shutil.copy2(kept, cut_back / "checkpoint-node-2")
    settings = settings_of(cut_back, node="node-3")
    size, note = size_of(settings), kept.read_text()
    with pytest.raises(NoForkError, match=f"{size} entries"):
        accept_fork(settings, size + 1)
    given_up = accept_fork(settings, size)
    assert given_up.kept_size == int(note.splitlines()[1])
    assert len(given_up.evidence) == 2
    assert all(note in file.read_text() for file in given_up.evidence)
    with started(settings), pytest.raises(NoForkError, match="holds what"):
        accept_fork(settings, size)


def test_a_node_knows_what_others_have_written(tmp_path: Path) -> None:
    """In a folder of its own, where the other node keeps nothing."""
    with running_bureau(tmp_path / "one", InitOptions()) as bureau:
        own = tmp_path / "two"
        copy(bureau.folder, own)
        database_url = f"sqlite:///{bureau.folder / 'bureau.db'}"
        idle = settings_of(own, node="node-2", database_url=database_url)
        with started(idle) as node:
            bureau.add_member("riverbank")
            newest = size_of(idle)
            until(lambda: node.known.size == newest, "the idle node knows it")
        assert int((own / "checkpoint-node-2").read_text().splitlines()[1]) == newest


def test_an_idle_node_takes_no_lagging_standby(tmp_path: Path) -> None:
    """Each node has a folder of its own, and the one that was promoted lost the other's entry."""
    with running_postgres() as postgres:
        lagging = postgres.standby(synchronous=False)
        plan = InitOptions(database_url=both(postgres.new_database(), lagging))
        with running_bureau(tmp_path / "one", plan) as bureau:
            until(lambda: follows(postgres), "the standby follows")
            copy(bureau.folder, tmp_path / "two")
            with started(settings_of(tmp_path / "two", node="node-2")) as idle:
                lagging.stop()
                size = size_of(bureau.settings)
                bureau.add_member("riverbank")
                bureau.server.stop()
                until(lambda: idle.known.size > size, "the idle node knows it")
                postgres.stop("immediate")
                lagging.start()
                lagging.promote()
                assert idle.stopped.wait(120)
                assert isinstance(idle.other_log, ForkedLogError)
            assert size_of(bureau.settings) == size
            # Nor at its next start, nor a node that is new to the folder.
            for node in ("node-2", "node-3"):
                with pytest.raises(ForkedLogError):
                    Server(settings_of(tmp_path / "two", node=node))


def follows(postgres: Postgres) -> bool:
    behind = "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()"
    return postgres.psql(behind) == "1"


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    """Return the folder of another bureau, of the same origin."""
    create(tmp_path / "staging", InitOptions())
    return tmp_path / "staging"


def with_keyring_of(other: Path, folder: Path) -> None:
    for name in ("keyring", "passphrase"):
        shutil.copy2(other / "server" / name, folder / "server" / name)


@pytest.mark.parametrize("keeps", [True, False], ids=["with its kept checkpoint", "without"])
def test_a_node_with_the_keyring_of_another_bureau_does_not_start(
    tmp_path: Path, staging: Path, keeps: bool
) -> None:
    with running_bureau(tmp_path / "bureau", InitOptions()) as bureau:
        bureau.add_member("riverbank")
    if not keeps:
        (bureau.folder / "checkpoint-node-1").unlink()
    with_keyring_of(staging, bureau.folder)
    settings = settings_of(bureau.folder, node="node-2")
    size = size_of(settings)
    with pytest.raises(LogKeyError) as refused:
        Server(settings)
    assert f"it has size {size}, origin {settings.origin}" in str(refused.value)
    assert "server/keyring" in str(refused.value)
    assert "bureau.toml" in refused.value.fix
    assert exit_of(refused.value) is Exit.INVALID
    check = checked(settings, "log")
    assert (check.health, check.finding) == (Health.FAIL, str(refused.value))
    with pytest.raises(LogKeyError):
        register_operator_certificate(settings, b"", Clock())
    assert size_of(settings) == size


def test_a_node_with_another_origin_does_not_start(tmp_path: Path) -> None:
    with running_bureau(tmp_path / "bureau", InitOptions()):
        pass
    with pytest.raises(LogKeyError, match="origin creditbureau"):
        Server(settings_of(tmp_path / "bureau", origin="other.example/log"))


def test_a_node_that_meets_the_database_of_another_bureau_ends(
    tmp_path: Path, staging: Path
) -> None:
    """It has the same size, and the node has seen nothing of its own log before."""
    with running_bureau(tmp_path / "bureau", InitOptions()) as bureau:
        files = [bureau.folder / f"bureau.db{end}" for end in ("", "-wal", "-shm")]
        bureau.server.database.dispose()
        for file in files:
            file.unlink(missing_ok=True)
        shutil.copy2(staging / "bureau.db", files[0])

        def is_over() -> bool:
            # A connection that was in use when the others were closed has the old file open.
            bureau.server.database.dispose()
            return bureau.server.stopped.is_set()

        until(is_over, "the node ends")
        assert isinstance(bureau.server.other_log, LogKeyError)
        assert size_of(bureau.settings) == 1
