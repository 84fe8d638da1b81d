"""The consortium's standard of credit."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from bureau_client.models.codes import Classification
from bureau_client.models.receipts import Receipt
from bureau_client.models.reports import Report


@dataclass(frozen=True, slots=True)
class Band:
    """Least classification of an account from a number of days past due on."""

    min_days_past_due: int
    classification: Classification


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    """The limits and bands for a person's credit that all members use, signed by the operator.

    Attributes:
        max_unsecured_exposure_minor: Cap on one person's unsecured balances, minor
            units of `currency`.
        max_concurrent_lenders: Cap on lenders with open unsecured facilities.
        max_exposure_to_income_percent: Cap on the unsecured exposure as a share of
            yearly income; 0 for none.
        bands: Ascending in days past due.
        envelope: The signed standard, a serialised DSSE envelope.
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
        """Return the five-tier classification of an account."""
        reached = [b.classification for b in self.bands if b.min_days_past_due <= days_past_due]
        return reached[-1] if reached else Classification.UNSPECIFIED

    def within_income(self, report: Report, yearly_income_minor: int) -> bool:
        """Return True if a person's unsecured exposure is within the share of their income.

        The income is known to the lender only.

        Raises:
            ValueError: The report has no exposure under this standard.
        """
        if not self.max_exposure_to_income_percent:
            return True
        for standing in report.standings:
            if (standing.rule, standing.standard_version) == (EXPOSURE, self.version):
                return standing.value * 100 <= (
                    yearly_income_minor * self.max_exposure_to_income_percent
                )
        raise ValueError(
            "the report has no exposure under this standard; query it with a consent that opens "
            "the summary"
        )


EXPOSURE = "max_unsecured_exposure_minor"
