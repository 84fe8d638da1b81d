"""Figures of the scorecard out of time, and by groups that are no features of it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import polars as pl

from bureau_client.risk.scorecard import Scorecard
from bureau_client.risk.validation import Interval, auc, bootstrap, calibration, ks, psi
from tests.scorecard.panel import FIRST, Plan

# Score below which the reference policy `cards-score-US` declines.
CUT_OFF = 520
DRAWS = 500
# A group with fewer bad outcomes has no AUC of its own: it would be chance.
LEAST_BAD = 20
AGES = (30, 45, 60)
DIGITS = 4


def results_of(
    plan: Plan, rows: pl.DataFrame, scorecard: Scorecard, values: dict[str, float]
) -> dict[str, Any]:
    """Return all figures of the model card.

    Args:
        rows: All rows of the panel, in time and out of time.
        values: Information values of the candidates.
    """
    scored = rows.with_columns(*_scores(rows, scorecard), _age(rows))
    training = scored.filter(pl.col("reading").is_in(plan.training))
    later = scored.filter(pl.col("reading") == plan.later)
    return {
        "plan": {
            **asdict(plan),
            "training": [*plan.training],
            "months": plan.months,
            "first": str(FIRST),
        },
        "scorecard": {
            "name": scorecard.name,
            "version": scorecard.version,
            "digest": scorecard.digest.hex(),
        },
        "values": values,
        "samples": {
            name: _sample(sample, plan.seed)
            for name, sample in (("training", training), ("out of time", later))
        },
        "calibration": [
            {name: _rounded(value) for name, value in asdict(part).items()}
            for part in calibration(later["outcome"].to_numpy(), later["probability"].to_numpy())
        ],
        "psi": {
            name: _rounded(
                psi(training[name].cast(float).to_list(), later[name].cast(float).to_list())
            )
            for name in ("points", *scorecard.features)
        },
        "cut_off": CUT_OFF,
        "groups": {name: [*_groups(later, name)] for name in ("income_band", "age", "region")},
    }


def _scores(rows: pl.DataFrame, scorecard: Scorecard) -> list[pl.Series]:
    scores = [scorecard.score(row) for row in rows.select(scorecard.features).to_dicts()]
    return [
        pl.Series("points", [score.points for score in scores]),
        pl.Series("probability", [score.probability for score in scores]),
    ]


def _age(rows: pl.DataFrame) -> pl.Series:
    between = [f"{low} to {high - 1}" for low, high in pairwise(AGES)]
    labels = [f"under {AGES[0]}", *between, f"{AGES[-1]} and over"]
    years = rows["report_time"].dt.year() - rows["birth_year"]
    return pl.Series("age", [labels[bisect_right(AGES, age)] for age in years])


def _sample(rows: pl.DataFrame, seed: int) -> dict[str, Any]:
    outcomes, probabilities = rows["outcome"].to_numpy(), rows["probability"].to_numpy()
    people = rows["person"].to_list()
    figures = {
        name: bootstrap(figure, outcomes, probabilities, seed=seed, draws=DRAWS, groups=people)
        for name, figure in (("auc", auc), ("ks", ks))
    }
    return {
        "reports": len(rows),
        "people": rows["person"].n_unique(),
        "bad": int(outcomes.sum()),
        "bad_rate": _rounded(float(outcomes.mean())),
        "expected": _rounded(float(probabilities.mean())),
        "mean_points": round(float(rows["points"].mean()), 1),  # type: ignore[arg-type]
        **{name: _interval(interval) for name, interval in figures.items()},
    }


def _interval(interval: Interval) -> dict[str, float]:
    return {name: _rounded(getattr(interval, name)) for name in ("value", "low", "high")}


def _groups(rows: pl.DataFrame, name: str) -> Iterator[dict[str, Any]]:
    for (group,), members in sorted(rows.cast({name: pl.String}).group_by(name)):
        bad, probabilities = members["outcome"].to_numpy(), members["probability"].to_numpy()
        defined = min(bad.sum(), (~bad).sum()) >= LEAST_BAD
        yield {
            "group": group,
            "people": len(members),
            "bad": int(bad.sum()),
            "bad_rate": _rounded(float(bad.mean())),
            "expected": _rounded(float(probabilities.mean())),
            "auc": _rounded(auc(bad, probabilities)) if defined else None,
            "passed": _rounded(float((members["points"] >= CUT_OFF).mean())),  # type: ignore[arg-type]
        }


def _rounded(value: float) -> float:
    return value if isinstance(value, int) else round(value, DIGITS)
