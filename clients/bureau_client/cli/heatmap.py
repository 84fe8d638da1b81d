"""Payment histories as coloured months: a row for each facility, a column for each year."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from bureau_client.models.months import Month
from bureau_client.models.tradelines import PaymentHistory, Tradeline
from bureau_keys.command_line.texts import tr

# By character of the payment history profile: cell, style, words.
_CELLS = {
    "0": ("·", "black on green", "current"),
    "E": ("·", "black on bright_black", "zero balance"),
    "1": ("1", "black on yellow", "30"),
    "2": ("2", "black on dark_orange", "60"),
    "3": ("3", "white on red", "90"),
    "4": ("4", "white on red", "120"),
    "5": ("5", "white on dark_red", "150"),
    "6": ("6", "white on dark_red", "180+ days past due"),
    "G": ("G", "bold white on dark_magenta", "collection"),
    "H": ("H", "bold white on dark_magenta", "foreclosure"),
    "J": ("J", "bold white on dark_magenta", "surrender"),
    "K": ("K", "bold white on dark_magenta", "repossession"),
    "L": ("L", "bold white on dark_magenta", "charge-off"),
    "D": ("-", "dim", "no data"),
    "B": (" ", "", "before opening"),
}
_UNKNOWN = ("?", "reverse", "")
_MONTHS = 12
# Characters. Number and furnisher; a year's cells and the space after them.
_LABEL_WIDTH, _YEAR_WIDTH = 26, _MONTHS + 2


def heatmap(tradelines: Sequence[Tradeline], width: int) -> Table:
    """Return the payment histories as a table, January at the left of each year.

    Args:
        tradelines: The tradelines in the order of their numbers.
        width: Width in characters; older years are left out at the limit.
    """
    histories = {n: line.history for n, line in enumerate(tradelines, 1) if line.history}
    years = sorted({year for history in histories.values() for year in _years(history)})
    room = max(1, (width - _LABEL_WIDTH) // _YEAR_WIDTH)
    years = years[-room:]
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("#", justify="right")
    table.add_column(tr("furnisher"))
    for year in years:
        table.add_column(str(year), no_wrap=True, min_width=_MONTHS)
    for number, history in histories.items():
        cells = _by_month(history)
        name = tradelines[number - 1].member_id
        table.add_row(str(number), name, *(_year(year, cells) for year in years))
    return table


def legend() -> Text:
    """Return the meaning of the colours."""
    text = Text("\n")
    for shown, style, words in _CELLS.values():
        if shown.strip():
            text.append(shown, style).append(f" {tr(words)}  ", "dim")
    return text


def _years(history: PaymentHistory) -> range:
    # Months before the opening (B) are left out; the first year is that of the opening.
    length = len(history.profile.rstrip("B")) or 1
    return range((history.newest_month - (length - 1)).year, history.newest_month.year + 1)


def _by_month(history: PaymentHistory) -> dict[Month, str]:
    return {history.newest_month - back: status for back, status in enumerate(history.profile)}


def _year(year: int, cells: dict[Month, str]) -> Text:
    text = Text()
    for number in range(1, _MONTHS + 1):
        shown, style, _ = _CELLS.get(cells.get(Month(year, number), "B"), _UNKNOWN)
        text.append(shown, style)
    return text
