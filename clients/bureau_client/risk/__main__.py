"""Write `docs/tables.md` from the declarations: `python -m bureau_client.risk`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bureau_client.risk.columns import KINDS, Column
from bureau_client.risk.declarations import KEY, OF_REPORTS, OWN_INQUIRIES
from bureau_client.risk.outcomes import LOSS, OUTCOME

PAGE = Path(__file__).parents[3] / "docs" / "tables.md"
HEAD = """# Tables

For analysts: the columns of the tables that `bureau_client.risk.tables` makes of reports, and of
training sets. [Data for models](risk.md) shows how to make and read them. This page is made from
the declarations by `python -m bureau_client.risk`.
"""
KINDS_TEXT = """
## Types

Amounts are integers in minor units: cents of USD, fen of CNY. Ids, codes and texts are
dictionary-encoded: categories in polars and pandas, VARCHAR in DuckDB. A code of a newer bureau,
unknown to this release, is `UNKNOWN_` and its number. The schema of each table has unit,
description and meaning of null of each column as metadata of its field.
"""
ATTRIBUTES_TEXT = """
After these columns comes one for each attribute of the reports, in order of their first
appearance: [Attributes](attributes.md) defines each. Its name is the key in `Report.figures`:
`utilisation`, and for an amount one column for each currency, `total_balance.USD`. All are
float64, as in the report; integers below 2^53 are exact in it. The field's metadata has
`attribute`, `unit` and `currency`. A null is one of three things:

| null | recognised by |
|---|---|
| the consent opens no attributes | `attributes_shown` is false |
| the person has no tradeline in the currency | all columns of that currency are null |
| the attribute is missing, as its definition says | otherwise |
"""
OUTCOME_TEXT = """
`bureau_client.risk.outcomes.observe_outcomes` has a row for each report, with the columns of the
report and these:
"""
LOSS_TEXT = """
For the expected losses of a [backtest](backtests.md) outcomes may have these columns too:
"""


def page() -> str:
    """Return the page's text."""
    parts = [HEAD, KINDS_TEXT, "\n", *_kinds(), "\n## Every report\n\n"]
    parts += ["Every table of reports begins with these columns:\n\n", *_columns(KEY)]
    for table in (*OF_REPORTS, OWN_INQUIRIES):
        parts += [f"\n## {table.name}\n\n", f"{table.text}\n\n", *_columns(table.columns)]
        if table.name == "attributes":
            parts.append(ATTRIBUTES_TEXT)
    parts += ["\n## Outcomes\n", OUTCOME_TEXT, "\n", *_columns(OUTCOME)]
    return "".join([*parts, LOSS_TEXT, "\n", *_columns(LOSS)])


def _kinds() -> Iterator[str]:
    rows = [(f"`{kind.name}`", f"`{_type(str(kind.type))}`", kind.text) for kind in KINDS]
    return _table(("type", "Arrow", "values"), rows)


def _type(text: str) -> str:
    return "dictionary(int32, string)" if text.startswith("dictionary") else text


def _columns(columns: Iterable[Column]) -> Iterator[str]:
    rows = [
        (
            f"`{column.name}`",
            column.kind.name,
            column.unit,
            column.text,
            column.missing or "never",
        )
        for column in columns
    ]
    return _table(("column", "type", "unit", "content", "null if"), rows)


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(names)} |\n"
    yield f"|{'---|' * len(names)}\n"
    for row in rows:
        yield f"| {' | '.join(row)} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
