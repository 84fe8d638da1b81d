"""Requests of members for consents, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bureau_client.models.codes import (
    Action,
    ConsentMode,
    ConsentRequestState,
    PortfolioType,
    Purpose,
    Section,
)
from bureau_client.models.consents import Frequency
from bureau_client.models.receipts import Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRequest:
    """A member's request for a consent: the signed text, and the state that its answer leads to.

    Attributes:
        consent_request_id: Id of the request, for the answer to it.
        member_id: The member that asks, the grantee of the consent.
        portfolio_types: Kinds of facility that it asks for; empty for all.
        history_months: Months of payment history in a report; 0 for none.
        period: Time from the consent's start to its end.
        expire_time: Time until which the request can be answered, exclusive.
        max_uses: Largest number of reports in all; 0 for no limit.
        frequency: Largest number of reports per period; None for no limit.
        data_life: Time that the member wants to keep the report; zero unless STORE.
        text: The member's reason, in its own words; empty if the operator erased it.
        state: GRANTED and NARROWED follow from the comparison of the consent with the request.
        consent_id: The consent that answers; empty without one.
        update_time: Time of the answer in the log; without one, of the request.
        note: The subject's note with a decline.
        envelope: The signed request, a serialised DSSE envelope; empty if it was erased.
        receipt: Proof that the answer, or without one the request, is in the log.
        proved: False if the words of the request or of its decline were erased: the rest is the
            bureau's word.
    """

    consent_request_id: str
    member_id: str
    subject_id: str
    actions: tuple[Action, ...]
    purposes: tuple[Purpose, ...]
    sections: tuple[Section, ...]
    portfolio_types: tuple[PortfolioType, ...]
    history_months: int
    period: timedelta
    expire_time: datetime
    max_uses: int
    frequency: Frequency | None
    data_life: timedelta
    mode: ConsentMode
    text: str
    state: ConsentRequestState
    consent_id: str
    create_time: datetime
    update_time: datetime
    note: str
    envelope: bytes = field(repr=False)
    receipt: Receipt = field(repr=False)
    proved: bool
