"""A study: a population through the bureau, the comparison, and the figures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bureau_client.models.progress import OnProgress
from bureau_client.study import figures
from bureau_client.study.comparison import Comparison, compare
from bureau_client.study.features import FEATURES
from bureau_client.study.figures import APPROVALS, DRAWS, FOLDS, LEVEL, Group
from bureau_client.study.furnishing import Sandbox, exchange
from bureau_client.study.kept_reports import check_empty, save_reports
from bureau_client.study.population import Population

# Shares of approvals of the curve: 10 % to 100 %.
SHARES = tuple(tenth / 10 for tenth in range(1, 11))


@dataclass(frozen=True, slots=True)
class Study:
    """The result of a study.

    Attributes:
        comparison: Furnished against returned values; none differs.
        groups: Figures of all applications first, then of groups.
        own_curve: Bad rate from own data at each share of `SHARES`.
        shared_curve: Bad rate with the bureau's reports at each share of `SHARES`.
    """

    population: Population
    seed: int
    draws: int
    comparison: Comparison
    groups: tuple[Group, ...]
    own_curve: tuple[float, ...]
    shared_curve: tuple[float, ...]

    def document(self) -> dict[str, Any]:
        """Return the study as JSON values; the same population and seed give the same ones."""
        population, comparison = self.population, self.comparison
        return {
            "format": "creditbureau.study.v1",
            "source": population.source,
            "bad": population.bad_means,
            "people": len(population.people),
            "lenders": population.account_counts,
            "months": [str(population.months[0]), str(population.months[-1])],
            "seed": self.seed,
            "model": "logistic regression",
            "features": [feature.name for feature in FEATURES],
            "folds": FOLDS,
            "draws": self.draws,
            "level": LEVEL,
            "approvals": APPROVALS,
            "compared": {
                "reports": comparison.reports,
                "tradelines": comparison.tradelines,
                "values": comparison.values,
                "differences": len(comparison.differences),
            },
            "groups": [asdict(group) for group in self.groups],
            "curve": {
                "approvals": list(SHARES),
                "own": list(self.own_curve),
                "shared": list(self.shared_curve),
            },
        }


def run_study(
    population: Population,
    sandbox: Sandbox,
    *,
    seed: int,
    draws: int = DRAWS,
    on_progress: OnProgress | None = None,
    reports: Path | None = None,
) -> Study:
    """Send a population through a bureau, compare every value, and measure both models.

    Args:
        sandbox: A new bureau, whose time is at or before the first month's end.
        seed: Seed of folds and intervals.
        draws: Number of draws of each interval.
        on_progress: Called after each month.
        reports: New folder to keep the reports in (`kept_reports`); None to keep none.

    Raises:
        ReturnedDiffers: A returned value differs from the furnished one.
        ValueError: The population has too few outcomes of a kind, or the folder is not empty.
        BureauError: The bureau refused a statement.
    """
    if reports is not None:
        check_empty(reports)
    figures.check_outcomes(population.applications)
    exchanged = exchange(population, sandbox, on_progress, review=reports is not None)
    comparison = compare(exchanged)
    comparison.require_equal()
    if reports is not None:
        save_reports(exchanged, reports)
    scored = figures.score(exchanged.answered, seed)
    own, shared = figures.curve(scored, SHARES)
    measured = figures.groups(scored, list(population.account_counts), seed=seed, draws=draws)
    return Study(population, seed, draws, comparison, tuple(measured), tuple(own), tuple(shared))
