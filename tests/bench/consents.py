"""Consents a second, each signed by its subject."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle

from bureau_keys.envelope import seal
from creditbureau.v1 import codes_pb2, consent_pb2
from creditbureau.v1.consent_pb2 import Consent
from creditbureau.v1.consents_pb2 import GrantConsentRequest
from tests.bench.calls import against_echo
from tests.bench.fixture import PURPOSE, SECTIONS, LoadedBureau, header
from tests.bench.measure import Measure, bench

LENDER = "alder"


@bench("consents")
def consents(loaded: LoadedBureau) -> Iterator[Measure]:
    """Granted through an agent, each with its receipt."""
    people = cycle(loaded.people)

    def make(count: int) -> list[bytes]:
        now = datetime.now(UTC)
        made = []
        for _ in range(count):
            person = next(people)
            consent = Consent(
                header=header(loaded.settings.origin, f"subjects/{person.subject_id}"),
                subject_id=person.subject_id,
                grantee=LENDER,
                actions=[codes_pb2.ACTION_INQUIRE],
                purposes=[PURPOSE],
                sections=SECTIONS,
                history_months=24,
                max_uses=5,
                mode=consent_pb2.CONSENT_MODE_VIEW,
            )
            consent.start_time.FromDatetime(now)
            consent.expire_time.FromDatetime(now + timedelta(days=20))
            sealed = seal(consent, person.key)
            made.append(GrantConsentRequest(consent=sealed).SerializeToString())
        return made

    call = loaded.lenders[LENDER].call("Consents/GrantConsent")
    yield from against_echo(loaded, "consents", call, make, share=0.5)
