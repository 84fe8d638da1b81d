"""The reference policy that uses the scorecard: its pin, and golden cases for these points.

The tables are written by hand. A new scorecard has other points, so that the pin, the neutral
score and the figures of the golden cases follow from it; outcomes are declared here, by the band
of the score, and activation holds the policy to them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from bureau_client.risk.scorecard import Characteristic, Scorecard

POLICY = Path("clients/bureau_client/data/policies/cards-score-US.json")
APPLICANT = {"fraud_alert": False, "file": "HIT", "scheduled": 50_000, "monthly_income": 500_000}
Figures = dict[str, float]
Scored = tuple[int, Figures]
# Characteristics of which every bin is tried; of more, three bins each.
FEW = 5
# More than any score.
TOP = 10_000


@dataclass(frozen=True, slots=True)
class Case:
    """A golden case.

    Attributes:
        low: Least score of the case.
        high: Score that the case is below.
        expect: Outcome, limit and price band.
        reasons: Reasons that are not those of the score; None for those of the score.
    """

    name: str
    low: int
    high: int
    requested: int
    expect: dict[str, Any]
    reasons: tuple[str, ...] | None = ()
    inputs: dict[str, Any] = field(default_factory=dict)


def offer(outcome: str, limit: int, band: str) -> dict[str, Any]:
    return {"outcome": outcome, "limit": limit, "price_band": band}


CASES = (
    Case("a high score", 640, TOP, 400_000, offer("APPROVE", 400_000, "A")),
    Case("a good score", 583, 640, 400_000, offer("APPROVE", 400_000, "B")),
    Case("a fair score", 560, 583, 400_000, offer("APPROVE", 400_000, "C")),
    Case("a middling score", 520, 560, 400_000, offer("COUNTER_OFFER", 200_000, "C"), None),
    Case("a middling score, a small limit", 520, 560, 100_000, offer("APPROVE", 100_000, "C")),
    Case("a low score", 0, 520, 400_000, {"outcome": "DECLINE"}, None),
    Case("a fraud alert", 0, 520, 400_000, {"outcome": "REFER"}, inputs={"fraud_alert": True}),
    Case(
        "payments take half of the income",
        640,
        TOP,
        400_000,
        {"outcome": "DECLINE"},
        ("regb.excessive_obligations",),
        {"scheduled": 250_000},
    ),
    Case(
        "more than the income carries",
        640,
        TOP,
        2_000_000,
        offer("COUNTER_OFFER", 1_000_000, "A"),
        ("regb.insufficient_income",),
    ),
)
NO_FILE = {
    "name": "no credit file",
    "inputs": {"fraud_alert": False, "file": "NO_HIT", "monthly_income": 500_000}
    | {"requested_limit": 400_000},
}


def filled(text: str, scorecard: Scorecard) -> str:
    """Return the text of the policy for a scorecard."""
    head, mark, _ = text.partition('  "golden": [\n')
    head = re.sub(r'"digest": "[0-9a-f]{64}"', f'"digest": "{scorecard.digest.hex()}"', head)
    head = re.sub(
        r'("source": "score".*"default": )\d+(, "neutral": )\d+',
        rf"\g<1>{scorecard.neutral}\g<2>{scorecard.neutral}",
        head,
    )
    return head + mark + ",\n".join(map(_lines, _golden(scorecard))) + "\n  ]\n}\n"


def _golden(scorecard: Scorecard) -> Iterator[dict[str, Any]]:
    scored = _all_scored(scorecard)
    for case in CASES:
        figures = _figures_between(scored, case.low, case.high)
        reasons = _reasons(scorecard, figures) if case.reasons is None else [*case.reasons]
        yield {
            "name": case.name,
            "inputs": APPLICANT | {"requested_limit": case.requested} | case.inputs,
            "figures": figures,
            "expect": case.expect | ({"reasons": reasons} if reasons else {}),
        }
    band = "A" if scorecard.neutral >= 640 else "B" if scorecard.neutral >= 583 else "C"
    expect = offer("COUNTER_OFFER", 50_000, band) | {"reasons": ["regb.no_credit_file"]}
    yield NO_FILE | {"expect": expect}


def _figures_between(scored: list[Scored], low: int, high: int) -> Figures:
    """Return the figures with the highest score that is between two scores.

    Raises:
        ValueError: No figures have such a score: the bands of the policy do not fit.
    """
    fitting = [(points, figures) for points, figures in scored if low <= points < high]
    if not fitting:
        raise ValueError(f"no figures have a score from {low} and below {high}: change the bands")
    _, figures = max(fitting, key=lambda each: each[0])
    return figures


def _all_scored(scorecard: Scorecard) -> list[Scored]:
    """Score every combination of a few values of each characteristic."""
    choices = [_values(characteristic) for characteristic in scorecard.characteristics]
    if len(choices) > FEW:
        choices = [[values[0], values[len(values) // 2], values[-1]] for values in choices]
    rows = (dict(zip(scorecard.features, values, strict=True)) for values in product(*choices))
    return [(scorecard.score(row).points, row) for row in rows]


def _values(characteristic: Characteristic) -> list[float]:
    """Return a value of each bin."""
    ends = [part.up_to for part in characteristic.bins if part.up_to is not None]
    return [*ends, math.floor(ends[-1]) + 1 if ends else 0]


def _reasons(scorecard: Scorecard, figures: Figures) -> list[str]:
    """Return the reasons of a score by points lost, added up for each code."""
    lost: dict[tuple[str, str], int] = {}
    for characteristic in scorecard.characteristics:
        text = (characteristic.reason, characteristic.specify.get("en", ""))
        below = characteristic.neutral - characteristic.points(figures[characteristic.key])
        if below > 0:
            lost[text] = lost.get(text, 0) + below
    ordered = sorted(lost, key=lambda text: -lost[text])
    return list(dict.fromkeys(code for code, _ in ordered))[:4]


def _lines(case: dict[str, Any]) -> str:
    fields = [f"      {json.dumps(name)}: {json.dumps(value)}" for name, value in case.items()]
    return "    {\n" + ",\n".join(fields) + "\n    }"
