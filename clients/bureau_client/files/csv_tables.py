"""CSV files as lines of cells: columns that are known, a cell for each, UTF-8.

What is wrong with one line is told with the line; what makes all behind it unsure refuses
the file. Nothing is guessed: a line with more or fewer cells than columns is not moved
about, and bytes that are no UTF-8 stay as they are, to be mended.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bureau_client.errors import InvalidRequest
from bureau_client.models.violations import Violation

# How a byte that is no UTF-8 is kept in text: a lone surrogate (PEP 383).
KEPT = "surrogateescape"
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file.

    Attributes:
        number: Its line in the file, from 1; the last one where a cell has line ends.
        cells: By column, without blanks around them; empty where a cell is missing.
        violations: What is wrong with its form.
    """

    number: int
    cells: dict[str, str]
    violations: tuple[Violation, ...]


def open_table(path: Path, mode: str = "r") -> IO[str]:
    """Opens a file; spreadsheets put a byte order mark at the beginning."""
    encoding = "utf-8-sig" if mode == "r" else "utf-8"
    return path.open(mode, encoding=encoding, errors=KEPT, newline="")


def read_lines(
    stream: IO[str], required: Collection[str], optional: Collection[str]
) -> Iterator[Line]:
    """Reads a file line by line; empty lines are none.

    Args:
        stream: The file, from `open_table`.
        required: Columns that it must have.
        optional: Columns that it may have.

    Raises:
        InvalidRequest: The header does not fit, or the file is no CSV from some line on.
    """
    reader = csv.reader(stream, strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        _check_header(names, required, optional)
        for cells in reader:
            if cells:
                yield _line(reader.line_num, names, [cell.strip() for cell in cells])
    except csv.Error as error:
        raise InvalidRequest(
            f"The file is no CSV at line {reader.line_num}: {error}",
            reason="INVALID_FIELD",
            fix="Close the quotes, and double those inside a cell",
        ) from None


def _line(number: int, names: list[str], cells: list[str]) -> Line:
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


def _check_header(names: list[str], required: Collection[str], optional: Collection[str]) -> None:
    if not all(map(_is_text, names)):
        raise InvalidRequest(
            "The file is not UTF-8", reason="BAD_TEXT", fix="Save it as CSV in UTF-8"
        )
    given = Counter(names)
    wrong = [
        Violation(name, "MISSING_COLUMN", "is missing")
        for name in sorted(set(required) - set(given))
    ]
    wrong += [
        Violation(name[:_SHOWN], "UNKNOWN_COLUMN", "is unknown")
        for name in sorted(set(given) - {*required, *optional})
    ]
    wrong += [
        Violation(name, "DUPLICATE_COLUMN", f"stands there {count} times")
        for name, count in given.items()
        if count > 1
    ]
    if wrong:
        raise InvalidRequest(
            "The file's header does not fit",
            reason="INVALID_FIELD",
            violations=wrong,
            fix="`bureau-lender template` prints the columns; commas stand between them",
        )


def _is_text(cell: str) -> bool:
    return "\0" not in cell and not any("\ud800" <= character <= "\udfff" for character in cell)


def _shown(cell: str) -> str:
    """A cell for people, however long it is."""
    text = cell.encode("utf-8", "backslashreplace").decode()
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
