"""From rows to a scorecard: binning, selection, logistic regression, points."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from bureau_client.risk.scorecard import Scorecard, read_scorecard
from tests.scorecard.binning import Binning, Flags, Floats, bin_values
from tests.scorecard.candidates import CANDIDATES

NAME, VERSION = "reference-us", "1"
MAKER = "creditbureau"
OUTCOME = "60 days past due or worse on any account within 12 months"
# The score of odds of 20 good outcomes for a bad one, and the points that double the odds.
POINTS, ODDS, DOUBLE = 600, 20, 40
# Candidates that say less about the outcome are left out: "weak" in the usual reading.
MIN_VALUE = 0.02
MAX_CHARACTERISTICS = 10


@dataclass(frozen=True, slots=True)
class Fit:
    """A logistic regression over weights of evidence.

    Attributes:
        criterion: Bayesian information criterion; lower is better.
    """

    binnings: tuple[Binning, ...]
    coefficients: tuple[float, ...]
    intercept: float
    criterion: float


def train(rows: pl.DataFrame) -> tuple[Scorecard, dict[str, float]]:
    """Train the scorecard.

    Returns:
        The scorecard, and the information value of every candidate that says something.
    """
    bad = rows["outcome"].to_numpy()
    binnings = [
        binning
        for candidate in CANDIDATES
        if (binning := bin_values(candidate, values_of(rows, candidate.key), bad)) is not None
    ]
    strong = [binning for binning in binnings if binning.value >= MIN_VALUE]
    fit = select(strong, rows, bad)
    (version,) = rows["rules_version"].cast(pl.String).unique()
    document = document_of(fit, rows, version)
    values = {binning.candidate.key: round(binning.value, 4) for binning in binnings}
    return read_scorecard(json.dumps(document)), values


def values_of(rows: pl.DataFrame, key: str) -> Floats:
    """Return the values of an attribute, NaN for a missing one."""
    return rows[key].cast(pl.Float64).fill_null(math.nan).to_numpy()


def select(binnings: Sequence[Binning], rows: pl.DataFrame, bad: Flags) -> Fit:
    """Add the candidate that betters the criterion most, until none does.

    A candidate whose coefficient has the wrong sign is never added: its points would contradict
    its reason.
    """
    best: Fit | None = None
    chosen: list[Binning] = []
    while len(chosen) < MAX_CHARACTERISTICS:
        fits = [fit_of([*chosen, other], rows, bad) for other in binnings if other not in chosen]
        fits = [fit for fit in fits if min(fit.coefficients) > 0]
        following = min(fits, key=lambda fit: fit.criterion, default=None)
        if following is None or (best is not None and following.criterion >= best.criterion):
            break
        best, chosen = following, list(following.binnings)
    if best is None:
        raise ValueError("no candidate says anything about the outcome: take more people")
    return best


def fit_of(binnings: Sequence[Binning], rows: pl.DataFrame, bad: Flags) -> Fit:
    """Fit a logistic regression of the good outcome.

    The reports of one person are not independent: together they weigh as one.
    """
    matrix = np.column_stack(
        [binning.weigh(values_of(rows, binning.candidate.key)) for binning in binnings]
    )
    weights = 1 / rows.select(pl.len().over("person")).to_series().to_numpy()
    regression = LogisticRegression(C=math.inf, max_iter=1000).fit(matrix, ~bad, weights)
    expected = regression.predict_proba(matrix)[:, 1]
    loss = log_loss(~bad, expected, normalize=False, sample_weight=weights)
    return Fit(
        binnings=tuple(binnings),
        coefficients=tuple(map(float, regression.coef_[0])),
        intercept=float(regression.intercept_[0]),
        criterion=float(2 * loss + (len(binnings) + 1) * math.log(weights.sum())),
    )


def document_of(fit: Fit, rows: pl.DataFrame, version: str) -> dict[str, Any]:
    """Return the document of a scorecard: log odds as points."""
    factor = DOUBLE / math.log(2)
    base = POINTS + factor * (fit.intercept - math.log(ODDS))
    characteristics = []
    for binning, coefficient in zip(fit.binnings, fit.coefficients, strict=True):
        points = [round(factor * coefficient * weight) for weight in binning.weights]
        weights = binning.weigh(values_of(rows, binning.candidate.key))
        neutral = round(factor * coefficient * float(np.mean(weights)))
        # A missing value that the training hardly saw loses no points.
        own = binning.missing
        missing = neutral if own is None else round(factor * coefficient * own)
        bins: list[dict[str, Any]] = [
            {"up_to": int(bound) if bound == int(bound) else bound, "points": point}
            for bound, point in zip(binning.bounds, points, strict=False)
        ]
        characteristics.append(
            {
                "key": binning.candidate.key,
                "worse": binning.candidate.worse,
                "bins": [*bins, {"points": points[-1]}],
                "missing": missing,
                "neutral": neutral,
                **binning.candidate.fields(),
            }
        )
    return {
        "format": "creditbureau.scorecard.v1",
        "name": NAME,
        "version": VERSION,
        "maker": MAKER,
        "outcome": OUTCOME,
        "attributes": version,
        "scale": {"points": POINTS, "odds": ODDS, "double": DOUBLE},
        "base_points": round(base),
        "characteristics": characteristics,
    }
