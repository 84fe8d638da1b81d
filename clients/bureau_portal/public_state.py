"""Read what everybody may see: the members, and the newest checkpoint of the log."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bureau_client import verify
from bureau_client.models.audits import Checkpoint
from bureau_client.models.members import Member
from bureau_client.sync.auditor import Auditor
from bureau_client.sync.lender import Lender
from bureau_keys.profile import Profile
from bureau_keys.signing import SigningKey

# Seconds for which the portal shows the same state: visits cost the bureau a call a minute.
FRESH_S = 60


@dataclass(frozen=True, slots=True)
class PublicState:
    """The bureau as anybody sees it, verified.

    Attributes:
        witnesses: Times of the cosignatures of the checkpoint, by the witness's name.
    """

    members: tuple[Member, ...]
    checkpoint: Checkpoint
    witnesses: Mapping[str, datetime]


class PublicReader:
    """Reads the state of the bureau, and keeps it for a minute; safe to share between threads."""

    def __init__(self, profile: Profile, clock: Callable[[], datetime]) -> None:
        self._profile = profile
        self._clock = clock
        self._lock = threading.Lock()
        self._state: PublicState | None = None
        self._time = 0.0

    def read(self) -> PublicState:
        """Return the state.

        Raises:
            BureauError: The bureau does not answer, or its answer does not verify.
        """
        with self._lock:
            if self._state is None or time.monotonic() - self._time > FRESH_S:
                self._state = self._fetch()
                self._time = time.monotonic()
            return self._state

    def _fetch(self) -> PublicState:
        # Nothing is signed here; the profile's own key may be locked.
        unused = SigningKey.generate()
        with Lender(self._profile, signing_key=unused, clock=self._clock) as member:
            members = tuple(member.members())
        with Auditor(self._profile, signing_key=unused, clock=self._clock) as auditor:
            checkpoint = auditor.checkpoint()
        witnesses = verify.witness_times(checkpoint.note, self._profile.trust)
        return PublicState(members, checkpoint, witnesses)
