"""Wall time of a study of synthetic people, through a bureau of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

from bureau.testing import running_bureau
from bureau_client.study.furnishing import month_end
from bureau_client.study.page import study_page
from bureau_client.study.run import run_study
from bureau_client.study.synthetic import Size, synthetic_population
from tests.bench.fixture import LoadedBureau
from tests.bench.measure import Measure, bench

SEED = 7


@bench("study")
def study(loaded: LoadedBureau) -> Iterator[Measure]:
    """Generate, furnish, query, compare, train and plot: all that the command does."""
    people = loaded.size.people
    started = time.perf_counter()
    population = synthetic_population(Size(people=people), SEED)
    begin = month_end(population.months[0]) - timedelta(days=1)
    with running_bureau(start=begin) as bureau:
        studied = run_study(population, bureau, seed=SEED)
    study_page(studied)
    seconds = time.perf_counter() - started
    records = sum(map(len, population.files.values()))
    yield Measure(
        name=f"study of {people} people, {records:,} records, {len(population.applications)} "
        "reports",
        value=seconds,
        unit="s",
    )
