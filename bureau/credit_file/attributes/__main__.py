"""Write `docs/attributes.md` from the registry: `python -m bureau.credit_file.attributes`."""

from __future__ import annotations

from pathlib import Path

from bureau.credit_file.report_versions import current_version

CURRENT = current_version()
COUNT = len(CURRENT.attributes)
PAGE = Path(__file__).parents[3] / "docs" / "attributes.md"
HEAD = f"""# Attributes

Made from the registry by `python -m bureau.credit_file.attributes`; version {CURRENT.name}.

A report whose consent opens the section ATTRIBUTES has these {COUNT} figures. They are
of the file as reports show it, at the moment of the inquiry, and look at nothing later.
Months are calendar months, counted back from this one. Money is in minor units and is
never added over currencies: such an attribute comes once for each currency of the file,
with the currency as its unit. A line is a revolving account or a line of credit that is
open and neither charged off nor in collection, nor the like. An attribute without a
value is missing; the last column says what that means.

| name | what it says | unit | window | missing |
|---|---|---|---|---|
"""


def page() -> str:
    """Return the page's text."""
    rows = [
        f"| `{item.name}` | {item.text} | {item.unit} | {item.window} | {item.missing} |\n"
        for item in CURRENT.attributes.values()
    ]
    return HEAD + "".join(rows)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
