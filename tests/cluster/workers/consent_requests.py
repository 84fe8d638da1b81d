"""Consent requests: lenders make and withdraw them, people grant, narrow and decline them."""

from __future__ import annotations

import random
from datetime import timedelta
from uuid import uuid4

from bureau_client import (
    Action,
    Consent,
    ConsentRequest,
    ConsentRequestState,
    Lender,
    Purpose,
    Section,
)
from tests.cluster.workers.journal import Journal
from tests.cluster.workers.person import Person

USES = 3
# Of so many requests one goes to a subject id that no person has, and one is withdrawn.
UNKNOWN, WITHDRAWN = 8, 6


def ask(journal: Journal, lender: Lender, people: list[str], chance: random.Random) -> None:
    """Ask a person for a consent to inquire, and withdraw some requests at once."""
    subject_id = chance.choice(people) if chance.randrange(UNKNOWN) else uuid4().hex
    request = journal.attempt(
        "ask",
        lender,
        lambda: lender.request_consent(
            subject_id,
            [Action.INQUIRE],
            [Purpose.CREDIT_APPLICATION],
            [Section.SUMMARY, Section.TRADELINES],
            text="by the harness",
            period=timedelta(days=20),
            max_uses=USES,
        ),
        receipt=lambda request: request.receipt,
        subject=subject_id,
    )
    if request and not chance.randrange(WITHDRAWN):
        journal.attempt(
            "withdraw",
            lender,
            lambda: lender.withdraw_consent_request(request),
            receipt=lambda request: request.receipt,
            subject=subject_id,
            request=request.consent_request_id,
        )


def answer(journal: Journal, person: Person, chance: random.Random) -> Consent | None:
    """Answer an open request: grant it, narrow it or decline it."""
    wallet = person.wallet
    requests = journal.read(
        "consent-requests", lambda: wallet.consent_requests(limit=20), subject=wallet.subject_id
    )
    pending = [one for one in requests or [] if one.state is ConsentRequestState.PENDING]
    if not pending:
        return None
    request = chance.choice(pending)
    if not chance.randrange(3):
        decline(journal, person, request)
        return None
    uses = chance.randint(1, USES)
    return journal.attempt(
        "grant",
        wallet,
        lambda: wallet.grant_request(request, max_uses=uses),
        receipt=lambda consent: consent.receipt,
        subject=wallet.subject_id,
        grantee=request.member_id,
        actions=[action.name for action in request.actions],
        purposes=[purpose.name for purpose in request.purposes],
        max_uses=uses,
        monthly=0,
        request=request.consent_request_id,
    )


def decline(journal: Journal, person: Person, request: ConsentRequest) -> None:
    """Decline a request."""
    wallet = person.wallet
    journal.attempt(
        "decline",
        wallet,
        lambda: wallet.decline_request(request),
        receipt=lambda request: request.receipt,
        subject=wallet.subject_id,
        request=request.consent_request_id,
    )
