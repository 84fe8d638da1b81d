"""The statements of a check of the whole database."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Column, exists, func, literal, select, text, union_all

from bureau.store.compiled import Query
from bureau.store.queries import builders as s
from bureau.store.queries.log import EntryColumns
from bureau_keys.entry_kinds import EntryKind

# Entries with their statements, in order of the log: a `LoggedEntry`, then its envelope.
entries_from = Query[tuple[*EntryColumns, bytes | None]](
    select(*s.entry.columns, s.statement.c.envelope)
    .join_from(s.entry, s.statement, s.entry.c.entry_key == s.statement.c.entry_key, isouter=True)
    .where(s.entry.c.leaf_index >= s.bind("start"))
    .order_by(s.entry.c.leaf_index)
    .limit(s.bind("limit"))
)
head_row = Query[tuple[int, bytes]](select(s.head.c.tree_size, s.head.c.frontier))
tiles = Query[tuple[int, int, bytes, bytes]](
    select(s.tile.c.level, s.tile.c.tile_index, s.tile.c.hashes, s.tile.c.root).order_by(
        s.tile.c.level, s.tile.c.tile_index
    )
)

# A submission's records as they were signed, and their hashes.
submissions = Query[tuple[int, int, bytes]](
    select(s.submission.c.submission_key, s.entry.c.leaf_index, s.statement.c.envelope)
    .join_from(s.submission, s.entry, s.submission.c.submission_key == s.entry.c.entry_key)
    .join(s.statement, s.statement.c.entry_key == s.entry.c.entry_key)
    .where(s.submission.c.submission_key > s.bind("after"))
    .order_by(s.submission.c.submission_key)
    .limit(s.bind("limit"))
)
records_of = Query[tuple[int, bytes]](
    select(s.record.c.record_index, s.record.c.body)
    .where(s.record.c.submission_key == s.bind("submission_key"))
    .order_by(s.record.c.record_index)
)
tiles_of = Query[tuple[bytes, bytes]](
    select(s.record_tile.c.hashes, s.record_tile.c.root)
    .where(s.record_tile.c.submission_key == s.bind("submission_key"))
    .order_by(s.record_tile.c.tile_index)
)
erased_statements = Query[tuple[int]](select(s.erased_statement.c.entry_key))
# What was erased is blank.
record_count = Query[tuple[int]](
    select(func.count()).select_from(s.record).where(func.length(s.record.c.body) > 0)
)
blank_count = Query[tuple[int]](
    select(func.count()).select_from(s.record).where(func.length(s.record.c.body) == 0)
)


class StoredAccount(NamedTuple):
    """An account, as its records left it."""

    tradeline_key: int
    tradeline_id: str
    history: bytes
    trail: bytes
    marks: int
    people: bytes
    newest_submission_key: int
    newest_record_index: int


accounts_after = Query(
    select(
        s.tradeline.c.tradeline_key,
        s.tradeline.c.tradeline_id,
        s.tradeline.c.history,
        s.tradeline.c.trail,
        s.tradeline.c.marks,
        s.tradeline.c.people,
        s.tradeline.c.newest_submission_key,
        s.tradeline.c.newest_record_index,
    )
    .where(s.tradeline.c.tradeline_key > s.bind("after"))
    .order_by(s.tradeline.c.tradeline_key)
    .limit(s.bind("limit")),
    StoredAccount,
)
party_count = Query[tuple[int]](select(func.count()).select_from(s.party))
party = Query[tuple[str]](
    select(s.party.c.subject_id).where(
        s.party.c.subject_id == s.bind("subject_id"),
        s.party.c.tradeline_key == s.bind("tradeline_key"),
    )
)
answer_leaf = Query[tuple[int]](
    select(s.entry.c.leaf_index).where(
        s.entry.c.entry_key == s.bind("entry_key"), s.entry.c.kind == "dispute-answer"
    )
)
# A record of a trail, its account, and its submission's leaf index.
step_record = Query[tuple[bytes, int, int]](
    select(s.record.c.body, s.record.c.tradeline_key, s.entry.c.leaf_index)
    .join_from(s.record, s.entry, s.record.c.submission_key == s.entry.c.entry_key)
    .where(
        s.record.c.submission_key == s.bind("submission_key"),
        s.record.c.record_index == s.bind("record_index"),
    )
)


def _lost(column: Column[int], what: Column[str] | Column[int]) -> Query[tuple[str | int, int]]:
    """Select rows that name an entry that is not there: the row's own name, and the key."""
    found = s.entry.alias()
    return Query[tuple[str | int, int]](
        select(what, column)
        .join_from(what.table, found, column == found.c.entry_key, isouter=True)
        .where(column.is_not(None), found.c.entry_key.is_(None))
    )


# Rows without their entry, by the name of what they are.
LOST_ENTRIES = {
    "statement": _lost(s.statement.c.entry_key, s.statement.c.entry_key),
    "member statement": _lost(s.member_statement.c.entry_key, s.member_statement.c.member_id),
    "member key": _lost(s.member_key.c.from_entry, s.member_key.c.key_id),
    "withdrawn member key": _lost(s.member_key.c.to_entry, s.member_key.c.key_id),
    "subject key": _lost(s.subject_key.c.from_entry, s.subject_key.c.key_id),
    "replaced subject key": _lost(s.subject_key.c.to_entry, s.subject_key.c.key_id),
    "consent": _lost(s.consent.c.entry_key, s.consent.c.consent_id),
    "submission": _lost(s.submission.c.submission_key, s.submission.c.submission_id),
    "inquiry": _lost(s.inquiry.c.entry_key, s.inquiry.c.inquiry_id),
    "subject event": _lost(s.subject_event.c.entry_key, s.subject_event.c.about),
}

# Cosignatures of checkpoints that are not there.
lost_cosignatures = Query[tuple[str, int]](
    select(s.cosignature.c.witness, s.cosignature.c.tree_size)
    .where(~exists().where(s.checkpoint.c.tree_size == s.cosignature.c.tree_size))
    .order_by(s.cosignature.c.tree_size)
)


def _bare(kind: EntryKind, key: Column[int]) -> Query[tuple[int]]:
    """Select the leaf indices of entries of a kind that have no effect."""
    return Query[tuple[int]](
        select(s.entry.c.leaf_index)
        .where(s.entry.c.kind == kind, ~exists().where(key == s.entry.c.entry_key))
        .order_by(s.entry.c.leaf_index)
    )


# Kinds of entries whose effect is a subject event.
SUBJECT_EVENTS: tuple[EntryKind, ...] = (
    "hold",
    "hold-lift",
    "dispute",
    "dispute-addition",
    "dispute-answer",
    "subject-statement",
)
# Entries without their effect, by kind.
LOST_EFFECTS: dict[EntryKind, Query[tuple[int]]] = {
    "admission": _bare("admission", s.member_statement.c.entry_key),
    "member-change": _bare("member-change", s.member_statement.c.entry_key),
    "member-state": _bare("member-state", s.member_statement.c.entry_key),
    "credential": _bare("credential", s.member_statement.c.entry_key),
    "attestation": _bare("attestation", s.subject_key.c.from_entry),
    "key-rotation": _bare("key-rotation", s.subject_key.c.from_entry),
    "consent": _bare("consent", s.consent.c.entry_key),
    "submission": _bare("submission", s.submission.c.submission_key),
    "inquiry": _bare("inquiry", s.inquiry.c.entry_key),
    "standard": _bare("standard", s.standard.c.entry_key),
    **{kind: _bare(kind, s.subject_event.c.entry_key) for kind in SUBJECT_EVENTS},
}

# References of accounts that are not there.
lost_refs = Query[tuple[str, str]](
    select(s.former_ref.c.member_id, s.former_ref.c.account_ref).where(
        ~exists().where(
            s.tradeline.c.tradeline_key == s.former_ref.c.tradeline_key,
            s.tradeline.c.member_id == s.former_ref.c.member_id,
        )
    )
)
# Records without their submission or their account.
lost_records = Query[tuple[str, int, int]](
    union_all(
        select(literal("submission"), s.record.c.submission_key, s.record.c.record_index).where(
            ~exists().where(s.submission.c.submission_key == s.record.c.submission_key)
        ),
        select(literal("tradeline"), s.record.c.submission_key, s.record.c.record_index).where(
            func.length(s.record.c.body) > 0,
            ~exists().where(s.tradeline.c.tradeline_key == s.record.c.tradeline_key),
        ),
    )
)

# Of PostgreSQL: the settings of a commit's wait, and the standbys that are attached. A role
# outside pg_monitor sees others' connections, and not what they are.
replication = Query[tuple[str, str, int, bool]](
    text(
        "SELECT current_setting('synchronous_commit'),"
        " current_setting('synchronous_standby_names'),"
        " (SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')),"
        " pg_has_role('pg_monitor', 'usage')"
    )
)

newest_checkpoint_time = Query[tuple[int, int]](
    select(s.checkpoint.c.tree_size, s.checkpoint.c.time_us)
    .order_by(s.checkpoint.c.tree_size.desc())
    .limit(1)
)
