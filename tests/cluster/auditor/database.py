"""Reads a server's tables, past every node: the auditor's own statements."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url

from bureau.store.record_blocks import RecordBlock
from creditbureau.v1 import codes_pb2
from creditbureau.v1.record_pb2 import Record
from tests.cluster.auditor.evidence import (
    Database,
    Entry,
    StoredAction,
    StoredAlert,
    StoredConsent,
    StoredInquiry,
    StoredKey,
    StoredLink,
    StoredRecord,
    StoredSubmission,
)

# Which rows are the effect of which kind of entry, and by which column they name it.
EFFECTS = (
    (
        "member_statement",
        "entry_key",
        ("admission", "member-change", "member-state", "credential"),
    ),
    ("subject_key", "from_entry", ("attestation", "key-rotation")),
    # The waiting of a key ends; the person reads of it.
    ("notice", "entry_key", ("attestation", "key-approval")),
    ("consent", "entry_key", ("consent",)),
    ("consent_request", "entry_key", ("consent-request",)),
    (
        "consent_request",
        "answer_entry",
        ("consent-request-decline", "consent-request-withdrawal"),
    ),
    ("submission", "submission_key", ("submission",)),
    ("decision", "entry_key", ("decision",)),
    ("consent_end", "deletion_entry", ("deletion",)),
    ("inquiry", "entry_key", ("inquiry", "inquiry-denial", "replay")),
    ("standard", "entry_key", ("standard",)),
    ("erasure_statement", "entry_key", ("erasure",)),
    (
        "subject_event",
        "entry_key",
        ("hold", "hold-lift", "dispute", "dispute-answer", "subject-statement", "key-repudiation"),
    ),
    (
        "complaint_line",
        "entry_key",
        ("complaint", "complaint-answer", "complaint-escalation", "complaint-decision"),
    ),
)
# An account with one of these is owed no more; a lender that sold it lost it.
ENDED = {
    codes_pb2.ACCOUNT_STATUS_PAID_OR_CLOSED,
    codes_pb2.ACCOUNT_STATUS_TRANSFERRED,
    codes_pb2.ACCOUNT_STATUS_PAID_SURRENDER,
    codes_pb2.ACCOUNT_STATUS_PAID_COLLECTION,
    codes_pb2.ACCOUNT_STATUS_PAID_REPOSSESSION,
    codes_pb2.ACCOUNT_STATUS_PAID_CHARGE_OFF,
}
# Roles of those who owe nothing.
NO_DEBTORS = {
    codes_pb2.PARTY_ROLE_AUTHORISED_USER,
    codes_pb2.PARTY_ROLE_TERMINATED,
    codes_pb2.PARTY_ROLE_DECEASED,
}
NO_OWN_DEBTORS = NO_DEBTORS | {codes_pb2.PARTY_ROLE_GUARANTOR}
# Rows that must name an entry, whatever else they are.
NAMING = (
    ("statement", "entry_key"),
    ("member_key", "from_entry"),
    ("member_key", "to_entry"),
    ("subject_key", "to_entry"),
    ("decision", "inquiry_entry"),
    ("alert", "entry_key"),
    ("consent_event", "entry_key"),
    ("consent_end", "deletion_entry"),
)


def read_database(name: str, url: str) -> Database:
    """Everything that the checks want of one server."""
    engine = create_engine(url_for(url))
    try:
        with engine.connect() as connection:
            connection.execute(text("SET default_transaction_isolation TO 'repeatable read'"))
            connection.commit()
            return read_tables(name, connection)
    finally:
        engine.dispose()


def url_for(url: str) -> Any:
    """A database's URL with the driver that is installed."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def read_tables(name: str, db: Connection) -> Database:
    """Read the tables through one connection, uncommitted changes of its own included."""

    def rows(statement: str) -> list[tuple[Any, ...]]:
        return [
            tuple(bytes(value) if isinstance(value, memoryview) else value for value in row)
            for row in db.execute(text(statement))
        ]

    entries = [
        Entry(*row)
        for row in rows(
            "SELECT e.entry_key, e.leaf_index, e.kind, e.signer, e.request_id, e.digest, "
            "e.answer_digest, e.salt, e.commitment, e.time_us, coalesce(s.envelope, '') "
            "FROM entry e LEFT JOIN statement s ON s.entry_key = e.entry_key ORDER BY e.leaf_index"
        )
    ]
    records = _records(rows)
    counts = Counter(record.entry_key for record in records)
    furnished = list(_furnished(rows, records))
    ((size, frontier),) = rows("SELECT tree_size, frontier FROM log_head")
    return Database(
        name,
        entries,
        inquiries=[
            StoredInquiry(*row)
            for row in rows(
                "SELECT subject_id, member_id, inquiry_id, consent_id, entry_key, log_size, "
                "create_us FROM inquiry ORDER BY inquiry_key"
            )
        ],
        consents=[
            StoredConsent(*row)
            for row in rows(
                "SELECT c.consent_id, subject_id, grantee, max_uses, use_count, state, entry_key, "
                "coalesce(data_life_us, 0) FROM consent c "
                "LEFT JOIN consent_end e ON e.consent_id = c.consent_id ORDER BY entry_key"
            )
        ],
        submissions=[
            StoredSubmission(key, submission_id, member_id, record_count, counts[key])
            for key, submission_id, member_id, record_count in rows(
                "SELECT submission_key, submission_id, member_id, record_count "
                "FROM submission ORDER BY submission_key"
            )
        ],
        actions=[one for one in furnished if isinstance(one, StoredAction)],
        records=[one for one in furnished if isinstance(one, StoredRecord)],
        alerts=[
            StoredAlert(*row)
            for row in rows(
                "SELECT entry_key, ordinal, member_id, subject_id, consent_id, kind FROM alert"
            )
        ],
        keys=[
            StoredKey(*row)
            for row in rows(
                "SELECT key_id, subject_id, start_us, end_us, repudiated FROM subject_key"
            )
        ],
        links=[
            StoredLink(*row)
            for row in rows(
                "SELECT subject_id, number, leaf_index, hash FROM event_link "
                "ORDER BY subject_id, number"
            )
        ],
        checkpoints=[
            (row[0], row[1])
            for row in rows("SELECT tree_size, note FROM checkpoint ORDER BY tree_size")
        ],
        cosignatures=[
            (row[0], row[1], row[2])
            for row in rows("SELECT tree_size, witness, line FROM cosignature")
        ],
        effects=_effects(rows),
        lost=_lost(rows, records),
        head=(size, frontier),
    )


Rows = Callable[[str], list[tuple[Any, ...]]]


class RecordOfEntry(NamedTuple):
    """A record as it is stored; an erased one has no body."""

    entry_key: int
    record_index: int
    tradeline_key: int
    body: bytes


def _records(rows: Rows) -> list[RecordOfEntry]:
    """Read the records out of their blocks."""
    stored = rows(
        "SELECT submission_key, record_index, tradeline_key, block "
        "FROM record ORDER BY submission_key, record_index"
    )
    return [
        RecordOfEntry(entry_key, *record)
        for entry_key, *row in stored
        for record in RecordBlock(*row).records()
    ]


def _furnished(rows: Rows, records: list[RecordOfEntry]) -> Iterator[StoredAction | StoredRecord]:
    """Read the records of submissions and accounts that are there."""
    submissions = {
        key: names
        for key, *names in rows("SELECT submission_key, submission_id, member_id FROM submission")
    }
    accounts: dict[int, str] = dict(rows("SELECT tradeline_key, tradeline_id FROM tradeline"))
    for entry_key, index, tradeline_key, body in records:
        if entry_key not in submissions or tradeline_key not in accounts:
            continue
        submission_id, member_id = submissions[entry_key]
        tradeline_id, record = accounts[tradeline_key], Record.FromString(body)
        if record.HasField("action"):
            action = record.action
            effective = datetime.fromtimestamp(action.effective_time.seconds, UTC)
            yield StoredAction(
                entry_key,
                submission_id,
                member_id,
                tradeline_id,
                action.kind,
                effective.year * 100 + effective.month,
                action.new_member_id,
                action.new_account_ref,
            )
        source = entry_key, index, member_id, tradeline_id
        if record.HasField("deletion"):
            yield StoredRecord(*source, frozenset(), deletes=True, month=record.deletion.month)
        elif record.HasField("snapshot"):
            month = record.snapshot
            people = {one.subject_id for one in month.parties if one.role not in NO_DEBTORS}
            yield StoredRecord(
                *source,
                frozenset(people),
                deletes=False,
                month=month.month,
                is_open=not (month.close_date or month.status in ENDED),
                balance_minor=month.balance_minor,
                past_due_minor=month.amount_past_due_minor,
                days_past_due=month.days_past_due,
                certified=record.certified,
                owing=frozenset(
                    one.subject_id for one in month.parties if one.role not in NO_OWN_DEBTORS
                ),
                account_ref=record.account_ref,
                open_date=month.open_date,
                account_type=month.account_type,
                creditor=month.original_creditor,
                currency=month.currency,
                first_delinquency=month.first_delinquency_date,
            )


def _effects(rows: Rows) -> dict[str, set[int]]:
    effects: dict[str, set[int]] = defaultdict(set)
    for table, column, kinds in EFFECTS:
        named = {row[0] for row in rows(f"SELECT {column} FROM {table}")}
        for kind in kinds:
            effects[kind] |= named
    return dict(effects)


def _lost(rows: Rows, records: list[RecordOfEntry]) -> list[str]:
    """Rows without their entry; records without submission or account."""
    naming = [*NAMING, *((table, column) for table, column, _ in EFFECTS)]
    lost = [
        f"a row of {table} names entry {row[0]}, which is not there"
        for table, column in naming
        for row in rows(
            f"SELECT t.{column} FROM {table} t LEFT JOIN entry e ON e.entry_key = t.{column} "
            f"WHERE t.{column} IS NOT NULL AND e.entry_key IS NULL"
        )
    ]
    submissions = {key for (key,) in rows("SELECT submission_key FROM submission")}
    accounts = {key for (key,) in rows("SELECT tradeline_key FROM tradeline")}
    for record in records:
        name = f"record {record.record_index} of {record.entry_key}"
        if record.body and record.entry_key not in submissions:
            lost.append(f"{name} is of a submission that is not there")
        if record.body and record.tradeline_key not in accounts:
            lost.append(f"{name} is of a tradeline that is not there")
    return lost
