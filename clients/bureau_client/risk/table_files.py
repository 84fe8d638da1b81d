"""Tables from files: Parquet, Arrow and CSV."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from pyarrow import csv, parquet

from bureau_client.risk.columns import ID
from bureau_client.risk.declarations import KEY
from bureau_client.risk.inputs import TRADELINE_ID
from bureau_client.risk.outcomes import LOSS, OUTCOME

# Types of the columns that this package declares; CSV has none.
TYPES = {column.name: column.kind.type for column in (*KEY, *OUTCOME, *LOSS)} | {
    TRADELINE_ID: ID.type
}


def read_table(path: Path) -> pa.Table:
    """Read a table from a file `.parquet`, `.arrow` or `.csv`.

    In CSV an empty cell is null; columns that no table of this package has get the type of their
    cells.

    Raises:
        ValueError: The file has another suffix, or is not a table of its format.
    """
    try:
        match path.suffix:
            case ".parquet":
                return parquet.read_table(path)
            case ".arrow":
                with pa.OSFile(str(path)) as file:
                    return pa.ipc.open_file(file).read_all()
            case ".csv":
                options = csv.ConvertOptions(
                    column_types=TYPES, null_values=[""], strings_can_be_null=True
                )
                return csv.read_csv(path, convert_options=options)
    except pa.ArrowException as error:
        raise ValueError(f"{path} is not a table: {error}") from error
    raise ValueError(f"{path}: a table is a file .parquet, .arrow or .csv")
