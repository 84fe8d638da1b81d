"""The consortium's standard of credit."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from bureau_client.models.codes import Classification
from bureau_client.models.receipts import Receipt
from bureau_client.models.reports import Report


@dataclass(frozen=True, slots=True)
class Band:
    """From so many days past due on, an account is classified at least so."""

    min_days_past_due: int
    classification: Classification


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    """What all members hold a person's credit against, as the operator signed it.

    Attributes:
        max_unsecured_exposure_minor: Cap on one person's unsecured balances, minor
            units of `currency`.
        max_concurrent_lenders: Cap on lenders with open unsecured facilities.
        max_exposure_to_income_percent: Cap on the unsecured exposure as a share of
            yearly income; 0 means none.
        bands: Ascending in days past due.
        envelope: As it was signed, a serialised DSSE envelope.
    """

    version: int
    effective_time: datetime
    jurisdiction: str
    currency: str
    max_unsecured_exposure_minor: int
    max_concurrent_lenders: int
    max_exposure_to_income_percent: int
    bands: tuple[Band, ...]
    envelope: bytes = field(repr=False)
    receipt: Receipt = field(repr=False)

    def classify(self, days_past_due: int) -> Classification:
        """The harmonised five-tier classification of an account."""
        found = [b.classification for b in self.bands if b.min_days_past_due <= days_past_due]
        return found[-1] if found else Classification.UNSPECIFIED

    def within_income(self, report: Report, yearly_income_minor: int) -> bool:
        """Whether a person's unsecured exposure keeps to the share of an income that
        only the lender knows.

        Raises:
            ValueError: The report says nothing of this standard's exposure.
        """
        if not self.max_exposure_to_income_percent:
            return True
        for standing in report.standings:
            if (standing.rule, standing.standard_version) == (EXPOSURE, self.version):
                return standing.value * 100 <= (
                    yearly_income_minor * self.max_exposure_to_income_percent
                )
        raise ValueError("the report has no standing of this standard: its summary is not open")


EXPOSURE = "max_unsecured_exposure_minor"
