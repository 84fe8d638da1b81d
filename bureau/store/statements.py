"""Every statement that the bureau runs, by name.

Parameters are the names in `bind(...)`, or the columns of the table for inserts.
Rows come back as plain tuples in the order of the columns that each names.
`FOR UPDATE` and `FOR SHARE` are what makes the journeys hold when several nodes
write to one PostgreSQL; SQLite has one writer and leaves them out.
"""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import SQLModel

from bureau.store import tables as t
from bureau.store.database import ListStatement, Statement


def table(model: type[SQLModel]) -> Table:
    """The table behind a model."""
    return cast(Table, model.__table__)  # type: ignore[attr-defined]


def bind(name: str) -> Any:
    """A parameter of a statement."""
    return bindparam(name)


def adding(model: type[SQLModel]) -> Statement:
    """An insert of all columns but those that the database counts."""
    target = table(model)
    columns = [c.name for c in target.columns if c.autoincrement is not True]
    return Statement(insert(target).values({name: bindparam(name) for name in columns}).inline())


def if_new(model: type[SQLModel]) -> Statement:
    """An insert that leaves an existing row as it is. SQLite and PostgreSQL
    spell it alike.
    """
    target = table(model)
    columns = [c.name for c in target.columns if c.autoincrement is not True]
    clause = upsert(target).values({name: bindparam(name) for name in columns})
    return Statement(clause.on_conflict_do_nothing().inline())


head = table(t.LogHead)
entry = table(t.Entry)
statement = table(t.StatementBytes)
tile = table(t.LogTile)
checkpoint = table(t.CheckpointNote)
member = table(t.MemberRow)
member_key = table(t.MemberKeyRow)
certificate = table(t.MemberCertificateRow)
member_statement = table(t.MemberStatementRow)
usage = table(t.DirectoryUsage)
subject_key = table(t.SubjectKeyRow)
consent = table(t.ConsentRow)
submission = table(t.SubmissionRow)
tradeline = table(t.TradelineRow)
party = table(t.TradelinePartyRow)
record = table(t.RecordRow)
record_tile = table(t.RecordTileRow)
inquiry = table(t.InquiryRow)
subject_event = table(t.SubjectEventRow)
monitor = table(t.MonitorRow)
alert = table(t.AlertRow)
mark = table(t.AlertMarkRow)
notice = table(t.NoticeRow)
standard = table(t.StandardRow)
contribution = table(t.ContributionRow)
erasure = table(t.ErasureRow)

# The log ---------------------------------------------------------------------

add_head = adding(t.LogHead)
log_size = Statement(select(head.c.tree_size).where(head.c.head_id == 1))
lock_head = Statement(
    select(head.c.tree_size, head.c.frontier).where(head.c.head_id == 1).with_for_update()
)
move_head = Statement(
    update(head)
    .where(head.c.head_id == 1)
    .values(tree_size=bind("new_size"), frontier=bind("new_frontier"))
)
ENTRY_COLUMNS = tuple(c.name for c in entry.columns)
add_entry = adding(t.Entry)
add_statement = adding(t.StatementBytes)
add_tile = adding(t.LogTile)
add_checkpoint = adding(t.CheckpointNote)
entry_of_request = Statement(
    select(*entry.columns).where(
        entry.c.signer == bind("signer"), entry.c.request_id == bind("request_id")
    )
)
entry_by_key = Statement(select(*entry.columns).where(entry.c.entry_key == bind("entry_key")))
envelope_of = Statement(
    select(statement.c.envelope).where(statement.c.entry_key == bind("entry_key"))
)
commitments = Statement(
    select(entry.c.commitment)
    .where(entry.c.leaf_index >= bind("start"), entry.c.leaf_index < bind("stop"))
    .order_by(entry.c.leaf_index)
)
full_tile = Statement(
    select(tile.c.hashes).where(tile.c.level == bind("level"), tile.c.tile_index == bind("index"))
)
tile_roots = Statement(
    select(tile.c.root)
    .where(
        tile.c.level == bind("level"),
        tile.c.tile_index >= bind("start"),
        tile.c.tile_index < bind("stop"),
    )
    .order_by(tile.c.tile_index)
)
newest_checkpoint = Statement(
    select(checkpoint.c.note).order_by(checkpoint.c.tree_size.desc()).limit(1)
)
checkpoint_at = Statement(
    select(checkpoint.c.note).where(checkpoint.c.tree_size == bind("tree_size"))
)
first_checkpoint_over = Statement(
    select(checkpoint.c.tree_size, checkpoint.c.note)
    .where(checkpoint.c.tree_size > bind("leaf_index"))
    .order_by(checkpoint.c.tree_size)
    .limit(1)
)
checkpoints_after = Statement(
    select(checkpoint.c.tree_size, checkpoint.c.note)
    .where(checkpoint.c.tree_size > bind("after"))
    .order_by(checkpoint.c.tree_size)
    .limit(bind("limit"))
)

# Members ---------------------------------------------------------------------

MEMBER_COLUMNS = tuple(c.name for c in member.columns)
add_member = adding(t.MemberRow)
member_by_id = Statement(select(*member.columns).where(member.c.member_id == bind("member_id")))
members_named = ListStatement(
    lambda names: select(member.c.member_id).where(member.c.member_id.in_(names))
)
lock_member = Statement(
    select(*member.columns).where(member.c.member_id == bind("member_id")).with_for_update()
)
members_after = Statement(
    select(*member.columns)
    .where(member.c.member_id > bind("after"))
    .order_by(member.c.member_id)
    .limit(bind("limit"))
)
change_member = Statement(
    update(member)
    .where(member.c.member_id == bind("which"))
    .values(
        display_name=bind("display_name"),
        roles=bind("roles"),
        purposes=bind("purposes"),
        directory_quota=bind("directory_quota"),
        group_id=bind("group_id"),
    )
)
set_member_state = Statement(
    update(member).where(member.c.member_id == bind("which")).values(state=bind("state"))
)
caller = Statement(
    select(
        member.c.member_id,
        member.c.state,
        member.c.roles,
        member.c.purposes,
        member.c.jurisdiction,
        certificate.c.not_after_us,
        certificate.c.withdrawn,
    )
    .join_from(certificate, member, certificate.c.member_id == member.c.member_id)
    .where(certificate.c.fingerprint == bind("fingerprint"))
)
add_certificate = adding(t.MemberCertificateRow)
# Members with a role who can use it: active, with a certificate and a key.
members_able = Statement(
    select(func.count())
    .select_from(member)
    .where(
        member.c.roles.op("&")(bind("role")) != 0,
        member.c.state == bind("state"),
        exists().where(
            certificate.c.member_id == member.c.member_id,
            certificate.c.withdrawn == 0,
            certificate.c.not_after_us > bind("now_us"),
        ),
        exists().where(
            member_key.c.member_id == member.c.member_id, member_key.c.to_entry.is_(None)
        ),
    )
)
certificates_of = Statement(
    select(certificate.c.fingerprint)
    .where(certificate.c.member_id == bind("member_id"), certificate.c.withdrawn == 0)
    .order_by(certificate.c.fingerprint)
)
certificate_owner = Statement(
    select(certificate.c.member_id).where(certificate.c.fingerprint == bind("fingerprint"))
)
withdraw_certificate = Statement(
    update(certificate)
    .where(
        certificate.c.fingerprint == bind("which"),
        certificate.c.member_id == bind("owner"),
        certificate.c.withdrawn == 0,
    )
    .values(withdrawn=1)
)
add_member_key = adding(t.MemberKeyRow)
member_key_owner = Statement(
    select(member_key.c.member_id).where(member_key.c.key_id == bind("key_id"))
)
key_in_force = Statement(
    select(member_key.c.public_key).where(
        member_key.c.key_id == bind("key_id"),
        member_key.c.member_id == bind("member_id"),
        member_key.c.to_entry.is_(None),
    )
)
any_member_key = Statement(
    select(member_key.c.public_key).where(
        member_key.c.key_id == bind("key_id"), member_key.c.member_id == bind("member_id")
    )
)
withdraw_member_key = Statement(
    update(member_key)
    .where(
        member_key.c.key_id == bind("which"),
        member_key.c.member_id == bind("owner"),
        member_key.c.to_entry.is_(None),
    )
    .values(to_entry=bind("until"))
)
_from, _to = entry.alias("from_entry"), entry.alias("to_entry")
keys_of = Statement(
    select(
        member_key.c.key_id,
        member_key.c.public_key,
        _from.c.leaf_index,
        func.coalesce(_to.c.leaf_index, 0),
    )
    .join_from(member_key, _from, member_key.c.from_entry == _from.c.entry_key)
    .outerjoin(_to, member_key.c.to_entry == _to.c.entry_key)
    .where(member_key.c.member_id == bind("member_id"))
    .order_by(_from.c.leaf_index)
)
add_member_statement = adding(t.MemberStatementRow)
statements_of_member = Statement(
    select(*entry.columns, statement.c.envelope)
    .join_from(member_statement, entry, member_statement.c.entry_key == entry.c.entry_key)
    .join(statement, statement.c.entry_key == entry.c.entry_key)
    .where(member_statement.c.member_id == bind("member_id"))
    .order_by(entry.c.leaf_index)
)

# The directory's meter -------------------------------------------------------

metered = Statement(
    select(member.c.directory_quota, func.coalesce(usage.c.element_count, 0))
    .join_from(
        member,
        usage,
        and_(usage.c.member_id == member.c.member_id, usage.c.day == bind("day")),
        isouter=True,
    )
    .where(member.c.member_id == bind("member_id"))
)
_meter = upsert(usage).values(
    member_id=bind("member_id"), day=bind("day"), element_count=bind("count")
)
meter = Statement(
    _meter.on_conflict_do_update(
        index_elements=[usage.c.member_id, usage.c.day],
        set_={"element_count": usage.c.element_count + _meter.excluded.element_count},
    ).returning(usage.c.element_count)
)

# Subjects --------------------------------------------------------------------

add_subject_key = adding(t.SubjectKeyRow)
subject_key_in_force = Statement(
    select(subject_key.c.public_key).where(
        subject_key.c.key_id == bind("key_id"),
        subject_key.c.subject_id == bind("subject_id"),
        subject_key.c.to_entry.is_(None),
    )
)
any_subject_key = Statement(
    select(subject_key.c.public_key).where(
        subject_key.c.key_id == bind("key_id"), subject_key.c.subject_id == bind("subject_id")
    )
)
subject_key_owner = Statement(
    select(subject_key.c.subject_id).where(subject_key.c.key_id == bind("key_id"))
)
retire_subject_keys = Statement(
    update(subject_key)
    .where(subject_key.c.subject_id == bind("whose"), subject_key.c.to_entry.is_(None))
    .values(to_entry=bind("until"))
)

# Consents --------------------------------------------------------------------

CONSENT_COLUMNS = tuple(c.name for c in consent.columns)
add_consent = adding(t.ConsentRow)
consent_by_id = Statement(
    select(*consent.columns).where(consent.c.consent_id == bind("consent_id"))
)
lock_consent = Statement(
    select(*consent.columns).where(consent.c.consent_id == bind("consent_id")).with_for_update()
)
count_use = Statement(
    update(consent)
    .where(consent.c.consent_id == bind("which"))
    .values(
        use_count=consent.c.use_count + 1, period=bind("period"), period_count=bind("period_count")
    )
)
set_consent_state = Statement(
    update(consent)
    .where(consent.c.consent_id == bind("which"))
    .values(state=bind("state"), update_us=bind("update_us"), note=bind("note"))
)


def _consents_before(whose: ColumnElement[bool]) -> Statement:
    """A page of consents, newest first, below the place (create_us, consent_id)."""
    below = or_(
        consent.c.create_us < bind("before_us"),
        and_(consent.c.create_us == bind("before_us"), consent.c.consent_id < bind("before_id")),
    )
    return Statement(
        select(*consent.columns, statement.c.envelope)
        .join_from(consent, statement, consent.c.entry_key == statement.c.entry_key)
        .where(whose, below)
        .order_by(consent.c.create_us.desc(), consent.c.consent_id.desc())
        .limit(bind("limit"))
    )


consents_of_subject = _consents_before(consent.c.subject_id == bind("subject_id"))
consents_of_grantee = _consents_before(consent.c.grantee == bind("grantee"))
consents_of_grantee_on = _consents_before(
    and_(consent.c.grantee == bind("grantee"), consent.c.subject_id == bind("subject_id"))
)
subjects_with_consent = ListStatement(
    lambda subject_ids: (
        select(consent.c.subject_id, consent.c.portfolio_types)
        .where(
            consent.c.grantee == bind("grantee"),
            consent.c.subject_id.in_(subject_ids),
            consent.c.state == bind("state"),
            consent.c.actions.op("&")(bind("action")) != 0,
            consent.c.start_us <= bind("now_us"),
            consent.c.expire_us > bind("now_us"),
        )
        .with_for_update(read=True)
    )
)

# Submissions -----------------------------------------------------------------

add_submission = adding(t.SubmissionRow)
submission_of_request = Statement(
    select(
        submission.c.submission_key,
        submission.c.submission_id,
        submission.c.kind,
        submission.c.record_count,
        submission.c.new_tradeline_count,
        submission.c.label,
        submission.c.create_us,
        entry.c.leaf_index,
    )
    .join_from(submission, entry, submission.c.submission_key == entry.c.entry_key)
    .where(entry.c.signer == bind("signer"), entry.c.request_id == bind("request_id"))
)
submissions_before = Statement(
    select(
        submission.c.submission_key,
        submission.c.submission_id,
        submission.c.kind,
        submission.c.record_count,
        submission.c.new_tradeline_count,
        submission.c.label,
        submission.c.create_us,
        entry.c.leaf_index,
    )
    .join_from(submission, entry, submission.c.submission_key == entry.c.entry_key)
    .where(submission.c.member_id == bind("member_id"), entry.c.leaf_index < bind("before"))
    .order_by(entry.c.leaf_index.desc())
    .limit(bind("limit"))
)
TRADELINE_COLUMNS = tuple(c.name for c in tradeline.columns)
add_tradeline = adding(t.TradelineRow)
# Locked in one order, so that two batches about the same accounts wait for each
# other instead of for ever.
lock_tradelines = ListStatement(
    lambda refs: (
        select(
            tradeline.c.account_ref,
            tradeline.c.tradeline_key,
            tradeline.c.tradeline_id,
            tradeline.c.currency,
            tradeline.c.history,
            tradeline.c.trail,
            tradeline.c.marks,
            tradeline.c.people,
            tradeline.c.newest_submission_key,
            tradeline.c.newest_record_index,
        )
        .where(tradeline.c.member_id == bind("member_id"), tradeline.c.account_ref.in_(refs))
        .order_by(tradeline.c.account_ref)
        .with_for_update()
    )
)
MOVED_COLUMNS = (
    "account_ref",
    "history",
    "trail",
    "marks",
    "people",
    "newest_submission_key",
    "newest_record_index",
    "which",
)
move_tradeline = Statement(
    update(tradeline)
    .where(tradeline.c.tradeline_key == bind("which"))
    .values({name: bind(name) for name in MOVED_COLUMNS[:-1]})
)
add_party = adding(t.TradelinePartyRow)
RECORD_COLUMNS = tuple(c.name for c in record.columns)
add_record = adding(t.RecordRow)
RECORD_TILE_COLUMNS = tuple(c.name for c in record_tile.columns)
add_record_tile = adding(t.RecordTileRow)

# The credit file -------------------------------------------------------------

# A subject's tradelines, each with the record that holds for its newest month.
file_tradelines = Statement(
    select(
        tradeline.c.tradeline_key,
        tradeline.c.tradeline_id,
        tradeline.c.member_id,
        tradeline.c.history,
        tradeline.c.trail,
        tradeline.c.marks,
        tradeline.c.newest_record_index,
        submission.c.submission_id,
        record.c.body,
    )
    .join_from(party, tradeline, tradeline.c.tradeline_key == party.c.tradeline_key)
    .join(
        record,
        and_(
            record.c.submission_key == tradeline.c.newest_submission_key,
            record.c.record_index == tradeline.c.newest_record_index,
        ),
    )
    .join(submission, submission.c.submission_key == tradeline.c.newest_submission_key)
    .where(party.c.subject_id == bind("subject_id"))
    .order_by(tradeline.c.tradeline_key)
)
# The same accounts, to be made again as of a past log size.
file_trails = Statement(
    select(
        tradeline.c.tradeline_key,
        tradeline.c.tradeline_id,
        tradeline.c.member_id,
        tradeline.c.trail,
    )
    .join_from(party, tradeline, tradeline.c.tradeline_key == party.c.tradeline_key)
    .where(party.c.subject_id == bind("subject_id"))
    .order_by(tradeline.c.tradeline_key)
)
leaf_of = Statement(select(entry.c.leaf_index).where(entry.c.entry_key == bind("entry_key")))
record_at = Statement(
    select(record.c.body, submission.c.submission_id)
    .join_from(record, submission, record.c.submission_key == submission.c.submission_key)
    .where(
        record.c.submission_key == bind("submission_key"),
        record.c.record_index == bind("record_index"),
    )
)
record_hashes = Statement(
    select(record_tile.c.hashes).where(
        record_tile.c.submission_key == bind("submission_key"),
        record_tile.c.tile_index == bind("tile_index"),
    )
)
record_roots = Statement(
    select(record_tile.c.root)
    .where(record_tile.c.submission_key == bind("submission_key"))
    .order_by(record_tile.c.tile_index)
)

# A subject's own holds, disputes and statement --------------------------------

add_subject_event = adding(t.SubjectEventRow)
# In order of the log, below a size of it. What was said in the same transaction has
# no leaf yet: it comes last.
_event_leaf = func.coalesce(entry.c.leaf_index, 1 << 61)
subject_events = Statement(
    select(
        subject_event.c.kind, subject_event.c.about, subject_event.c.time_us, subject_event.c.body
    )
    .join_from(subject_event, entry, subject_event.c.entry_key == entry.c.entry_key, isouter=True)
    .where(subject_event.c.subject_id == bind("subject_id"), _event_leaf < bind("log_size"))
    .order_by(_event_leaf, subject_event.c.entry_key)
)
opening_of = Statement(
    select(
        subject_event.c.subject_id,
        subject_event.c.member_id,
        subject_event.c.body,
        subject_event.c.entry_key,
    ).where(subject_event.c.about == bind("about"), subject_event.c.kind == bind("kind"))
)
# Disputes against a member's records, in order of the log.
disputes_against = Statement(
    select(subject_event.c.subject_id, subject_event.c.about, entry.c.leaf_index)
    .join_from(subject_event, entry, subject_event.c.entry_key == entry.c.entry_key)
    .where(
        subject_event.c.member_id == bind("member_id"),
        subject_event.c.kind == bind("kind"),
        entry.c.leaf_index >= bind("start"),
    )
    .order_by(entry.c.leaf_index)
    .limit(bind("limit"))
)
# Taken by whoever changes what holds on a file, and shared by whoever reads it to
# act on it.
lock_subject = Statement(
    select(subject_key.c.key_id)
    .where(subject_key.c.subject_id == bind("subject_id"), subject_key.c.to_entry.is_(None))
    .with_for_update()
)
share_subject = Statement(
    select(subject_key.c.key_id)
    .where(subject_key.c.subject_id == bind("subject_id"), subject_key.c.to_entry.is_(None))
    .with_for_update(read=True)
)
party_tradeline = Statement(
    select(tradeline.c.tradeline_key, tradeline.c.member_id)
    .join_from(party, tradeline, tradeline.c.tradeline_key == party.c.tradeline_key)
    .where(
        party.c.subject_id == bind("subject_id"), tradeline.c.tradeline_id == bind("tradeline_id")
    )
)
lock_tradeline = Statement(
    select(
        tradeline.c.tradeline_key,
        tradeline.c.history,
        tradeline.c.trail,
        tradeline.c.marks,
        tradeline.c.people,
        tradeline.c.newest_submission_key,
        tradeline.c.newest_record_index,
        tradeline.c.account_ref,
    )
    .where(tradeline.c.tradeline_id == bind("tradeline_id"))
    .with_for_update()
)

# Inquiries -------------------------------------------------------------------

INQUIRY_COLUMNS = tuple(c.name for c in inquiry.columns)
add_inquiry = if_new(t.InquiryRow)
inquiry_of_entry = Statement(
    select(*inquiry.columns).where(inquiry.c.entry_key == bind("entry_key"))
)
inquiries_of_id = Statement(
    select(*inquiry.columns).where(inquiry.c.inquiry_id == bind("inquiry_id"))
)
# The inquiries of one entry, by a place among them.
inquiries_of_entry = Statement(
    select(*inquiry.columns)
    .where(inquiry.c.entry_key == bind("entry_key"), inquiry.c.inquiry_key > bind("after"))
    .order_by(inquiry.c.inquiry_key)
    .limit(bind("limit"))
)
_inquiry_entry = entry.alias("inquiry_entry")
# Hard inquiries since a time, as of a log size; granted ones only.
file_inquiries = Statement(
    select(
        inquiry.c.inquiry_id,
        inquiry.c.member_id,
        inquiry.c.purpose,
        inquiry.c.kind,
        inquiry.c.outcome,
        inquiry.c.create_us,
        _inquiry_entry.c.leaf_index,
    )
    .join_from(inquiry, _inquiry_entry, inquiry.c.entry_key == _inquiry_entry.c.entry_key)
    .where(
        inquiry.c.subject_id == bind("subject_id"),
        inquiry.c.kind == bind("kind"),
        inquiry.c.create_us >= bind("since_us"),
        _inquiry_entry.c.leaf_index < bind("log_size"),
    )
    .order_by(_inquiry_entry.c.leaf_index.desc())
)


def _inquiries_before(which: ColumnElement[bool]) -> Statement:
    """Inquiries about a subject, newest first, below a place."""
    return Statement(
        select(*inquiry.columns, func.coalesce(_inquiry_entry.c.leaf_index, -1))
        .join_from(
            inquiry, _inquiry_entry, inquiry.c.entry_key == _inquiry_entry.c.entry_key, isouter=True
        )
        .where(
            inquiry.c.subject_id == bind("subject_id"),
            inquiry.c.inquiry_key < bind("before"),
            which,
        )
        .order_by(inquiry.c.inquiry_key.desc())
        .limit(bind("limit"))
    )


inquiries_before = _inquiries_before(true())
granted_before = _inquiries_before(inquiry.c.entry_key.is_not(None))
# Denied, or looked at again by an auditor: neither has an entry of its own.
unlogged_before = _inquiries_before(inquiry.c.entry_key.is_(None))

# Monitoring ------------------------------------------------------------------

add_monitor = adding(t.MonitorRow)
MONITOR_COLUMNS = tuple(c.name for c in monitor.columns)
# Consents to monitor any of these people that are in force at a time.
monitors_of = ListStatement(
    lambda subject_ids: (
        select(
            monitor.c.subject_id,
            monitor.c.consent_id,
            monitor.c.grantee,
            consent.c.sections,
            consent.c.portfolio_types,
        )
        .join_from(monitor, consent, monitor.c.consent_id == consent.c.consent_id)
        .where(
            monitor.c.subject_id.in_(subject_ids),
            consent.c.state == bind("state"),
            consent.c.start_us <= bind("now_us"),
            consent.c.expire_us > bind("now_us"),
        )
        .order_by(monitor.c.subject_id, monitor.c.consent_id)
    )
)
# A member's own consents to monitor, and to what end.
monitored_by = Statement(
    select(*consent.columns)
    .join_from(monitor, consent, monitor.c.consent_id == consent.c.consent_id)
    .where(
        monitor.c.grantee == bind("grantee"),
        consent.c.state == bind("state"),
        consent.c.start_us <= bind("now_us"),
        consent.c.expire_us > bind("now_us"),
    )
    .order_by(monitor.c.subject_id, monitor.c.consent_id)
)
# Whether a member furnishes an account of a person.
furnishes = Statement(
    select(tradeline.c.tradeline_key)
    .join_from(party, tradeline, tradeline.c.tradeline_key == party.c.tradeline_key)
    .where(party.c.subject_id == bind("subject_id"), tradeline.c.member_id == bind("member_id"))
    .limit(1)
)
add_alert = adding(t.AlertRow)
ALERT_COLUMNS = tuple(c.name for c in alert.columns)
# A member's alerts behind a place in the log, in its order, with the consent's state.
alerts_after = Statement(
    select(
        alert.c.ordinal,
        alert.c.subject_id,
        alert.c.consent_id,
        alert.c.kind,
        alert.c.tradelines,
        entry.c.leaf_index,
        entry.c.time_us,
        consent.c.state,
        consent.c.expire_us,
    )
    .join_from(alert, entry, alert.c.entry_key == entry.c.entry_key)
    .join(consent, consent.c.consent_id == alert.c.consent_id)
    .where(
        alert.c.member_id == bind("member_id"),
        alert.c.entry_key >= bind("floor"),
        or_(
            entry.c.leaf_index > bind("leaf_index"),
            and_(entry.c.leaf_index == bind("leaf_index"), alert.c.ordinal > bind("ordinal")),
        ),
    )
    .order_by(entry.c.leaf_index, alert.c.ordinal)
    .limit(bind("limit"))
)
key_at = Statement(select(entry.c.entry_key).where(entry.c.leaf_index == bind("leaf_index")))
alert_mark = Statement(select(mark.c.cursor).where(mark.c.member_id == bind("member_id")))
_mark = upsert(mark).values(member_id=bind("member_id"), cursor=bind("cursor"))
set_alert_mark = Statement(
    _mark.on_conflict_do_update(
        index_elements=[mark.c.member_id],
        set_={"cursor": _mark.excluded.cursor},
        where=mark.c.cursor < _mark.excluded.cursor,
    )
)

# Erasure ---------------------------------------------------------------------

accounts_of_person = Statement(
    select(tradeline.c.tradeline_key, tradeline.c.people, tradeline.c.trail)
    .join_from(party, tradeline, tradeline.c.tradeline_key == party.c.tradeline_key)
    .where(party.c.subject_id == bind("subject_id"))
)
blank_record = Statement(
    update(record)
    .where(record.c.submission_key == bind("entry"), record.c.record_index == bind("place"))
    .values(body=bind("nothing"))
)
drop_account = Statement(delete(tradeline).where(tradeline.c.tradeline_key == bind("which")))
drop_party = Statement(
    delete(party).where(party.c.subject_id == bind("who"), party.c.tradeline_key == bind("which"))
)
add_erasure = adding(t.ErasureRow)
erasure_count = Statement(select(func.count()).select_from(erasure))
erased_record_count = Statement(select(func.coalesce(func.sum(erasure.c.record_count), 0)))

# Reciprocity -----------------------------------------------------------------

contribution_of = Statement(
    select(contribution.c.good_us, contribution.c.default_us).where(
        contribution.c.member_id == bind("member_id")
    )
)
_contributed = upsert(contribution).values(
    member_id=bind("member_id"), good_us=bind("good_us"), default_us=bind("default_us")
)
set_contribution = Statement(
    _contributed.on_conflict_do_update(
        index_elements=[contribution.c.member_id],
        set_={
            "good_us": _contributed.excluded.good_us,
            "default_us": _contributed.excluded.default_us,
        },
    )
)
contributor = Statement(
    select(
        member.c.create_us,
        func.coalesce(contribution.c.good_us, 0),
        func.coalesce(contribution.c.default_us, 0),
    )
    .join_from(member, contribution, contribution.c.member_id == member.c.member_id, isouter=True)
    .where(member.c.member_id == bind("member_id"))
)

# Notices, and standards of credit ----------------------------------------------

add_notice = adding(t.NoticeRow)
NOTICE_COLUMNS = tuple(c.name for c in notice.columns)
notices_before = Statement(
    select(
        entry.c.leaf_index,
        notice.c.ordinal,
        notice.c.kind,
        notice.c.member_id,
        notice.c.tradeline_id,
        entry.c.time_us,
    )
    .join_from(notice, entry, notice.c.entry_key == entry.c.entry_key)
    .where(
        notice.c.subject_id == bind("subject_id"),
        or_(
            entry.c.leaf_index < bind("leaf_index"),
            and_(entry.c.leaf_index == bind("leaf_index"), notice.c.ordinal < bind("ordinal")),
        ),
    )
    .order_by(entry.c.leaf_index.desc(), notice.c.ordinal.desc())
    .limit(bind("limit"))
)
add_standard = adding(t.StandardRow)
newest_standard = Statement(select(func.max(standard.c.version)))
standard_of = Statement(
    select(statement.c.envelope, standard.c.entry_key)
    .join_from(standard, statement, standard.c.entry_key == statement.c.entry_key)
    .where(standard.c.version == bind("version"))
)
# The newest standard in force at a time, as of a log size.
standard_at = Statement(
    select(statement.c.envelope, standard.c.entry_key)
    .join_from(standard, statement, standard.c.entry_key == statement.c.entry_key)
    .join(entry, entry.c.entry_key == standard.c.entry_key)
    .where(standard.c.effective_us <= bind("now_us"), entry.c.leaf_index < bind("log_size"))
    .order_by(standard.c.version.desc())
    .limit(1)
)

# What a check of the database counts -----------------------------------------

entry_count = Statement(select(func.count(), func.max(entry.c.leaf_index)).select_from(entry))
