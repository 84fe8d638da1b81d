"""From the start of the command to the first answer that it serves."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bureau.admin.bureau_folder import InitOptions, create
from bureau.testing import free_port
from bureau_keys.profile import Profile
from tests.bench.fixture import (
    BUREAU_SERVE,
    START_S,
    LoadedBureau,
    channel_of,
    serving,
    wait_for,
)
from tests.bench.measure import Measure, Target, bench
from tests.bench.process import SERVER_CORE, on_core

ROUNDS = 5


@bench("startup")
def startup(loaded: LoadedBureau) -> Iterator[Measure]:
    """Of `bureau serve`, beside the imports that nothing gets around."""
    took, bare = [], []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        address = f"127.0.0.1:{free_port()}"
        settings = create(Path(folder) / "bureau", InitOptions(listen=address))
        operator = Profile.load(settings.operator_folder)
        for _ in range(min(ROUNDS, loaded.size.rounds)):
            took.append(_start(settings.folder, operator, address))
            bare.append(_import())
    yield Measure(
        name="start-up to SERVING",
        value=min(took),
        unit="s",
        baseline=min(bare),
        target=Target("ratio", "most", 3.5),
    )


def _start(folder: Path, operator: Profile, address: str) -> float:
    started = time.perf_counter()
    with serving(*BUREAU_SERVE, folder, log=folder / "startup.log"):
        # gRPC's client tries again after a second, which would be most of the figure.
        _wait_for_port(address)
        with channel_of(operator, address) as channel:
            wait_for(channel)
        return time.perf_counter() - started


def _wait_for_port(address: str) -> None:
    host, _, port = address.rpartition(":")
    end = time.monotonic() + START_S
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=START_S).close()
        except ConnectionRefusedError:
            assert time.monotonic() < end, "the bureau does not listen"
            time.sleep(0.005)
        else:
            return


def _import() -> float:
    with on_core(SERVER_CORE):
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", "import grpc, sqlalchemy"], check=True, env=dict(os.environ)
        )
        return time.perf_counter() - started
