"""Models of risk: the little that policies, backtests and studies ask of one.

A scorecard is a model. So is a pipeline of scikit-learn, a network in ONNX or a remote service:
`FunctionModel` makes one of a function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

# Values of attributes by key, as `Report.figures` has them; None for a missing value.
Figures = Mapping[str, float | None]


class Model(Protocol):
    """A model that gives the probability of the bad outcome."""

    @property
    def name(self) -> str:
        """Name of the model."""

    @property
    def version(self) -> str:
        """Version of the model."""

    @property
    def features(self) -> Sequence[str]:
        """Keys of the attributes that the model needs."""

    def probabilities(self, rows: Sequence[Figures]) -> Sequence[float]:
        """Return the probability of the bad outcome for each row.

        Raises:
            KeyError: A row lacks an attribute, which is not a missing value.
        """


@dataclass(frozen=True, slots=True)
class FunctionModel:
    """A model that is a function of a matrix.

    Attributes:
        features: Keys of the columns of the matrix, in their order.
        function: Returns the probability for each row of the matrix, which has NaN for a
            missing value: `lambda matrix: pipeline.predict_proba(matrix)[:, 1]`.
    """

    name: str
    version: str
    features: tuple[str, ...]
    function: Callable[[list[list[float]]], Sequence[float]]

    def probabilities(self, rows: Sequence[Figures]) -> list[float]:
        """Return the probability of the bad outcome for each row.

        Raises:
            KeyError: A row lacks an attribute, which is not a missing value.
            ValueError: The function gave another number of values, or one that is no
                probability.
        """
        if not rows:
            return []
        matrix = [[_number(row[key]) for key in self.features] for row in rows]
        values = [float(value) for value in self.function(matrix)]
        if len(values) != len(rows):
            raise ValueError(f"model {self.name!r} gave {len(values)} values for {len(rows)} rows")
        for number, value in enumerate(values):
            if not 0 <= value <= 1:
                raise ValueError(
                    f"model {self.name!r} gave {value} for row {number}, no probability"
                )
        return values


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
