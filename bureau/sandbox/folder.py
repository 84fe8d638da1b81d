"""The folder of a sandbox: the folder of a bureau, marked, with its members and people beside.

::

    SANDBOX.txt         the mark: production refuses the folder
    bureau.db.serving   the lock of the one process that serves, restores or saves the sandbox
    members/NAME/       profile of each lender, of the agent and of the auditor
    wallets/NAME/       wallet of each magic subject
    sandbox/clock.json      the time
    sandbox/subjects.json   subject ids of the magic subjects
    sandbox/months.json     accounts of the sandbox's lenders, and the newest month furnished
    sandbox/calls.jsonl     the log of calls
    sandbox/snapshots/NAME/ snapshots
    sandbox/restoring       name of the snapshot that is being restored
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bureau.admin.bureau_folder import FolderError, InitOptions, addresses_of, create
from bureau.calendar import DAY_US, MICROSECONDS, utc
from bureau.config import CHECKPOINT_FILE, SANDBOX_CLOCK, SANDBOX_FILE, SETTINGS_FILE, Settings
from bureau.process_lock import SERVING, Holder, LockHeldError, holder_of, process_lock
from bureau.sandbox.clock import SandboxClock
from bureau.sandbox.jurisdiction import DEFAULT, Jurisdiction, jurisdiction_of
from bureau.store.database import Database
from bureau.store.dump import dump
from bureau_keys.profile import Profile
from bureau_keys.sandbox_clock import ClockState
from bureau_keys.secret_files import write_private
from bureau_keys.whole_files import whole_file, whole_folder

ORIGIN = "sandbox.creditbureau.local/log"
MARK = """\
This folder is a sandbox of `bureau dev`. It is not for production: its people are made up, its
lenders' keys lie beside the bureau's, and its clock can be moved. `bureau serve` refuses it.
"""
# Days for which certificates are valid after the machine's time: the clock moves up to there.
DAYS = 10 * 365
# The snapshot to which `bureau dev reset` returns.
INITIAL = "initial"
# Form of the name of a snapshot, as the contract has it.
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
# Folders of the sandbox; beside them lie the files with its newest checkpoints.
# What else lies in its folder is the user's: no snapshot copies it, and no restore removes it.
PARTS = frozenset({"authority", "members", "operator", "policy", "sandbox", "server", "wallets"})
# The database, which a snapshot copies in one piece, and the lock, which stays where it is: the
# same one that `bureau serve` takes.
DATABASE = "bureau.db"
LOCK = f"{DATABASE}{SERVING}"
# The work for which a process holds the lock, as errors name it.
SERVES, RESTORES, SAVES = "serves", "restores", "saves"


class SandboxHeldError(FolderError):
    """Another process works on the sandbox.

    Attributes:
        holder: The process.
        fix: Advice for the person who was refused.
    """

    def __init__(self, path: Path, holder: Holder) -> None:
        super().__init__(f"another process {holder.doing} {path}: {holder}")
        self.holder = holder
        self.fix = "Try again once it has ended."
        if holder.doing == SERVES:
            self.fix = "Stop it first, or name another folder."


@dataclass(frozen=True, slots=True)
class SandboxFolder:
    """A sandbox on disk."""

    path: Path

    @classmethod
    def open(cls, path: Path) -> SandboxFolder:
        """Return the sandbox of a folder.

        Raises:
            FileNotFoundError: There is no folder.
            FolderError: The folder is no sandbox.
        """
        folder = cls(path.resolve())
        if not path.exists():
            raise FileNotFoundError(f"{path} is missing: start a sandbox with `bureau dev`")
        if not (path / SANDBOX_FILE).exists():
            raise FolderError(f"{path} is no sandbox: it has no file {SANDBOX_FILE}")
        return folder

    @classmethod
    @contextmanager
    def held(
        cls,
        path: Path,
        listen: str,
        *,
        template: Path | None = None,
        country: str = "",
    ) -> Iterator[SandboxFolder]:
        """Hold the sandbox of a folder inside the block, to serve it.

        The sandbox is made if the folder is empty or not there, and made again if an earlier start
        ended before all subjects were there.

        Args:
            listen: Address and port at which the node of a new sandbox listens.
            template: Sandbox of which a new one is a copy; None makes one without members.
            country: Jurisdiction, of those with magic subjects; empty for that of the sandbox,
                and for DEFAULT if it is new.

        Raises:
            FolderError: The folder has other content, or a sandbox of another jurisdiction; or
                another process works on it, or on the template.
            ValueError: No magic subjects are of the jurisdiction.
        """
        jurisdiction_of(country or DEFAULT)
        folder = cls(path.resolve())
        folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (folder.path / SANDBOX_FILE).exists() and folder._has_content():
            raise FolderError(
                f"{path} is not empty, and no sandbox: it has no file {SANDBOX_FILE}; "
                "name a new folder"
            )
        with folder.lock(SERVES):
            if not folder.is_seeded and not folder.restoring_file.exists():
                folder._make(listen, template, country or DEFAULT)
            own = folder.jurisdiction.country
            if country not in {"", own}:
                raise FolderError(
                    f"{path} is a sandbox of the jurisdiction {own}, not of {country}: "
                    "name a new folder"
                )
            yield folder

    def _has_content(self) -> bool:
        """Return True if the folder has more than a lock."""
        return any(not path.name.startswith(LOCK) for path in self.path.iterdir())

    @contextmanager
    def lock(self, doing: str) -> Iterator[None]:
        """Hold the lock of the sandbox inside the block.

        Args:
            doing: SERVES, RESTORES or SAVES.

        Raises:
            SandboxHeldError: Another process holds the lock.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(process_lock(self.path / LOCK, doing))
            except LockHeldError as error:
                raise SandboxHeldError(self.path, error.holder) from None
            yield

    @property
    def holder(self) -> Holder | None:
        """The process that holds the lock; None while it is free."""
        return holder_of(self.path / LOCK)

    def _make(self, listen: str, template: Path | None, country: str) -> None:
        """Make the sandbox in its folder, under the lock.

        The mark comes first and the file of months last: a sandbox that has no such file is made
        again at the next start.
        """
        self.path.chmod(0o700)
        (self.path / SANDBOX_FILE).write_text(MARK, "utf-8")
        self._remove_parts()
        with TemporaryDirectory(dir=self.path, prefix=".making-") as temporary:
            fresh = Path(temporary) / "whole"
            if template is None:
                _create(fresh, listen, country)
            else:
                _copy_sandbox(type(self).open(template), fresh)
            months = fresh / self.months_file.relative_to(self.path)
            kept = Path(temporary) / months.name
            if months.exists():
                months.rename(kept)
            for part in fresh.iterdir():
                part.rename(self.path / part.name)
            if kept.exists():
                kept.rename(self.months_file)

    def _remove_parts(self) -> None:
        """Remove the parts of a sandbox that was not made whole, and no file of the user's."""
        for path in self.path.iterdir():
            if path.name in PARTS or path.name.startswith(".making-"):
                shutil.rmtree(path)
            elif path.name.startswith(LOCK):
                continue
            elif path.name.startswith((DATABASE, SETTINGS_FILE, CHECKPOINT_FILE)):
                path.unlink()

    @property
    def clock_file(self) -> Path:
        """File of the clock."""
        return self.path / SANDBOX_CLOCK

    @property
    def subjects_file(self) -> Path:
        """File of the magic subjects' ids."""
        return self.path / "sandbox" / "subjects.json"

    @property
    def months_file(self) -> Path:
        """File of the accounts and the newest month; there once all subjects are there."""
        return self.path / "sandbox" / "months.json"

    @property
    def calls_file(self) -> Path:
        """File of the log of calls."""
        return self.path / "sandbox" / "calls.jsonl"

    @property
    def receipt_file(self) -> Path:
        """File of the receipt of an early inquiry, for the fault of a stale receipt."""
        return self.path / "sandbox" / "early-receipt.bin"

    @property
    def snapshots(self) -> Path:
        """Folder of the snapshots."""
        return self.path / "sandbox" / "snapshots"

    @property
    def restoring_file(self) -> Path:
        """File with the name of the snapshot that is being restored; there meanwhile."""
        return self.path / "sandbox" / "restoring"

    @property
    def is_seeded(self) -> bool:
        """True if all magic subjects are there."""
        return self.months_file.exists()

    @property
    def jurisdiction(self) -> Jurisdiction:
        """The jurisdiction of its people.

        Raises:
            FolderError: The sandbox has only begun to be made.
        """
        if not (self.path / SETTINGS_FILE).exists():
            raise FolderError(f"{self.path} is being made: try again once it is served")
        return jurisdiction_of(self.settings().jurisdiction)

    def settings(self, **overrides: Any) -> Settings:
        """Return the settings of its node."""
        return Settings.load(self.path, **overrides)

    def member_folder(self, member_id: str) -> Path:
        """Return the profile folder of a member."""
        return self.path / "members" / member_id

    def wallet_folder(self, name: str) -> Path:
        """Return the wallet folder of a magic subject."""
        return self.path / "wallets" / name

    def profile(self, member_id: str) -> Profile:
        """Return the profile of a member."""
        return Profile.load(self.member_folder(member_id))

    def subject_ids(self) -> dict[str, str]:
        """Return the subject ids of the magic subjects that are there, by name."""
        if not self.subjects_file.exists():
            return {}
        loaded: dict[str, str] = json.loads(self.subjects_file.read_text("utf-8"))
        return loaded

    def reach_at(self, settings: Settings) -> None:
        """Write the address at which the node listens into all profiles."""
        addresses = addresses_of(settings)
        for folder in (settings.operator_folder, *sorted(self.path.glob("members/*"))):
            profile = Profile.load(folder)
            if profile.addresses != addresses:
                replace(profile, addresses=addresses, directory_addresses=()).save(folder)

    def snapshot_names(self) -> list[str]:
        """Return the names of the snapshots, oldest first."""
        folders = sorted(self.snapshots.iterdir(), key=lambda folder: folder.stat().st_mtime)
        return [folder.name for folder in folders if not folder.name.startswith(".")]

    def list_snapshots(self) -> list[dict[str, Any]]:
        """Return name, time of the sandbox and size of each snapshot, oldest first."""
        return [
            {
                "name": name,
                "sandbox_time": _time_in(self.snapshots / name),
                "kib": (self.snapshots / name / DATABASE).stat().st_size // 1024,
            }
            for name in self.snapshot_names()
        ]

    def save_snapshot(self, name: str, database: Database) -> None:
        """Copy the sandbox, while its node serves or not.

        The database is copied last: no checkpoint that a file keeps is newer than its log.

        Raises:
            FolderError: The name is taken, or a restore was cut.
            ValueError: It is no name of a snapshot.
        """
        if self.restoring_file.exists():
            raise FolderError("a restore was cut: restore again, or start `bureau dev`")
        target = self.snapshots / _checked(name)
        if target.exists():
            raise FolderError(f"there is a snapshot {name!r} already: name a new one")
        with whole_folder(target) as fresh:
            fresh.chmod(0o700)
            for source in self._parts(self.path):
                _copy(source, fresh / source.relative_to(self.path))
            with (fresh / DATABASE).open("wb") as file:
                file.writelines(dump(database))
            (fresh / DATABASE).chmod(0o600)

    def restore_snapshot(self, name: str) -> None:
        """Replace the sandbox by a snapshot of it; no node may serve it meanwhile.

        The mark stays throughout: what a cut restore leaves is no folder for production, and the
        next start finishes it. Each file is replaced, never absent: commands read their profiles
        meanwhile, and the lock of what is served goes by the database.

        Raises:
            FileNotFoundError: There is no snapshot of this name.
        """
        source = self.require_snapshot(name)
        write_private(self.restoring_file, name.encode())
        for beside in self.path.glob(f"{DATABASE}?*"):
            # Journals of what is replaced, but not the lock of this process.
            if not beside.name.startswith(LOCK):
                beside.unlink()
        saved = {part.relative_to(source) for part in self._parts(source)}
        for part in saved:
            _replace(source / part, self.path / part)
        _replace(source / DATABASE, self.path / DATABASE)
        later = {part.relative_to(self.path) for part in self._parts(self.path)} - saved
        for part in later:
            (self.path / part).unlink()
        for folder in sorted({folder for part in later for folder in part.parents}, reverse=True):
            with suppress(OSError):  # it has other files
                (self.path / folder).rmdir()
        self.restoring_file.unlink()

    def finish_restore(self) -> None:
        """Restore again what a killed process has not restored whole.

        Raises:
            FileNotFoundError: The snapshot is gone.
        """
        if self.restoring_file.exists():
            self.restore_snapshot(self.restoring_file.read_text("utf-8"))

    def require_snapshot(self, name: str) -> Path:
        """Return the folder of a snapshot.

        Raises:
            FileNotFoundError: There is no snapshot of this name.
            ValueError: It is no name of a snapshot.
        """
        source = self.snapshots / _checked(name)
        if not source.is_dir():
            names = ", ".join(self.snapshot_names()) or "none"
            raise FileNotFoundError(f"there is no snapshot {name!r}; there are: {names}")
        return source

    def _parts(self, folder: Path) -> Iterator[Path]:
        """Iterate over the files that a snapshot copies one by one."""
        for path in sorted(folder.rglob("*")):
            top = path.relative_to(folder).parts[0]
            is_foreign = top not in PARTS and not top.startswith(CHECKPOINT_FILE)
            apart = path.is_relative_to(self.snapshots) and folder == self.path
            half_written = path.name.endswith(".new")
            database_or_settings = path.name.startswith((DATABASE, SETTINGS_FILE))
            stays = path in {self.path / SANDBOX_FILE, self.calls_file, self.restoring_file}
            if is_foreign or apart or half_written or database_or_settings or stays:
                continue
            if path.is_file():
                yield path


def _create(fresh: Path, listen: str, country: str) -> None:
    """Create a sandbox without members."""
    clock = SandboxClock()
    clock.until_us = clock.machine_us() + DAYS * DAY_US
    create(fresh, InitOptions(origin=ORIGIN, listen=listen, jurisdiction=country), clock)
    (fresh / "sandbox" / "snapshots").mkdir(parents=True, mode=0o700)
    clock.state.save(fresh / SANDBOX_CLOCK)


def _copy_sandbox(template: SandboxFolder, fresh: Path) -> None:
    """Copy a sandbox that no process serves.

    Raises:
        SandboxHeldError: A process works on it.
    """
    if holder := template.holder:
        raise SandboxHeldError(template.path, holder)
    shutil.copytree(template.path, fresh, ignore=shutil.ignore_patterns(f"{LOCK}*"))
    (fresh / SANDBOX_FILE).unlink()


def _time_in(snapshot: Path) -> str:
    """Return the sandbox's time when a snapshot was saved."""
    saved_us = int((snapshot / DATABASE).stat().st_mtime * MICROSECONDS)
    state = ClockState.load(snapshot / SANDBOX_CLOCK)
    return utc(state.frozen_us or saved_us + state.offset_us).isoformat(timespec="seconds")


def _checked(name: str) -> str:
    """Return the name of a snapshot, which names no other folder."""
    if not NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is no name of a snapshot; write small letters, digits, '.', '_' and '-'"
        )
    return name


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copy2(source, target)


def _replace(source: Path, target: Path) -> None:
    """Replace a file by a copy of another, which only its owner reads."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with source.open("rb") as saved, whole_file(target, private=True) as file:
        shutil.copyfileobj(saved, file)
