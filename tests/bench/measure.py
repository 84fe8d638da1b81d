"""The result of a benchmark: a figure beside its baseline, and the target."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from tests.bench.fixture import LoadedBureau


class Target(NamedTuple):
    """What is aimed at.

    Attributes:
        of: "ratio", the value over its baseline, or "value", the value itself.
        bound: "least" for figures that are to be large, "most" for those that are to be small.
        figure: The figure that counts as reached.
    """

    of: Literal["ratio", "value"]
    bound: Literal["least", "most"]
    figure: float

    def __str__(self) -> str:
        sign = "≥" if self.bound == "least" else "≤"
        return f"{'ratio ' if self.of == 'ratio' else ''}{sign} {self.figure:g}"

    def is_met_by(self, value: float, ratio: float | None) -> bool:
        """Return True if a measure reaches the target; one without its ratio does not."""
        measured = ratio if self.of == "ratio" else value
        if measured is None:
            return False
        return measured >= self.figure if self.bound == "least" else measured <= self.figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One figure.

    Attributes:
        baseline: The same work done bare, in the same run and unit; None where
            there is no such thing.
        target: What is aimed at; None for a figure that only tells.
    """

    name: str
    value: float
    unit: str
    baseline: float | None = None
    target: Target | None = None

    @property
    def ratio(self) -> float | None:
        """Value over baseline."""
        return self.value / self.baseline if self.baseline else None

    @property
    def is_met(self) -> bool | None:
        """True if the target is reached; None without a target."""
        return self.target and self.target.is_met_by(self.value, self.ratio)

    def json(self) -> dict[str, Any]:
        """Return the row of `build/bench.json`."""
        row: dict[str, Any] = {
            "name": self.name,
            "value": round(self.value, 4),
            "unit": self.unit,
            "baseline": None if self.baseline is None else round(self.baseline, 4),
            "ratio": None if self.ratio is None else round(self.ratio, 4),
        }
        if self.target:
            row |= {
                "of": self.target.of,
                "at": self.target.bound,
                "target": self.target.figure,
                "met": self.is_met,
            }
        return row


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
