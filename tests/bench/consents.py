"""Consents a second, each signed by its subject."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, islice

from tests.bench.calls import against_echo
from tests.bench.fixture import LoadedBureau
from tests.bench.measure import Measure, Target, bench
from tests.bench.statements import consent

LENDER = "alder"


@bench("consents")
def consents(loaded: LoadedBureau) -> Iterator[Measure]:
    """Granted through an agent, each with its receipt."""
    people = cycle(loaded.people)
    origin = loaded.settings.origin

    def make(count: int) -> list[bytes]:
        return [consent(origin, person, LENDER) for person in islice(people, count)]

    call = loaded.lenders[LENDER].call("Consents/GrantConsent")
    yield from against_echo(
        loaded, "consents", call, make, share=0.5, target=Target("ratio", "least", 0.3)
    )
