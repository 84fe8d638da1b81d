"""The customers of a member that monitors them: the people of its portfolio and of its alerts.

They have accounts at a second member too, whose changes alert the first. All accounts are reported
up to the last month, as those of customers are.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from creditbureau.v1 import codes_pb2
from tests.bench.fixture import CALLERS, WATCHER, LoadedBureau, histories
from tests.bench.people import Person, people
from tests.bench.statements import ALL_SECTIONS, attestation, consent

# The member whose accounts change.
SECOND = "cedar"
PURPOSE = codes_pb2.PURPOSE_ACCOUNT_REVIEW


def customers(loaded: LoadedBureau) -> list[Person]:
    """Return the customers, a third as many as the ordinary people."""
    return people("customers", (WATCHER, SECOND), loaded.size.people // 3)


def sign_up_customers(loaded: LoadedBureau) -> None:
    """Bind the customers' keys, grant their consents, and report their histories."""
    origin, agent = loaded.settings.origin, loaded.lenders[WATCHER]
    persons = customers(loaded)
    keys = [attestation(origin, person, WATCHER, agent.key) for person in persons]
    consents = [
        consent(origin, person, lender, codes_pb2.ACTION_FURNISH)
        for person in persons
        for lender in (WATCHER, SECOND)
    ]
    consents += [
        consent(
            origin,
            person,
            WATCHER,
            codes_pb2.ACTION_MONITOR,
            purpose=PURPOSE,
            sections=ALL_SECTIONS,
        )
        for person in persons
    ]
    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(agent.call("Subjects/AttestKey"), keys))
        list(pool.map(agent.call("Consents/GrantConsent"), consents))
    last = datetime.now(UTC).replace(day=1) - timedelta(days=1)
    for name in (WATCHER, SECOND):
        lender = loaded.lenders[name]
        submit = lender.call("Furnishing/SubmitRecords")
        for batch in histories(persons, name, last.year * 100 + last.month):
            submit(lender.submission(batch))
