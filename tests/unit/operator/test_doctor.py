"""The doctor finds what is wrong, and says what to do."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from bureau.admin.check_results import CheckResult, Health
from bureau.admin.doctor import examine
from bureau.calendar import MICROSECONDS
from bureau.clock import Clock
from bureau.config import Settings
from bureau.testing import free_port
from tests.unit.operator.lived_in import LivedIn

DAY_US = 86_400 * MICROSECONDS
Harm = Callable[[Path], object]


def results(lived_in: LivedIn, clock: Clock | None = None) -> dict[str, CheckResult]:
    settings = Settings.load(lived_in.folder, listen=f"127.0.0.1:{free_port()}")
    return {result.subject: result for result in examine(settings, clock)}


def test_a_healthy_bureau(lived_in: LivedIn) -> None:
    assert {result.health for result in results(lived_in).values()} == {Health.OK}


@pytest.mark.parametrize(
    ("subject", "harm"),
    [
        ("permissions", lambda folder: (folder / "server/keyring").chmod(0o644)),
        ("keyring", lambda folder: (folder / "server/passphrase").write_text("guessed")),
        ("keyring", lambda folder: (folder / "server/keyring").unlink()),
        ("node certificate", lambda folder: (folder / "server/tls.pem").write_text("")),
        ("operator certificate", lambda folder: (folder / "operator/tls.pem").unlink()),
        ("database", lambda folder: (folder / "bureau.db").unlink()),
        ("database", lambda folder: (folder / "bureau.db").write_text("no database at all" * 99)),
        ("log", lambda folder: (folder / "checkpoint-node-1").write_text("other/log\n1\n")),
    ],
)
def test_harm_is_found(lived_in: LivedIn, subject: str, harm: Harm) -> None:
    for file in lived_in.folder.glob("bureau.db-*"):
        file.unlink()
    harm(lived_in.folder)
    result = results(lived_in)[subject]
    assert result.health is Health.FAIL
    assert result.fix


def test_time_takes_its_toll(lived_in: LivedIn) -> None:
    soon = results(lived_in, Clock(offset_us=380 * DAY_US))
    assert soon["node certificate"].health is Health.WARN
    late = results(lived_in, Clock(offset_us=400 * DAY_US))
    assert late["operator certificate"].health is Health.FAIL
    assert late["authority"].health is Health.OK


def test_a_clock_that_went_back(lived_in: LivedIn) -> None:
    assert results(lived_in, Clock(offset_us=-DAY_US))["clock"].health is Health.FAIL


def test_a_full_disk(lived_in: LivedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(lived_in.folder)._replace(free=1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert results(lived_in)["disk"].health is Health.FAIL


def test_a_port_that_somebody_else_has(lived_in: LivedIn) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        settings = Settings.load(lived_in.folder, listen=listen)
        (port,) = [result for result in examine(settings) if result.subject == "port"]
    assert port.health is Health.WARN
