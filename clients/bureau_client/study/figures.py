"""Figures of one model from a lender's own lines and from all lines of its reports.

Both models have the same features, form, folds and people; only the visible lines differ. A
logistic regression is trained in folds of people, and scores those of the other fold: all
applications of a person are in one fold. All lenders' applications train it, in both cases, so
that a small lender's own data are not blamed for a small sample.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from bureau_client.risk.validation import (
    Interval,
    UndefinedFigure,
    approvals_at,
    auc,
    bad_rate_at,
    bootstrap_rows,
    ks,
)
from bureau_client.study.features import features_of
from bureau_client.study.furnishing import Answered
from bureau_client.study.population import Application

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]

FOLDS = 5
# Inverse of the regularisation: strong, because the features of one kind go together.
STRENGTH = 0.05
ITERATIONS = 2_000
# Share of the applications approved, for the bad rate at equal approvals.
APPROVALS = 0.8
# Added to a bad rate, so that equal rates compare as equal after rounding.
ROUNDING = 1e-12
DRAWS = 200
LEVEL = 0.95
# Scores are rounded to this many digits, so that machines whose last bits differ agree on ties.
DIGITS = 9
# Least number of lenders for thirds by size.
THIRDS = 3


@dataclass(frozen=True, slots=True)
class Scored:
    """The applications with their outcomes and both scores.

    Attributes:
        answered: The applications with their reports.
        bad: Outcomes.
        own: Probabilities of bad, from the lender's own lines.
        shared: Probabilities of bad, from all lines of the report.
        own_lines: Number of own lines of each application.
    """

    answered: tuple[Answered, ...]
    bad: Bools
    own: Floats
    shared: Floats
    own_lines: Rows


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure of both models.

    Attributes:
        text: The figure in words.
        of: Returns the figure from own lines, and that from all lines, of outcomes and scores.
    """

    name: str
    text: str
    of: Callable[[Bools, Floats, Floats], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Compared:
    """A measure with intervals; `difference` is shared less own, of the same draws."""

    own: Interval
    shared: Interval
    difference: Interval


@dataclass(frozen=True, slots=True)
class Group:
    """The figures of a group of applications.

    Attributes:
        applications: Number of applications.
        bads: Number of bad outcomes.
        figures: By name of the measure; empty if all outcomes are alike.
    """

    name: str
    applications: int
    bads: int
    figures: dict[str, Compared]


def _equal_bad_rate(bad: Bools, own: Floats, shared: Floats) -> tuple[float, float]:
    rate = bad_rate_at(bad, own, APPROVALS)
    return APPROVALS, approvals_at(bad, shared, min(rate + ROUNDING, 1.0))


MEASURES = (
    Measure("auc", "AUC", lambda bad, own, shared: (auc(bad, own), auc(bad, shared))),
    Measure("ks", "KS", lambda bad, own, shared: (ks(bad, own), ks(bad, shared))),
    Measure(
        "bad_rate",
        f"bad rate at {APPROVALS:.0%} approvals",
        lambda bad, own, shared: (
            bad_rate_at(bad, own, APPROVALS),
            bad_rate_at(bad, shared, APPROVALS),
        ),
    ),
    Measure("approvals", "approvals at that bad rate of own data", _equal_bad_rate),
)


def check_outcomes(applications: Iterable[Application]) -> None:
    """Check that every fold can have good and bad people.

    Raises:
        ValueError: There are fewer bad, or fewer good, people than folds.
    """
    people: dict[bool, set[str]] = {True: set(), False: set()}
    for application in applications:
        people[application.bad].add(application.person)
    for name, members in (("bad", people[True]), ("good", people[False])):
        if len(members) < FOLDS:
            raise ValueError(
                f"the population has {len(members)} people with a {name} outcome, and {FOLDS} are "
                "needed: study more people or months"
            )


def score(answered: Sequence[Answered], seed: int) -> Scored:
    """Compute the scores of the model twice: on own lines, and on all lines.

    Args:
        answered: Applications whose outcomes passed `check_outcomes`.
        seed: Seed of the folds.
    """
    bad = np.array([one.application.bad for one in answered], np.bool_)
    people = [one.application.person for one in answered]
    own, shared, own_lines = [], [], []
    for one in answered:
        application, lines = one.application, one.report.tradelines
        visible = [line for line in lines if line.member_id == application.lender]
        own_lines.append(len(visible))
        own.append(features_of(visible, application.month))
        shared.append(features_of(lines, application.month))
    return Scored(
        tuple(answered),
        bad,
        _out_of_fold(np.array(own), bad, people, seed),
        _out_of_fold(np.array(shared), bad, people, seed),
        np.array(own_lines, np.int64),
    )


def groups(scored: Scored, sizes: Sequence[str], *, seed: int, draws: int = DRAWS) -> list[Group]:
    """Return the figures of all applications, by own accounts, and by size of the lender.

    Args:
        sizes: The lenders, the largest first.
        seed: Seed of the draws of the intervals, which draw people.
    """
    lenders = np.array([one.application.lender for one in scored.answered])
    masks = {
        "all": np.ones(len(lenders), np.bool_),
        "no own account": scored.own_lines == 0,
        "own account": scored.own_lines > 0,
    }
    for name, members in _by_size(sizes).items():
        masks[name] = np.isin(lenders, members)
    return [
        _group(name, scored, np.flatnonzero(mask), seed, draws)
        for name, mask in masks.items()
        if name == "all" or 0 < mask.sum() < len(mask)
    ]


def curve(scored: Scored, shares: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return the bad rates of both models at shares of approvals."""
    return (
        [bad_rate_at(scored.bad, scored.own, share) for share in shares],
        [bad_rate_at(scored.bad, scored.shared, share) for share in shares],
    )


def _model() -> Pipeline:
    return make_pipeline(
        # A missing value is an indicator of its own: often no line is visible.
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(C=STRENGTH, max_iter=ITERATIONS),
    )


def _out_of_fold(features: Floats, bad: Bools, people: Sequence[str], seed: int) -> Floats:
    """Return the probabilities of bad, each from a model that did not see the person.

    Applications with equal features have an equal probability, the mean of their folds.
    Otherwise the folds would order people of whom nothing is known, and against their outcomes:
    a fold with more bad people leaves fewer for its model.
    """
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    probabilities = np.zeros(len(bad))
    for train, test in folds.split(features, bad, people):
        model = _model().fit(features[train], bad[train])
        probabilities[test] = model.predict_proba(features[test])[:, 1]
    known = np.nan_to_num(features, nan=math.inf)
    _, kinds = np.unique(known, axis=0, return_inverse=True)
    kinds = kinds.ravel()
    means = np.bincount(kinds, weights=probabilities) / np.bincount(kinds)
    rounded: Floats = np.round(means[kinds], DIGITS)
    return rounded


def _by_size(lenders: Sequence[str]) -> dict[str, list[str]]:
    """Divide lenders, the largest first, into thirds; two into large and small; one not at all."""
    if len(lenders) < THIRDS:
        names = ("large lenders", "small lenders")
        return {name: [lender] for name, lender in zip(names, lenders, strict=False)}
    parts: dict[str, list[str]] = {}
    for rank, lender in enumerate(lenders):
        name = ("large", "medium", "small")[rank * THIRDS // len(lenders)]
        parts.setdefault(f"{name} lenders", []).append(lender)
    return parts


def _group(name: str, scored: Scored, members: Rows, seed: int, draws: int) -> Group:
    bad, own, shared = scored.bad[members], scored.own[members], scored.shared[members]
    people = [scored.answered[index].application.person for index in members]
    figures = {}
    if 0 < bad.sum() < len(bad):
        for measure in MEASURES:
            figures[measure.name] = _compared(measure, bad, own, shared, people, seed, draws)
    return Group(name, len(bad), int(bad.sum()), figures)


def _compared(
    measure: Measure,
    bad: Bools,
    own: Floats,
    shared: Floats,
    people: Sequence[str],
    seed: int,
    draws: int,
) -> Compared:
    # The three intervals draw the same people, by the seed: each draw is computed once.
    known: dict[bytes, tuple[float, float]] = {}

    def both(rows: Rows) -> tuple[float, float]:
        key = rows.tobytes()
        if key not in known:
            try:
                known[key] = measure.of(bad[rows], own[rows], shared[rows])
            except UndefinedFigure:
                known[key] = math.nan, math.nan
        if math.isnan(known[key][0]):
            raise UndefinedFigure(f"{measure.text} is not defined for this draw")
        return known[key]

    def interval(figure: Callable[[Rows], float]) -> Interval:
        return bootstrap_rows(figure, people, seed=seed, draws=draws, level=LEVEL)

    return Compared(
        own=interval(lambda rows: both(rows)[0]),
        shared=interval(lambda rows: both(rows)[1]),
        difference=interval(lambda rows: both(rows)[1] - both(rows)[0]),
    )
