"""Use case of a portfolio: one signed inquiry for reports on a member's own customers,
under their consents to monitor.

The reports are built before the commit, as of one log size; under the consents' locks those of
customers who withdrew meanwhile are left out. The inquiry is one leaf of the log, which covers
the digests of all reports, and one inquiry on each customer's file. The reports are then built
again, one by one and byte for byte, so a stream that broke resumes where it stopped. A report
that its customer no longer allows, or that is larger than clients receive, is withheld, under
its index.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from bureau import paging, signed_statement
from bureau.context import Bureau, Caller
from bureau.credit_file import consent_state
from bureau.credit_file.build_report import (
    BuiltReport,
    check_report_digest,
    check_size,
    load_consent,
    rebuild_report,
)
from bureau.credit_file.consent_events import count_uses
from bureau.credit_file.consent_proof import prove_consent
from bureau.credit_file.consent_state import HeldConsent
from bureau.credit_file.contributions import level_of
from bureau.credit_file.freeze import check_freeze
from bureau.credit_file.replay_check import check_retry
from bureau.credit_file.report_rules import ReportRequest
from bureau.credit_file.report_versions import current_rules
from bureau.credit_file.stored_inquiry import StoredInquiry
from bureau.credit_file.stored_portfolio import StoredPortfolio
from bureau.credit_file.subject_state import PLACEMENT
from bureau.errors import Refusal
from bureau.journeys.monitoring import alert_inquiries
from bureau.ledger import log
from bureau.ledger.units import Committed, Transaction
from bureau.signed_statement import VerifiedStatement
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.consent_history import ACTIVE
from bureau_keys.portfolio import MAX_REPORTS, ReportTree
from creditbureau.v1 import codes_pb2, report_pb2
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.reporting_pb2 import (
    PortfolioInquiry,
    PortfolioProof,
    QueryPortfolioResponse,
)

PURPOSES = frozenset({codes_pb2.PURPOSE_ACCOUNT_REVIEW, codes_pb2.PURPOSE_COLLECTION})
# Reports that are built from one snapshot, so that none is held for long.
PAGE = 50


class AsOf(NamedTuple):
    """The moment as of which all reports of a portfolio are built.

    Attributes:
        create_us: The time, microseconds.
        log_size: The log size.
        level: ReciprocityLevel that the member had earned.
        rules_version: Name of the rules of reports.
    """

    create_us: int
    log_size: int
    level: int
    rules_version: str


def query_portfolio(
    bureau: Bureau, caller: Caller, envelope: Envelope, cursor: str
) -> Iterator[QueryPortfolioResponse | None]:
    """Yield reports on a member's customers; None while they are built.

    Args:
        cursor: Index of the first report; empty to start.

    Raises:
        Refusal: All of `verify_statement`; CLOCK_SKEW, EXPIRED_REQUEST (also a stream that
            is resumed after a day), INVALID_FIELD (purpose), PURPOSE_NOT_PERMITTED,
            TOO_MANY_ITEMS, BAD_PAGE_TOKEN.
    """
    # 1. Open and verify.
    start = paging.number_in(cursor, otherwise=0, field="cursor")
    opened = open_portfolio(bureau, caller, envelope)
    with bureau.database.snapshot() as db:
        signed_statement.check_fresh_or_accepted(db, opened, bureau.clock.now_us())
        is_accepted = signed_statement.is_accepted(db, opened)

    # 2. Build the reports of a new inquiry, outside the writer.
    inquiries: list[StoredInquiry] = []
    if not is_accepted:
        for built in _build(bureau, caller, opened):
            inquiries.extend(built)
            yield None

    # 3. One unit of work: each consent's use, each customer's line, one leaf over all reports.
    committed = commit_portfolio(bureau, caller, opened, inquiries)

    # 4. Committed: the reports from the cursor on, as of that moment.
    entry_key = committed.proof.entry.entry_key
    with bureau.database.snapshot() as db:
        portfolio = StoredPortfolio.read(db, entry_key)
    count = portfolio.tree.count
    if start > count:
        raise paging.bad_token("cursor")
    first = QueryPortfolioResponse(
        receipt=signed_statement.receipt_of(committed.proof), portfolio=portfolio.tree.start()
    )
    if start == count:
        yield first
    for first_index in range(start, count, PAGE):
        for message, payload in _answers(bureau, opened, entry_key, portfolio, first_index):
            if payload is not None:
                signed = signed_statement.sign_report(bureau.report_key, payload)
                message.report.CopyFrom(signed)
            if message.portfolio.index == start:
                message.MergeFrom(first)
            yield message


def open_portfolio(
    bureau: Bureau, caller: Caller, envelope: Envelope
) -> VerifiedStatement[PortfolioInquiry]:
    """Verify an inquiry for a portfolio.

    Raises:
        Refusal: All of `verify_statement`; INVALID_FIELD, PURPOSE_NOT_PERMITTED.
    """
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db,
            bureau.origin,
            envelope,
            PortfolioInquiry,
            kind="portfolio-inquiry",
            signer=caller.signer,
        )
    if opened.message.purpose not in PURPOSES:
        raise Refusal.of_field("INVALID_FIELD", "purpose", "ACCOUNT_REVIEW or COLLECTION")
    if opened.message.purpose not in caller.purposes:
        raise Refusal("PURPOSE_NOT_PERMITTED", "the member is not admitted for this purpose")
    return opened


def commit_portfolio(
    bureau: Bureau,
    caller: Caller,
    opened: VerifiedStatement[PortfolioInquiry],
    inquiries: Iterable[StoredInquiry],
) -> Committed[None]:
    """Commit an inquiry for a portfolio under the locks of its consents.

    Args:
        inquiries: The inquiry about each customer, with the digest of the built report; one
            that its customer allows no longer is left out.

    Raises:
        Refusal: The reasons of the ledger.
    """
    purpose, wanted = opened.message.purpose, list(inquiries)
    people = sorted(inquiry.subject_id for inquiry in wanted)
    consent_ids = sorted(inquiry.consent_id for inquiry in wanted)

    def work(tx: Transaction) -> None:
        opened.recheck_key_and_time(tx)
        locked = [HeldConsent(*row) for row in tx.db.all_in(q.lock_consents, consent_ids)]
        tx.db.lock_in(q.share_subjects, people)
        covering = {
            consent.consent_id: consent
            for consent in _covering(
                tx.db, bureau, caller.member_id, locked, purpose, tx.now_us, lock=True
            )
        }
        kept = [inquiry for inquiry in wanted if inquiry.consent_id in covering]
        count_uses(tx, covering.values())
        tx.db.execute_many(
            q.add_inquiry, [one._replace(entry_key=tx.entry_key).new_row() for one in kept]
        )
        tx.answer_digest = ReportTree([one.report_digest or b"" for one in kept]).answer_digest
        customers = [inquiry.subject_id for inquiry in kept]
        tx.subjects.update(customers)
        if purpose in bureau.policy.hard_purposes:
            alert_inquiries(tx, customers, bureau.policy, caller.member_id)

    return bureau.ledger.commit(opened.signed, work)


def build_inquiry(
    db: Connection,
    bureau: Bureau,
    opened: VerifiedStatement[PortfolioInquiry],
    consent: HeldConsent,
    as_of: AsOf,
) -> StoredInquiry:
    """Build the report on a customer, and return the inquiry about it, without its entry."""
    hard = opened.message.purpose in bureau.policy.hard_purposes
    inquiry = StoredInquiry(
        inquiry_key=0,
        subject_id=consent.subject_id,
        member_id=consent.grantee,
        inquiry_id=opened.signed.request_id,
        consent_id=consent.consent_id,
        purpose=opened.message.purpose,
        kind=report_pb2.INQUIRY_KIND_HARD if hard else report_pb2.INQUIRY_KIND_SOFT,
        outcome=report_pb2.INQUIRY_OUTCOME_REPORTED,
        denial_reason="",
        create_us=as_of.create_us,
        entry_key=None,
        log_size=as_of.log_size,
        rules_version=as_of.rules_version,
        level=as_of.level,
        report_digest=None,
    )
    report = _rebuild(db, bureau, opened, consent, inquiry)
    return inquiry._replace(outcome=report.inquiry_outcome, report_digest=report.digest)


def _build(
    bureau: Bureau, caller: Caller, opened: VerifiedStatement[PortfolioInquiry]
) -> Iterator[list[StoredInquiry]]:
    """Yield pages of inquiries about a member's customers, with the digests of their reports.

    All reports are as of the log's size at the start. Each page has a snapshot of its own, so
    that none is held for long.

    Raises:
        Refusal: TOO_MANY_ITEMS.
    """
    now_us = bureau.clock.now_us()
    with bureau.database.snapshot() as db:
        as_of = AsOf(
            now_us,
            log.size_of(db),
            level_of(db, caller.member_id, bureau.policy, now_us),
            current_rules(bureau.policy).name,
        )
        consents = _customers(db, bureau, caller.member_id, opened.message, now_us)
    for first in range(0, len(consents), PAGE):
        with bureau.database.snapshot() as db:
            yield [
                build_inquiry(db, bureau, opened, consent, as_of)
                for consent in consents[first : first + PAGE]
            ]


def _customers(
    db: Connection, bureau: Bureau, member_id: str, inquiry: PortfolioInquiry, now_us: int
) -> list[HeldConsent]:
    """List one consent for each customer on whom a report may be given.

    Raises:
        Refusal: TOO_MANY_ITEMS.
    """
    wanted = set(inquiry.subject_ids)
    rows = db.all(q.monitored_by, grantee=member_id, state=ACTIVE, now_us=now_us)
    consents = [HeldConsent(*row) for row in rows]
    if wanted:
        consents = [consent for consent in consents if consent.subject_id in wanted]
    by_subject: dict[str, HeldConsent] = {}
    for consent in _covering(db, bureau, member_id, consents, inquiry.purpose, now_us):
        by_subject.setdefault(consent.subject_id, consent)
    if len(by_subject) > MAX_REPORTS:
        message = f"more than {MAX_REPORTS} customers: name them in parts"
        raise Refusal.of_field("TOO_MANY_ITEMS", "subject_ids", message)
    return list(by_subject.values())


def _covering(
    db: Connection,
    bureau: Bureau,
    member_id: str,
    consents: Sequence[HeldConsent],
    purpose: int,
    now_us: int,
    *,
    lock: bool = False,
) -> list[HeldConsent]:
    """List the consents under which a report on a member's own customer may be given.

    Args:
        lock: Lock the accounts that exempt the member from a freeze.
    """
    people = sorted({consent.subject_id for consent in consents})
    own = {row[0] for row in db.all_in(q.furnished_among, people, member_id=member_id)}
    holding = {row[0] for row in db.all_in(q.having_events, people, kind=PLACEMENT)}

    def covers(consent: HeldConsent) -> bool:
        if consent.subject_id not in own:
            return False
        try:
            consent_state.check_use(consent, purpose, now_us)
            if consent.subject_id in holding:
                subject_id = consent.subject_id
                check_freeze(db, bureau.policy, subject_id, member_id, purpose, now_us, lock=lock)
        except Refusal:
            return False
        return True

    return [consent for consent in consents if covers(consent)]


def _answers(
    bureau: Bureau,
    opened: VerifiedStatement[PortfolioInquiry],
    entry_key: int,
    portfolio: StoredPortfolio,
    first_index: int,
) -> list[tuple[QueryPortfolioResponse, bytes | None]]:
    """Return the messages of a page of reports, and the reports to sign: see `_answer`.

    Args:
        first_index: Index of the page's first report.

    Raises:
        Refusal: INTERNAL if a report cannot be built again as it was.
    """
    now_us = bureau.clock.now_us()
    after = portfolio.keys[first_index] - 1
    with bureau.database.snapshot() as db:
        page = db.all(q.inquiries_of_entry, entry_key=entry_key, after=after, limit=PAGE)
        return [
            _answer(db, bureau, opened, portfolio, index, StoredInquiry(*row), now_us)
            for index, row in enumerate(page, first_index)
        ]


def _answer(
    db: Connection,
    bureau: Bureau,
    opened: VerifiedStatement[PortfolioInquiry],
    portfolio: StoredPortfolio,
    index: int,
    inquiry: StoredInquiry,
    now_us: int,
) -> tuple[QueryPortfolioResponse, bytes | None]:
    """Return the message of a report, and the report's bytes; None if it is withheld."""
    answer = QueryPortfolioResponse(portfolio=PortfolioProof(index=index), cursor=str(index + 1))
    consent = load_consent(db, inquiry.consent_id)
    assert consent is not None, "an accepted inquiry had a consent"
    report = _built_again(db, bureau, opened, consent, inquiry, now_us)
    if report is None:
        answer.withheld = True
        return answer, None
    answer.consent.CopyFrom(prove_consent(db, consent))
    answer.portfolio.proof.extend(portfolio.tree.prove(index).proof)
    return answer, report.payload


def _built_again(
    db: Connection,
    bureau: Bureau,
    opened: VerifiedStatement[PortfolioInquiry],
    consent: HeldConsent,
    inquiry: StoredInquiry,
    now_us: int,
) -> BuiltReport | None:
    """Build a report again; None if its customer no longer allows it, its records were erased,
    or it is larger than clients receive.

    Raises:
        Refusal: WRONG_STATE if this node lacks the rules that made the report; INTERNAL if it
            is not the recorded one.
    """
    try:
        check_retry(db, bureau.policy, consent, inquiry, now_us)
    except Refusal:
        return None
    report = _rebuild(db, bureau, opened, consent, inquiry)
    try:
        check_report_digest(db, report, inquiry)
        check_size(report.payload)
    except Refusal as refusal:
        if refusal.reason not in ("WRONG_STATE", "LIMIT_REACHED"):
            raise
        return None
    return report


def _rebuild(
    db: Connection,
    bureau: Bureau,
    opened: VerifiedStatement[PortfolioInquiry],
    consent: HeldConsent,
    inquiry: StoredInquiry,
) -> BuiltReport:
    """Build the report that an inquiry about a customer gives."""
    asked = ReportRequest(
        opened.header.request_id,
        opened.signed.digest,
        inquiry.subject_id,
        inquiry.purpose,
        0,  # a portfolio comes without evidence
    )
    return rebuild_report(db, bureau.origin, bureau.policy, asked, consent, inquiry)
