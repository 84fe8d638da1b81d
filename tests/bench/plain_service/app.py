"""A plain, unsigned credit bureau: what many teams would build first with FastAPI and SQLModel.

It validates, stores and answers. It authenticates no caller, and it has no signatures, no log, no
proof of consents and no receipts.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, status
from sqlmodel import Session, col, func, select

from tests.bench.plain_service.database import open_database
from tests.bench.plain_service.messages import ConsentsIn, InquiryIn, RecordsIn, Stored
from tests.bench.plain_service.report import File, Report, build_report
from tests.bench.plain_service.tables import (
    Account,
    AccountFields,
    AccountMonth,
    Consent,
    Inquiry,
    MonthFields,
)

# Applications for credit: other lenders count these inquiries, for half a year.
HARD_PURPOSES = (3,)
HALF_YEAR = timedelta(days=183)
ACCOUNT_FIELDS, MONTH_FIELDS = set(AccountFields.model_fields), set(MonthFields.model_fields)

router = APIRouter()


def create_app(path: Path) -> FastAPI:
    """Create the service over the database of a file."""
    app = FastAPI()
    app.state.engine = open_database(path)
    app.include_router(router)
    return app


def open_session(request: Request) -> Iterator[Session]:
    """Open the database session of one request."""
    with Session(request.app.state.engine) as session:
        yield session


OpenSession = Annotated[Session, Depends(open_session)]


@router.post("/consents")
def grant_consents(body: ConsentsIn, session: OpenSession) -> Stored:
    """Store consents."""
    count = len(body.consents)
    session.add_all([Consent.model_validate(consent) for consent in body.consents])
    session.commit()
    return Stored(count=count, new=count)


@router.post("/records")
def submit_records(body: RecordsIn, session: OpenSession) -> Stored:
    """Store a batch of records: new accounts and months, and changes of known ones."""
    refs = {record.account_ref for record in body.records}
    known = session.exec(
        select(Account).where(Account.lender == body.lender, col(Account.ref).in_(refs))
    )
    accounts = {account.ref: account for account in known}
    known_count = len(accounts)
    for record in body.records:
        fields = record.model_dump(include=ACCOUNT_FIELDS)
        if account := accounts.get(record.account_ref):
            account.sqlmodel_update(fields)
        else:
            account = Account(lender=body.lender, ref=record.account_ref, **fields)
            accounts[record.account_ref] = account
    session.add_all(accounts.values())
    session.flush()  # new accounts get their ids

    ids = {ref: account.id for ref, account in accounts.items() if account.id is not None}
    stored = session.exec(
        select(AccountMonth).where(
            col(AccountMonth.account_id).in_(ids.values()),
            col(AccountMonth.month).in_({record.month for record in body.records}),
        )
    )
    months = {(month.account_id, month.month): month for month in stored}
    for record in body.records:
        fields = record.model_dump(include=MONTH_FIELDS)
        account_id = ids[record.account_ref]
        if month := months.get((account_id, record.month)):
            month.sqlmodel_update(fields)
        else:
            months[account_id, record.month] = AccountMonth(account_id=account_id, **fields)
    session.add_all(months.values())
    session.commit()
    return Stored(count=len(body.records), new=len(accounts) - known_count)


@router.post("/reports")
def query_report(body: InquiryIn, session: OpenSession) -> Report:
    """Answer an inquiry under a consent, and store the inquiry."""
    now = datetime.now(UTC)
    consent = session.get(Consent, body.consent_id)
    if not consent or not consent.allows(body.subject_id, body.lender, body.purpose, now.date()):
        raise HTTPException(status.HTTP_403_FORBIDDEN, "no consent in force allows the inquiry")
    report = build_report(
        body.subject_id,
        _read_files(session, body.subject_id),
        _count_inquiries(session, body, now - HALF_YEAR),
        now.year * 100 + now.month,
    )
    session.add(
        Inquiry(
            subject_id=body.subject_id,
            lender=body.lender,
            purpose=body.purpose,
            consent_id=body.consent_id,
        )
    )
    session.commit()
    return report


def _read_files(session: Session, subject_id: str) -> list[File]:
    """Read the accounts of a person with their months."""
    accounts = session.exec(
        select(Account).where(Account.subject_id == subject_id).order_by(col(Account.id))
    ).all()
    months = session.exec(
        select(AccountMonth)
        .where(col(AccountMonth.account_id).in_([account.id for account in accounts]))
        .order_by(col(AccountMonth.account_id), col(AccountMonth.month).desc())
    )
    by_account = {
        account_id: list(group) for account_id, group in groupby(months, lambda m: m.account_id)
    }
    return [File(account, by_account[account.id]) for account in accounts if account.id]


def _count_inquiries(session: Session, body: InquiryIn, since: datetime) -> int:
    """Count the inquiries of other lenders about the person."""
    return session.exec(
        select(func.count())
        .select_from(Inquiry)
        .where(
            Inquiry.subject_id == body.subject_id,
            Inquiry.lender != body.lender,
            col(Inquiry.purpose).in_(HARD_PURPOSES),
            Inquiry.create_time >= since,
        )
    ).one()
