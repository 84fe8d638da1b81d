"""Lenders' files: records in CSV and Metro 2, submitted; applicants in CSV, queried.

`import_file(lender, CsvSource(path))` or `import_file(lender, Metro2Source(path))` submits
a file, `import_file_async` with an `AsyncLender`; `check_file` checks it and sends nothing.
`query_file` queries the reports on a file of applicants.
"""

from bureau_client.files.csv_source import CsvSource
from bureau_client.files.importing import Import, check_file, import_file, import_file_async
from bureau_client.files.metro2 import Metro2Source
from bureau_client.files.querying import QueriedFile, query_file
from bureau_client.files.sources import Reject, Row, Source

__all__ = [
    "CsvSource",
    "Import",
    "Metro2Source",
    "QueriedFile",
    "Reject",
    "Row",
    "Source",
    "check_file",
    "import_file",
    "import_file_async",
    "query_file",
]
