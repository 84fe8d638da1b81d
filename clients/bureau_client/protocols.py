"""The one small protocol that a lender's own code depends on.

Code written against `CreditBureau` takes `Lender`, another bureau behind an
adapter, or a stand-in in a test.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from bureau_client.models.codes import Purpose
from bureau_client.models.consents import Consent
from bureau_client.models.records import Record
from bureau_client.models.reports import Report
from bureau_client.models.submissions import SubmitResult


class CreditBureau(Protocol):
    """What lending needs of a credit bureau."""

    def subject_id(self, country: str, scheme: str, identifier: str) -> str:
        """The bureau's id of a person, without showing it the identifier."""
        ...

    def submit(self, records: Iterable[Record]) -> SubmitResult:
        """Submits credit records."""
        ...

    def query(self, subject_id: str, *, purpose: Purpose, consent_id: str) -> Report:
        """Asks for a report under a consent."""
        ...

    def consents(self, subject_id: str | None = None) -> list[Consent]:
        """The consents that the lender holds."""
        ...
