"""Queries of what the operator erases, and of the signed statements that say so."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import delete, literal, or_, select, update

from bureau.store import tables as t
from bureau.store.compiled import Change, Query
from bureau.store.queries.builders import (
    bind,
    consent,
    consent_request,
    entry,
    erased_statement,
    erasure_statement,
    former_ref,
    insert,
    notice,
    party,
    record,
    statement,
    subject_event,
    tradeline,
)

# What there is to erase -------------------------------------------------------


class ErasableAccount(NamedTuple):
    """An account, with what tells whether it may be erased."""

    tradeline_key: int
    tradeline_id: str
    member_id: str
    history: bytes
    trail: bytes
    people: bytes


_account = select(
    tradeline.c.tradeline_key,
    tradeline.c.tradeline_id,
    tradeline.c.member_id,
    tradeline.c.history,
    tradeline.c.trail,
    tradeline.c.people,
)
accounts_of_person = Query(
    _account.join_from(tradeline, party, tradeline.c.tradeline_key == party.c.tradeline_key)
    .where(party.c.subject_id == bind("subject_id"))
    .order_by(tradeline.c.tradeline_key),
    ErasableAccount,
)
accounts_after = Query(
    _account.where(tradeline.c.tradeline_key > bind("after"))
    .order_by(tradeline.c.tradeline_key)
    .limit(bind("limit")),
    ErasableAccount,
)
lock_account = Query(
    _account.where(tradeline.c.tradeline_id == bind("tradeline_id")).with_for_update(),
    ErasableAccount,
)


class SignedByPerson(NamedTuple):
    """A logged statement about a person's file, with its erasure."""

    entry_key: int
    leaf_index: int
    kind: str
    envelope: bytes


_by_entry = (
    select(entry.c.entry_key, entry.c.leaf_index, entry.c.kind, statement.c.envelope)
    .join_from(entry, statement, entry.c.entry_key == statement.c.entry_key)
    .where(
        entry.c.entry_key.not_in(select(erased_statement.c.entry_key)),
    )
)
events_of_person = Query(
    _by_entry.where(
        entry.c.entry_key.in_(
            select(subject_event.c.entry_key).where(
                subject_event.c.subject_id == bind("subject_id")
            )
        )
    ).order_by(entry.c.leaf_index),
    SignedByPerson,
)
consent_changes_of = Query(
    _by_entry.where(
        entry.c.signer == bind("signer"), entry.c.kind == literal("consent-change")
    ).order_by(entry.c.leaf_index),
    SignedByPerson,
)
# Requests to a person, and their answers.
_requests_to = consent_request.c.subject_id == bind("subject_id")
consent_requests_to = Query(
    _by_entry.where(
        or_(
            entry.c.entry_key.in_(select(consent_request.c.entry_key).where(_requests_to)),
            entry.c.entry_key.in_(select(consent_request.c.answer_entry).where(_requests_to)),
        )
    ).order_by(entry.c.leaf_index),
    SignedByPerson,
)
statement_at_leaf = Query(_by_entry.where(entry.c.leaf_index == bind("leaf_index")), SignedByPerson)
# The entry of a dispute's answer is the furnisher's; the event names the subject.
event_at = Query[tuple[str]](
    select(subject_event.c.subject_id).where(subject_event.c.entry_key == bind("entry_key"))
)

# Erasing ----------------------------------------------------------------------

reword_event = Change(
    update(subject_event)
    .where(subject_event.c.entry_key == bind("which"))
    .values(body=bind("said"))
)
blank_consent_note = Change(
    update(consent)
    .where(consent.c.consent_id == bind("which"), consent.c.note == bind("words"))
    .values(note=bind("nothing"))
)
blank_statement = Change(
    update(statement).where(statement.c.entry_key == bind("which")).values(envelope=bind("nothing"))
)
blank_entry = Change(
    update(entry)
    .where(entry.c.entry_key == bind("which"))
    .values(digest=bind("nothing"), salt=bind("nothing"))
)
put_block = Change(
    update(record)
    .where(record.c.submission_key == bind("entry"), record.c.record_index == bind("first_index"))
    .values(block=bind("block"))
)
drop_account = Change(delete(tradeline).where(tradeline.c.tradeline_key == bind("which")))
drop_former_refs = Change(delete(former_ref).where(former_ref.c.tradeline_key == bind("which")))
drop_party = Change(
    delete(party).where(party.c.subject_id == bind("who"), party.c.tradeline_key == bind("which"))
)
add_erasure = insert(t.ErasureRow)
add_erased_statement = insert(t.ErasedStatementRow)
add_erasure_statement = insert(t.ErasureStatementRow)

# What was erased --------------------------------------------------------------

# Accounts of a subject, with the notice of each.
erased_accounts = Query[tuple[str]](
    select(notice.c.tradeline_id)
    .where(
        notice.c.subject_id == bind("subject_id"),
        notice.c.kind == bind("kind"),
        notice.c.tradeline_id != literal(""),
    )
    .order_by(notice.c.entry_key, notice.c.ordinal)
)
# A notice of an erasure that came after a report was read at a log size.
erased_since = Query[tuple[int]](
    select(entry.c.leaf_index)
    .join_from(notice, entry, notice.c.entry_key == entry.c.entry_key)
    .where(
        notice.c.subject_id == bind("subject_id"),
        notice.c.kind == bind("kind"),
        entry.c.leaf_index >= bind("log_size"),
    )
    .limit(1)
)


class LoggedErasure(NamedTuple):
    """The entry of an erasure."""

    leaf_index: int
    entry_key: int


_signed = (
    select(entry.c.leaf_index, entry.c.entry_key)
    .join_from(erasure_statement, entry, erasure_statement.c.entry_key == entry.c.entry_key)
    .where(entry.c.leaf_index < bind("before"))
    .order_by(entry.c.leaf_index.desc())
    .limit(bind("limit"))
)
erasures_before = Query(_signed, LoggedErasure)
erasures_of_before = Query(
    _signed.where(erasure_statement.c.member_id == bind("member_id")), LoggedErasure
)
