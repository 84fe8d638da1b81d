"""The node of a sandbox: the production server on a marked folder, with its people beside it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from bureau.admin.bureau_folder import FolderError
from bureau.admin.enrolment import admit, new_kit
from bureau.admin.enum_names import PURPOSES as PURPOSE_NAMES
from bureau.admin.enum_names import ROLES
from bureau.admin.operator import Operator
from bureau.calendar import utc
from bureau.config import Settings
from bureau.ledger import log
from bureau.main import Server
from bureau.rpc.edge import Edge
from bureau.sandbox.calls import SandboxCalls
from bureau.sandbox.clock import SandboxClock
from bureau.sandbox.faults import Faults, SandboxInterceptor
from bureau.sandbox.folder import INITIAL, SandboxFolder
from bureau.sandbox.jurisdiction import Jurisdiction
from bureau.sandbox.magic import Fault, magic_subjects
from bureau.sandbox.months import Months
from bureau.sandbox.seeding import seed
from bureau.sandbox.service import SERVICE, servicer_of
from bureau.sandbox.world import (
    AGENT,
    AUDITOR,
    LENDER_ROLES,
    LENDERS,
    PURPOSES,
    Person,
    World,
)
from bureau_client._transport.retry import RetryPolicy
from bureau_client.models.months import Month
from bureau_keys.profile import Profile
from bureau_keys.signing import SigningKey

EVALUATIONS_A_DAY = 1_000_000
# The sandbox's own clients are on the same machine: deadlines that a busy machine does not pass.
PATIENCE = RetryPolicy(read_seconds=60, write_seconds=60, bulk_seconds=120)


class SandboxNode:
    """A sandbox that serves, or can.

    Attributes:
        folder: Folder of the sandbox.
        clock: Clock; replaced by the one of a snapshot that is restored.
        faults: Faults of queries.
        world: Clients of its lenders and people, while it serves.
        generation: Number of snapshots restored.
        restoring: Set while a snapshot that was asked for is restored.
        broken: Error that ended such a restore; None without one.
    """

    def __init__(
        self,
        folder: SandboxFolder,
        on_call: Callable[[dict[str, Any]], None] | None = None,
        **overrides: Any,
    ) -> None:
        """Prepare the node; nothing runs yet.

        Args:
            on_call: Called with the line of each call in the log.
            overrides: Settings that override those of the folder.
        """
        self.folder = folder
        folder.finish_restore()
        self.clock = SandboxClock.load(folder.clock_file)
        self.faults = Faults(folder.receipt_file)
        self.generation = 0
        self.restoring = threading.Event()
        self.broken: Exception | None = None
        self._on_call = on_call
        self._overrides = overrides
        self._server: Server | None = None
        self._world: World | None = None
        self._months: Months | None = None
        # One at a time moves the clock, seeds, or copies the folder.
        self._changing = threading.RLock()
        self._asking = threading.Lock()

    @property
    def server(self) -> Server:
        """The serving node."""
        assert self._server is not None, "the sandbox does not serve: call start()"
        return self._server

    @property
    def world(self) -> World:
        """Clients of the lenders and people."""
        assert self._world is not None, "the sandbox does not serve: call start()"
        return self._world

    @property
    def address(self) -> str:
        """Address at which the node listens."""
        return self.server.address

    def now(self) -> datetime:
        """Return the sandbox's time."""
        return utc(self.clock.now_us())

    @property
    def jurisdiction(self) -> Jurisdiction:
        """The jurisdiction of the sandbox."""
        return self.folder.jurisdiction

    def profile(self, member_id: str) -> Profile:
        """Return the profile of a member, at the address where the node listens."""
        return replace(self.folder.profile(member_id), addresses=(self.address,))

    def magic(self, name: str) -> Person:
        """Return a magic subject, with its key.

        Raises:
            ValueError: There is no magic subject of this name, or it is not applicable in the
                sandbox's jurisdiction.
        """
        ids = self.folder.subject_ids()
        subject = magic_subjects(self.jurisdiction.country).get(name)
        if subject is not None and not subject.is_applicable:
            raise ValueError(f"magic subject {name!r}: {subject.shows('en')}")
        if name not in ids:
            raise ValueError(f"there is no magic subject {name!r}; there are: {', '.join(ids)}")
        pem = (self.folder.wallet_folder(name) / "key.pem").read_bytes()
        return self.world.known(name, ids[name], SigningKey.from_pem(pem))

    def settings(self) -> Settings:
        """Return the settings of the node."""
        return self.folder.settings(**self._overrides)

    def start(self) -> None:
        """Serve."""
        edge = Edge(
            services={SERVICE: servicer_of(self)},
            interceptor=SandboxInterceptor(self.faults),
            calls=SandboxCalls(self.folder.calls_file, self._on_call),
        )
        settings = self.settings()
        self._server = Server(settings, self.clock, edge)
        self._server.start()
        self.folder.reach_at(settings.model_copy(update={"listen": self.address}))
        self._world = World(self, PATIENCE)
        self._note_subjects()
        if self.folder.is_seeded:
            self._months = Months.load(self.folder.months_file)

    def stop(self, grace_s: float = 1.0) -> None:
        """Stop serving."""
        if self._world is not None:
            self._world.close()
        if self._server is not None:
            self._server.stop(grace_s)

    def seed(self, on_first: Callable[[Person], None] = lambda _person: None) -> None:
        """Admit the members and make the magic subjects, unless the folder has them.

        Args:
            on_first: Called with the subject of the first call when it is there.
        """
        with self._changing:
            if self.folder.is_seeded:
                return
            self._admit()
            self._months = seed(self.folder, self.world, on_first)
            self._note_subjects()
            self.folder.save_snapshot(INITIAL, self.server.database)

    def catch_up(self) -> list[Month]:
        """Submit the months that have ended since the newest furnished one."""
        return self.advance(0)

    def advance(self, ahead_us: int) -> list[Month]:
        """Move the clock forward, and furnish each month that ends on the way.

        Raises:
            ValueError: The time is beyond the end of the certificates, or the span negative.
        """
        if ahead_us < 0:
            raise ValueError("time in a log goes forward only: pass a span above zero")
        with self._changing:
            target_us = self.clock.now_us() + ahead_us
            if target_us > self.clock.until_us:
                raise ValueError(f"the certificates end on {utc(self.clock.until_us).date()}")
            if self._months is None:
                self.clock.advance(ahead_us)
                return []
            before = self._months.newest
            self._take_accounts(self._months)
            try:
                return self._months.pass_to(target_us, self.clock, self.world)
            finally:
                if self._months.newest != before:
                    self._months.save(self.folder.months_file)

    def save_snapshot(self, name: str) -> int:
        """Save the sandbox under a name; return the size of the log in it.

        Raises:
            FolderError: The name is taken, or not all subjects are there yet.
        """
        with self._changing:
            if self._months is None:
                raise FolderError("the magic subjects are not all there yet: try again")
            self._take_accounts(self._months)
            self.folder.save_snapshot(name, self.server.database)
            with self.server.database.snapshot() as db:
                return log.size_of(db)

    def ask_to_restore(self, name: str) -> int:
        """Ask for a snapshot, which is restored once the call has its reply; return the
        generation that has it.

        Raises:
            FileNotFoundError: There is no snapshot of this name.
            FolderError: Another one is being restored.
        """
        self.folder.require_snapshot(name)
        with self._asking:
            if self.restoring.is_set():
                raise FolderError("another snapshot is being restored: try again once it is there")
            wanted = self.generation + 1
            self.restoring.set()
        threading.Thread(target=self._restore_asked, args=(name,), name="restore").start()
        return wanted

    def _restore_asked(self, name: str) -> None:
        try:
            self.restore(name)
        except Exception as error:  # noqa: BLE001  (the process that serves raises it)
            self.broken = error
        finally:
            self.restoring.clear()

    @property
    def has_ended(self) -> bool:
        """True if the node stopped by itself."""
        server = self.server
        ended = server.stopped.is_set() and not self.restoring.is_set()
        # A restore that ended meanwhile has put another server in its place.
        return ended and server is self.server

    def restore(self, name: str) -> None:
        """Stop, replace the sandbox by a snapshot, and serve again at the same address.

        Raises:
            FileNotFoundError: There is no snapshot of this name.
        """
        with self._changing:
            self.folder.require_snapshot(name)
            self._overrides["listen"] = self.address
            self.stop()
            self.folder.restore_snapshot(name)
            self.faults.forget()
            self.clock = SandboxClock.load(self.folder.clock_file)
            self.generation += 1
            self.start()

    def reset(self) -> None:
        """Restore the sandbox as it was when all magic subjects were there."""
        self.restore(INITIAL)

    def _take_accounts(self, months: Months) -> None:
        """Let the accounts that people opened since be furnished each month from here on."""
        if self.world.accounts:
            months.accounts += self.world.accounts
            self.world.accounts.clear()
            months.save(self.folder.months_file)

    def _note_subjects(self) -> None:
        """Let the interceptor know whose queries have a fault."""
        ids = self.folder.subject_ids()
        subjects = magic_subjects(self.jurisdiction.country)
        faults: dict[str, Fault] = {}
        for name, subject_id in ids.items():
            if name in subjects and (fault := subjects[name].fault):
                faults[subject_id] = fault
        self.faults.of_subject = faults

    def _admit(self) -> None:
        """Admit lenders, agent and auditor, and write their profile folders."""
        members = [
            *((name, LENDER_ROLES, PURPOSES) for name in LENDERS),
            (AGENT, ("agent",), ()),
            (AUDITOR, ("auditor",), ()),
        ]
        titles = self.jurisdiction.members
        with self._operator() as client:
            for member_id, roles, purposes in members:
                self._admit_one(client, member_id, titles[member_id], roles, purposes)

    def add_member(
        self,
        member_id: str,
        roles: Sequence[str] = LENDER_ROLES,
        purposes: Sequence[str] = PURPOSES,
    ) -> Profile:
        """Admit a further member, and write its profile folder.

        Args:
            roles: Names of the contract's roles, for example `furnisher`.
            purposes: Names of its purposes, for example `credit-application`.
        """
        with self._operator() as client:
            self._admit_one(client, member_id, member_id.title(), roles, purposes)
        return self.profile(member_id)

    def _operator(self) -> Operator:
        profile = Profile.load(self.settings().operator_folder)
        return Operator(replace(profile, addresses=(self.address,)), self.clock)

    def _admit_one(
        self,
        client: Operator,
        member_id: str,
        title: str,
        roles: Sequence[str],
        purposes: Sequence[str],
    ) -> None:
        settings = self.settings().model_copy(update={"listen": self.address})
        kit = new_kit(settings, member_id, self.clock)
        admit(
            client,
            kit,
            display_name=title,
            roles=ROLES.codes(roles),
            purposes=PURPOSE_NAMES.codes(purposes),
            jurisdiction=settings.jurisdiction,
            quota=EVALUATIONS_A_DAY,
        )
        kit.save(self.folder.member_folder(member_id))
