"""Replay of inquiries: the stored inputs must give the reports whose digests are in the log."""

from __future__ import annotations

from bureau import signed_statement
from bureau.admin.log_replay.state import ReplayState
from bureau.context import Bureau
from bureau.credit_file.build_report import load_consent, named_consent, rebuild_report
from bureau.credit_file.contributions import level_of
from bureau.credit_file.report_rules import ReportRequest
from bureau.credit_file.stored_inquiry import StoredInquiry
from bureau.errors import Refusal
from bureau.journeys import commit_inquiries, portfolio, query, replay
from bureau.ledger.units import Transaction
from bureau.store import queries as q
from bureau.store.rows import rows_of
from bureau_keys.denial import denial_digest
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.reporting_pb2 import Inquiry

INQUIRIES = rows_of("inquiry", ("entry_key", "subject_id"))


def replay_inquiry(state: ReplayState, bureau: Bureau, envelope: Envelope) -> None:
    """Replay an inquiry: its row's inputs must give the report whose digest is in the log.

    Raises:
        Refusal: INTERNAL if they do not; the reasons of `commit_inquiry`.
    """
    entry, asked_by = state.entry, state.caller()
    opened = signed_statement.verify_statement(
        state.db, bureau.origin, envelope, Inquiry, kind="inquiry", signer=asked_by.signer
    )
    inquiry = opened.message
    if inquiry.purpose not in asked_by.purposes:
        raise Refusal("PURPOSE_NOT_PERMITTED", "the member is not admitted for this purpose")
    row = state.stored.one(q.inquiry_of_entry, entry_key=entry.entry_key)
    consent = named_consent(state.db, inquiry.consent_id)
    if row is None:
        raise Refusal("INTERNAL", "the inquiry that it made is not there")
    if consent is None:
        raise Refusal("CONSENT_REQUIRED", "no consent has the id that it names")
    stored = StoredInquiry(*row)
    asked = ReportRequest(
        opened.header.request_id,
        opened.signed.digest,
        inquiry.subject_id,
        inquiry.purpose,
        0,  # evidence goes beside a report, not into it
    )
    level = level_of(state.db, asked_by.member_id, bureau.policy, stored.create_us)
    # Another node may have changed the level between the reading and the commit.
    for earned in (level, stored.level):
        report = rebuild_report(
            state.db,
            bureau.origin,
            bureau.policy,
            asked,
            consent,
            stored._replace(level=earned),
        )
        if report.digest == entry.answer_digest:
            break
    commit_inquiries.commit_inquiry(bureau, opened, report, stored.create_us)
    if report.digest != entry.answer_digest and state.erased.from_leaf is not None:
        INQUIRIES.put(state.db, row)


def replay_denial(state: ReplayState, bureau: Bureau, envelope: Envelope) -> None:
    """Replay a denied inquiry: its leaf covers the reason.

    Raises:
        Refusal: INTERNAL if the leaf covers no reason for which an inquiry is denied.
    """
    entry = state.entry
    opened = signed_statement.verify_statement(
        state.db,
        bureau.origin,
        envelope,
        Inquiry,
        kind="inquiry-denial",
        signer=state.caller().signer,
    )
    reasons = [reason for reason in query.DENIALS if denial_digest(reason) == entry.answer_digest]
    row = state.stored.one(q.inquiry_of_entry, entry_key=entry.entry_key)
    if not reasons or row is None:
        raise Refusal("INTERNAL", "the inquiry, or the reason of its denial, is not there")

    def work(tx: Transaction) -> None:
        opened.recheck_key_and_time(tx)
        tx.subjects.add(opened.message.subject_id)
        answered_us = StoredInquiry(*row).create_us
        named = named_consent(tx.db, opened.message.consent_id)
        denied = commit_inquiries.inquiry_row(
            bureau,
            tx,
            opened,
            answered_us,
            consent_id=named.consent_id if named else "",
            denial_reason=reasons[0],
        )
        tx.db.execute(q.add_inquiry, **denied)
        tx.answer_digest = entry.answer_digest

    bureau.ledger.commit(opened.signed, work)


def replay_portfolio(state: ReplayState, bureau: Bureau, envelope: Envelope) -> None:
    """Replay an inquiry for a portfolio: the inputs of its rows must give the reports whose
    root is in the log.

    Raises:
        Refusal: INTERNAL if they do not; WRONG_STATE after an erasure; the reasons of
            `open_portfolio`.
    """
    asked_by = state.caller()
    opened = portfolio.open_portfolio(bureau, asked_by, envelope)
    rows = state.stored_inquiries()
    if state.erased.from_leaf is not None:
        raise Refusal("WRONG_STATE", "accounts of the member's customers were erased")
    inquiries: list[StoredInquiry] = []
    for row in rows:
        consent = load_consent(state.db, row.consent_id)
        if consent is None:
            raise Refusal("CONSENT_REQUIRED", "no consent has the id that an inquiry names")
        level = level_of(state.db, asked_by.member_id, bureau.policy, row.create_us)
        for earned in dict.fromkeys((level, row.level)):
            as_of = portfolio.AsOf(row.create_us, row.log_size, earned, row.rules_version)
            inquiry = portfolio.build_inquiry(state.db, bureau, opened, consent, as_of)
            if inquiry.report_digest == row.report_digest:
                break
        inquiries.append(inquiry)
    portfolio.commit_portfolio(bureau, asked_by, opened, inquiries)


def replay_report_replay(state: ReplayState, bureau: Bureau, envelope: Envelope) -> None:
    """Replay the replay of a report: its leaf covers the report of the inquiry's leaf.

    Raises:
        Refusal: The reasons of `find_inquiry` and `commit_replay`.
    """
    caller = state.caller()
    opened = replay.verify_replay(state.db, bureau, caller, envelope)
    inquiry = replay.find_inquiry(state.db, caller, opened.message)
    replay.commit_replay(bureau, opened, inquiry, inquiry.report_digest or b"")
