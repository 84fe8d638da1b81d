"""The store's queries: each has a name of its own, and rows of the type that it declares."""

import ast
import pkgutil
import subprocess
import sys
import types
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Integer,
    LargeBinary,
    Numeric,
    SelectBase,
    String,
    TextClause,
)
from sqlalchemy.sql.type_api import TypeEngine

from bureau.credit_file.complaints import StoredComplaint, StoredLine
from bureau.credit_file.consent_state import HeldConsent
from bureau.credit_file.filed import FiledInquiry
from bureau.credit_file.own_entries import StoredDispute
from bureau.credit_file.stored_inquiry import StoredInquiry
from bureau.credit_file.subject_keys import SubjectKey
from bureau.credit_file.subject_state import SubjectEvent
from bureau.journeys.member import StoredMember
from bureau.journeys.monitoring import Monitor
from bureau.ledger.log import LoggedEntry
from bureau.store import checks, queries, tables
from bureau.store.compiled import Change, InQuery, Insert, Query
from bureau.store.database import Database

MODULES = [
    checks,
    *(
        import_module(f"{queries.__name__}.{info.name}")
        for info in pkgutil.iter_modules(queries.__path__)
    ),
]
# The Python type in which both drivers hand out a column.
PYTHON: dict[type[TypeEngine[Any]], type] = {
    BigInteger: int,
    Integer: int,
    Numeric: int,
    String: str,
    LargeBinary: bytes,
    Boolean: bool,
}


def declared() -> Iterator[tuple[str, Any, types.GenericAlias]]:
    """Each query that a module assigns, with the row type that its source declares."""
    for module in MODULES:
        assert module.__file__
        source = ast.parse(Path(module.__file__).read_text("utf-8"))
        for node in source.body:
            if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)):
                continue
            (target,), function = node.targets, node.value.func
            assert isinstance(target, ast.Name)
            query = vars(module)[target.id]
            if not isinstance(query, Query | InQuery):
                continue
            if query.row is not None:
                fields = get_type_hints(query.row).values()
                yield target.id, query, types.GenericAlias(tuple, tuple(fields))
                continue
            if isinstance(function, ast.Name):  # a function of the module; its result is annotated
                returns = vars(module)[function.id].__annotations__["return"]
                row = returns.removeprefix("Query[").removesuffix("]")
            else:
                assert isinstance(function, ast.Subscript), f"{target.id} declares no row type"
                row = ast.unparse(function.slice)
            yield target.id, query, eval(row, vars(module))


def flattened(row: Any) -> Iterator[Any]:
    """The types of a row's columns, with those of a row that is unpacked in it."""
    for type_ in get_args(row):
        if getattr(type_, "__unpacked__", False):
            yield from flattened(type_)
        else:
            yield type_


def columns_of(query: Any) -> list[Any]:
    clause = query.clause
    selects = isinstance(clause, SelectBase)
    return list(clause.selected_columns if selects else clause.exported_columns)


@pytest.mark.parametrize(("name", "query", "row"), list(declared()), ids=lambda v: str(v)[:40])
def test_rows_have_the_declared_type(name: str, query: Any, row: types.GenericAlias) -> None:
    if isinstance(query.clause, TextClause):
        return  # PostgreSQL's own settings: their columns have no types
    columns = columns_of(query)
    types_ = list(flattened(row))
    assert len(columns) == len(types_), f"{name} selects {len(columns)} columns"
    for column, type_ in zip(columns, types_, strict=True):
        options = set(get_args(type_)) or {getattr(type_, "__supertype__", type_)}
        python = next(py for sql, py in PYTHON.items() if isinstance(column.type, sql))
        assert python in options, f"{name}: {column} is {python.__name__}, and {type_} is declared"
        if getattr(column, "nullable", False):
            assert type(None) in options, f"{name}: {column} may be null, and {type_} is declared"


NAMED = {name: query for name, query, _ in declared() if query.row is not None}
# Queries whose plain rows are read into a class of a layer above the store.
READ_INTO: dict[str, Any] = {
    "events_about": SubjectEvent,
    "subject_events": SubjectEvent,
    "subject_events_of_kinds": SubjectEvent,
    "file_inquiries": FiledInquiry,
    "monitors_of": Monitor,
}
# Classes of a table's whole row; the queries that select the row say so by `*table.columns`.
WHOLE_ROWS: dict[Any, Any] = {
    HeldConsent: tables.ConsentRow,
    StoredComplaint: tables.ComplaintRow,
    StoredDispute: tables.DisputeRow,
    StoredLine: tables.ComplaintLineRow,
    StoredInquiry: tables.InquiryRow,
    LoggedEntry: tables.Entry,
    StoredMember: tables.MemberRow,
    SubjectKey: tables.SubjectKeyRow,
}


@pytest.mark.parametrize("name", [*NAMED, *READ_INTO])
def test_a_row_class_names_the_columns_in_their_order(name: str) -> None:
    query = vars(queries).get(name) or vars(checks)[name]
    row = READ_INTO.get(name) or query.row
    assert list(row._fields) == [column.name for column in columns_of(query)]


# Rows with two columns of one type that are still read by position; the list only shrinks.
BY_POSITION = {
    "cosignatures_of",
    "lock_head",
    "metered",
    "newest_checkpoint_time",
    "replication",
}


def selects_whole_row(query: Any) -> bool:
    selected = [] if isinstance(query.clause, TextClause) else columns_of(query)
    wholes = [list(table.__table__.columns) for table in WHOLE_ROWS.values()]
    return any(selected[: len(whole)] == whole for whole in wholes)


def test_rows_with_columns_of_one_type_are_read_by_name() -> None:
    by_position = set()
    for name, query, row in declared():
        types_ = [str(type_) for type_ in flattened(row)]
        is_named = query.row is not None or name in READ_INTO
        is_named = is_named or selects_whole_row(query)
        if len(set(types_)) < len(types_) and not is_named:
            by_position.add(name)
    assert by_position == BY_POSITION


def test_no_two_queries_have_one_name() -> None:
    names = Counter(
        name
        for module in MODULES[1:]
        for name, value in vars(module).items()
        if isinstance(value, Query | InQuery | Change)
    )
    assert names.most_common(1)[0][1] == 1
    assert set(names) >= {"add_entry", "add_consent", "file_tradelines"}
    assert all(hasattr(queries, name) for name in names if not name.startswith("_"))


@pytest.mark.parametrize(("row", "table"), WHOLE_ROWS.items())
def test_whole_rows_have_their_tables_columns(row: Any, table: Any) -> None:
    assert list(row._fields) == [column.name for column in table.__table__.columns]


INSERTS = {
    name: query
    for module in MODULES
    for name, query in vars(module).items()
    if isinstance(query, Insert)
}


@pytest.mark.parametrize("name", INSERTS)
@pytest.mark.parametrize("url", ["sqlite:////bureau.db", "postgresql://host/bureau"])
def test_an_insert_of_rows_takes_the_values_of_one_after_the_other(name: str, url: str) -> None:
    dialect = Database(url).engine.dialect
    columns = INSERTS[name].sql(dialect).places
    rows = INSERTS[name].of_rows(3).sql(dialect)
    assert rows.places == tuple(f"{c}_{row}" for row in range(3) for c in columns)
    assert INSERTS[name].of_rows(1) is INSERTS[name]


def test_a_start_on_sqlite_loads_nothing_of_postgresql() -> None:
    """It would cost a tenth of the time."""
    code = (
        "import sys, bureau.cli.serve, bureau.main\n"
        "print([name for name in sys.modules if 'postgres' in name or 'psycopg' in name])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    assert loaded.strip() == "[]"
