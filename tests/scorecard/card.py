"""The tables of `docs/scorecard.md`, made from the scorecard and its results."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bureau_client.risk.scorecard import Characteristic, Scorecard
from tests.scale.tables import table

RESULTS = Path(__file__).with_name("results.json")
DOCUMENT = Path("docs/scorecard.md")

Results = dict[str, Any]


def committed() -> Results:
    """Return the results that the card was made with."""
    results: Results = json.loads(RESULTS.read_text("utf-8"))
    return results


def population_table(results: Results, scorecard: Scorecard) -> str:
    plan, samples = results["plan"], results["samples"]
    rows = [
        ("people", f"{plan['people']:,}"),
        ("months reported", f"{plan['months']}, from {plan['first']}"),
        ("month-ends of the training", ", ".join(map(str, plan["training"]))),
        ("month-end out of time", f"{plan['later']}"),
        ("reports of the training", f"{samples['training']['reports']:,}"),
        ("reports out of time", f"{samples['out of time']['reports']:,}"),
        ("seed", f"{plan['seed']}"),
        ("scorecard", f"{scorecard.name} {scorecard.version}"),
        ("digest", f"`{results['scorecard']['digest']}`"),
    ]
    return table(("", ""), rows)


def points_table(_results: Results, scorecard: Scorecard) -> str:
    rows = [
        (
            f"`{characteristic.key}`",
            _bins(characteristic),
            f"{characteristic.missing}",
            f"{characteristic.neutral}",
            characteristic.specify.get("en") or f"`{characteristic.reason}`",
        )
        for characteristic in scorecard.characteristics
    ]
    range_ = f"{scorecard.lowest} to {scorecard.highest}"
    head = ("attribute", "points by value", "missing", "neutral", "reason")
    return (
        table(head, rows)
        + f"\n\nBase points: {scorecard.base_points}. Possible scores: {range_}. "
        + f"Neutral score: {scorecard.neutral}."
    )


def _bins(characteristic: Characteristic) -> str:
    parts, before = [], None
    for part in characteristic.bins:
        if part.up_to is not None:
            parts.append(f"up to {part.up_to:g}: {part.points}")
            before = part.up_to
        else:
            interval = "any" if before is None else f"above {before:g}"
            parts.append(f"{interval}: {part.points}")
    return "; ".join(parts)


def samples_table(results: Results, _scorecard: Scorecard) -> str:
    rows = [
        (
            name,
            f"{sample['people']:,}",
            f"{sample['bad_rate']:.1%}",
            f"{sample['expected']:.1%}",
            _interval(sample["auc"]),
            _interval(sample["ks"]),
            f"{sample['mean_points']:.0f}",
        )
        for name, sample in results["samples"].items()
    ]
    head = ("sample", "people", "bad rate", "expected", "AUC", "KS", "mean score")
    return table(head, rows)


def _interval(figure: dict[str, float]) -> str:
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def calibration_table(results: Results, _scorecard: Scorecard) -> str:
    rows = [
        (
            f"{part['lowest']:.1%} to {part['highest']:.1%}",
            f"{part['count']:,}",
            f"{part['mean']:.1%}",
            f"{part['bad_rate']:.1%}",
        )
        for part in results["calibration"]
    ]
    return table(("probability", "people", "expected bad rate", "observed bad rate"), rows)


def stability_table(results: Results, _scorecard: Scorecard) -> str:
    rows = [
        ("the score" if name == "points" else f"`{name}`", f"{value:.3f}")
        for name, value in results["psi"].items()
    ]
    return table(("", "PSI"), rows)


def groups_table(results: Results, _scorecard: Scorecard) -> str:
    rows = [
        (
            f"{name.replace('_', ' ')} {group['group']}",
            f"{group['people']:,}",
            f"{group['bad_rate']:.1%}",
            f"{group['expected']:.1%}",
            "–" if group["auc"] is None else f"{group['auc']:.3f}",
            f"{group['passed']:.1%}",
        )
        for name, groups in results["groups"].items()
        for group in groups
    ]
    passed = f"score from {results['cut_off']}"
    return table(("group", "people", "bad rate", "expected", "AUC", passed), rows)


def values_table(results: Results, scorecard: Scorecard) -> str:
    values = sorted(results["values"].items(), key=lambda item: -item[1])
    rows = [
        (f"`{key}`", f"{value:.3f}", "yes" if key in scorecard.features else "no")
        for key, value in values
    ]
    return table(("candidate", "information value", "in the scorecard"), rows)


TABLES: dict[str, Callable[[Results, Scorecard], str]] = {
    "population": population_table,
    "points": points_table,
    "samples": samples_table,
    "calibration": calibration_table,
    "stability": stability_table,
    "groups": groups_table,
    "values": values_table,
}


def filled(text: str, results: Results, scorecard: Scorecard) -> str:
    """Return a page with its tables made again, each between `<!-- name -->` and `<!-- end -->`.

    Raises:
        ValueError: The page has no mark of a table, or several.
    """
    for name, make in TABLES.items():
        between = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        body = make(results, scorecard)
        text, count = between.subn(lambda match, body=body: f"{match[1]}{body}\n{match[2]}", text)  # type: ignore[misc]
        if count != 1:
            raise ValueError(f"the page has {count} marks `<!-- {name} -->`; write exactly one")
    return text
