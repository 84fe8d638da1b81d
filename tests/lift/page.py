"""The table of `docs/backtests.md`, made from the committed results."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.scale.tables import table

RESULTS = Path(__file__).with_name("results.json")
DOCUMENT = Path("docs/backtests.md")
BETWEEN = re.compile(r"(<!-- lift -->\n).*?(<!-- end -->)", re.DOTALL)

Results = dict[str, Any]


def committed() -> Results:
    """Return the results that the page was made with."""
    results: Results = json.loads(RESULTS.read_text("utf-8"))
    return results


def lift_table(results: Results) -> str:
    """Return the population and the figures of both scores, as two tables."""
    plan, card = results["plan"], results["scorecard"]
    population = [
        ("people", f"{plan['people']:,}"),
        ("seed", f"{plan['seed']}"),
        ("months reported", f"{plan['months']}, from {plan['first']}"),
        ("month-ends of the scores", ", ".join(map(str, plan["readings"]))),
        ("scorecard", f"{card['name']} {card['version']}"),
        ("reports", f"{results['reports']:,}"),
        ("current accounts with a known outcome", f"{results['accounts']:,}"),
        ("times that they were scored", f"{results['rows']:,}"),
        ("of these 60 days late within six months", f"{results['bad']:,}"),
    ]
    figures = [
        (name, *(_interval(each[key]) for key in ("at_opening", "now", "difference")))
        for name, each in results["comparisons"].items()
    ]
    head = ("figure", "score at opening", "score of now", "difference")
    return f"{table(('', ''), population)}\n\n{table(head, figures)}"


def _interval(figure: dict[str, float]) -> str:
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def filled(text: str, results: Results) -> str:
    """Return the page with its tables made again, between `<!-- lift -->` and `<!-- end -->`.

    Raises:
        ValueError: The page has no mark of the tables, or several.
    """
    body = lift_table(results)
    text, count = BETWEEN.subn(lambda match: f"{match[1]}{body}\n{match[2]}", text)
    if count != 1:
        raise ValueError(f"the page has {count} marks `<!-- lift -->`; write exactly one")
    return text
