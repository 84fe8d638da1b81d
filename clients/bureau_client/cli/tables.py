"""`bureau-lender tables`: convert saved reports to tables for models and spreadsheets."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from bureau_client.cli.common import ProfileOption
from bureau_client.cli.saved_reports import load_verified, saved_reports
from bureau_keys.command_line.messages import say
from bureau_keys.profile import Profile
from bureau_keys.spreadsheet import text_cell
from bureau_keys.whole_files import whole_file

if TYPE_CHECKING:
    import pyarrow as pa


class Form(StrEnum):
    """Format of the files."""

    PARQUET = "parquet"
    ARROW = "arrow"
    CSV = "csv"


def tables(
    reports: Annotated[
        list[Path],
        typer.Argument(
            metavar="REPORT_OR_DIR",
            help="Saved reports, or folders of them; repeatable.",
            exists=True,
        ),
    ],
    profile: ProfileOption,
    to: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write the tables to.")],
    form: Annotated[Form, typer.Option("--format", help="Format of the files.")] = Form.PARQUET,
) -> None:
    """Convert saved reports, each verified offline, to tables: one file for each table.

    polars, pandas and DuckDB read Parquet and Arrow files; docs/tables.md describes the columns.
    """
    try:
        from bureau_client.risk.tables import report_tables  # noqa: PLC0415  (an extra)
    except ModuleNotFoundError as error:
        if error.name != "pyarrow":
            raise
        raise ValueError("tables need Apache Arrow: pip install 'creditbureau[risk]'") from error

    trust = Profile.load(profile).trust
    paths = list(saved_reports(reports))
    converted = report_tables(load_verified(path, trust) for path in paths)
    to.mkdir(parents=True, exist_ok=True)
    for name, table in converted._asdict().items():
        path = to / f"{name}.{form}"
        with whole_file(path) as out:
            _write(table, out, form)
        say(f"{path}: {table.num_rows} rows")
    say(f"{len(paths)} reports, all verified")


def _write(table: pa.Table, out: BinaryIO, form: Form) -> None:
    import pyarrow as pa  # noqa: PLC0415  (an extra)
    from pyarrow import csv, parquet  # noqa: PLC0415

    match form:
        case Form.PARQUET:
            parquet.write_table(table, out, compression="zstd")
        case Form.ARROW:
            with pa.ipc.new_file(out, table.schema) as writer:
                writer.write_table(table)
        case Form.CSV:
            csv.write_csv(for_spreadsheet(table), out)


def for_spreadsheet(table: pa.Table) -> pa.Table:
    """Return a table whose texts a spreadsheet never takes for formulas."""
    import pyarrow as pa  # noqa: PLC0415  (an extra)

    columns = [
        pa.chunked_array(
            [
                pa.DictionaryArray.from_arrays(
                    chunk.indices, [text_cell(text) for text in chunk.dictionary.to_pylist()]
                ).cast(pa.string())
                for chunk in column.chunks
            ],
            pa.string(),
        )
        if pa.types.is_dictionary(column.type)
        else column
        for column in table.columns
    ]
    return pa.table(columns, names=table.column_names)
