"""Use cases of notices: a subject lists them, follows them, and chooses what to hear of.

A stream reads notices from the database alone, so that what happened on one node comes to a
stream on another.
"""

from __future__ import annotations

from collections.abc import Iterator

from bureau import signed_statement
from bureau.calendar import DAY_US, MICROSECONDS
from bureau.codes import CodeSet
from bureau.context import Bureau
from bureau.credit_file import notices
from bureau.credit_file.consent_proof import KeyProofs, in_log_order
from bureau.credit_file.notice_choices import choice_at, choices_of
from bureau.credit_file.notices import Position
from bureau.credit_file.subject_events import add_event, check_count
from bureau.credit_file.subject_keys import displaced, read_keys
from bureau.credit_file.subject_state import NOTICE_CHOICE
from bureau.errors import Refusal
from bureau.journeys.member import StoredMember
from bureau.ledger.units import Transaction
from bureau.policy import Policy
from bureau.signed_statement import VerifiedStatement, logged_statement
from bureau.store import queries as q
from bureau.store.database import Connection
from creditbureau.v1.codes_pb2 import ROLE_AGENT
from creditbureau.v1.consents_pb2 import SubjectRequest
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.members_pb2 import MEMBER_STATE_ACTIVE
from creditbureau.v1.notices_pb2 import (
    GetNoticeChoiceResponse,
    NoticeChoice,
    WatchNoticesResponse,
)
from creditbureau.v1.subjects_pb2 import ListNoticesResponse

# Notices that a stream reads at once: one with its cause has up to 100 kB.
PAGE = 50
# Microseconds between two looks of a stream at what comes by the clock: they read every consent of
# the subject, and such a notice is about days.
DUE_INTERVAL_US = MICROSECONDS


def list_notices(
    bureau: Bureau, request: Envelope, page_size: int, page_token: str
) -> ListNoticesResponse:
    """List the notices to a subject, newest first, with their causes.

    A key that was replaced without its approval reads them for the notice period, too.

    Raises:
        Refusal: All of `verify_subject_request`; BAD_PAGE_TOKEN.
    """
    now_us = bureau.clock.now_us()
    with bureau.database.snapshot() as db:
        statement = signed_statement.verify_request_of_any_key(
            db, bureau.origin, request, "Subjects/ListNotices", now_us
        )
        if not _may_read(db, bureau.policy, statement, now_us):
            raise signed_statement.not_in_force()
        parts, token = notices.page(
            db, statement.subject_id, bureau.policy, now_us, page_size, page_token
        )
    return ListNoticesResponse(
        notices=[notice for part in parts for notice in part.notices],
        next_page_token=token,
        causes=[cause for part in parts for cause in part.causes],
        keys=in_log_order(key for part in parts for key in part.keys),
    )


def watch_notices(
    bureau: Bureau, request: Envelope, cursor: str
) -> Iterator[WatchNoticesResponse | None]:
    """Yield the notices to a subject after a cursor, in the order of their times, but for those of
    kinds that the choice of their time leaves out; None while there is none.

    Args:
        cursor: Empty for all notices.

    The stream ends once the key may read no more: a wallet with another key opens it again.

    Raises:
        Refusal: All of `verify_subject_request`.
    """
    now_us = bureau.clock.now_us()
    with bureau.database.snapshot() as db:
        statement = signed_statement.verify_request_of_any_key(
            db, bureau.origin, request, "Notices/WatchNotices", now_us
        )
        if not _may_read(db, bureau.policy, statement, now_us):
            raise signed_statement.not_in_force()
    subject_id = statement.subject_id
    position = Position.parse(cursor) if cursor else Position()
    looked_us = 0
    while True:
        now_us = bureau.clock.now_us()
        answers: list[WatchNoticesResponse] = []
        with bureau.database.snapshot() as db:
            if not _may_read(db, bureau.policy, statement, now_us):
                return
            settled_us = notices.settled_at(db, now_us)
            looks = settled_us >= looked_us + DUE_INTERVAL_US
            page = notices.read_after(
                db, subject_id, bureau.policy, position, settled_us, PAGE, looks=looks
            )
            choices = choices_of(db, {subject_id} if page else ())
            for dated in page:
                position = position.passing(dated)
                choice = choice_at(choices[subject_id], dated.time_us, dated.leaf_index)
                if dated.kind in CodeSet(choice.muted):
                    continue
                part = notices.with_cause(db, dated, subject_id, KeyProofs(db))
                answers.append(
                    WatchNoticesResponse(
                        notice=part.notices[0],
                        cause=part.causes[0],
                        keys=part.keys,
                        cursor=str(position),
                    )
                )
        if (looks or page) and len(page) < PAGE:
            looked_us = settled_us
        yield from answers
        if not page:
            yield None


def choose_notices(bureau: Bureau, envelope: Envelope) -> Receipt:
    """Set what a subject hears of, and the agent that passes notices on.

    Raises:
        Refusal: All of `verify_statement`; INVALID_FIELD for an agent that is none;
            LIMIT_REACHED.
    """
    # 1. Open and verify.
    with bureau.database.snapshot() as db:
        opened = signed_statement.verify_statement(
            db, bureau.origin, envelope, NoticeChoice, kind="notice-choice", signer=None
        )
    choice, subject_id = opened.message, opened.subject_id

    # 2. One unit of work: from its entry on it holds in place of the choice before. It counts
    # among the subject's statements, which are limited.
    def work(tx: Transaction) -> None:
        tx.db.lock(q.lock_subject, subject_id=subject_id)
        opened.recheck_key_and_time(tx)
        check_count(tx, subject_id, bureau.policy)
        _check_agent(tx, choice.agent_id)
        add_event(tx, "", subject_id, NOTICE_CHOICE, choice)
        tx.db.execute(
            q.add_notice_choice,
            subject_id=subject_id,
            entry_key=tx.entry_key,
            key_id=opened.key_id,
            muted=CodeSet.of(choice.muted),
            agent_id=choice.agent_id,
            language=choice.language,
        )

    return signed_statement.receipt_of(bureau.ledger.commit(opened.signed, work).proof)


def get_notice_choice(bureau: Bureau, request: Envelope) -> GetNoticeChoiceResponse:
    """Return a subject's choice, as they signed it.

    Raises:
        Refusal: All of `verify_subject_request`; NOT_FOUND.
    """
    with bureau.database.snapshot() as db:
        subject_id = signed_statement.verify_subject_request(
            db, bureau.origin, request, "Notices/GetNoticeChoice", bureau.clock.now_us()
        ).subject_id
        choices = choices_of(db, {subject_id})[subject_id]
        if not choices:
            message = "the subject made no choice that counts: streams leave nothing out"
            raise Refusal("NOT_FOUND", message)
        return GetNoticeChoiceResponse(
            choice=logged_statement(db, choices[-1].entry_key),
            keys=KeyProofs(db).of(subject_id, [choices[-1].key_id]),
        )


def _may_read(
    db: Connection, policy: Policy, statement: VerifiedStatement[SubjectRequest], now_us: int
) -> bool:
    """Return True if a key may read notices: it is in force, or was replaced without its approval
    within the notice period.
    """
    if statement.key_in_force(db, now_us):
        return True
    keys = read_keys(db, statement.subject_id)
    return displaced(keys, statement.key_id, policy.key_notice_days * DAY_US, now_us)


def _check_agent(tx: Transaction, agent_id: str) -> None:
    """Check that a member passes notices on: an agent that is admitted. An empty id is none.

    Raises:
        Refusal: INVALID_FIELD.
    """
    if not agent_id:
        return
    row = tx.db.one(q.member_by_id, member_id=agent_id)
    agent = StoredMember(*row) if row else None
    if (
        agent is None
        or agent.state != MEMBER_STATE_ACTIVE
        or ROLE_AGENT not in CodeSet(agent.roles)
    ):
        raise Refusal.of_field("INVALID_FIELD", "agent_id", "no active agent has this id")
