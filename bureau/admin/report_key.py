"""The key that signs reports, and how it is replaced.

Members pin it in their profiles, several at once. So a new one is prepared first and
handed to them; once they have it, it takes the old one's place, and members notice nothing.
A serving node reads its keyring when it starts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from bureau.admin.bureau_folder import trust_of
from bureau.config import Settings
from bureau.main import REPORT_KEY
from bureau_keys.keyring import Keyring
from bureau_keys.profile import Profile
from bureau_keys.signing import VerifyKey

T = TypeVar("T")

NEXT = f"{REPORT_KEY}@next"


class ReportKeyError(Exception):
    """The report key cannot be changed like that.

    Attributes:
        fix: The operator's next step.
    """

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


def report_keys(settings: Settings) -> dict[str, VerifyKey]:
    """Return the keys of the past, of now and of the next rotation, by their names in the ring.

    Raises:
        bureau_keys.errors.LockedKey: Wrong passphrase.
    """
    ring = _ring(settings)
    names = [name for name in ring.names() if name.partition("@")[0] == REPORT_KEY]
    return {name: ring.get(name).verify_key for name in names}


def prepare(settings: Settings) -> VerifyKey:
    """Prepare the next key; profiles that are written from now on have it."""
    return _changed(settings, lambda ring: ring.prepare(REPORT_KEY).verify_key)


def rotate(settings: Settings, *, unprepared: bool = False) -> VerifyKey:
    """Put the next key in the place of the present one, which goes on verifying.

    Args:
        unprepared: True to take a new key where none was prepared: members refuse reports
            until they have it.

    Raises:
        ReportKeyError: None was prepared.
    """
    if NEXT not in report_keys(settings) and not unprepared:
        raise ReportKeyError(
            "no next key is prepared, so no member could verify a report under it",
            "Run `bureau report-key prepare` and hand every member its new profile.toml first.",
        )
    return _changed(settings, lambda ring: ring.rotate(REPORT_KEY)[1].verify_key)


def drop(settings: Settings, key_id: str) -> None:
    """Drop a key of the past from profiles that are written from now on.

    Raises:
        ReportKeyError: It is none of the past.
    """
    named = {key.key_id: name for name, key in report_keys(settings).items()}
    name = named.get(key_id, "")
    if name in {"", REPORT_KEY, NEXT}:
        raise ReportKeyError(
            f"{key_id} is no report key of the past",
            "`bureau report-key list` names them; rotate first to drop the present one.",
        )
    _changed(settings, lambda ring: ring.drop(name))


def _changed(settings: Settings, change: Callable[[Keyring], T]) -> T:
    """Change the ring, and the operator's own profile with it where it is here."""
    changed = change(_ring(settings))
    if (settings.operator_folder / "profile.toml").is_file():
        profile = Profile.load(settings.operator_folder)
        replace(profile, trust=trust_of(settings)).save(settings.operator_folder)
    return changed


def _ring(settings: Settings) -> Keyring:
    return Keyring.open(settings.server_folder / "keyring", settings.passphrase())
