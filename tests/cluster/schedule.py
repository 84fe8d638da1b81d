"""From a seed to a list of faults at their times: the same seed gives the same list.

Each fault alone first, then several at once. After each, and after each round of several,
nothing happens for a while: the bureau has time to serve everybody again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from tests.cluster.faults import CATALOGUE, Cast, Entry, Fault

# Seconds before the first fault, and after the last of a round.
WARM_UP_S, REST_S = 4.0, 6.0
# Of a run that is too short for each alone, what they may take; the rest is for several.
ALONE = 0.4
# What ends a fault takes time itself.
HEALING_S = 2.0
# Faults in a round of several, and seconds between which they begin.
AT_ONCE = 3
APART_S = 3.0
# Draws in a row that came to nothing.
MISSES = 8


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault and its time.

    Attributes:
        number: Its place in the schedule, from 1.
        start_s: Seconds from the beginning of the run.
        length_s: Seconds from its beginning to its healing.
        round: Faults of one round may overlap.
    """

    number: int
    name: str
    fault: Fault
    start_s: float
    length_s: float
    round: int

    @property
    def end_s(self) -> float:
        """The second at which the fault is healed."""
        return self.start_s + self.length_s


def plan(seed: int, names: Sequence[str], cast: Cast, seconds: float) -> list[Planned]:
    """The faults of a run, in order of their beginning.

    Args:
        names: Of the catalogue, which faults.
        cast: Whom they may befall.
        seconds: How long the run is; if each fault alone does not fit, chance chooses which.
    """
    chance = Random(seed)
    entries = [CATALOGUE[name] for name in names]
    longest_s = sum(one.kind.length_s[1] + HEALING_S + REST_S for one in entries)
    share = ALONE if longest_s > seconds and len(entries) > 1 else 1.0
    rounds = _Rounds(chance, cast)
    # 1. Each alone, in an order of chance.
    for one in chance.sample(entries, len(entries)):
        rounds.add([one], until=seconds * share)
    # 2. Several at once, until chance finds none any more for which there is time.
    misses = 0
    while len(entries) > 1 and misses < MISSES:
        some = chance.sample(entries, min(AT_ONCE, len(entries)))
        misses = 0 if rounds.add(some, until=seconds) else misses + 1
    return rounds.planned


class _Rounds:
    """Rounds of faults, one after another."""

    def __init__(self, chance: Random, cast: Cast) -> None:
        self.planned: list[Planned] = []
        self._chance = chance
        self._cast = cast
        self._now_s = WARM_UP_S
        self._round = 0

    def add(self, entries: Sequence[Entry], until: float) -> bool:
        """Adds a round; False if it would not be over, and rested from, in time, or if of
        several faults only one can be.
        """
        number, begun_s = self._round + 1, self._now_s
        drawn = list(self._drawn(entries, begun_s, number))
        if len(drawn) < min(len(entries), 2):
            return False
        end_s = max(planned.end_s for planned in drawn) + HEALING_S * len(drawn) + REST_S
        if end_s > until:
            return False
        self.planned += sorted(drawn, key=lambda planned: planned.number)
        self._now_s, self._round = end_s, number
        return True

    def _drawn(self, entries: Sequence[Entry], begun_s: float, round_: int) -> Iterator[Planned]:
        taken: set[str] = set()
        start_s = begun_s
        number = len(self.planned)
        for one in entries:
            fault = one.draw(self._chance, self._cast)
            length_s = round(self._chance.uniform(*fault.length_s), 1)
            # Two faults of one thing would be a third; and somebody must be left to serve.
            left = set(self._cast.nodes) - taken - fault.takes
            if taken and (fault.takes & taken or not left):
                continue
            taken |= fault.takes
            number += 1
            yield Planned(number, one.name, fault, round(start_s, 1), length_s, round_)
            start_s += self._chance.uniform(0.0, APART_S)
