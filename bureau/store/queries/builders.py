"""The tables by their short names, and the builders of statements about them.

Parameters are the names in `bind(...)`, or the columns of the table for inserts.
"""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import BigInteger, ScalarSelect, Table, Text, bindparam, func, select
from sqlalchemy import insert as insert_into
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.dialects.sqlite.dml import OnConflictClause, OnConflictDoNothing, OnConflictDoUpdate
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlmodel import SQLModel

from bureau.store import tables as t
from bureau.store.compiled import Insert


def table(model: type[SQLModel]) -> Table:
    """Return the table of a model."""
    return cast(Table, model.__table__)  # type: ignore[attr-defined]


def bind(name: str) -> Any:
    """Define a parameter of a statement."""
    return bindparam(name)


def insert(model: type[SQLModel]) -> Insert:
    """Build an insert of all columns but those that the database counts."""
    target = table(model)
    columns = [c for c in target.columns if c.autoincrement is not True]
    return Insert(insert_into(target).inline(), columns)


def upsert(target: Table) -> SqliteInsert:
    """Build an insert with `on_conflict_…`, for both databases: to build PostgreSQL's own would
    load its dialect at every start, on SQLite too.
    """
    return SqliteInsert(target)


def insert_or_ignore(model: type[SQLModel]) -> Insert:
    """Build an insert that leaves an existing row as it is. SQLite and PostgreSQL
    spell it alike.
    """
    target = table(model)
    columns = [c for c in target.columns if c.autoincrement is not True]
    return Insert(upsert(target).on_conflict_do_nothing().inline(), columns)


@compiles(OnConflictDoNothing, "postgresql")
def _ignoring(clause: OnConflictDoNothing, compiler: Any, **options: Any) -> str:
    return cast(str, compiler.visit_on_conflict_do_nothing(_as_postgresql(clause), **options))


@compiles(OnConflictDoUpdate, "postgresql")
def _updating(clause: OnConflictDoUpdate, compiler: Any, **options: Any) -> str:
    return cast(str, compiler.visit_on_conflict_do_update(_as_postgresql(clause), **options))


def _as_postgresql(clause: OnConflictClause) -> Any:
    """Return a clause of SQLite as PostgreSQL's compiler takes it: it may name a constraint
    there.
    """
    changed: Any = clause
    changed.constraint_target = None
    return changed


class server_time_us(FunctionElement[int]):  # noqa: N801  (reads as a function of SQL)
    """The time of the database's machine, in microseconds; null where it is our own."""

    type = BigInteger()
    inherit_cache = True


class server_start(FunctionElement[str]):  # noqa: N801  (as above)
    """The time at which the database's server was started; null where there is none."""

    type = Text()
    inherit_cache = True


@compiles(server_time_us)
@compiles(server_start)
def _null(*_: object, **__: object) -> str:
    return "NULL"


@compiles(server_time_us, "postgresql")
def _clock(*_: object, **__: object) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"


@compiles(server_start, "postgresql")
def _start(*_: object, **__: object) -> str:
    return "CAST(pg_postmaster_start_time() AS TEXT)"


def first_index_of(submission_key: Any, record_index: Any) -> ScalarSelect[int]:
    """Select the index of the row that a record is in: the last one that is not after it."""
    return (
        select(func.max(_earlier_record.c.record_index, type_=BigInteger))
        .where(
            _earlier_record.c.submission_key == submission_key,
            _earlier_record.c.record_index <= record_index,
        )
        .scalar_subquery()
    )


floor = table(t.SchemaFloor)
head = table(t.LogHead)
entry = table(t.Entry)
statement = table(t.StatementBytes)
tile = table(t.LogTile)
checkpoint = table(t.CheckpointNote)
cosignature = table(t.CosignatureRow)
member = table(t.MemberRow)
member_key = table(t.MemberKeyRow)
certificate = table(t.MemberCertificateRow)
member_statement = table(t.MemberStatementRow)
usage = table(t.DirectoryUsage)
member_quota = table(t.MemberQuotaRow)
quota_usage = table(t.QuotaUsageRow)
subject_key = table(t.SubjectKeyRow)
consent = table(t.ConsentRow)
consent_change = table(t.ConsentChangeRow)
consent_request = table(t.ConsentRequestRow)
consent_event = table(t.ConsentEventRow)
consent_end = table(t.ConsentEndRow)
submission = table(t.SubmissionRow)
tradeline = table(t.TradelineRow)
former_ref = table(t.FormerRefRow)
party = table(t.TradelinePartyRow)
record = table(t.RecordRow)
_earlier_record = record.alias("earlier_record")
record_tile = table(t.RecordTileRow)
inquiry = table(t.InquiryRow)
decision = table(t.DecisionRow)
subject_event = table(t.SubjectEventRow)
dispute = table(t.DisputeRow)
complaint = table(t.ComplaintRow)
complaint_line = table(t.ComplaintLineRow)
hold = table(t.HoldRow)
hold_lift = table(t.HoldLiftRow)
own_statement = table(t.OwnStatementRow)
monitor = table(t.MonitorRow)
alert = table(t.AlertRow)
mark = table(t.AlertMarkRow)
notice = table(t.NoticeRow)
notice_choice = table(t.NoticeChoiceRow)
standard = table(t.StandardRow)
contribution = table(t.ContributionRow)
erasure = table(t.ErasureRow)
erased_statement = table(t.ErasedStatementRow)
erasure_statement = table(t.ErasureStatementRow)
