"""Figures of a model's validation: pure functions of outcomes and of probabilities of bad.

An outcome is True for bad. The functions take sequences or arrays of equal length, in any order;
none reads the clock, and only `bootstrap` draws, by its seed. A figure that the rows do not define
is an error, never a zero.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score, roc_curve

Outcomes = Sequence[bool] | npt.NDArray[np.bool_]
Probabilities = Sequence[float] | npt.NDArray[np.float64]
Figure = Callable[[npt.NDArray[np.bool_], npt.NDArray[np.float64]], float]
RowFigure = Callable[[npt.NDArray[np.int64]], float]

# Share of the people that an empty bin counts as in `psi`, whose logarithm has no zero.
EMPTY_SHARE = 0.0001


class UndefinedFigure(ValueError):
    """Rows that do not define a figure: none at all, or outcomes of one class only."""


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """People of similar probabilities.

    Attributes:
        count: Number of people.
        lowest: Lowest probability.
        highest: Highest probability.
        mean: Mean probability: the bad rate that the model expects.
        bad_rate: Share of the people whose outcome is bad.
    """

    count: int
    lowest: float
    highest: float
    mean: float
    bad_rate: float


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its bootstrap interval.

    Attributes:
        value: Figure of the rows themselves.
        low: Lower percentile of the figure over the draws.
        high: Upper percentile of the figure over the draws.
        level: Share of the draws between `low` and `high`.
        draws: Number of draws that define the figure; the others are left out.
    """

    value: float
    low: float
    high: float
    level: float
    draws: int


def auc(outcomes: Outcomes, probabilities: Probabilities) -> float:
    """Return the area under the ROC curve.

    It is the share of the pairs of a bad and a good person in which the bad one has the higher
    probability; a pair with equal probabilities counts half.

    Raises:
        UndefinedFigure: There are no rows, or all outcomes are alike.
    """
    bad, probability = _both_classes("AUC", outcomes, probabilities)
    return float(roc_auc_score(bad, probability))


def ks(outcomes: Outcomes, probabilities: Probabilities) -> float:
    """Return the Kolmogorov-Smirnov statistic of the bad and the good.

    It is the largest distance, in either direction, between the two shares of people above a
    probability. People with equal probabilities are never divided.

    Raises:
        UndefinedFigure: There are no rows, or all outcomes are alike.
    """
    bad, probability = _both_classes("KS", outcomes, probabilities)
    good_share, bad_share, _ = roc_curve(bad, probability, drop_intermediate=False)
    return float(np.max(np.abs(bad_share - good_share)))


def calibration(
    outcomes: Outcomes, probabilities: Probabilities, bins: int = 10
) -> list[CalibrationBin]:
    """Compare expected with observed bad rates in bins of about equal numbers of people.

    People with equal probabilities are in one bin, so that there may be fewer bins than asked for.
    Outcomes of one class are allowed; without rows the list is empty.
    """
    bad, probability = _arrays(outcomes, probabilities)
    if not len(bad):
        return []
    numbers = np.searchsorted(_inner_edges(probability, bins), probability, side="left")
    return [
        CalibrationBin(
            count=int(members.sum()),
            lowest=float(probability[members].min()),
            highest=float(probability[members].max()),
            mean=float(probability[members].mean()),
            bad_rate=float(bad[members].mean()),
        )
        for members in (numbers == number for number in np.unique(numbers))
    ]


def psi(
    expected: Sequence[float | None] | npt.NDArray[np.float64],
    actual: Sequence[float | None] | npt.NDArray[np.float64],
    bins: int = 10,
) -> float:
    """Return the population stability index of a score or of one attribute.

    The sum of (a - e) * ln(a / e) over bins of about equal numbers of the expected values, with
    the shares e and a of the expected and the actual values in the bin. Equal values are in one
    bin; missing values (None or NaN) are a bin of their own. A share of zero counts as 0.0001.

    Raises:
        UndefinedFigure: One of the two has no values.
    """
    before, after = np.asarray(expected, np.float64), np.asarray(actual, np.float64)
    if not len(before) or not len(after):
        raise UndefinedFigure("PSI needs values before and after; one of the two is empty")
    edges = _inner_edges(before[~np.isnan(before)], bins)
    shares = [
        np.maximum(_counts(values, edges) / len(values), EMPTY_SHARE) for values in (before, after)
    ]
    # A bin that is empty in both has the same share twice, and adds nothing.
    return float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))


def bad_rate_at(outcomes: Outcomes, probabilities: Probabilities, approvals: float) -> float:
    """Return the bad rate of those approved, if a share of all people is approved.

    Approved are the people with the lowest probabilities. Of people with equal probabilities at
    the cut-off a part is approved, with the bad rate of all of them: the order of the rows does
    not matter.

    Args:
        approvals: Share of the people to approve, above 0 and up to 1.

    Raises:
        UndefinedFigure: There are no rows. Outcomes of one class give 0 or 1.
    """
    if not 0 < approvals <= 1:
        raise ValueError(f"approvals {approvals} is not a share above 0 and up to 1")
    people, bads = _cumulated("bad rate", outcomes, probabilities)
    approved = approvals * people[-1]
    return float(np.interp(approved, people, bads) / approved)


def approvals_at(outcomes: Outcomes, probabilities: Probabilities, bad_rate: float) -> float:
    """Return the largest share of people that can be approved at a bad rate.

    It is the largest share for which `bad_rate_at` is at most `bad_rate`, from 0 (no one) to 1.

    Args:
        bad_rate: Largest bad rate of those approved, from 0 to 1.

    Raises:
        UndefinedFigure: There are no rows.
    """
    if not 0 <= bad_rate <= 1:
        raise ValueError(f"bad_rate {bad_rate} is not a share from 0 to 1")
    people, bads = _cumulated("share of approvals", outcomes, probabilities)
    # Bads above the allowed number; linear between two distinct probabilities.
    excess = bads - bad_rate * people
    last = int(
        np.flatnonzero(excess <= 0)[-1]
    )  # no excess at the first point, where none is approved
    approved = people[last]
    if last + 1 < len(people):
        rise = excess[last + 1] - excess[last]
        approved += (people[last + 1] - people[last]) * -excess[last] / rise
    return float(approved / people[-1])


def lift(outcomes: Outcomes, probabilities: Probabilities, share: float = 0.1) -> float:
    """Return the bad rate of the people with the highest probabilities over that of all people.

    People with equal probabilities at the cut-off count in part, as in `bad_rate_at`.

    Args:
        share: Share of the people, above 0 and up to 1; 0.1 is the top decile.

    Raises:
        UndefinedFigure: There are no rows, or no outcome is bad.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share {share} is not a share above 0 and up to 1")
    people, bads = _cumulated("lift", outcomes, probabilities)
    if not bads[-1]:
        raise UndefinedFigure("lift needs a bad outcome; there is none")
    below = float(np.interp((1 - share) * people[-1], people, bads))
    return float((bads[-1] - below) / (share * bads[-1]))


def bootstrap(
    figure: Figure,
    outcomes: Outcomes,
    probabilities: Probabilities,
    *,
    seed: int,
    draws: int = 1000,
    level: float = 0.95,
    groups: Sequence[Hashable] | None = None,
) -> Interval:
    """Return a figure with its percentile interval over resamples of the rows.

    Args:
        figure: Figure of outcomes and probabilities, for example `auc`.
        seed: Seed of the draws: the same seed and rows give the same interval.
        draws: Number of resamples.
        level: Share of the resampled figures between the ends of the interval.
        groups: Group of each row, for example its person. Groups are then drawn with all of their
            rows, since rows of one person are not independent. None draws single rows.

    Raises:
        UndefinedFigure: The rows do not define the figure. A draw that does not is left out.
    """
    bad, probability = _arrays(outcomes, probabilities)
    return bootstrap_rows(
        lambda rows: figure(bad[rows], probability[rows]),
        range(len(bad)) if groups is None else groups,
        seed=seed,
        draws=draws,
        level=level,
    )


def bootstrap_rows(
    figure: RowFigure,
    groups: Sequence[Hashable],
    *,
    seed: int,
    draws: int = 1000,
    level: float = 0.95,
) -> Interval:
    """Return any figure of rows with its percentile interval over resamples of their groups.

    Args:
        figure: Figure of the rows with the indices that it is called with; an index that is drawn
            twice counts twice.
        groups: Group of each row.

    Raises:
        UndefinedFigure: The rows do not define the figure. A draw that does not is left out.
    """
    if not 0 < level < 1:
        raise ValueError(f"level {level} is not a share between 0 and 1")
    if draws < 1:
        raise ValueError(f"draws {draws} is not a positive number")
    numbers: dict[Hashable, int] = {}
    of_row = np.array([numbers.setdefault(group, len(numbers)) for group in groups], np.int64)
    if not numbers:
        raise UndefinedFigure("there are no rows to draw")
    value = figure(np.arange(len(of_row)))
    rows = np.argsort(of_row, kind="stable")
    sizes = np.bincount(of_row, minlength=len(numbers))
    starts = np.cumsum(sizes) - sizes
    random = np.random.default_rng(seed)
    resampled: list[float] = []
    for _ in range(draws):
        drawn = random.integers(len(numbers), size=len(numbers))
        try:
            resampled.append(figure(_rows_of(drawn, rows, starts, sizes)))
        except UndefinedFigure:
            continue
    if not resampled:
        raise UndefinedFigure(f"none of {draws} draws of the rows defines the figure")
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(value), float(low), float(high), level, len(resampled))


def _rows_of(
    drawn: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Return the rows of the groups that were drawn."""
    counts = sizes[drawn]
    ends = np.cumsum(counts)
    within = np.arange(ends[-1]) - np.repeat(ends - counts, counts)
    drawn_rows: npt.NDArray[np.int64] = rows[np.repeat(starts[drawn], counts) + within]
    return drawn_rows


def _arrays(
    outcomes: Outcomes, probabilities: Probabilities
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """Return outcomes and probabilities as arrays.

    Raises:
        ValueError: An outcome is not known, a value is no probability, or the lengths differ.
    """
    bad, probability = np.asarray(outcomes), np.asarray(probabilities, np.float64)
    if len(bad) != len(probability):
        raise ValueError(f"{len(bad)} outcomes do not match {len(probability)} probabilities")
    if len(bad) and bad.dtype != np.bool_:
        raise ValueError("an outcome is not True or False; leave out rows that are not known yet")
    wrong = np.flatnonzero(~((probability >= 0) & (probability <= 1)))
    if len(wrong):
        raise ValueError(
            f"row {wrong[0]} has the probability {probability[wrong[0]]}, which is not between 0 "
            "and 1"
        )
    return bad.astype(np.bool_), probability


def _both_classes(
    name: str, outcomes: Outcomes, probabilities: Probabilities
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    bad, probability = _arrays(outcomes, probabilities)
    if not 0 < bad.sum() < len(bad):
        raise UndefinedFigure(
            f"{name} needs bad and good outcomes; of {len(bad)} outcomes {bad.sum()} are bad"
        )
    return bad, probability


def _cumulated(
    name: str, outcomes: Outcomes, probabilities: Probabilities
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the numbers of people, and of bads, up to each distinct probability; 0 first."""
    bad, probability = _arrays(outcomes, probabilities)
    if not len(bad):
        raise UndefinedFigure(f"the {name} of no rows is not defined")
    _, numbers = np.unique(probability, return_inverse=True)
    people = np.cumsum(np.bincount(numbers))
    bads = np.cumsum(np.bincount(numbers, weights=bad))
    return np.concatenate([[0.0], people]), np.concatenate([[0.0], bads])


def _inner_edges(values: npt.NDArray[np.float64], bins: int) -> npt.NDArray[np.float64]:
    """Return the upper edges of bins of about equal counts, except the last one's."""
    if bins < 1:
        raise ValueError(f"bins {bins} is not a positive number")
    if not len(values):
        return values
    shares = np.arange(1, bins) / bins
    return np.unique(np.quantile(values, shares, method="inverted_cdf"))


def _counts(
    values: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """Count the values in each bin, missing values last."""
    missing = np.isnan(values)
    numbers = np.searchsorted(edges, values[~missing], side="left")
    return np.array([*np.bincount(numbers, minlength=len(edges) + 1), missing.sum()], np.int64)
