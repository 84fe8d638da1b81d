"""Write `docs/attributes.md` and the SDK's dictionary of attributes from the registry:
`python -m bureau.credit_file.attributes`.
"""

from __future__ import annotations

import json
from pathlib import Path

from bureau.credit_file.attributes import REGISTRY
from bureau.credit_file.report_versions import current_version

CURRENT = current_version()
COUNT = len(CURRENT.attributes)
ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "attributes.md"
DICTIONARY = ROOT / "clients" / "bureau_client" / "data" / "attributes.json"
HEAD = f"""# Attributes

For analysts: the {COUNT} figures of a report whose consent opens the section ATTRIBUTES, in version
{CURRENT.name}. The page is made from the registry by `python -m bureau.credit_file.attributes`.
The figures are of the file as reports show it, at the moment of the inquiry, and look at nothing
later. An attribute without a value is missing; the last column says what that means.

- Windows of payments and balances count back from the newest month that each tradeline was
  reported for, so a file that did not change has the same figures on every day. Ages and
  inquiries count back from the day of the inquiry. `months_since_report` and
  `months_since_oldest_report` are the ages of the file itself.
- Figures are of the debts that the person owes: as the only holder, a joint one, the maker or
  the business of a loan. What the person guarantees, and what the person does not owe (an
  authorised user's account, that of a terminated or deceased holder) is in none of them, but
  in `guaranteed_…`, `not_owed_tradelines` and `authorised_user_balance`.
- A tradeline is stale if it was open when it was last reported, and its furnisher may no
  longer report or has not for more months than the policy of the place allows
  (`bureau rules`: `stale`). It is neither open nor closed, and its past counts back from this
  month: it is in no sum of now, in `stale_tradelines` and `stale_balance`, and in windows as
  far as its months reach into them. Where the text says newest month, that of a stale
  tradeline is this one, without data.
- Name and currency are an attribute's key. An amount is in minor units, is never added over
  currencies, and comes once for each currency of the file; a ratio or a count has no
  currency. A ratio of amounts is computed within each currency; the value of the worst
  currency is the file's. In the SDK `report.figures["total_balance.USD"]` and
  `report.figures["utilisation"]` are values by key, and `attribute_dictionary()` has this table;
  `bureau-lender attributes` prints it.
- A debt that was sold counts once: the seller's line (`sold_month`) is not open, is not late now,
  and its months from the sale on are the buyer's, if the buyer reports to the bureau.
- A balance in the person's favour counts as zero wherever balances are added, in the summary
  of a report too: no lender sets off its claim against the credit balance of another lender.
  Changes of balances and spend count it as reported.
- A line is a revolving account or a line of credit; an open line is neither closed, charged
  off nor in collection, nor the like. A month's balance is what is left after the month's
  payment.
- Inquiries are the hard ones of other members than the reader; of those under one consent
  within 30 days only the first counts.

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


def dictionary() -> str:
    """Return the text of the SDK's dictionary: every definition of every version, in order."""
    names = ("name", "text", "unit", "window", "missing", "since", "until")
    rows = [{name: getattr(item, name) for name in names} for item in REGISTRY]
    return json.dumps(rows, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    DICTIONARY.write_text(dictionary(), "utf-8")
