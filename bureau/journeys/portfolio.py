"""Use case of a portfolio: one signed inquiry for reports on a member's own customers,
under their consents to monitor.

The inquiry is one leaf of the log, and one inquiry on each customer's file. The reports are
then built one by one as of its log size, so a stream that broke resumes where it stopped,
with the same reports.
"""

from __future__ import annotations

from collections.abc import Iterator

from bureau import paging, signed_statement
from bureau.context import Bureau, Caller
from bureau.credit_file import consent_state
from bureau.credit_file.build_report import load_consent, rebuild_report
from bureau.credit_file.consent_proof import prove_consent
from bureau.credit_file.consent_state import ACTIVE, HeldConsent
from bureau.credit_file.contributions import level_of
from bureau.credit_file.replay_check import check_retry
from bureau.credit_file.report_rules import ReportRequest
from bureau.credit_file.report_versions import current_rules
from bureau.credit_file.stored_inquiry import StoredInquiry
from bureau.credit_file.subject_events import read_state
from bureau.credit_file.subject_state import check_holds
from bureau.errors import Refusal
from bureau.journeys.monitoring import alert_inquiries
from bureau.ledger import log
from bureau.ledger.commit_queue import Committed, Transaction
from bureau.signed_statement import VerifiedStatement
from bureau.store import queries as q
from bureau.store.database import Connection
from creditbureau.v1 import codes_pb2, report_pb2
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.reporting_pb2 import PortfolioInquiry, QueryPortfolioResponse

PURPOSES = frozenset({codes_pb2.PURPOSE_ACCOUNT_REVIEW, codes_pb2.PURPOSE_COLLECTION})
# Reports of one inquiry; a larger portfolio is refused and must be split.
MAX_REPORTS = 10_000
PAGE = 50


def query_portfolio(
    bureau: Bureau, caller: Caller, envelope: Envelope, cursor: str
) -> Iterator[QueryPortfolioResponse | None]:
    """Yield reports on a member's customers.

    Args:
        cursor: Cursor of the last report that the caller has; empty to start.

    Raises:
        Refusal: All of `verify_statement`; CLOCK_SKEW, EXPIRED_REQUEST (also a stream that
            is resumed after a day), INVALID_FIELD (purpose), PURPOSE_NOT_PERMITTED, TOO_MANY_ITEMS.
    """
    # 1. Open and verify.
    after = paging.number_in(cursor, otherwise=0, field="cursor")
    opened = _open(bureau, caller, envelope)
    inquiry = opened.message
    signed_statement.check_resumable(opened.header, bureau.clock.now_us())

    # 2. One unit of work: each consent's use, each customer's line, one leaf.
    committed = _commit(bureau, caller, opened)

    # 3. Committed: the reports, as of that moment.
    receipt = signed_statement.receipt_of(committed.proof)
    entry_key = committed.proof.entry.entry_key
    while True:
        reports = []
        now_us = bureau.clock.now_us()
        with bureau.database.snapshot() as db:
            page = db.all(q.inquiries_of_entry, entry_key=entry_key, after=after, limit=PAGE)
            for values in page:
                stored = StoredInquiry(*values)
                after = stored.inquiry_key
                held = load_consent(db, stored.consent_id)
                if held is None or not _still_allowed(db, bureau, held, stored, now_us):
                    continue
                asked = ReportRequest(
                    opened.header.request_id,
                    opened.signed.digest,
                    stored.subject_id,
                    inquiry.purpose,
                    0,
                )
                prepared = rebuild_report(db, bureau.origin, bureau.policy, asked, held, stored)
                reports.append((prepared.payload, str(after), prove_consent(db, held)))
        for payload, place, consent in reports:
            report = signed_statement.sign_report(bureau.report_key, payload)
            yield QueryPortfolioResponse(
                report=report, receipt=receipt, cursor=place, consent=consent
            )
        if len(page) < PAGE:
            return


def commit_portfolio(bureau: Bureau, caller: Caller, envelope: Envelope) -> None:
    """Commit the inquiry for a portfolio, without building its reports.

    Raises:
        Refusal: All of `query_portfolio`.
    """
    _commit(bureau, caller, _open(bureau, caller, envelope))


def _open(
    bureau: Bureau, caller: Caller, envelope: Envelope
) -> VerifiedStatement[PortfolioInquiry]:
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


def _commit(
    bureau: Bureau, caller: Caller, opened: VerifiedStatement[PortfolioInquiry]
) -> Committed[None]:
    def work(tx: Transaction) -> None:
        opened.recheck_key_and_time(tx)
        _record(bureau, tx, caller, opened)

    return bureau.ledger.commit(opened.signed, work)


def _still_allowed(
    db: Connection, bureau: Bureau, held: HeldConsent, stored: StoredInquiry, now_us: int
) -> bool:
    """Return False for a customer who withdrew the consent, or froze the file, since."""
    try:
        check_retry(db, bureau.policy, held, stored, now_us)
    except Refusal:
        return False
    return True


def _record(
    bureau: Bureau, tx: Transaction, caller: Caller, opened: VerifiedStatement[PortfolioInquiry]
) -> None:
    """Store an inquiry about each customer whose consent covers it.

    Raises:
        Refusal: TOO_MANY_ITEMS.
    """
    inquiry = opened.message
    wanted = set(inquiry.subject_ids)
    log_size = log.size_of(tx.db)
    level = level_of(tx.db, caller.member_id, bureau.policy, tx.now_us)
    rules_version = current_rules(bureau.policy).name
    hard = inquiry.purpose in bureau.policy.hard_purposes
    seen: set[str] = set()
    for values in tx.db.all(
        q.monitored_by, grantee=caller.member_id, state=ACTIVE, now_us=tx.now_us
    ):
        who = HeldConsent(*values).subject_id
        if who in seen or (wanted and who not in wanted):
            continue
        held = _covering(bureau, tx, caller, HeldConsent(*values), inquiry.purpose)
        if held is None:
            continue
        seen.add(who)
        if len(seen) > MAX_REPORTS:
            message = f"more than {MAX_REPORTS} customers: name them in parts"
            raise Refusal.of_field("TOO_MANY_ITEMS", "subject_ids", message)
        tx.subjects.add(who)
        tx.db.execute(
            q.count_use,
            which=held.consent_id,
            period=held.period_at(tx.now_us),
            period_count=held.uses_in_period(tx.now_us) + 1,
        )
        tx.db.execute(
            q.add_inquiry,
            subject_id=who,
            member_id=caller.member_id,
            inquiry_id=opened.signed.request_id,
            consent_id=held.consent_id,
            purpose=inquiry.purpose,
            kind=report_pb2.INQUIRY_KIND_HARD if hard else report_pb2.INQUIRY_KIND_SOFT,
            outcome=report_pb2.INQUIRY_OUTCOME_REPORTED,
            denial_reason="",
            create_us=tx.now_us,
            entry_key=tx.entry_key,
            log_size=log_size,
            rules_version=rules_version,
            level=level,
        )
    if hard:
        alert_inquiries(tx, seen, bureau.policy, caller.member_id)


def _covering(
    bureau: Bureau, tx: Transaction, caller: Caller, held: HeldConsent, purpose: int
) -> HeldConsent | None:
    """Lock a customer's consent, and return it if a report on the customer may be given.

    Only a member's own customers are in its portfolio.
    """
    row = tx.db.one(q.lock_consent, consent_id=held.consent_id)
    if row is None or not tx.db.one(
        q.furnishes, subject_id=held.subject_id, member_id=caller.member_id
    ):
        return None
    locked = HeldConsent(*row)
    tx.db.lock(q.share_subject, subject_id=held.subject_id)
    state = read_state(tx.db, held.subject_id, bureau.policy, tx.now_us)
    try:
        consent_state.check_use(locked, purpose, tx.now_us)
        check_holds(state, bureau.policy, caller.member_id, purpose, tx.now_us)
    except Refusal:
        return None
    return locked
