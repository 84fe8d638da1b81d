"""Reports on many people: `Lender.query_many` with a journal, beside a loop of `Lender.query`."""

from __future__ import annotations

import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bureau_client import Inquiry, Lender, Purpose
from bureau_keys.signing import SigningKey
from tests.bench.fixture import LoadedBureau
from tests.bench.load import Load
from tests.bench.measure import Measure, Target, bench
from tests.bench.people import Person
from tests.bench.statements import PURPOSE, attestation, consent, consent_id_of

LENDER = "alder"
# People of the loop for each one of `query_many`: a rate needs no more of them.
SHARE_OF_LOOP = 0.2
# People whose statements are signed together: a statement is refused after five minutes.
PART = 1000


@bench("many")
def many(loaded: LoadedBureau) -> Iterator[Measure]:
    """Query each person once, as a second report would cost a proof of events; `query_many` and
    the loop take turns.
    """
    queried = looped = 0
    seconds = seconds_of_loop = 0.0
    rounds = loaded.size.rounds
    # The member was admitted while the bureau listened elsewhere.
    profile = replace(loaded.lenders[LENDER].profile, addresses=(loaded.settings.listen,))
    with (
        tempfile.TemporaryDirectory(prefix="bench-many-") as folder,
        Lender(profile) as lender,
        Lender(profile) as looping,
    ):
        for number in range(rounds):
            inquiries = _inquiries(loaded, loaded.size.many // rounds)
            started = time.perf_counter()
            for outcome in lender.query_many(inquiries, journal=Path(folder) / str(number)):
                assert outcome.answer.subject_id == outcome.request.subject_id
            seconds += time.perf_counter() - started
            queried += len(inquiries)

            inquiries = _inquiries(loaded, int(loaded.size.many // rounds * SHARE_OF_LOOP))
            started = time.perf_counter()
            for inquiry in inquiries:
                looping.query(
                    inquiry.subject_id, purpose=inquiry.purpose, consent_id=inquiry.consent_id
                )
            seconds_of_loop += time.perf_counter() - started
            looped += len(inquiries)
    yield Measure(
        name=f"query_many of {queried} people, verified, beside a loop",
        value=queried / seconds,
        unit="1/s",
        baseline=looped / seconds_of_loop,
        target=Target("ratio", "least", 3),
    )


def _inquiries(loaded: LoadedBureau, count: int) -> list[Inquiry]:
    """Bind the keys of new people, grant their consents, and return the inquiries."""
    people = [Person(uuid.uuid4().hex, SigningKey.generate(), (), months=0) for _ in range(count)]
    origin, lender = loaded.settings.origin, loaded.lenders[LENDER]
    for start in range(0, count, PART):
        part = people[start : start + PART]
        keys = [attestation(origin, person, LENDER, lender.key) for person in part]
        consents = [
            consent(origin, person, LENDER, consent_id=consent_id_of(person, LENDER))
            for person in part
        ]
        for method, requests in (
            ("Subjects/AttestKey", keys),
            ("Consents/GrantConsent", consents),
        ):
            Load().run(loaded.bureau.pid, lender.call(method), requests)
    return [
        Inquiry(
            subject_id=person.subject_id,
            purpose=Purpose(PURPOSE),
            consent_id=consent_id_of(person, LENDER),
        )
        for person in people
    ]
