"""Scorecards: their documents, their scores and the factors that lost points."""

from __future__ import annotations

import copy
import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bureau_client.risk.models import Model
from bureau_client.risk.scorecard import (
    MAX_FACTORS,
    Scorecard,
    ScorecardError,
    load_scorecard,
    read_scorecard,
    reference_scorecards,
)

DOCUMENT: dict[str, Any] = {
    "format": "creditbureau.scorecard.v1",
    "name": "small",
    "version": "1",
    "maker": "Hillside Credit",
    "outcome": "60 days past due or worse on any account within 12 months",
    "attributes": "2026-12",
    "scale": {"points": 600, "odds": 20, "double": 40},
    "base_points": 580,
    "characteristics": [
        {
            "key": "months_30_plus_12m",
            "worse": "higher",
            "bins": [{"up_to": 0, "points": 30}, {"up_to": 2, "points": -20}, {"points": -70}],
            "missing": 12,
            "neutral": 12,
            "reason": "regb.delinquent_elsewhere",
            "basis": {"select": "delinquent_months", "months": 12},
        },
        {
            "key": "tradelines_now_30_plus",
            "worse": "higher",
            "bins": [{"up_to": 0, "points": 10}, {"points": -40}],
            "missing": 4,
            "neutral": 4,
            "reason": "regb.delinquent_elsewhere",
        },
        {
            "key": "utilisation",
            "worse": "higher",
            "bins": [{"up_to": 0.3, "points": 25}, {"up_to": 0.9, "points": 0}, {"points": -35}],
            "missing": 5,
            "special": [{"value": -1, "points": 7}],
            "neutral": 5,
            "reason": "regb.other",
            "specify": {"en": "Balances are high beside the limits", "zh": "余额占额度比例偏高"},
        },
        {
            "key": "oldest_account_age",
            "worse": "lower",
            "bins": [{"up_to": 24, "points": -18}, {"points": 12}],
            "missing": -18,
            "neutral": 3,
            "reason": "regb.limited_experience",
        },
        {
            "key": "opened_12m",
            "bins": [{"up_to": 1, "points": 8}, {"points": -12}],
            "missing": 0,
            "neutral": 2,
            "reason": "regb.other",
            "specify": {"en": "Many accounts were opened within a year"},
        },
        {
            "key": "inquiries_6m",
            "worse": "higher",
            "bins": [{"up_to": 1, "points": 6}, {"points": -9}],
            "missing": 0,
            "neutral": 1,
            "reason": "regb.inquiries",
        },
    ],
}
BEST = {
    "months_30_plus_12m": 0.0,
    "tradelines_now_30_plus": 0.0,
    "utilisation": 0.1,
    "oldest_account_age": 100.0,
    "opened_12m": 0.0,
    "inquiries_6m": 0.0,
}
WORST = {
    "months_30_plus_12m": 9.0,
    "tradelines_now_30_plus": 2.0,
    "utilisation": 1.5,
    "oldest_account_age": 3.0,
    "opened_12m": 7.0,
    "inquiries_6m": 12.0,
}
SCORECARDS = {**reference_scorecards(), "small": read_scorecard(json.dumps(DOCUMENT))}


def small() -> Scorecard:
    return SCORECARDS["small"]


def figures_of(scorecard: Scorecard) -> st.SearchStrategy[dict[str, float | None]]:
    """Values of every attribute, at and around the bounds of its bins."""
    columns = {}
    for characteristic in scorecard.characteristics:
        bounds = [part.up_to for part in characteristic.bins if part.up_to is not None]
        bounds += [special.value for special in characteristic.special]
        points = {bound + step for bound in bounds for step in (-0.5, 0, 0.5)} or {0.0}
        columns[characteristic.key] = st.sampled_from([None, *sorted(map(float, points))])
    return st.fixed_dictionaries(columns)


def test_a_score_is_the_sum_of_its_points() -> None:
    score = small().score(BEST)
    assert [part.points for part in score.parts] == [30, 10, 25, 12, 8, 6]
    assert score.points == 580 + 91 == small().highest
    assert small().score(WORST).points == 580 - 184 == small().lowest
    assert small().neutral == 580 + 27


def test_the_bounds_of_bins_are_part_of_the_bin_below() -> None:
    points = small().characteristics[2].points
    assert [points(value) for value in (0.3, math.nextafter(0.3, 1), 0.9, 0.91)] == [25, 0, 0, -35]
    assert (points(None), points(math.nan), points(-1)) == (5, 5, 7)


def test_points_that_double_the_odds_double_the_odds() -> None:
    scale = small().scale
    odds = [(1 - scale.probability(points)) / scale.probability(points) for points in (600, 640)]
    assert odds == pytest.approx([20, 40])


def test_points_far_from_the_scale_have_a_probability() -> None:
    scale = small().scale
    assert scale.probability(1_000_000) == pytest.approx(0)
    assert scale.probability(-1_000_000) == 1


@pytest.mark.parametrize("name", SCORECARDS)
@given(st.data())
def test_the_sum_of_points_is_the_score_within_its_range(name: str, data: st.DataObject) -> None:
    scorecard = SCORECARDS[name]
    figures = data.draw(figures_of(scorecard))
    score = scorecard.score(figures)
    assert score.points == scorecard.base_points + sum(part.points for part in score.parts)
    assert scorecard.lowest <= score.points <= scorecard.highest
    assert score == scorecard.score(dict(reversed(figures.items())))
    assert scorecard.probabilities([figures]) == [score.probability]


@pytest.mark.parametrize("name", SCORECARDS)
@given(st.data())
def test_what_is_declared_worse_never_raises_a_score(name: str, data: st.DataObject) -> None:
    scorecard = SCORECARDS[name]
    ordered = [each for each in scorecard.characteristics if each.worse and not each.special]
    characteristic = data.draw(st.sampled_from(ordered))
    figures, other = data.draw(figures_of(scorecard)), data.draw(figures_of(scorecard))
    low, high = sorted((figures[characteristic.key] or 0, other[characteristic.key] or 0))
    better, worse = (low, high) if characteristic.worse == "higher" else (high, low)
    scores = [scorecard.score(figures | {characteristic.key: value}) for value in (better, worse)]
    assert scores[0].points >= scores[1].points
    assert scores[0].probability <= scores[1].probability


@pytest.mark.parametrize("name", SCORECARDS)
@given(st.data())
def test_key_factors_are_the_true_drivers(name: str, data: st.DataObject) -> None:
    """With a factor at its neutral points, the score rises by exactly the points lost."""
    scorecard = SCORECARDS[name]
    score = scorecard.score(data.draw(figures_of(scorecard)))
    for factor in score.key_factors:
        keys = {characteristic.key for characteristic in factor.characteristics}
        neutral = scorecard.base_points + sum(
            part.characteristic.neutral if part.characteristic.key in keys else part.points
            for part in score.parts
        )
        assert neutral - score.points == factor.points_lost > 0
        assert {each.reason for each in factor.characteristics} == {factor.code}
    lost = [factor.points_lost for factor in score.key_factors]
    assert lost == sorted(lost, reverse=True)
    assert sum(lost) == sum(max(part.points_lost, 0) for part in score.parts)
    assert bool(lost) or score.points >= scorecard.neutral, "no low score without a factor"


def test_characteristics_of_one_reason_are_one_factor_unless_their_texts_differ() -> None:
    first, second, *others = small().score(WORST).key_factors
    assert (first.code, first.points_lost) == ("regb.delinquent_elsewhere", 82 + 44)
    assert [each.key for each in first.characteristics] == [
        "months_30_plus_12m",
        "tradelines_now_30_plus",
    ]
    assert (second.code, second.points_lost) == ("regb.other", 40)
    assert [factor.code for factor in others] == [
        "regb.limited_experience",
        "regb.other",
        "regb.inquiries",
    ]


def test_inquiries_are_disclosed_as_a_further_factor() -> None:
    score = small().score(WORST)
    assert len(score.disclosed_factors) == MAX_FACTORS + 1
    assert score.disclosed_factors[-1].code == "regb.inquiries"
    fewer = small().score(WORST | {"oldest_account_age": 100.0})
    assert len(fewer.disclosed_factors) == MAX_FACTORS
    assert (
        small().score(WORST | {"inquiries_6m": 0.0}).disclosed_factors
        == (score.disclosed_factors[:MAX_FACTORS])
    )


def test_a_missing_value_is_scored_and_a_missing_attribute_is_refused() -> None:
    assert small().score(dict.fromkeys(BEST)).points == 580 + 12 + 4 + 5 - 18
    lacking = {key: value for key, value in BEST.items() if key != "utilisation"}
    with pytest.raises(KeyError, match="the figures lack the attribute 'utilisation'"):
        small().score(lacking)


Change = Callable[[dict[str, Any]], object]


def characteristic_of(changed: dict[str, Any], key: str) -> dict[str, Any]:
    declared: dict[str, Any] = next(
        each for each in changed["characteristics"] if each["key"] == key
    )
    return declared


def set_fields(key: str, /, **fields: Any) -> Change:
    return lambda changed: characteristic_of(changed, key).update(fields)


BROKEN: list[tuple[str, Change, str]] = [
    (
        "bins that descend",
        set_fields(
            "utilisation",
            bins=[{"up_to": 2, "points": 1}, {"up_to": 1, "points": 0}, {"points": -1}],
        ),
        "characteristic 'utilisation', bin 1: ends at 1, not above 2",
    ),
    (
        "a bin without an end before others",
        set_fields("utilisation", bins=[{"points": 7}, {"points": 1}]),
        "characteristic 'utilisation', bin 0: has no `up_to` and hides the bins after it",
    ),
    (
        "a last bin with an end",
        set_fields("utilisation", bins=[{"up_to": 1, "points": 7}]),
        "characteristic 'utilisation', bin 0: is the last bin and has `up_to`",
    ),
    (
        "points against the declared direction",
        set_fields("oldest_account_age", worse="higher"),
        "characteristic 'oldest_account_age', bin 1: goes from -18 to 12 points",
    ),
    (
        "neutral points that no value has",
        set_fields("inquiries_6m", neutral=7),
        "characteristic 'inquiries_6m', neutral: is 7, outside of the points -9 to 6",
    ),
    (
        "a characteristic that does nothing",
        set_fields("inquiries_6m", bins=[{"points": 0}]),
        "characteristic 'inquiries_6m': gives 0 points for every value",
    ),
    (
        "an unknown reason",
        set_fields("inquiries_6m", reason="regb.bad_feeling"),
        "characteristic 'inquiries_6m', reason: reason 'regb.bad_feeling' is unknown",
    ),
    (
        "another reason without its text",
        set_fields("opened_12m", specify={}),
        "characteristic 'opened_12m', reason: `specify` is the text of `regb.other`",
    ),
    (
        "a special value twice",
        set_fields("utilisation", special=[{"value": 1, "points": 1}, {"value": 1, "points": 2}]),
        "characteristic 'utilisation', special value 1: is declared twice",
    ),
    (
        "a characteristic twice",
        lambda changed: changed["characteristics"].append(changed["characteristics"][0]),
        "characteristic 'months_30_plus_12m': is declared twice",
    ),
    (
        "points with a fraction",
        set_fields("utilisation", missing=0.5),
        "characteristics.2.missing: Input should be a valid integer",
    ),
    (
        "a key that is no attribute's",
        set_fields("utilisation", key="utilisation now"),
        "characteristics.2.key: must be the key of an attribute",
    ),
    (
        "a field that the format does not have",
        lambda changed: changed.update(intercept=1),
        "intercept: Extra inputs are not permitted",
    ),
]


@pytest.mark.parametrize(
    ("change", "expected"), [pytest.param(*rest, id=name) for name, *rest in BROKEN]
)
def test_a_broken_scorecard_is_refused_by_path(change: Change, expected: str) -> None:
    changed = copy.deepcopy(DOCUMENT)
    change(changed)
    with pytest.raises(ScorecardError) as refused:
        read_scorecard(json.dumps(changed))
    assert expected in str(refused.value)


def test_every_fault_is_named_at_once() -> None:
    changed = copy.deepcopy(DOCUMENT)
    set_fields("inquiries_6m", neutral=7)(changed)
    set_fields("opened_12m", specify={})(changed)
    with pytest.raises(ScorecardError) as refused:
        read_scorecard(json.dumps(changed))
    assert [problem.path for problem in refused.value.problems] == [
        "characteristic 'opened_12m', reason",
        "characteristic 'inquiries_6m', neutral",
    ]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"name": 1, "name": 2}', '{"a": NaN}', "\xff"])
def test_a_text_that_is_no_scorecard_is_refused(text: str) -> None:
    with pytest.raises(ScorecardError):
        read_scorecard(text.encode("latin-1"))


def test_the_digest_is_of_the_content_and_not_of_its_form(tmp_path: Path) -> None:
    file = tmp_path / "small.json"
    file.write_text(json.dumps(DOCUMENT, indent=4, sort_keys=True), "utf-8")
    assert load_scorecard(file).digest == small().digest
    changed = copy.deepcopy(DOCUMENT)
    characteristic_of(changed, "inquiries_6m")["bins"][0]["points"] = 7
    assert read_scorecard(json.dumps(changed)).digest != small().digest


def test_a_scorecard_is_a_model() -> None:
    model: Model = small()
    assert list(model.features) == list(BEST)
    good, bad = model.probabilities([BEST, WORST])
    assert 0 < good < bad < 1


def test_scoring_needs_no_training_library() -> None:
    program = (
        "import sys; import bureau_client.risk.scorecard as s; s.reference_scorecards();"
        "print({'numpy', 'sklearn', 'pandas', 'pyarrow'} & {*sys.modules})"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "set()"
