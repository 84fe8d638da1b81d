"""A whole bureau for tests: the production code on a free port, over mutual TLS.

::

    with running_bureau(tmp_path / "bureau") as bureau:
        acme = bureau.add_member("acme", roles=["furnisher"])
        ...  # any client, with the profile `acme`

At another date, past or future, for backtests; clients take the bureau's time as their clock::

    with running_bureau(start=datetime(2021, 1, 31, tzinfo=UTC)) as bureau:
        lender = Lender(bureau.add_member("acme"), clock=bureau.now)
        bureau.move_to(datetime(2021, 2, 28, tzinfo=UTC))

`running_sandbox` serves a bureau with lenders and people, as `bureau dev` does; the fixtures of
`bureau.pytest_plugin` are made of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from bureau import logs
from bureau.admin.bureau_folder import InitOptions, create
from bureau.admin.enrolment import admit, new_kit
from bureau.admin.enum_names import PURPOSES, ROLES
from bureau.admin.operator import Operator
from bureau.calendar import time_us_of, utc
from bureau.clock import Clock
from bureau.config import SETTINGS_FILE, Settings
from bureau.free_ports import free_port
from bureau.main import Server
from bureau.sandbox.running import SandboxBureau, make_sandbox, running_sandbox
from bureau_keys.profile import Profile

__all__ = [
    "RunningBureau",
    "SandboxBureau",
    "free_port",
    "make_sandbox",
    "running_bureau",
    "running_sandbox",
]

PLENTY = 1_000_000


@dataclass(slots=True)
class RunningBureau:
    """A serving bureau.

    Attributes:
        folder: Folder of the bureau.
        clock: Clock of the bureau; a test may move it.
        server: Serving node; `restart` replaces it.
    """

    folder: Path
    clock: Clock
    server: Server
    overrides: dict[str, object] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """Settings of the node."""
        return self.server.settings

    @property
    def address(self) -> str:
        """Address at which the node listens."""
        return self.server.address

    @property
    def operator(self) -> Profile:
        """Profile of the operator."""
        return self._at_this_port(Profile.load(self.settings.operator_folder))

    def now(self) -> datetime:
        """Return the bureau's time: the clock of its clients."""
        return utc(self.clock.now_us())

    def move_to(self, time: datetime) -> None:
        """Move the clock of the bureau forward.

        Raises:
            ValueError: The time is before the bureau's, has no zone, or is later than the end
                of the certificates (`until` of `running_bureau`).
        """
        ahead_us = time_us_of(time) - self.clock.now_us()
        if ahead_us < 0:
            raise ValueError(f"{time} is before {self.now()}: time in a log only goes forward")
        last_us = max(self.clock.machine_us(), self.clock.until_us)
        if time_us_of(time) > last_us:
            raise ValueError(
                f"{time} is after {utc(last_us)}, up to which the certificates are valid: "
                "pass a later `until` to running_bureau"
            )
        self.clock.offset_us += ahead_us

    def add_member(
        self,
        member_id: str,
        roles: Sequence[str] = ("furnisher", "subscriber"),
        purposes: Sequence[str] = (),
        *,
        quota: int = PLENTY,
        group: str = "",
        jurisdiction: str = "",
    ) -> Profile:
        """Admit a member with new keys, through the operator's own calls.

        Args:
            roles: Names of the contract's roles, for example `furnisher`.
            purposes: Names of its purposes, for example `credit-application`.
        """
        kit = new_kit(self.settings, member_id, self.clock)
        with Operator(self.operator, self.clock) as operator:
            admit(
                operator,
                kit,
                display_name=member_id.title(),
                roles=ROLES.codes(roles),
                purposes=PURPOSES.codes(purposes),
                jurisdiction=jurisdiction or self.settings.jurisdiction,
                quota=quota,
                group=group,
            )
        return self._at_this_port(kit.profile)

    def restart(self) -> None:
        """Stop the node and start another one on the same folder and port."""
        listen = self.address
        self.server.stop()
        settings = Settings.load(self.folder, **{**self.overrides, "listen": listen})
        self.server = Server(settings, self.clock)
        self.server.start()

    def _at_this_port(self, profile: Profile) -> Profile:
        return replace(profile, addresses=(self.address,))


@contextmanager
def running_bureau(
    folder: str | Path | None = None,
    plan: InitOptions | None = None,
    *,
    clock: Clock | None = None,
    start: datetime | None = None,
    until: datetime | None = None,
    log: str = "",
    **overrides: object,
) -> Iterator[RunningBureau]:
    """Serve a bureau inside the block, on a free port of 127.0.0.1.

    Certificates are valid by the bureau's time and by the machine's, which TLS goes by.

    Args:
        folder: Folder of the bureau; created if it has none. None uses a temporary folder.
        plan: Options of a new bureau.
        clock: Clock of the bureau, instead of `start` and `until`.
        start: Time of the bureau, past or future; None for the machine's.
        until: Latest time to which `move_to` will move a bureau that is created here; None for
            the later of the machine's time and `start`.
        log: Least level of the log that the process writes to stderr: `info`, `warning`; empty
            for none, unless the program has configured structlog itself.
        overrides: Settings that override those of the folder.
    """
    if folder is None:
        with (
            TemporaryDirectory(prefix="bureau-") as temporary,
            running_bureau(
                Path(temporary), plan, clock=clock, start=start, until=until, log=log, **overrides
            ) as bureau,
        ):
            yield bureau
        return
    if log:
        logs.configure(log)
    elif not structlog.is_configured():
        logs.silence()
    folder, clock = Path(folder).resolve(), clock or _clock(start, until)
    overrides.setdefault("listen", f"127.0.0.1:{free_port()}")
    if not (folder / SETTINGS_FILE).exists():
        create(folder, plan or InitOptions(), clock)
    bureau = RunningBureau(
        folder, clock, Server(Settings.load(folder, **overrides), clock), overrides
    )
    bureau.server.start()
    try:
        yield bureau
    finally:
        bureau.server.stop()


def _clock(start: datetime | None, until: datetime | None) -> Clock:
    until_us = 0 if until is None else time_us_of(until)
    if start is None:
        return Clock(until_us=until_us)
    return Clock.moved_to(time_us_of(start), max(until_us, time_us_of(start)))
