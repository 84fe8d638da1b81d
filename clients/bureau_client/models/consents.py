"""Consents as their subjects signed them, and where they stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bureau_client.models.codes import (
    Action,
    ConsentMode,
    ConsentState,
    FrequencyUnit,
    PortfolioType,
    Purpose,
    Section,
)
from bureau_client.models.receipts import Receipt


@dataclass(frozen=True, slots=True)
class Frequency:
    """So many uses per calendar unit: `Frequency(FrequencyUnit.MONTH, 5)`."""

    unit: FrequencyUnit
    value: int

    def __str__(self) -> str:
        return f"{self.value} a {self.unit.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One consent: what the subject signed, and its state at the bureau.

    Attributes:
        consent_id: Names it in `query`.
        grantee: The member that may act.
        portfolio_types: Which kinds of facility; empty means all.
        history_months: Months of payment history; 0 means none.
        expire_time: Valid until, exclusive.
        max_uses: Reports in all; 0 means no limit.
        frequency: Reports per period; None means no limit.
        data_life: How long the grantee may keep the report; zero unless STORE.
        update_time: When the state last changed by a signed statement.
        note: The subject's note with that change.
        envelope: The signed consent, a serialised DSSE envelope.
        receipt: Proof that granting or changing it is in the log; None when it
            was listed.
    """

    consent_id: str
    subject_id: str
    grantee: str
    actions: tuple[Action, ...]
    purposes: tuple[Purpose, ...]
    sections: tuple[Section, ...]
    portfolio_types: tuple[PortfolioType, ...]
    history_months: int
    start_time: datetime
    expire_time: datetime
    max_uses: int
    frequency: Frequency | None
    data_life: timedelta
    mode: ConsentMode
    state: ConsentState
    use_count: int
    create_time: datetime | None
    update_time: datetime | None
    note: str
    envelope: bytes = field(repr=False)
    receipt: Receipt | None = field(default=None, repr=False)
