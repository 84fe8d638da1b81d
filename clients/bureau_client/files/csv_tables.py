"""CSV files as lines of cells: known columns, a cell for each, in UTF-8.

A fault of one line is a violation of that line; a fault after which no line can be trusted
refuses the file. Nothing is guessed: the cells of a line with too many or too few are not
shifted, and bytes that are not UTF-8 are kept for the file of rejects.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import IO, NamedTuple

from bureau_client.errors import InvalidRequest
from bureau_client.models.violations import Violation
from bureau_keys.whole_files import whole_file

# Keeps a byte that is not UTF-8 in text, as a lone surrogate (PEP 383).
KEPT = "surrogateescape"
# What no UTF-8 gives: a lone surrogate; and NUL, which no text has.
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_SHOWN = 40


class Line(NamedTuple):
    """One line of a file.

    Attributes:
        number: Line number in the file, from 1; the last line if a cell has line ends.
        cells: The cells by column, without surrounding blanks; empty for a missing cell.
        violations: Violations in the form of the line.
    """

    number: int
    cells: dict[str, str]
    violations: tuple[Violation, ...]


def open_table(path: Path) -> IO[str]:
    """Open a file; skip the byte order mark that spreadsheets write."""
    return path.open(encoding="utf-8-sig", errors=KEPT, newline="")


@contextmanager
def whole_table(path: Path) -> Iterator[IO[str]]:
    """Open a table for writing that appears whole or not at all."""
    with whole_file(path) as out:
        text = TextIOWrapper(out, "utf-8", errors=KEPT, newline="")
        try:
            yield text
        finally:
            # The bytes go to the file, which is closed where it was opened.
            text.detach()


def read_lines(
    stream: IO[str],
    required: Collection[str],
    optional: Collection[str],
    template: str = "bureau-lender template",
) -> Iterator[Line]:
    """Read a file line by line, without empty lines.

    Args:
        stream: The file, from `open_table`.
        required: Columns that the file must have.
        optional: Columns that the file may have.
        template: Command that prints the columns, for the fix of a wrong header.

    Raises:
        InvalidRequest: The header is wrong, or a line is not CSV.
    """
    reader = csv.reader(stream, strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        _check_header(names, required, optional, template)
        for cells in reader:
            if cells:
                yield _line(reader.line_num, names, list(map(str.strip, cells)))
    except csv.Error as error:
        raise InvalidRequest(
            f"The file is not CSV at line {reader.line_num}: {error}",
            reason="INVALID_FIELD",
            fix="Close the quotes, and double those inside a cell",
        ) from None


def _line(number: int, names: list[str], cells: list[str]) -> Line:
    wrong = []
    if not _is_text("".join(cells)):
        wrong = [
            Violation(name, "BAD_TEXT", "is not UTF-8")
            for name, cell in zip(names, cells, strict=False)
            if not _is_text(cell)
        ]
    if len(cells) > len(names):
        more = "; ".join(_shown(cell) for cell in cells[len(names) :])
        message = f"are {len(cells)} for {len(names)} columns; too many: {more}"
        wrong.append(Violation("cells", "WRONG_COUNT", message))
    elif len(cells) < len(names):
        message = f"are {len(cells)} for {len(names)} columns"
        wrong.append(Violation("cells", "WRONG_COUNT", message))
    cells += [""] * (len(names) - len(cells))
    return Line(number, dict(zip(names, cells, strict=False)), tuple(wrong))


def _check_header(
    names: list[str], required: Collection[str], optional: Collection[str], template: str
) -> None:
    if not all(map(_is_text, names)):
        raise InvalidRequest(
            "The file is not UTF-8", reason="BAD_TEXT", fix="Save it as CSV in UTF-8"
        )
    counts = Counter(names)
    wrong = [
        Violation(name, "MISSING_COLUMN", "is missing")
        for name in sorted(set(required) - set(counts))
    ]
    wrong += [
        Violation(name[:_SHOWN], "UNKNOWN_COLUMN", "is unknown")
        for name in sorted(set(counts) - {*required, *optional})
    ]
    wrong += [
        Violation(name, "DUPLICATE_COLUMN", f"is there {count} times")
        for name, count in counts.items()
        if count > 1
    ]
    if wrong:
        raise InvalidRequest(
            "The file's header is wrong",
            reason="INVALID_FIELD",
            violations=wrong,
            fix=f"Write the columns that `{template}` prints, separated by commas",
        )


def _is_text(cell: str) -> bool:
    if cell.isascii():
        return "\0" not in cell  # as in most lines, without the pattern's time
    return _NO_TEXT.search(cell) is None


def _shown(cell: str) -> str:
    """Return a cell for people, shortened."""
    text = cell.encode("utf-8", "backslashreplace").decode()
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
