"""Show payment histories by month: a row for each account, the newest month at the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bureau_client.models.months import Month
from bureau_client.models.tradelines import Tradeline
from bureau_portal.words import Words

# Months that the table shows; the payment history may be longer.
MONTHS = 24
# Character in the cell by that of the payment history profile, which the style is named after.
_SHOWN = {"0": "✓", "E": "✓", "D": "–", "B": "", "": ""}
_NOTHING = ("", "B")


@dataclass(frozen=True, slots=True)
class Cell:
    """A month of an account.

    Attributes:
        style: Name of its style; `none` for a month without an account.
        shown: The sign in the cell, so that no colour is needed to read it.
        text: The month and its status in words.
        is_adverse: True for a month that a lender minds.
    """

    month: str
    style: str
    shown: str
    text: str
    is_adverse: bool


@dataclass(frozen=True, slots=True)
class Row:
    """The months of one account, oldest first; `number` is its place among all accounts."""

    number: int
    line: Tradeline
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Heatmap:
    """The table.

    Attributes:
        years: The years with the number of their months in the table.
        months: The months, oldest first.
    """

    years: tuple[tuple[int, int], ...]
    months: tuple[Month, ...]
    rows: tuple[Row, ...]


def heatmap(lines: Sequence[Tradeline], words: Words) -> Heatmap | None:
    """Return the table of all payment histories; None if there is none."""
    histories = {number: line for number, line in enumerate(lines, 1) if line.history is not None}
    if not histories:
        return None
    newest = max(line.history.newest_month for line in histories.values() if line.history)
    months = tuple(newest - back for back in range(MONTHS - 1, -1, -1))
    years = tuple(
        (year, sum(month.year == year for month in months))
        for year in dict.fromkeys(month.year for month in months)
    )
    rows = (
        Row(number, line, tuple(_cells(line, months, words))) for number, line in histories.items()
    )
    return Heatmap(years, months, tuple(rows))


def legend(words: Words) -> list[tuple[str, str, str]]:
    """Return style, sign and meaning of each status, the best first."""
    meanings = words.table("profile")
    return [
        (_style(status), _SHOWN.get(status, status), meaning)
        for status, meaning in meanings.items()
        if status not in _NOTHING
    ]


def _cells(line: Tradeline, months: Sequence[Month], words: Words) -> list[Cell]:
    assert line.history is not None
    statuses = {
        line.history.newest_month - back: status for back, status in enumerate(line.history.profile)
    }
    meanings = words.table("profile")
    cells = []
    for month in months:
        status = statuses.get(month, "")
        meaning = meanings.get(status, meanings["B"])
        text = words.text("file.cell", month=words.month(month), status=meaning)
        is_adverse = status not in {*_SHOWN}
        shown = _SHOWN.get(status, status)
        cells.append(Cell(str(month), _style(status), shown, text, is_adverse))
    return cells


def _style(status: str) -> str:
    return "none" if status in _NOTHING else f"m{status}"
