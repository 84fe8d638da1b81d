"""The bureau's tables.

Every column is an integer, a text or bytes, so that rows pass unchanged between
Python and any database driver: times are microseconds since 1970 UTC, dates
yyyymmdd, months yyyymm, money minor units, sets of codes bit masks (bit n set:
code n is in the set). What the bureau has learned is append-only: a record
refers to the entry of the log that it came with, and the file as of any log size
is the records whose entry lies below it.
"""

from __future__ import annotations

from pydantic import ConfigDict
from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Text, UniqueConstraint
from sqlalchemy import text as text_clause
from sqlmodel import Field, SQLModel

# Every integer of SQLite has 64 bits, and only a key called INTEGER is the row's
# own key in its tree, without an index beside it.
WIDE = BigInteger().with_variant(Integer(), "sqlite")


# A time after all others.
NEVER = 1 << 62


def big(
    *, primary_key: bool = False, null: bool = False, default: str | None = None
) -> Column[int]:
    """Define a column of 64-bit integers; SQLModel's own `int` would be 32 bits wide.

    Args:
        default: Value that nodes of an earlier version leave to the server.
    """
    return Column(
        WIDE, primary_key=primary_key, nullable=null, autoincrement=False, server_default=default
    )


def counter() -> Column[int]:
    """Define a primary key that the database counts up."""
    return Column(WIDE, primary_key=True, autoincrement=True)


def text(
    *, primary_key: bool = False, index: bool = False, default: str | None = None
) -> Column[str]:
    """Define a column of texts of any length."""
    return Column(
        Text, primary_key=primary_key, nullable=False, index=index, server_default=default
    )


def blob(*, null: bool = False) -> Column[bytes]:
    """Define a column of bytes of any length."""
    return Column(LargeBinary, nullable=null)


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Define an index of the rows under a condition.

    The revisions build it, on either database. PostgreSQL is not told the condition here: that
    would load its dialect at every start, on SQLite too.
    """
    return Index(name, *columns, unique=unique, sqlite_where=text_clause(where))


class Row(SQLModel):
    """A row; no row is validated, so the validators of its class are never built."""

    model_config = ConfigDict(defer_build=True)  # type: ignore[assignment]


class SchemaFloor(Row, table=True):
    """The one row that says which code may serve: from this revision of the schema on."""

    __tablename__ = "schema_floor"
    floor_id: int = Field(sa_column=big(primary_key=True))
    revision: str = Field(sa_column=text())


class LogHead(Row, table=True):
    """The one row that orders the log: its size, its right edge, its newest time."""

    __tablename__ = "log_head"
    head_id: int = Field(sa_column=big(primary_key=True))
    tree_size: int = Field(sa_column=big())
    # Roots of the perfect subtrees along the right edge, 32 bytes each.
    frontier: bytes = Field(sa_column=blob())
    time_us: int = Field(sa_column=big())


class Entry(Row, table=True):
    """A leaf of the log: one accepted statement."""

    __tablename__ = "entry"
    # In this order, so that an entry is found by its request id alone, too.
    __table_args__ = (UniqueConstraint("request_id", "signer"),)
    # Time-ordered and unique, given before the leaf index is known.
    entry_key: int = Field(sa_column=big(primary_key=True))
    leaf_index: int = Field(sa_column=Column(WIDE, nullable=False, unique=True))
    kind: str = Field(sa_column=text())
    signer: str = Field(sa_column=text())
    request_id: str = Field(sa_column=text())
    # SHA-256 of the statement's PAE, and of the answer where it is signed.
    digest: bytes = Field(sa_column=blob())
    answer_digest: bytes = Field(sa_column=blob())
    salt: bytes = Field(sa_column=blob())
    commitment: bytes = Field(sa_column=blob())
    time_us: int = Field(sa_column=big())


class StatementBytes(Row, table=True):
    """The signed envelope of an entry, byte for byte."""

    __tablename__ = "statement"
    entry_key: int = Field(sa_column=big(primary_key=True))
    envelope: bytes = Field(sa_column=blob())


class LogTile(Row, table=True):
    """A full tile of 256 hashes and its root (C2SP tlog-tiles)."""

    __tablename__ = "log_tile"
    level: int = Field(sa_column=big(primary_key=True))
    tile_index: int = Field(sa_column=big(primary_key=True))
    hashes: bytes = Field(sa_column=blob())
    root: bytes = Field(sa_column=blob())


class CheckpointNote(Row, table=True):
    """Every checkpoint that was signed."""

    __tablename__ = "checkpoint"
    tree_size: int = Field(sa_column=big(primary_key=True))
    note: str = Field(sa_column=text())
    time_us: int = Field(sa_column=big())


class CosignatureRow(Row, table=True):
    """A witness's cosignature of a checkpoint: a line for its note."""

    __tablename__ = "cosignature"
    __table_args__ = (Index("cosignature_by_witness", "witness", "tree_size"),)
    tree_size: int = Field(sa_column=big(primary_key=True))
    witness: str = Field(sa_column=text(primary_key=True))
    line: str = Field(sa_column=text())


class MemberRow(Row, table=True):
    """An institution admitted to the bureau."""

    __tablename__ = "member"
    member_id: str = Field(sa_column=text(primary_key=True))
    display_name: str = Field(sa_column=text())
    state: int = Field(sa_column=big())
    roles: int = Field(sa_column=big())
    purposes: int = Field(sa_column=big())
    jurisdiction: str = Field(sa_column=text())
    group_id: str = Field(sa_column=text())
    directory_quota: int = Field(sa_column=big())
    create_us: int = Field(sa_column=big())


class MemberKeyRow(Row, table=True):
    """A member's signing key; it counts between two entries of the log."""

    __tablename__ = "member_key"
    key_id: str = Field(sa_column=text(primary_key=True))
    member_id: str = Field(sa_column=text(index=True))
    public_key: bytes = Field(sa_column=blob())
    from_entry: int = Field(sa_column=big())
    to_entry: int | None = Field(sa_column=big(null=True))


class MemberCertificateRow(Row, table=True):
    """A certificate with which a member may connect."""

    __tablename__ = "member_certificate"
    fingerprint: str = Field(sa_column=text(primary_key=True))
    member_id: str = Field(sa_column=text(index=True))
    not_after_us: int = Field(sa_column=big())
    withdrawn: int = Field(sa_column=big())


class MemberStatementRow(Row, table=True):
    """The entries that made a member what it is."""

    __tablename__ = "member_statement"
    member_id: str = Field(sa_column=text(primary_key=True))
    entry_key: int = Field(sa_column=big(primary_key=True))


class DirectoryUsage(Row, table=True):
    """Elements that a member had evaluated on one day (UTC, yyyymmdd)."""

    __tablename__ = "directory_usage"
    member_id: str = Field(sa_column=text(primary_key=True))
    day: int = Field(sa_column=big(primary_key=True))
    element_count: int = Field(sa_column=big())


class MemberQuotaRow(Row, table=True):
    """Quotas that the operator signed for a member; 0 leaves a quota to the settings."""

    __tablename__ = "member_quota"
    member_id: str = Field(sa_column=text(primary_key=True))
    # 1 for the subjects' statements that the member carries, 0 for its own.
    carried: int = Field(sa_column=big(primary_key=True))
    statements_per_minute: int = Field(sa_column=big())
    bytes_per_minute: int = Field(sa_column=big())
    statements_per_day: int = Field(sa_column=big())
    bytes_per_day: int = Field(sa_column=big())


class QuotaUsageRow(Row, table=True):
    """Statements and bytes that a party stored in the newest minute and on the newest day of
    its statements (numbers since 1970).
    """

    __tablename__ = "quota_usage"
    party: str = Field(sa_column=text(primary_key=True))
    minute: int = Field(sa_column=big())
    minute_statements: int = Field(sa_column=big())
    minute_bytes: int = Field(sa_column=big())
    day: int = Field(sa_column=big())
    day_statements: int = Field(sa_column=big())
    day_bytes: int = Field(sa_column=big())


class SubjectKeyRow(Row, table=True):
    """A key that an attesting member or an earlier key bound to a subject
    (`bureau/credit_file/subject_keys.py`).
    """

    __tablename__ = "subject_key"
    # Of two nodes that bind a subject's first key at the same moment, one must try again.
    __table_args__ = (
        partial_index(
            "one_key_without_an_end",
            "subject_id",
            unique=True,
            where="to_entry IS NULL",
        ),
    )
    key_id: str = Field(sa_column=text(primary_key=True))
    subject_id: str = Field(sa_column=text(index=True))
    public_key: bytes = Field(sa_column=blob())
    # The entry that bound it, and the one that ended it or set its end.
    from_entry: int = Field(sa_column=big())
    to_entry: int | None = Field(sa_column=big(null=True))
    # In force from one time until another, which is NEVER without an end.
    start_us: int = Field(sa_column=big(default="0"))
    end_us: int = Field(sa_column=big(default=str(NEVER)))
    # The time from which it lifts holds.
    lift_us: int = Field(sa_column=big(default="0"))
    # The member that attested it first; empty for a key that the earlier one rotated to.
    attester: str = Field(sa_column=text(default=""))
    # The key that it replaces, and 1 if that key signed for it.
    previous: str = Field(sa_column=text(default=""))
    approved: int = Field(sa_column=big(default="0"))
    repudiated: int = Field(sa_column=big(default="0"))


class ConsentRow(Row, table=True):
    """A consent: what the subject signed, unpacked, and its present state."""

    __tablename__ = "consent"
    __table_args__ = (
        Index("consent_by_arrangement", "arrangement_id"),
        Index("consent_by_grantee", "grantee", "create_us", "consent_id"),
        Index("consent_by_pair", "grantee", "subject_id", "create_us", "consent_id"),
        Index("consent_by_subject", "subject_id", "create_us", "consent_id"),
        # 3 is REVOKED: the consents of a pair that count against its bound.
        partial_index(
            "consent_in_use",
            "grantee",
            "subject_id",
            "expire_us",
            where="state <> 3",
        ),
    )
    consent_id: str = Field(sa_column=text(primary_key=True))
    subject_id: str = Field(sa_column=text())
    grantee: str = Field(sa_column=text())
    actions: int = Field(sa_column=big())
    purposes: int = Field(sa_column=big())
    sections: int = Field(sa_column=big())
    portfolio_types: int = Field(sa_column=big())
    history_months: int = Field(sa_column=big())
    start_us: int = Field(sa_column=big())
    expire_us: int = Field(sa_column=big())
    max_uses: int = Field(sa_column=big())
    frequency_unit: int = Field(sa_column=big())
    frequency_value: int = Field(sa_column=big())
    # ACTIVE, PAUSED, REVOKED or REPLACED by the subject's statements; the rest follows
    # from time and uses.
    state: int = Field(sa_column=big())
    use_count: int = Field(sa_column=big())
    # The calendar period (yyyy, yyyymm or yyyymmdd) of the newest use, and the
    # uses in it.
    period: int = Field(sa_column=big())
    period_count: int = Field(sa_column=big())
    entry_key: int = Field(sa_column=big())
    create_us: int = Field(sa_column=big())
    update_us: int = Field(sa_column=big())
    note: str = Field(sa_column=text())
    # The first consent of its arrangement; none for a first one.
    arrangement_id: str | None = Field(sa_column=Column(Text, nullable=True))


class ConsentChangeRow(Row, table=True):
    """An entry that changed a consent's state: the subject's change, a newer consent, or a
    repudiation.
    """

    __tablename__ = "consent_change"
    consent_id: str = Field(sa_column=text(primary_key=True))
    entry_key: int = Field(sa_column=big(primary_key=True))
    # A ConsentTransition; it outlives a statement whose words are erased.
    transition: int = Field(sa_column=big())


class ConsentRequestRow(Row, table=True):
    """A member's request for a consent, and its present state."""

    __tablename__ = "consent_request"
    __table_args__ = (
        Index("consent_request_by_member", "member_id", "create_us", "request_id"),
        Index("consent_request_by_pair", "member_id", "subject_id", "create_us", "request_id"),
        Index("consent_request_by_subject", "subject_id", "create_us", "request_id"),
    )
    request_id: str = Field(sa_column=text(primary_key=True))
    member_id: str = Field(sa_column=text())
    subject_id: str = Field(sa_column=text())
    # The signed payload without its words; it outlives a statement whose words are erased.
    terms: bytes = Field(sa_column=blob())
    expire_us: int = Field(sa_column=big())
    # A ConsentRequestState by the statements: PENDING without an answer, after the end too.
    state: int = Field(sa_column=big())
    create_us: int = Field(sa_column=big())
    update_us: int = Field(sa_column=big())
    entry_key: int = Field(sa_column=big())
    # The entry of the consent, decline or withdrawal.
    answer_entry: int | None = Field(sa_column=Column(WIDE, nullable=True))


class ConsentEventRow(Row, table=True):
    """A change of a consent that an entry caused, for its grantee to hear of."""

    __tablename__ = "consent_event"
    __table_args__ = (Index("consent_event_by_member", "member_id", "entry_key"),)
    consent_id: str = Field(sa_column=text(primary_key=True))
    entry_key: int = Field(sa_column=big(primary_key=True))
    member_id: str = Field(sa_column=text())
    # A ConsentEventKind.
    kind: int = Field(sa_column=big())


class ConsentEndRow(Row, table=True):
    """The end of a consent by time, and of the data that its grantee may keep after it."""

    __tablename__ = "consent_end"
    __table_args__ = (
        Index("consent_end_by_member", "member_id", "expire_us", "consent_id"),
        partial_index(
            "consent_end_unconfirmed",
            "consent_id",
            where="data_life_us > 0 AND deletion_entry IS NULL",
        ),
    )
    consent_id: str = Field(sa_column=text(primary_key=True))
    member_id: str = Field(sa_column=text())
    expire_us: int = Field(sa_column=big())
    # 0 where the grantee may keep nothing.
    data_life_us: int = Field(sa_column=big())
    # The entry by which the grantee confirmed the deletion; none until then.
    deletion_entry: int | None = Field(sa_column=big(null=True))


class SubmissionRow(Row, table=True):
    """A signed batch of records; its key is that of its entry."""

    __tablename__ = "submission"
    submission_key: int = Field(sa_column=big(primary_key=True))
    submission_id: str = Field(sa_column=text())
    member_id: str = Field(sa_column=text(index=True))
    kind: int = Field(sa_column=big())
    record_count: int = Field(sa_column=big())
    new_tradeline_count: int = Field(sa_column=big())
    label: str = Field(sa_column=text())
    create_us: int = Field(sa_column=big())


class RecordTileRow(Row, table=True):
    """Leaf hashes of up to 256 records of a submission, and the root over them:
    proofs without the neighbours' bytes.
    """

    __tablename__ = "record_tile"
    submission_key: int = Field(sa_column=big(primary_key=True))
    tile_index: int = Field(sa_column=big(primary_key=True))
    hashes: bytes = Field(sa_column=blob())
    root: bytes = Field(sa_column=blob())


class TradelineRow(Row, table=True):
    """One account of one furnisher, as its records left it (`bureau/credit_file/history.py`)."""

    __tablename__ = "tradeline"
    __table_args__ = (UniqueConstraint("member_id", "account_ref"),)
    tradeline_key: int = Field(sa_column=big(primary_key=True))
    tradeline_id: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    member_id: str = Field(sa_column=text())
    account_ref: str = Field(sa_column=text())
    currency: str = Field(sa_column=text())
    # The record that holds for the newest month; zeros if all is deleted.
    newest_submission_key: int = Field(sa_column=big())
    newest_record_index: int = Field(sa_column=big())
    # A PaymentHistory, every record that the account ever got, which kinds of
    # record these are, and whom they name.
    history: bytes = Field(sa_column=blob())
    trail: bytes = Field(sa_column=blob())
    marks: int = Field(sa_column=big())
    people: bytes = Field(sa_column=blob())


class FormerRefRow(Row, table=True):
    """A reference that an account had before it was renumbered: late files still say it."""

    __tablename__ = "former_ref"
    member_id: str = Field(sa_column=text(primary_key=True))
    account_ref: str = Field(sa_column=text(primary_key=True))
    tradeline_key: int = Field(sa_column=big())


class TradelinePartyRow(Row, table=True):
    """The subjects that were ever named on a tradeline: the index to a file."""

    __tablename__ = "tradeline_party"
    subject_id: str = Field(sa_column=text(primary_key=True))
    tradeline_key: int = Field(sa_column=big(primary_key=True))


class RecordRow(Row, table=True):
    """Consecutive records of a submission, by the first of them. Batches are large and are only
    ever added at the end: the key is their order, and there is no other index.
    """

    __tablename__ = "record"
    __table_args__ = ({"sqlite_with_rowid": False},)
    submission_key: int = Field(sa_column=big(primary_key=True))
    record_index: int = Field(sa_column=big(primary_key=True))
    tradeline_key: int = Field(sa_column=big())
    # Read and written by `bureau/store/record_blocks.py` alone.
    block: bytes = Field(sa_column=blob())


class InquiryRow(Row, table=True):
    """The fact that a report was asked for, granted or denied."""

    __tablename__ = "inquiry"
    __table_args__ = (Index("inquiry_by_member", "member_id", "inquiry_key"),)
    inquiry_key: int = Field(sa_column=counter())
    subject_id: str = Field(sa_column=text(index=True))
    member_id: str = Field(sa_column=text())
    inquiry_id: str = Field(sa_column=text())
    consent_id: str = Field(sa_column=text())
    purpose: int = Field(sa_column=big())
    kind: int = Field(sa_column=big())
    outcome: int = Field(sa_column=big())
    denial_reason: str = Field(sa_column=text())
    create_us: int = Field(sa_column=big())
    # Its entry; the check of the database reports an inquiry without one.
    entry_key: int | None = Field(sa_column=Column(WIDE, nullable=True, index=True))
    # The log size that the report was read at, and the version of the rules that
    # shaped it.
    log_size: int = Field(sa_column=big())
    rules_version: str = Field(sa_column=text())
    # The level that the member had earned (`bureau/credit_file/reciprocity.py`).
    level: int = Field(sa_column=big())
    # SHA-256 of the report's payload; none for a denied one, and a portfolio of a schema
    # before 0010.
    report_digest: bytes | None = Field(sa_column=blob(null=True))


class DecisionRow(Row, table=True):
    """A decision that a member recorded on a report: its place in lists."""

    __tablename__ = "decision"
    __table_args__ = (
        Index("decision_by_member", "member_id", "entry_key"),
        Index("decision_by_pair", "member_id", "subject_id", "entry_key"),
        Index("decision_by_report", "inquiry_entry", "subject_id"),
        Index("decision_by_subject", "subject_id", "entry_key"),
    )
    entry_key: int = Field(sa_column=big(primary_key=True))
    member_id: str = Field(sa_column=text())
    subject_id: str = Field(sa_column=text())
    # The entry of the inquiry that the report answered.
    inquiry_entry: int = Field(sa_column=big())


class EventLinkRow(Row, table=True):
    """A link of the chain of events of a subject (`bureau/ledger/event_chains.py`)."""

    __tablename__ = "event_link"
    __table_args__ = (Index("event_link_by_leaf", "leaf_index"),)
    subject_id: str = Field(sa_column=text(primary_key=True))
    # From 1, in the order of the log.
    number: int = Field(sa_column=big(primary_key=True))
    leaf_index: int = Field(sa_column=big())
    # The running hash over the subject's events, this one included.
    hash: bytes = Field(sa_column=blob())


class SubjectEventRow(Row, table=True):
    """A statement about a subject's own file: holds, disputes, a statement, repudiations of
    keys (`bureau/credit_file/subject_state.py`).
    """

    __tablename__ = "subject_event"
    __table_args__ = (
        Index("subject_event_by_member", "member_id", "entry_key"),
        Index("subject_event_by_subject", "subject_id", "time_us"),
    )
    entry_key: int = Field(sa_column=big(primary_key=True))
    subject_id: str = Field(sa_column=text())
    kind: int = Field(sa_column=big())
    # The hold, dispute or key that it is about.
    about: str = Field(sa_column=text(index=True))
    # The furnisher that a dispute is against; the attester that repudiates a key.
    member_id: str = Field(sa_column=text())
    time_us: int = Field(sa_column=big())
    # The payload as it was signed; of a repudiation that took effect, its Undoing.
    body: bytes = Field(sa_column=blob())


class DisputeRow(Row, table=True):
    """A dispute, folded from its events: its place in lists, and its state."""

    __tablename__ = "dispute"
    __table_args__ = (
        Index("dispute_by_subject", "subject_id", "entry_key"),
        Index("dispute_by_member", "member_id", "entry_key"),
        Index("dispute_by_tradeline", "tradeline_id", "subject_id", "open_us"),
        partial_index(
            "dispute_unanswered",
            "subject_id",
            "open_us",
            where="answer_key IS NULL",
        ),
    )
    dispute_id: str = Field(sa_column=text(primary_key=True))
    subject_id: str = Field(sa_column=text())
    # The furnisher of the disputed tradeline.
    member_id: str = Field(sa_column=text())
    tradeline_id: str = Field(sa_column=text())
    month: int = Field(sa_column=big())
    field: str = Field(sa_column=text())
    # The entry that opened it, and the time of that entry.
    entry_key: int = Field(sa_column=big())
    open_us: int = Field(sa_column=big())
    addition_count: int = Field(sa_column=big())
    # The entry of its answer; none while it is not answered.
    answer_key: int | None = Field(sa_column=big(null=True))


class ComplaintRow(Row, table=True):
    """A complaint about a deed of a member, folded from its events."""

    __tablename__ = "complaint"
    __table_args__ = (
        Index("complaint_by_subject", "subject_id", "entry_key"),
        Index("complaint_by_member", "member_id", "entry_key"),
        Index(
            "complaint_by_deed",
            *("subject_id", "deed_type", "deed_id", "record_index", "member_id"),
            unique=True,
        ),
        partial_index(
            "complaint_escalated",
            "entry_key",
            where="escalation_key IS NOT NULL",
        ),
    )
    complaint_id: str = Field(sa_column=text(primary_key=True))
    subject_id: str = Field(sa_column=text())
    # The member whose deed it is.
    member_id: str = Field(sa_column=text())
    deed_type: int = Field(sa_column=big())
    deed_id: str = Field(sa_column=text())
    record_index: int = Field(sa_column=big())
    # The entry that opened it, and the time of that entry.
    entry_key: int = Field(sa_column=big())
    open_us: int = Field(sa_column=big())
    # The entries of its answer, its escalation and its decision; none without one.
    answer_key: int | None = Field(sa_column=big(null=True))
    escalation_key: int | None = Field(sa_column=big(null=True))
    decision_key: int | None = Field(sa_column=big(null=True))


class ComplaintLineRow(Row, table=True):
    """A line of the register of complaints; the leaf of its entry covers it."""

    __tablename__ = "complaint_line"
    # Of two nodes that give out a number at the same moment, one must try again.
    __table_args__ = (Index("complaint_line_by_entry", "entry_key"),)
    number: int = Field(sa_column=big(primary_key=True))
    complaint_number: int = Field(sa_column=big())
    entry_key: int = Field(sa_column=big())
    member_id: str = Field(sa_column=text())
    kind: int = Field(sa_column=big())
    outcome: int = Field(sa_column=big())


class HoldRow(Row, table=True):
    """A hold, folded from its events."""

    __tablename__ = "hold"
    subject_id: str = Field(sa_column=text(primary_key=True))
    hold_id: str = Field(sa_column=text(primary_key=True))
    kind: int = Field(sa_column=big())
    entry_key: int = Field(sa_column=big())
    # NEVER without an end.
    expire_us: int = Field(sa_column=big())
    # 1 after a lift for good.
    ended: int = Field(sa_column=big())


class HoldLiftRow(Row, table=True):
    """The newest lift of a hold until a time, for one member or (empty) for all of them."""

    __tablename__ = "hold_lift"
    subject_id: str = Field(sa_column=text(primary_key=True))
    hold_id: str = Field(sa_column=text(primary_key=True))
    member_id: str = Field(sa_column=text(primary_key=True))
    until_us: int = Field(sa_column=big())


class OwnStatementRow(Row, table=True):
    """The newest statement of a subject for readers of their credit file."""

    __tablename__ = "own_statement"
    subject_id: str = Field(sa_column=text(primary_key=True))
    entry_key: int = Field(sa_column=big())


class MonitorRow(Row, table=True):
    """A member that monitors a subject, by a consent that allows it.

    The row goes when the consent is revoked; that of a consent which expired goes when the
    subject grants the member the next one.
    """

    __tablename__ = "monitor"
    __table_args__ = (Index("monitor_by_grantee", "grantee", "subject_id"),)
    subject_id: str = Field(sa_column=text(primary_key=True))
    consent_id: str = Field(sa_column=text(primary_key=True))
    grantee: str = Field(sa_column=text())


class AlertRow(Row, table=True):
    """An alert for a member, stored with the entry that caused it."""

    __tablename__ = "alert"
    __table_args__ = (
        Index("alert_by_member", "member_id", "entry_key"),
        Index("alert_by_consent", "consent_id", "kind"),
    )
    entry_key: int = Field(sa_column=big(primary_key=True))
    ordinal: int = Field(sa_column=big(primary_key=True))
    member_id: str = Field(sa_column=text())
    subject_id: str = Field(sa_column=text())
    consent_id: str = Field(sa_column=text())
    kind: int = Field(sa_column=big())
    # Ids of tradelines, between blanks.
    tradelines: str = Field(sa_column=text())


class AlertMarkRow(Row, table=True):
    """The cursor up to which a member has acknowledged its alerts."""

    __tablename__ = "alert_mark"
    member_id: str = Field(sa_column=text(primary_key=True))
    cursor: int = Field(sa_column=big())


class NoticeRow(Row, table=True):
    """A notice to a subject, stored with the entry that caused it."""

    __tablename__ = "notice"
    __table_args__ = (Index("notice_by_entry", "entry_key"),)
    subject_id: str = Field(sa_column=text(primary_key=True))
    entry_key: int = Field(sa_column=big(primary_key=True))
    ordinal: int = Field(sa_column=big(primary_key=True))
    kind: int = Field(sa_column=big())
    member_id: str = Field(sa_column=text())
    tradeline_id: str = Field(sa_column=text())
    key_id: str = Field(sa_column=text(default=""))


class NoticeChoiceRow(Row, table=True):
    """A choice of a subject what to hear of; it holds from its entry on, until the next one."""

    __tablename__ = "notice_choice"
    __table_args__ = (Index("notice_choice_by_agent", "agent_id", "subject_id"),)
    subject_id: str = Field(sa_column=text(primary_key=True))
    entry_key: int = Field(sa_column=big(primary_key=True))
    # The key that signed it: a choice does not outlive the repudiation of its key.
    key_id: str = Field(sa_column=text())
    # A mask of the kinds that streams leave out.
    muted: int = Field(sa_column=big())
    # The agent that passes notices on, and the language in which; empty for none.
    agent_id: str = Field(sa_column=text())
    language: str = Field(sa_column=text())


class StandardRow(Row, table=True):
    """A standard of credit as the operator signed it."""

    __tablename__ = "standard"
    version: int = Field(sa_column=big(primary_key=True))
    entry_key: int = Field(sa_column=big())
    effective_us: int = Field(sa_column=big())


class ContributionRow(Row, table=True):
    """The times at which a member last furnished accounts in good standing, and accounts in
    default: reciprocity follows from them.
    """

    __tablename__ = "contribution"
    member_id: str = Field(sa_column=text(primary_key=True))
    good_us: int = Field(sa_column=big())
    default_us: int = Field(sa_column=big())


class ErasedStatementRow(Row, table=True):
    """A statement that was erased: its envelope, its digest and its leaf's salt are blank."""

    __tablename__ = "erased_statement"
    entry_key: int = Field(sa_column=big(primary_key=True))
    time_us: int = Field(sa_column=big())


class ErasureStatementRow(Row, table=True):
    """A signed statement by which the operator erased something.

    Attributes:
        member_id: The furnisher of the erased accounts; empty if statements were erased.
    """

    __tablename__ = "erasure_statement"
    entry_key: int = Field(sa_column=big(primary_key=True))
    member_id: str = Field(sa_column=text())


class ErasureRow(Row, table=True):
    """An account that was erased: its records are blank, their hashes stay."""

    __tablename__ = "erasure"
    tradeline_key: int = Field(sa_column=big(primary_key=True))
    record_count: int = Field(sa_column=big())
    time_us: int = Field(sa_column=big())
