"""The result of a benchmark: a figure beside its baseline, and the target."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.bench.fixture import LoadedBureau


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One figure.

    Attributes:
        baseline: The same work done bare, in the same run and unit; None where
            there is no such thing.
        least_ratio: The ratio to the baseline that is aimed at.
        least: The value that is aimed at.
        most: The value that is not to be exceeded.
    """

    name: str
    value: float
    unit: str
    baseline: float | None = None
    least_ratio: float | None = None
    least: float | None = None
    most: float | None = None

    @property
    def ratio(self) -> float | None:
        """Value over baseline."""
        return self.value / self.baseline if self.baseline else None

    @property
    def target(self) -> str:
        """The target in words; empty without a target."""
        if self.least_ratio is not None:
            return f"ratio ≥ {self.least_ratio:g}"
        if self.least is not None:
            return f"≥ {self.least:g}"
        return f"≤ {self.most:g}" if self.most is not None else ""

    @property
    def reached(self) -> bool | None:
        """True if the target is reached; None without a target."""
        if self.least_ratio is not None:
            return (self.ratio or 0) >= self.least_ratio
        if self.least is not None:
            return self.value >= self.least
        return self.value <= self.most if self.most is not None else None

    def json(self) -> dict[str, Any]:
        """The line of `build/bench.json`; its target is of the ratio where the
        measure has a baseline to be compared with, else of the value.
        """
        return {
            "name": self.name,
            "value": round(self.value, 4),
            "unit": self.unit,
            "baseline": None if self.baseline is None else round(self.baseline, 4),
            "ratio": None if self.ratio is None else round(self.ratio, 4),
            "target": next(
                (n for n in (self.least_ratio, self.least, self.most) if n is not None), None
            ),
        }


Bench = Callable[["LoadedBureau"], Iterable[Measure]]
# Every benchmark by name, in the order in which they run.
BENCHES: dict[str, Bench] = {}


def bench(name: str) -> Callable[[Bench], Bench]:
    """Puts a benchmark into the registry."""

    def register(function: Bench) -> Bench:
        BENCHES[name] = function
        return function

    return register


def percentile(values: list[float], share: float) -> float:
    """The value that so large a share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
