"""Reports of a population every few months, and the early warning on them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from bureau_client import Report
from bureau_client.risk.early_warning import IN_SIX_MONTHS, early_warning
from bureau_client.risk.scorecard import Scorecard
from bureau_client.risk.validation import Interval
from tests.scorecard.panel import FIRST, Say, month_ends, population

DRAWS = 500
DIGITS = 4
# Months between two readings. At the first one every account gets its score at opening; only later
# ones count.
EVERY = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """The size of a population, and the months of its reports, counted from the first as 1.

    Attributes:
        people: Persons of the population.
        seed: Seed of the population.
        later: Month at whose end the last scores are read.
    """

    people: int
    seed: int
    later: int = 30

    @property
    def months(self) -> int:
        """Months that the lenders report: the outcomes of the last scores are known then."""
        return self.later + IN_SIX_MONTHS.months

    @property
    def readings(self) -> range:
        """Months at whose ends reports are read."""
        return range(EVERY, self.later + 1, EVERY)


def read_reports(plan: Plan, say: Say) -> list[Report]:
    """Send the population through a bureau, and return the reports of all readings."""
    world, _, applications = population(plan.people, plan.months, plan.seed)
    reports: list[Report] = []
    for number, crowd in month_ends(world, applications, plan.months, say):
        if number in plan.readings or number > plan.months:
            # One after another: the order of the reports is that of the people, so that the same
            # seed draws the same people for the intervals.
            reports += crowd.read(concurrency=1)
            say(f"month {number}: {len(reports):,} reports")
    return reports


def results_of(plan: Plan, reports: list[Report], scorecard: Scorecard) -> dict[str, Any]:
    """Return all figures of the early warning on the reports."""
    warning = early_warning(scorecard, reports, seed=plan.seed, draws=DRAWS)
    known = warning.known
    return {
        "plan": asdict(plan)
        | {"first": str(FIRST), "months": plan.months, "readings": [*plan.readings]},
        "scorecard": {
            "name": scorecard.name,
            "version": scorecard.version,
            "digest": scorecard.digest.hex(),
        },
        "reports": len(reports),
        "refusals": len(warning.refusals),
        "people": len({account.subject_id for account in known}),
        "accounts": len({account.tradeline_id for account in known}),
        "rows": len(known),
        "bad": sum(account.bad is True for account in known),
        "comparisons": {
            each.name: {
                "at_opening": _figure(each.at_opening),
                "now": _figure(each.now),
                "difference": _figure(each.difference),
            }
            for each in warning.comparisons
        },
    }


def _figure(interval: Interval) -> dict[str, float]:
    return {name: round(value, DIGITS) for name, value in asdict(interval).items()}
