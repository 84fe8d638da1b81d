"""A scorecard: points for the values of attributes, whose sum is a credit score.

A scorecard is one JSON file, made by any training; scoring needs the file alone. Each
characteristic is an attribute of the report: the bin of its value gives points, and so does a
missing value. Reading a scorecard checks it in full.

Points lost are counted from the neutral points of a characteristic, the average of the
population that the scorecard was trained on: one of the two methods that the official
interpretation of Regulation B names for the reasons of a score (12 CFR 1002, comment 9(b)(2)-5).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StrictFloat, StrictInt

from bureau_client.risk.documents import (
    ATTRIBUTE_KEY,
    Basis,
    Document,
    DocumentError,
    Problem,
    parse,
    reason_fault,
)
from bureau_client.risk.models import Figures

# Key factors that a person reads (15 U.S.C. 1681g(f)(1)(C)); the number of inquiries is added
# if it is a further one (1681g(f)(9)).
MAX_FACTORS = 4
# Largest number of doublings of the odds in a probability.
MOST_DOUBLINGS = 900
INQUIRIES = "regb.inquiries"

Number = StrictInt | StrictFloat


class ScorecardError(DocumentError):
    """A scorecard that is not safe to score with, with every problem that was found."""

    kind: ClassVar[str] = "scorecard"


class Bin(Document):
    """The points of an interval of values.

    Attributes:
        up_to: Greatest value of the bin; None for the last bin, which has no end. Values above
            the bin before are in the bin.
    """

    up_to: Number | None = None
    points: StrictInt


class SpecialValue(Document):
    """The points of one value outside of the order of the bins, for example of a code."""

    value: Number
    points: StrictInt


class Characteristic(Document):
    """An attribute and the points of its values.

    Attributes:
        key: Key of the attribute, name or name and currency.
        worse: Direction in which points only fall; None for points without an order.
        bins: Bins by ascending value.
        missing: Points of a missing value.
        special: Values that are looked up before the bins.
        neutral: Points from which points lost are counted: the average of the population.
        reason: Code of the reason that lost points give.
        specify: Text of the reason `regb.other` by language tag, English among them.
        basis: Entries of the report that the reason rests on.
    """

    key: Annotated[str, Field(pattern=ATTRIBUTE_KEY)]
    worse: Literal["higher", "lower"] | None = None
    bins: tuple[Bin, ...] = Field(min_length=1, max_length=50)
    missing: StrictInt
    special: tuple[SpecialValue, ...] = ()
    neutral: StrictInt
    reason: str
    specify: dict[str, str] = Field(default_factory=dict)
    basis: Basis | None = None

    @property
    def all_points(self) -> tuple[int, ...]:
        """The points of every bin, of a missing value and of special values."""
        binned = (part.points for part in self.bins)
        return (*binned, *(special.points for special in self.special), self.missing)

    def points(self, value: float | None) -> int:
        """Return the points of a value; NaN is a missing value."""
        if value is None or math.isnan(value):
            return self.missing
        for special in self.special:
            if value == special.value:
                return special.points
        return next(part.points for part in self.bins if part.up_to is None or value <= part.up_to)


class Scale(Document):
    """The relation of points and odds.

    Attributes:
        points: Points at which the odds of a good outcome are `odds`.
        odds: Good outcomes for each bad one.
        double: Points that double the odds.
    """

    points: StrictInt
    odds: float = Field(gt=0, le=1e6)
    double: StrictInt = Field(ge=1, le=1000)

    def probability(self, points: int) -> float:
        """Return the probability of the bad outcome."""
        # At this many doublings the probability is 0 to a float, which more would overflow.
        doublings = min((points - self.points) / self.double, MOST_DOUBLINGS)
        return 1 / (1 + self.odds * 2**doublings)


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a score that one characteristic gives."""

    characteristic: Characteristic
    value: float | None
    points: int

    @property
    def points_lost(self) -> int:
        """Points below the neutral ones; negative for points above them."""
        return self.characteristic.neutral - self.points


@dataclass(frozen=True, slots=True)
class KeyFactor:
    """A factor that adversely affects a score.

    Attributes:
        code: Code of the reason.
        points_lost: Points that the score gains with the characteristics at their neutral points.
        characteristics: Characteristics of the reason that lost points, the most first.
    """

    code: str
    points_lost: int
    characteristics: tuple[Characteristic, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """A credit score.

    Attributes:
        points: The score: the sum of the base points and of the points of all parts.
        probability: Probability of the bad outcome.
        parts: Parts in the order of the scorecard.
    """

    points: int
    probability: float
    parts: tuple[Part, ...]

    @property
    def key_factors(self) -> tuple[KeyFactor, ...]:
        """All factors that lost points, in order of importance: the most points lost first.

        Characteristics with the same reason and text are one factor.
        """
        lost = sorted(
            (part for part in self.parts if part.points_lost > 0),
            key=lambda part: -part.points_lost,
        )
        factors: dict[tuple[str, str], list[Part]] = {}
        for part in lost:
            characteristic = part.characteristic
            text = str(sorted(characteristic.specify.items()))
            factors.setdefault((characteristic.reason, text), []).append(part)
        listed = (
            KeyFactor(
                code=code,
                points_lost=sum(part.points_lost for part in parts),
                characteristics=tuple(part.characteristic for part in parts),
            )
            for (code, _), parts in factors.items()
        )
        return tuple(sorted(listed, key=lambda factor: -factor.points_lost))

    @property
    def disclosed_factors(self) -> tuple[KeyFactor, ...]:
        """Up to four key factors, and the number of inquiries if it is a further one."""
        factors = self.key_factors
        further = (factor for factor in factors[MAX_FACTORS:] if factor.code == INQUIRIES)
        return (*factors[:MAX_FACTORS], *further)


class Scorecard(Document):
    """A scorecard as its document declares it; it meets `models.Model`.

    Attributes:
        maker: Name of the person or company that made the scorecard.
        outcome: The bad outcome in words.
        attributes: Version of the attributes (`Report.rules_version`) of the training.
        base_points: Points before those of the characteristics.
        digest: SHA-256 of the canonical document.
    """

    format: Literal["creditbureau.scorecard.v1"]
    name: str = Field(pattern=r"^[a-z0-9._-]{1,64}$")
    version: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    maker: str = Field(min_length=1, max_length=200)
    outcome: str = Field(min_length=1, max_length=200)
    attributes: str = Field(min_length=1, max_length=64)
    scale: Scale
    base_points: StrictInt
    characteristics: tuple[Characteristic, ...] = Field(min_length=1, max_length=100)

    @cached_property
    def document(self) -> bytes:
        """The canonical document (RFC 8785)."""
        return self.canonical()

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the canonical document."""
        return hashlib.sha256(self.document).digest()

    @property
    def features(self) -> tuple[str, ...]:
        """Keys of the attributes that the scorecard needs."""
        return tuple(characteristic.key for characteristic in self.characteristics)

    @property
    def lowest(self) -> int:
        """The lowest possible score."""
        return self.base_points + sum(min(each.all_points) for each in self.characteristics)

    @property
    def highest(self) -> int:
        """The highest possible score."""
        return self.base_points + sum(max(each.all_points) for each in self.characteristics)

    @property
    def neutral(self) -> int:
        """The score of the neutral points."""
        return self.base_points + sum(each.neutral for each in self.characteristics)

    def score(self, figures: Figures) -> Score:
        """Compute the score of the attributes of a report.

        Args:
            figures: Values by key, as `Report.figures` has them; None for a missing value.

        Raises:
            KeyError: The figures lack an attribute, which is not a missing value.
        """
        parts = []
        for characteristic in self.characteristics:
            if characteristic.key not in figures:
                raise KeyError(
                    f"the figures lack the attribute {characteristic.key!r} of the scorecard "
                    f"{self.name!r}; give None for a missing value"
                )
            value = figures[characteristic.key]
            parts.append(Part(characteristic, value, characteristic.points(value)))
        points = self.base_points + sum(part.points for part in parts)
        return Score(points, self.scale.probability(points), tuple(parts))

    def probabilities(self, rows: Sequence[Figures]) -> list[float]:
        """Return the probability of the bad outcome for each row of figures."""
        return [self.score(row).probability for row in rows]


def read_scorecard(text: str | bytes) -> Scorecard:
    """Read a scorecard and check it.

    Raises:
        ScorecardError: The text is not JSON, has a field that the format does not allow, or has
            bins, points or reasons that contradict each other; every fault is named.
    """
    scorecard = parse(Scorecard, text, ScorecardError)
    if problems := [*_problems(scorecard)]:
        raise ScorecardError(scorecard.name, problems)
    return scorecard


def load_scorecard(path: str | Path) -> Scorecard:
    """Read a scorecard from a file.

    Raises:
        ScorecardError: See `read_scorecard`.
    """
    return read_scorecard(Path(path).read_bytes())


def reference_scorecards() -> dict[str, Scorecard]:
    """Read the scorecards that come with the SDK, by name."""
    folder = files("bureau_client") / "data" / "scorecards"
    read = (
        read_scorecard(file.read_bytes())
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".json")
    )
    return {scorecard.name: scorecard for scorecard in read}


def _problems(scorecard: Scorecard) -> Iterator[Problem]:
    keys = scorecard.features
    for number, characteristic in enumerate(scorecard.characteristics):
        path = f"characteristic {characteristic.key!r}"
        if characteristic.key in keys[:number]:
            yield Problem(path, "is declared twice; delete one")
        yield from _bin_problems(path, characteristic)
        values = [special.value for special in characteristic.special]
        for value in {value for value in values if values.count(value) > 1}:
            yield Problem(f"{path}, special value {value!r}", "is declared twice; delete one")
        points = characteristic.all_points
        if len({*points}) == 1:
            yield Problem(path, f"gives {points[0]} points for every value; remove it")
        elif not min(points) <= characteristic.neutral <= max(points):
            yield Problem(
                f"{path}, neutral",
                f"is {characteristic.neutral}, outside of the points {min(points)} to "
                f"{max(points)}; give the average of the population",
            )
        if fault := reason_fault(characteristic.reason, characteristic.specify):
            yield Problem(f"{path}, reason", fault)


def _bin_problems(path: str, characteristic: Characteristic) -> Iterator[Problem]:
    """Yield the bins that are out of order, have no end, or break the declared direction."""
    *inner, last = characteristic.bins
    if last.up_to is not None:
        yield Problem(
            f"{path}, bin {len(inner)}",
            "is the last bin and has `up_to`, so values above have none",
        )
    for number, part in enumerate(inner):
        if part.up_to is None or not math.isfinite(part.up_to):
            yield Problem(f"{path}, bin {number}", "has no `up_to` and hides the bins after it")
    for number, (before, part) in enumerate(pairwise(characteristic.bins), 1):
        if None not in (before.up_to, part.up_to) and not before.up_to < part.up_to:  # type: ignore[operator]
            yield Problem(
                f"{path}, bin {number}", f"ends at {part.up_to}, not above {before.up_to}"
            )
        rises = part.points - before.points
        if characteristic.worse is not None and rises * _SIGN[characteristic.worse] > 0:
            yield Problem(
                f"{path}, bin {number}",
                f"goes from {before.points} to {part.points} points, although "
                f"{characteristic.worse} values are declared worse",
            )


# Sign of a change of points that betters a score in the direction of `worse`.
_SIGN = {"higher": 1, "lower": -1}
