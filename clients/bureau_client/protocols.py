"""The protocols that a lender's own code depends on, or implements.

Code written against `CreditBureau` accepts a `Lender`, an adapter for another bureau, or a
test double. A `DecisionPolicy` decides on reports, and decides again for an auditor.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from bureau_client.models.codes import Purpose
from bureau_client.models.consents import Consent
from bureau_client.models.decisions import Decision
from bureau_client.models.records import Record
from bureau_client.models.reports import Report
from bureau_client.models.submissions import SubmitResult


class CreditBureau(Protocol):
    """The methods of a credit bureau that lending needs."""

    def subject_id(self, country: str, scheme: str, identifier: str) -> str:
        """Return the subject id of a person; the bureau does not see the identifier."""
        ...

    def submit(self, records: Iterable[Record]) -> SubmitResult:
        """Submit credit records."""
        ...

    def query(self, subject_id: str, *, purpose: Purpose, consent_id: str) -> Report:
        """Query a person's report under a consent."""
        ...

    def consents(self, subject_id: str | None = None) -> list[Consent]:
        """List the consents that the lender holds."""
        ...


class DecisionPolicy(Protocol):
    """A version of a policy: the same report and inputs always give the same decision."""

    @property
    def document(self) -> bytes:
        """The policy's document; its SHA-256 is `Decision.policy_digest`."""
        ...

    def decide(self, report: Report, inputs: bytes) -> Decision:
        """Return the decision on a report.

        Args:
            report: A verified report.
            inputs: The document of the other inputs; its SHA-256 is `Decision.inputs_digest`.
        """
        ...
