"""The profiles whose staff the portal serves, and how their browsers show that they may.

Who can read the folder of a profile can act as its member: its keys are there. The same people
read the access code, which lies beside the keys; without it the pages do not open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from hmac import compare_digest
from pathlib import Path
from secrets import token_urlsafe

from bureau_client.sync.auditor import Auditor
from bureau_client.sync.observer import Observer
from bureau_keys.profile import Profile
from bureau_keys.secret_files import write_private
from bureau_keys.signing import SigningKey

# File with the access code, in the folder of the profile.
CODE_FILE = "portal-code"
CODE_BYTES = 24


@dataclass(frozen=True)
class Staff:
    """The staff of one profile: a member's engineers, or the operator.

    Attributes:
        profile: The certificate by which the bureau decides what they see.
        clock: Source of the time by which answers are checked.
        code: Access code; empty where everybody may enter, in a sandbox.
    """

    profile: Profile
    clock: Callable[[], datetime]
    code: str = field(repr=False)

    @property
    def name(self) -> str:
        """Id of the member."""
        return self.profile.member_id

    @cached_property
    def observer(self) -> Observer:
        """Client that sees calls, stories and deadlines; safe to share between threads."""
        return Observer(self.profile, clock=self.clock)

    @cached_property
    def auditor(self) -> Auditor:
        """Client that reads checkpoints and the keys of members."""
        # Nothing is signed here; the profile's own key may be locked.
        unused = SigningKey.generate()
        return Auditor(self.profile, signing_key=unused, clock=self.clock)

    def close(self) -> None:
        """Close the clients that were made."""
        for name in ("observer", "auditor"):
            if name in self.__dict__:
                getattr(self, name).close()


def open_staff(folder: Path, clock: Callable[[Profile], Callable[[], datetime]]) -> Staff:
    """Return the staff of a profile folder; its first start writes the access code.

    Raises:
        OSError: A file of the folder is missing, or the code cannot be written.
        ValueError: `profile.toml` lacks a setting, or the code is empty.
    """
    profile = Profile.load(folder)
    path = folder / CODE_FILE
    if not path.exists():
        write_private(path, token_urlsafe(CODE_BYTES).encode() + b"\n")
    code = path.read_text("ascii").strip()
    if len(code) < CODE_BYTES:
        raise ValueError(f"{path} has no access code: remove the file, and a start writes one")
    return Staff(replace(profile, memory_folder=None), clock(profile), code)


def staff_of_code(every: Iterable[Staff], code: str) -> Staff | None:
    """Return the staff that a code opens; None if it opens none."""
    opened = None
    for staff in every:
        if staff.code and compare_digest(staff.code.encode(), code.encode()):
            opened = staff
    return opened
