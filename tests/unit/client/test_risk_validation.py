"""Figures of a model's validation: values worked by hand, and what holds for any rows."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import isclose, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bureau_client.risk.validation import (
    EMPTY_SHARE,
    UndefinedFigure,
    approvals_at,
    auc,
    bad_rate_at,
    bootstrap,
    bootstrap_rows,
    calibration,
    ks,
    lift,
    psi,
)

# The published example of scikit-learn's `roc_auc_score`: 3 of 4 pairs are in order.
PUBLISHED = ([False, False, True, True], [0.1, 0.4, 0.35, 0.8])
ROWS = st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9, 1.0])))
SHARES = st.floats(0.01, 1)


def columns(rows: list[tuple[bool, float]]) -> tuple[list[bool], list[float]]:
    return [bad for bad, _ in rows], [probability for _, probability in rows]


def test_auc_and_ks_of_the_published_example() -> None:
    assert auc(*PUBLISHED) == 0.75
    # Above 0.35: all of the bad, half of the good.
    assert ks(*PUBLISHED) == 0.5


def test_ties_count_half_in_auc_and_are_never_divided_in_ks() -> None:
    outcomes, probabilities = [True, False, True, False], [0.5, 0.5, 0.9, 0.1]
    assert auc(outcomes, probabilities) == (0.5 + 1 + 1 + 1) / 4
    assert ks(outcomes, probabilities) == 0.5
    assert auc([True, False], [0.3, 0.3]) == 0.5
    assert ks([True, False], [0.3, 0.3]) == 0


def test_ks_is_a_distance_in_either_direction() -> None:
    assert ks([True, False], [0.1, 0.9]) == ks([True, False], [0.9, 0.1]) == 1


@pytest.mark.parametrize("figure", [auc, ks])
@pytest.mark.parametrize("outcomes", [[], [True, True], [False]])
def test_one_class_defines_neither(
    figure: Callable[[list[bool], list[float]], float], outcomes: list[bool]
) -> None:
    with pytest.raises(UndefinedFigure, match=f"of {len(outcomes)} outcomes {sum(outcomes)} are"):
        figure(outcomes, [0.5] * len(outcomes))


def test_calibration_keeps_people_of_equal_probability_together() -> None:
    outcomes = [False, False, False, True, True, True]
    probabilities = [0.1, 0.2, 0.2, 0.2, 0.6, 0.8]
    first, second = calibration(outcomes, probabilities, bins=3)
    assert (first.count, first.lowest, first.highest, first.bad_rate) == (4, 0.1, 0.2, 0.25)
    assert isclose(first.mean, 0.175)
    assert (second.count, second.lowest, second.highest, second.bad_rate) == (2, 0.6, 0.8, 1.0)
    assert isclose(second.mean, 0.7)
    assert calibration([], []) == []
    (one,) = calibration([True, True], [0.4, 0.4])
    assert (one.count, one.bad_rate) == (2, 1.0)


def test_psi_by_hand() -> None:
    expected, actual = [1.0] * 5 + [2.0] * 5, [1.0] * 6 + [2.0] * 4
    by_hand = 0.1 * log(0.6 / 0.5) - 0.1 * log(0.4 / 0.5)
    assert isclose(psi(expected, actual, bins=2), by_hand)
    assert isclose(by_hand, 0.0405465, rel_tol=1e-5)
    assert psi(expected, expected) == 0


def test_missing_values_are_a_bin_of_psi_and_an_empty_bin_counts_a_little() -> None:
    expected, actual = [1.0, 1.0, None, None], [1.0, 1.0, 1.0, 1.0]
    by_hand = 0.5 * log(2) + (EMPTY_SHARE - 0.5) * log(EMPTY_SHARE / 0.5)
    assert isclose(psi(expected, actual), by_hand)
    assert psi([None], [None]) == 0
    # Above every expected value.
    assert psi([1.0, 2.0], [3.0, 4.0]) > 9
    with pytest.raises(UndefinedFigure, match="one of the two is empty"):
        psi([], [1.0])


def test_bad_rate_and_approvals_of_ten_people() -> None:
    probabilities = [number / 10 for number in range(10)]
    outcomes = [number in {2, 7, 8, 9} for number in range(10)]
    assert bad_rate_at(outcomes, probabilities, 0.2) == 0
    assert bad_rate_at(outcomes, probabilities, 0.5) == 0.2
    assert bad_rate_at(outcomes, probabilities, 1) == 0.4
    assert isclose(approvals_at(outcomes, probabilities, 0.2), 0.75)  # 7.5 people, 1.5 bad
    assert isclose(bad_rate_at(outcomes, probabilities, 0.75), 0.2)
    assert approvals_at(outcomes, probabilities, 0) == 0.2
    assert approvals_at(outcomes, probabilities, 0.4) == 1
    assert lift(outcomes, probabilities) == 2.5
    assert isclose(lift(outcomes, probabilities, 0.5), 1.5)


def test_of_people_with_equal_probability_a_part_is_approved() -> None:
    outcomes, probabilities = [False, True, False, True], [0.5, 0.5, 0.5, 0.5]
    assert bad_rate_at(outcomes, probabilities, 0.25) == 0.5
    assert approvals_at(outcomes, probabilities, 0.4) == 0
    assert approvals_at(outcomes, probabilities, 0.5) == 1
    assert lift(outcomes, probabilities, 0.25) == 1


def test_one_class_defines_rates_but_no_lift() -> None:
    assert bad_rate_at([True, True], [0.1, 0.2], 0.5) == 1
    assert approvals_at([False, False], [0.1, 0.2], 0) == 1
    with pytest.raises(UndefinedFigure, match="there is none"):
        lift([False, False], [0.1, 0.2])
    for undefined in (bad_rate_at, approvals_at, lift):
        with pytest.raises(UndefinedFigure, match="of no rows"):
            undefined([], [], 0.5)


@pytest.mark.parametrize(
    ("outcomes", "probabilities", "problem"),
    [
        ([True], [0.1, 0.2], "1 outcomes do not match 2 probabilities"),
        ([True, None], [0.1, 0.2], "leave out rows that are not known yet"),
        ([True, False], [0.1, 1.5], "row 1 has the probability 1.5"),
        ([True, False], [float("nan"), 0.5], "row 0 has the probability nan"),
    ],
)
def test_rows_that_are_no_rows_are_refused(
    outcomes: list[bool], probabilities: list[float], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        auc(outcomes, probabilities)


def test_a_bootstrap_is_the_same_for_its_seed() -> None:
    random = np.random.default_rng(5)
    probabilities = random.random(300)
    outcomes = random.random(300) < probabilities
    one = bootstrap(auc, outcomes, probabilities, seed=1, draws=200)
    assert one == bootstrap(auc, outcomes, probabilities, seed=1, draws=200)
    assert one != bootstrap(auc, outcomes, probabilities, seed=2, draws=200)
    assert one.value == auc(outcomes, probabilities)
    assert one.low < one.value < one.high
    assert (one.level, one.draws) == (0.95, 200)
    narrow = bootstrap(auc, outcomes, probabilities, seed=1, draws=200, level=0.5)
    assert one.low < narrow.low < narrow.high < one.high


def test_people_are_drawn_with_all_of_their_rows() -> None:
    """Each person has rows that agree: a draw of single rows would mix them."""
    people = [person for person in "abcd" for _ in range(3)]
    bad = np.array([person in "ab" for person in people])

    def of_draw(rows: np.typing.NDArray[np.int64]) -> float:
        assert len(rows) == 12
        drawn, counts = np.unique(rows, return_counts=True)
        by_person: dict[str, set[int]] = {people[row]: set() for row in drawn}
        for row, count in zip(drawn, counts, strict=True):
            by_person[people[row]].add(int(count))
        assert all(len(counted) == 1 for counted in by_person.values())
        return float(bad[rows].mean())

    interval = bootstrap_rows(of_draw, people, seed=3, draws=100)
    assert (interval.value, interval.draws) == (0.5, 100)


def test_draws_of_one_class_are_left_out() -> None:
    interval = bootstrap(auc, [True, False], [0.9, 0.1], seed=1, draws=100)
    assert (interval.value, interval.low, interval.high) == (1.0, 1.0, 1.0)
    assert 0 < interval.draws < 100
    with pytest.raises(UndefinedFigure):
        bootstrap(auc, [True], [0.9], seed=1)


@given(ROWS)
def test_figures_are_shares_and_turn_with_the_outcomes(rows: list[tuple[bool, float]]) -> None:
    outcomes, probabilities = columns(rows)
    if len(set(outcomes)) < 2:
        return
    turned = [not bad for bad in outcomes]
    assert isclose(auc(outcomes, probabilities) + auc(turned, probabilities), 1)
    assert isclose(ks(outcomes, probabilities), ks(turned, probabilities), abs_tol=1e-12)
    # The ROC curve is within the parallels of the diagonal that touch it.
    gini, distance = 2 * auc(outcomes, probabilities) - 1, ks(outcomes, probabilities)
    assert abs(gini) <= 1 - (1 - distance) ** 2 + 1e-12
    squares = [probability**2 for probability in probabilities]
    assert auc(outcomes, squares) == auc(outcomes, probabilities)


@given(ROWS, SHARES)
def test_no_larger_share_can_be_approved_at_the_bad_rate(
    rows: list[tuple[bool, float]], bad_rate: float
) -> None:
    outcomes, probabilities = columns(rows)
    if not rows:
        return
    share = approvals_at(outcomes, probabilities, bad_rate)
    if share > 1e-9:
        assert bad_rate_at(outcomes, probabilities, share) <= bad_rate + 1e-9
    for larger in (share + 0.01, (share + 1) / 2):
        if share + 1e-6 < larger <= 1:
            assert bad_rate_at(outcomes, probabilities, larger) > bad_rate - 1e-9


@given(ROWS, st.integers(1, 12))
def test_calibration_counts_everybody_once(rows: list[tuple[bool, float]], bins: int) -> None:
    outcomes, probabilities = columns(rows)
    parts = calibration(outcomes, probabilities, bins)
    assert len(parts) <= bins
    assert sum(part.count for part in parts) == len(rows)
    assert isclose(sum(part.bad_rate * part.count for part in parts), sum(outcomes))
    for one, following in pairwise(parts):
        assert one.highest < following.lowest


@given(
    st.lists(st.one_of(st.none(), st.integers(0, 5).map(float)), min_size=1),
    st.lists(st.one_of(st.none(), st.integers(0, 5).map(float)), min_size=1),
)
def test_psi_is_never_negative(before: list[float | None], after: list[float | None]) -> None:
    assert psi(before, after) >= 0
    assert psi(before, before * 2) < 1e-12
