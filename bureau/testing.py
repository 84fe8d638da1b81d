"""A whole bureau for tests: the production code on a free port, over mutual TLS.

::

    with running_bureau(tmp_path / "bureau") as bureau:
        acme = bureau.add_member("acme", roles=["furnisher"])
        ...  # any client, with the profile `acme`
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bureau.admin.bureau_folder import InitOptions, create
from bureau.admin.enrolment import admit, new_kit
from bureau.admin.enum_names import PURPOSES, ROLES
from bureau.admin.operator import Operator
from bureau.clock import Clock
from bureau.config import SETTINGS_FILE, Settings
from bureau.main import Server
from bureau_keys.profile import Profile

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
        kit = new_kit(self.settings, member_id, self.clock.now_us())
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
    **overrides: object,
) -> Iterator[RunningBureau]:
    """Serve a bureau inside the block, on a free port of 127.0.0.1.

    Args:
        folder: Folder of the bureau; created if it has none. None uses a temporary folder.
        plan: Options of a new bureau.
        clock: Clock of the bureau.
        overrides: Settings that override those of the folder.
    """
    if folder is None:
        with (
            TemporaryDirectory(prefix="bureau-") as temporary,
            running_bureau(Path(temporary), plan, clock=clock, **overrides) as bureau,
        ):
            yield bureau
        return
    folder, clock = Path(folder).resolve(), clock or Clock()
    overrides.setdefault("listen", "127.0.0.1:0")
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
