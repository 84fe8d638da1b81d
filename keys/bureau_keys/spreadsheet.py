"""Cells of CSV files that people open in a spreadsheet."""

from __future__ import annotations

import re

# Characters with which a formula starts, in full width too.
_FORMULA = "=+\\-@＝＋－＠"
# Characters that start a cell somewhere: separators that a spreadsheet is set to, whatever the file
# was written with, and line ends. Quotes do not help: in a spreadsheet with another separator they
# are inside a cell, and count for nothing.
_SEPARATORS = ";,|\\t\\r\\n\\v\\f\\x1c-\\x1e\\x85\\u2028\\u2029"
_START = re.compile(rf'(^|[{_SEPARATORS}])(?="*[{_FORMULA}])')
# After these at its start a spreadsheet looks at the next character.
_SKIPPED = ("\t", "\r", "\n")


def text_cell(text: str) -> str:
    """Return a cell that every spreadsheet takes for text: an apostrophe precedes whatever would
    be a formula, at the cell's start and where a separator or a line end in it starts another one.
    """
    text = _START.sub(r"\1'", text)
    return f"'{text}" if text.startswith(_SKIPPED) else text
