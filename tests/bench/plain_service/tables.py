"""The tables of the plain service: accounts, their months, consents and inquiries."""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlmodel import Field, SQLModel, UniqueConstraint

SUBJECT_ID = "^[0-9a-f]{32}$"


class AccountFields(SQLModel):
    """The fields of an account that stay the same from month to month."""

    subject_id: str = Field(regex=SUBJECT_ID, index=True)
    portfolio_type: int = Field(ge=1)
    account_type: str = Field(min_length=2, max_length=2)
    currency: str = Field(regex="^[A-Z]{3}$")
    open_date: int
    term_months: int = Field(ge=0)
    interest_rate_ppm: int
    credit_limit_minor: int = Field(ge=0)
    original_amount_minor: int = Field(ge=0)


class MonthFields(SQLModel):
    """The fields of an account in one month."""

    month: int = Field(ge=190001, le=999912)
    status: int = Field(ge=1, le=7)
    balance_minor: int
    amount_due_minor: int = Field(ge=0)
    amount_paid_minor: int = Field(ge=0)
    amount_past_due_minor: int = Field(ge=0)
    days_past_due: int = Field(ge=0)
    payments_missed: int = Field(ge=0)
    last_payment_date: int
    classification: int


class Account(AccountFields, table=True):
    """An account of a person with a lender."""

    __table_args__ = (UniqueConstraint("lender", "ref"),)

    id: int | None = Field(default=None, primary_key=True)
    lender: str
    ref: str


class AccountMonth(MonthFields, table=True):
    """An account's record of one month."""

    __tablename__ = "account_month"

    account_id: int = Field(foreign_key="account.id", primary_key=True)
    month: int = Field(primary_key=True)


class Consent(SQLModel, table=True):
    """A person's consent to a lender's inquiries; a row, signed by no person."""

    id: str = Field(primary_key=True)
    subject_id: str = Field(regex=SUBJECT_ID, index=True)
    lender: str
    purpose: int
    start_date: date
    expire_date: date

    def allows(self, subject_id: str, lender: str, purpose: int, today: date) -> bool:
        """Return True if a lender may inquire about a person today."""
        return (self.subject_id, self.lender, self.purpose) == (
            subject_id,
            lender,
            purpose,
        ) and self.start_date <= today <= self.expire_date


class Inquiry(SQLModel, table=True):
    """An inquiry that a lender made."""

    id: int | None = Field(default=None, primary_key=True)
    subject_id: str = Field(index=True)
    lender: str
    purpose: int
    consent_id: str = Field(foreign_key="consent.id")
    create_time: datetime = Field(default_factory=lambda: datetime.now(UTC))
