"""Say who must delete what they received, by when, and whether they have confirmed it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bureau_client.models.consents import Consent
from bureau_portal.words import Words

# The worst first: what a person may want to act on.
OVERDUE, DUE, LATE, CONFIRMED = "overdue", "due", "late", "confirmed"
ORDER = (OVERDUE, DUE, LATE, CONFIRMED)


@dataclass(frozen=True, slots=True)
class Deletion:
    """What one member must delete under one consent.

    Attributes:
        state: OVERDUE, DUE, LATE or CONFIRMED.
    """

    consent: Consent
    state: str

    def sentence(self, words: Words) -> str:
        """Return it in words."""
        confirmed = self.consent.deletion
        count = confirmed.report_count if confirmed else self.consent.use_count
        return words.text(
            f"deletions.{self.state}",
            member=self.consent.grantee,
            count=count,
            day=words.day(self.consent.delete_by_time),
            confirmed=words.day(confirmed.confirm_time if confirmed else None),
            deleted=words.day(confirmed.delete_time if confirmed else None),
        )


def deletions_of(consents: Iterable[Consent], now: datetime) -> list[Deletion]:
    """Return what members must delete, the overdue first, then by its day."""
    every = [Deletion(one, _state(one, now)) for one in consents if one.delete_by_time is not None]
    return sorted(every, key=lambda one: (ORDER.index(one.state), one.consent.delete_by_time))


def _state(consent: Consent, now: datetime) -> str:
    if consent.deletion is not None:
        return LATE if consent.deletion.is_late else CONFIRMED
    assert consent.delete_by_time is not None
    return OVERDUE if consent.delete_by_time < now else DUE
