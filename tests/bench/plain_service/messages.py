"""The bodies of requests to the plain service, and its short answers."""

from __future__ import annotations

from pydantic import BaseModel, Field

from tests.bench.plain_service.tables import SUBJECT_ID, AccountFields, Consent, MonthFields

MAX_ITEMS = 10_000


class RecordIn(AccountFields, MonthFields):
    """An account's record of one month."""

    account_ref: str = Field(min_length=1, max_length=64)


class RecordsIn(BaseModel):
    """A lender's batch of records."""

    lender: str
    records: list[RecordIn] = Field(max_length=MAX_ITEMS)


class ConsentsIn(BaseModel):
    """Consents of persons."""

    consents: list[Consent] = Field(max_length=MAX_ITEMS)


class InquiryIn(BaseModel):
    """A lender's inquiry about a person."""

    subject_id: str = Field(pattern=SUBJECT_ID)
    lender: str
    purpose: int
    consent_id: str


class Stored(BaseModel):
    """The answer to a batch.

    Attributes:
        new: Accounts that the service did not know before, of records; all, of consents.
    """

    count: int
    new: int
