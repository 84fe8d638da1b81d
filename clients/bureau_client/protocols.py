"""The protocols that a lender's own code depends on, or implements.

Code written against `CreditBureau` accepts a `Lender`, an adapter for another bureau, or a
test double. A `DecisionPolicy` decides on reports, and decides again for an auditor. A
`Journal` keeps signed inquiries for `query_many`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from bureau_client.models.codes import Purpose
from bureau_client.models.consents import Consent
from bureau_client.models.decisions import Decision
from bureau_client.models.many import Inquiry
from bureau_client.models.records import Record
from bureau_client.models.reports import Report
from bureau_client.models.submissions import SubmitResult
from creditbureau.v1.envelope_pb2 import Envelope


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


class Journal(Protocol):
    """The signed inquiries of `query_many`: each is on disk before it is sent."""

    def sealed(
        self, inquiry: Inquiry, sign: Callable[[], Envelope], void: Envelope | None = None
    ) -> tuple[Envelope, bool]:
        """Return the signed inquiry that the journal has; sign and keep it first if it is new.

        Args:
            inquiry: The inquiry, its ids in their canonical spelling.
            sign: Signs the inquiry.
            void: The signed inquiry that the bureau accepts no longer, and never accepted; it
                counts as missing.

        Returns:
            The signed inquiry, and True if the journal had it.
        """
        ...
