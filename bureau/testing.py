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
    """A bureau that serves.

    Attributes:
        folder: Its folder.
        clock: Its time; a test may move it.
        server: The serving node; `restart` replaces it.
    """

    folder: Path
    clock: Clock
    server: Server
    overrides: dict[str, object] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """How the node runs."""
        return self.server.settings

    @property
    def address(self) -> str:
        """Where it listens."""
        return self.server.address

    @property
    def operator(self) -> Profile:
        """The operator's profile."""
        return self._reached(Profile.load(self.settings.operator_folder))

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
        """Admits a member by the operator's own verbs, with new keys.

        Args:
            roles: Words of the contract's roles, like `furnisher`.
            purposes: Words of its purposes, like `credit-application`.
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
        return self._reached(kit.profile)

    def restart(self) -> None:
        """Stops the node and starts one anew on the same folder and port."""
        listen = self.address
        self.server.stop()
        settings = Settings.load(self.folder, **{**self.overrides, "listen": listen})
        self.server = Server(settings, self.clock)
        self.server.start()

    def _reached(self, profile: Profile) -> Profile:
        return replace(profile, addresses=(self.address,))


@contextmanager
def running_bureau(
    folder: str | Path | None = None,
    plan: InitOptions | None = None,
    *,
    clock: Clock | None = None,
    **overrides: object,
) -> Iterator[RunningBureau]:
    """A bureau that serves inside the block, on a free port of 127.0.0.1.

    Args:
        folder: Where it lives; made if it has no bureau. None takes a temporary
            folder.
        plan: How a new one is made.
        clock: Its time.
        overrides: Settings that differ from the folder's.
    """
    if folder is None:
        with (
            TemporaryDirectory(prefix="bureau-") as place,
            running_bureau(Path(place), plan, clock=clock, **overrides) as bureau,
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
