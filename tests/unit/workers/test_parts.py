"""The order in which the parts of a worker start and stop."""

from __future__ import annotations

from pathlib import Path

import pytest

from bureau.admin.bureau_folder import InitOptions, create
from bureau.config import Settings
from bureau.main import Server
from bureau.workers.notices import CommitNotices, Pipe
from bureau.workers.sharing import Sharing


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("node") / "bureau"
    create(folder, InitOptions())
    return folder


@pytest.mark.parametrize("has_notices", [False, True])
@pytest.mark.parametrize("http_listen", ["", "127.0.0.1:0"])
def test_calls_over_grpc_and_http_end_in_one_grace(
    folder: Path, http_listen: str, has_notices: bool
) -> None:
    settings = Settings.load(
        folder, listen="127.0.0.1:0", http_listen=http_listen, metrics_listen="127.0.0.1:0"
    )
    notices = CommitNotices([Pipe.create()], 0) if has_notices else None
    server = Server(settings, sharing=Sharing(settings.passphrase(), notices=notices))
    server.stop()
    names = [part.name for part in server.parts]
    # Parts stop from the last one: the drain first, then gRPC, and what ends beside it after it.
    expected = [*(["notices"] if has_notices else []), *(["HTTP"] if http_listen else [])]
    assert names[-2 - len(expected) :] == [*expected, "gRPC", "readiness"]
    ports = ["metrics port", *(["HTTP port"] if http_listen else []), "gRPC port"]
    assert names[: len(ports) + 2] == ["database", *ports, "health HTTP"]
