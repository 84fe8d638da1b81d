"""A bureau in a process of its own, made and run by its own commands."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bureau.admin.enrolment import admit, new_kit
from bureau.admin.enum_names import PURPOSES, ROLES
from bureau.admin.operator import CallError, Operator
from bureau.clock import Clock
from bureau.config import Settings
from bureau.testing import free_port
from bureau_keys.profile import Profile

START_S = 120.0
STOP_S = 60.0
EVALUATIONS_A_DAY = 1_000_000


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A bureau that serves.

    Attributes:
        folder: The bureau's folder.
        address: Where it listens.
        process_id: Of the serving node.
    """

    folder: Path
    address: str
    process_id: int

    @property
    def operator(self) -> Profile:
        """The operator's profile."""
        return Profile.load(self.folder / "operator")

    def admit(
        self, operator: Operator, member_id: str, name: str, roles: Sequence[str], *purposes: str
    ) -> Profile:
        """Admits a member with new certificate and keys; writes its profile folder."""
        settings = Settings.load(self.folder)
        kit = new_kit(settings, member_id, Clock())
        admit(
            operator,
            kit,
            display_name=name,
            roles=ROLES.codes(roles),
            purposes=PURPOSES.codes(purposes),
            jurisdiction=settings.jurisdiction,
            quota=EVALUATIONS_A_DAY,
            group="",
        )
        kit.save(self.profile_folder(member_id))
        return kit.profile

    def profile_folder(self, member_id: str) -> Path:
        """Return the folder of a member's profile."""
        return self.folder / "members" / member_id


@contextmanager
def running_sandbox(folder: Path, *, keep: bool) -> Iterator[Sandbox]:
    """`bureau init` and `bureau serve`; stopped at the end of the block unless
    it is to be kept."""
    command = Path(sys.executable).with_name("bureau")
    address = f"127.0.0.1:{free_port()}"
    init = subprocess.run(
        [command, "init", folder, "--listen", address, "--origin", "demo.creditbureau/log"],
        capture_output=True,
        text=True,
        check=False,
    )
    if init.returncode:
        raise SystemExit(init.stderr.strip())
    with (folder / "serve.log").open("wb") as log:
        # In a session of its own: one that is kept outlives the terminal.
        server = subprocess.Popen(
            [command, "serve", "--dir", folder], stderr=log, stdout=log, start_new_session=True
        )
    try:
        sandbox = Sandbox(folder, address, server.pid)
        await_answer(sandbox, server)
        yield sandbox
    except BaseException:
        keep = False
        raise
    finally:
        if not keep:
            server.send_signal(signal.SIGTERM)
            server.wait(STOP_S)


def await_answer(sandbox: Sandbox, server: subprocess.Popen[bytes]) -> None:
    """Waits until the bureau answers.

    Raises:
        RuntimeError: It ended, or does not answer in time.
    """
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with Operator(sandbox.operator) as operator:
                operator.checkpoint()
        except CallError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"the bureau does not answer; see {sandbox.folder / 'serve.log'}")
