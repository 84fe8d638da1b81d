"""The reference scorecard is the one of the committed results, and its training is exact."""

from __future__ import annotations

import json
import math

import numpy as np
import polars as pl
import pytest

from bureau_client.risk.scorecard import reference_scorecards
from tests.scorecard import reference_policy
from tests.scorecard.__main__ import ARTEFACT, artefact
from tests.scorecard.binning import bin_values
from tests.scorecard.candidates import CANDIDATES, Candidate
from tests.scorecard.card import DOCUMENT, committed, filled
from tests.scorecard.panel import Plan
from tests.scorecard.training import train
from tests.scorecard.validation import results_of

PEOPLE, SEED = 400, 11
PLAN = Plan(PEOPLE, SEED, training=(12, 18), later=36)


def drawn_rows() -> pl.DataFrame:
    """Rows as a panel has them, of people whose risk follows from two attributes."""
    random = np.random.default_rng(SEED)
    readings = [12, 18, 36]
    count = PEOPLE * len(readings)
    late = random.poisson(0.6, count)
    utilisation = random.uniform(0, 1.4, count)
    risk = -4.5 + 1.2 * np.minimum(late, 4) + 1.8 * utilisation
    columns = {candidate.key: random.poisson(2, count).astype(float) for candidate in CANDIDATES}
    columns |= {"months_30_plus_12m": late.astype(float), "utilisation": utilisation}
    frame = pl.DataFrame(
        {
            **columns,
            "reading": np.repeat(readings, PEOPLE),
            "person": [f"P{number:04}" for number in range(PEOPLE)] * len(readings),
            "outcome": random.uniform(size=count) < 1 / (1 + np.exp(-risk)),
            "rules_version": ["2026-12"] * count,
            "report_time": np.repeat(["2021-12-31", "2022-06-30", "2023-12-31"], PEOPLE),
            "birth_year": random.integers(1945, 2003, count),
            "region": random.choice(["R01", "R02"], count),
            "income_band": random.choice(["B1", "B2"], count),
        }
    )
    every_ninth = pl.int_range(pl.len()) % 9 == 0
    return frame.with_columns(
        pl.when(every_ninth).then(None).otherwise(pl.col("utilisation")).alias("utilisation"),
        pl.col("report_time").str.to_datetime("%Y-%m-%d", time_zone="UTC"),
    )


def test_the_card_is_made_of_the_committed_scorecard_and_results() -> None:
    results, scorecard = committed(), reference_scorecards()["reference-us"]
    assert results["scorecard"]["digest"] == scorecard.digest.hex()
    page = DOCUMENT.read_text("utf-8")
    assert filled(page, results, scorecard) == page
    assert ARTEFACT.read_text("utf-8") == artefact(scorecard)


def test_the_reference_policy_follows_from_the_scorecard() -> None:
    text = reference_policy.POLICY.read_text("utf-8")
    assert reference_policy.filled(text, reference_scorecards()["reference-us"]) == text


def test_a_page_without_a_mark_is_refused() -> None:
    with pytest.raises(ValueError, match="0 marks `<!-- population -->`"):
        filled("no tables", committed(), reference_scorecards()["reference-us"])


def test_the_same_rows_give_the_same_scorecard_and_results() -> None:
    rows = drawn_rows()
    training = rows.filter(pl.col("reading").is_in(PLAN.training))
    scorecard, values = train(training)
    again, _ = train(training)
    assert scorecard.digest == again.digest
    assert {"months_30_plus_12m", "utilisation"} <= {*scorecard.features}
    assert max(values, key=lambda key: values[key]) in {"months_30_plus_12m", "utilisation"}
    results = results_of(PLAN, rows, scorecard, values)
    assert results == json.loads(json.dumps(results_of(PLAN, rows, scorecard, values)))
    assert results["samples"]["out of time"]["auc"]["value"] > 0.65
    assert results["samples"]["training"]["people"] == PEOPLE
    for groups in results["groups"].values():
        assert sum(group["people"] for group in groups) == PEOPLE


@pytest.mark.parametrize("worse", ["higher", "lower"])
def test_bins_are_monotone_in_the_declared_direction(worse: str) -> None:
    rows = drawn_rows()
    candidate = Candidate("utilisation", worse, "regb.other")  # type: ignore[arg-type]
    values, bad = rows["utilisation"].fill_null(math.nan).to_numpy(), rows["outcome"].to_numpy()
    binning = bin_values(candidate, values if worse == "higher" else -values, bad)
    assert binning is not None
    assert len(binning.bounds) >= 2
    steps = np.diff(binning.weights)
    assert np.all(steps < 0 if worse == "higher" else steps > 0)
    assert binning.missing is not None


def test_an_attribute_against_its_direction_gives_no_bins() -> None:
    values = np.linspace(0, 1, PEOPLE)
    assert bin_values(Candidate("utilisation", "lower", "regb.other"), values, values > 0.7) is None
    assert bin_values(Candidate("utilisation", "higher", "regb.other"), values, values > 0.7)
