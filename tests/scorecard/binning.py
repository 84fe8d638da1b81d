"""Bins of an attribute by a decision tree, and their weight of evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.tree import DecisionTreeClassifier

from tests.scorecard.candidates import Candidate

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

MAX_BINS = 5
# Least share of the rows in a bin, and of missing values that get points of their own.
MIN_SHARE = 0.05
# Bounds have so many significant digits, so that a person can read them.
DIGITS = 2
# Added to the counts of a bin, so that one without a bad outcome has a weight.
SMOOTHING = 0.5


@dataclass(frozen=True, slots=True)
class Binning:
    """The bins of a candidate.

    Attributes:
        bounds: Upper bounds of all bins but the last, inclusive.
        weights: Weight of evidence of each bin, in favour of the good outcome.
        missing: Weight of evidence of a missing value; None if missing values are too few.
        value: Information value: how much the bins say about the outcome.
    """

    candidate: Candidate
    bounds: tuple[float, ...]
    weights: tuple[float, ...]
    missing: float | None
    value: float

    def weigh(self, values: Floats) -> Floats:
        """Return the weight of evidence of each value; NaN is a missing value."""
        weights = np.array([*self.weights, self.missing or 0.0])
        bins = np.searchsorted(self.bounds, values, side="left")
        return weights[np.where(np.isnan(values), len(self.weights), bins)]


def bin_values(candidate: Candidate, values: Floats, bad: Flags) -> Binning | None:
    """Bin the values of a candidate; None if they say nothing about the outcome.

    The tree splits in the declared direction of risk only, so that the weights are monotone.
    """
    present = ~np.isnan(values)
    least = max(1, round(MIN_SHARE * len(values)))
    if present.sum() < 2 * least:
        return None
    tree = DecisionTreeClassifier(
        criterion="entropy",
        max_leaf_nodes=MAX_BINS,
        min_samples_leaf=least,
        monotonic_cst=[1 if candidate.worse == "higher" else -1],
    )
    tree.fit(values[present].reshape(-1, 1), bad[present])
    splits = tree.tree_.threshold[tree.tree_.feature >= 0]
    whole = bool(np.all(values[present] == np.floor(values[present])))
    bounds = sorted({math.floor(split) if whole else _rounded(split) for split in splits})
    return _weighed(candidate, bounds, values, bad, least)


def _weighed(
    candidate: Candidate, bounds: Sequence[float], values: Floats, bad: Flags, least: int
) -> Binning | None:
    """Weigh the bins; join neighbours whose order the rounding of a bound has turned."""
    missing = np.isnan(values)
    bins = np.where(missing, len(bounds) + 1, np.searchsorted(bounds, values, side="left"))
    counts = np.array(
        [
            [np.sum((bins == number) & (bad == flag)) for flag in (False, True)]
            for number in range(len(bounds) + 2)
        ]
    )
    shares = (counts + SMOOTHING) / (counts.sum(axis=0) + SMOOTHING * len(counts))
    weights = np.log(shares[:, 0] / shares[:, 1])
    rare = missing.sum() < least
    steps = np.diff(weights[:-1]) * (1 if candidate.worse == "higher" else -1)
    if len(turned := np.flatnonzero(steps >= 0)):
        kept = [bound for number, bound in enumerate(bounds) if number != turned[0]]
        return _weighed(candidate, kept, values, bad, least)
    if not bounds and rare:
        return None
    value = float(np.sum((shares[:, 0] - shares[:, 1]) * weights))
    own = None if rare else float(weights[-1])
    return Binning(candidate, tuple(bounds), tuple(map(float, weights[:-1])), own, value)


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
