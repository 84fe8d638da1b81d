"""Cells of CSV files that people open in a spreadsheet."""

from __future__ import annotations

# First characters with which a spreadsheet takes a cell for a formula, in full width too; after
# a tab or a line end it looks at the next character.
FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")


def text_cell(text: str) -> str:
    """Return a cell that a spreadsheet takes for text: an apostrophe precedes a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
