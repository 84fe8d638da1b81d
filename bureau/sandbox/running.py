"""A sandbox for tests: a whole bureau with lenders and people, in the test's own process.

::

    with running_sandbox() as bureau:
        person = bureau.person()
        person.account("riverbank", months=24, missed=2)
        report = person.report("hillside")
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from bureau import logs
from bureau.free_ports import free_port
from bureau.sandbox.folder import SandboxFolder
from bureau.sandbox.magic import Fault, MagicSubject, magic_subjects
from bureau.sandbox.node import SandboxNode
from bureau.sandbox.world import ATTESTER, LENDER_ROLES, PURPOSES, Person
from bureau_client.models.months import Month
from bureau_client.sync.lender import Lender
from bureau_keys.profile import Profile


@dataclass(frozen=True, slots=True)
class SandboxBureau:
    """A serving sandbox.

    Attributes:
        node: The node.
    """

    node: SandboxNode

    @property
    def folder(self) -> Path:
        """Folder of the sandbox: profiles are in `members`, wallets in `wallets`."""
        return self.node.folder.path

    @property
    def address(self) -> str:
        """Address at which the bureau listens."""
        return self.node.address

    @property
    def magic_subjects(self) -> Sequence[MagicSubject]:
        """The table of the magic subjects, with those that its jurisdiction has not."""
        return tuple(magic_subjects(self.node.jurisdiction.country).values())

    def lender(self, name: str = ATTESTER) -> Lender:
        """Return the client of a lender: `riverbank`, `hillside`, `meadow`, or one that was added.

        The sandbox closes it.
        """
        return self.node.world.lender(name)

    def profile(self, member_id: str) -> Profile:
        """Return the profile of a member, for a client of the test's own."""
        return self.node.profile(member_id)

    def add_member(
        self,
        member_id: str,
        roles: Sequence[str] = LENDER_ROLES,
        purposes: Sequence[str] = PURPOSES,
    ) -> Profile:
        """Admit a further member.

        Args:
            roles: Names of the contract's roles, for example `furnisher`.
            purposes: Names of its purposes, for example `credit-application`.
        """
        return self.node.add_member(member_id, roles, purposes)

    def person(self, name: str = "") -> Person:
        """Return a new person, whose key is attested and whom each lender may report and query.

        Args:
            name: Name in the references of the person's accounts; empty makes one up.
        """
        return self.node.world.person(name)

    def magic(self, name: str) -> Person:
        """Return a magic subject: `late-60`.

        Raises:
            ValueError: There is no magic subject of this name, or it is not applicable in the
                sandbox's jurisdiction.
        """
        return self.node.magic(name)

    def now(self) -> datetime:
        """Return the bureau's time: the clock of clients of the test's own."""
        return self.node.now()

    def advance(self, ahead: timedelta | None = None, *, days: int = 0) -> list[Month]:
        """Move the clock forward; return the months that the lenders furnished on the way.

        Raises:
            ValueError: The time is beyond the end of the certificates.
        """
        whole = (ahead or timedelta()) + timedelta(days=days)
        return self.node.advance(whole // timedelta(microseconds=1))

    def freeze(self) -> None:
        """Freeze the clock at its present time."""
        self.node.clock.freeze()

    def resume(self) -> None:
        """Let a frozen clock run on."""
        self.node.clock.resume()

    def fail_next(self, fault: Fault | str, *, slow_seconds: float | None = None) -> None:
        """Ask for a fault of the next query of a report, about any person.

        Args:
            fault: `slow`, `unavailable`, `dropped`, `stale-receipt` or `wrong-signature`.
            slow_seconds: Seconds of the fault `slow`, from now on.
        """
        if slow_seconds is not None:
            self.node.faults.slow_s = slow_seconds
        self.node.faults.once(fault)

    def snapshot(self, name: str) -> None:
        """Save the sandbox under a name.

        Raises:
            FolderError: The name is taken.
        """
        self.node.save_snapshot(name)

    def restore(self, name: str) -> None:
        """Restore a snapshot; clients and people of before are closed.

        Raises:
            FileNotFoundError: There is no snapshot of this name.
        """
        self.node.restore(name)

    def reset(self) -> None:
        """Restore the sandbox as it began; clients and people of before are closed."""
        self.node.reset()


def make_sandbox(folder: Path, *, jurisdiction: str = "") -> Path:
    """Make a sandbox with its members and magic subjects in a new folder, to be copied.

    Args:
        jurisdiction: Country, ISO 3166-1 alpha-2: `US` or `CN`; empty for `US`.
    """
    with running_sandbox(folder, jurisdiction=jurisdiction):
        return folder


@contextmanager
def running_sandbox(
    folder: Path | None = None, *, template: Path | None = None, jurisdiction: str = ""
) -> Iterator[SandboxBureau]:
    """Serve a sandbox inside the block, on a free port of 127.0.0.1.

    Args:
        folder: Folder of the sandbox; made if it is not there. None uses a temporary one.
        template: Folder of `make_sandbox`, which is copied in a fraction of the time that it
            takes to make one.
        jurisdiction: Country in whose terms and under whose law the people are: `US` or `CN`;
            empty for that of the folder or the template, and `US` for a new sandbox.

    Raises:
        FolderError: The folder is of another jurisdiction; or another process serves it, or works
            on it, and the message names the process.
        ValueError: No magic subjects are of the jurisdiction.
    """
    if folder is None:
        with (
            TemporaryDirectory(prefix="bureau-") as temporary,
            running_sandbox(
                Path(temporary) / "sandbox", template=template, jurisdiction=jurisdiction
            ) as bureau,
        ):
            yield bureau
        return
    if not structlog.is_configured():
        logs.silence()
    listen = f"127.0.0.1:{free_port()}"
    with (
        SandboxFolder.held(folder, listen, template=template, country=jurisdiction) as sandbox,
        ExitStack() as running,
    ):
        node = SandboxNode(sandbox, listen=listen)
        running.callback(node.stop)
        node.start()
        node.seed()
        yield SandboxBureau(node)
