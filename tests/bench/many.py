"""Reports on many people: `Lender.query_many` with a journal, beside a loop of `Lender.query`."""

from __future__ import annotations

import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bureau_client import Inquiry, Lender, Purpose
from bureau_keys.envelope import seal
from bureau_keys.signing import SigningKey
from creditbureau.v1 import codes_pb2, consent_pb2
from creditbureau.v1.consent_pb2 import Consent
from creditbureau.v1.consents_pb2 import GrantConsentRequest, GrantConsentResponse
from creditbureau.v1.subjects_pb2 import (
    IDENTIFICATION_METHOD_IN_PERSON,
    AttestKeyRequest,
    KeyAttestation,
    KeyBinding,
)
from tests.bench.fixture import PURPOSE, SECTIONS, LoadedBureau, header
from tests.bench.load import Load
from tests.bench.measure import Measure, bench

LENDER = "alder"
# People of the loop for each one of `query_many`: a rate needs no more of them.
SHARE_OF_LOOP = 0.2


@bench("many")
def many(loaded: LoadedBureau) -> Iterator[Measure]:
    """Every person is asked about once, as an earlier report would cost a proof of events.
    `query_many` and the loop take turns.
    """
    asked_at_once = looped = 0
    seconds_at_once = seconds_of_loop = 0.0
    rounds = loaded.size.rounds
    # The member was admitted while the bureau listened elsewhere.
    profile = replace(loaded.lenders[LENDER].profile, addresses=(loaded.settings.listen,))
    with (
        tempfile.TemporaryDirectory(prefix="bench-many-") as folder,
        closing(Lender(profile)) as at_once,
        closing(Lender(profile)) as loop,
    ):
        for number in range(rounds):
            inquiries = _inquiries(loaded, loaded.size.many // rounds)
            started = time.perf_counter()
            for outcome in at_once.query_many(inquiries, journal=Path(folder) / str(number)):
                assert outcome.answer.subject_id == outcome.request.subject_id
            seconds_at_once += time.perf_counter() - started
            asked_at_once += len(inquiries)

            inquiries = _inquiries(loaded, int(loaded.size.many // rounds * SHARE_OF_LOOP))
            started = time.perf_counter()
            for inquiry in inquiries:
                loop.query(
                    inquiry.subject_id, purpose=inquiry.purpose, consent_id=inquiry.consent_id
                )
            seconds_of_loop += time.perf_counter() - started
            looped += len(inquiries)
    yield Measure(
        name=f"query_many of {asked_at_once} people, verified, beside a loop",
        value=asked_at_once / seconds_at_once,
        unit="1/s",
        baseline=looped / seconds_of_loop,
    )


def _inquiries(loaded: LoadedBureau, count: int) -> list[Inquiry]:
    """Attest the keys of new people, have each consent, and return the inquiries."""
    keys = {uuid.uuid4().hex: SigningKey.generate() for _ in range(count)}
    lender = loaded.lenders[LENDER]
    attest = lender.call("Subjects/AttestKey")
    grant = lender.call("Consents/GrantConsent")
    consent_ids: dict[str, str] = {}

    def attested(subject_ids: Sequence[str]) -> list[bytes]:
        return [_attestation(loaded, subject_id, keys[subject_id]) for subject_id in subject_ids]

    def granting(request: bytes) -> bytes:
        answer = grant(request)
        consent = Consent.FromString(
            GrantConsentResponse.FromString(answer).consent.consent.payload
        )
        consent_ids[consent.subject_id] = consent.header.request_id
        return answer

    # In parts: a statement is refused five minutes after it was signed.
    subject_ids = list(keys)
    for start in range(0, count, 1000):
        part = subject_ids[start : start + 1000]
        Load().run(loaded.bureau.pid, attest, attested(part))
        consents = [_consent(loaded, subject_id, keys[subject_id]) for subject_id in part]
        Load().run(loaded.bureau.pid, granting, consents)
    purpose = Purpose(PURPOSE)
    return [
        Inquiry(subject_id=subject_id, purpose=purpose, consent_id=consent_ids[subject_id])
        for subject_id in subject_ids
    ]


def _attestation(loaded: LoadedBureau, subject_id: str, key: SigningKey) -> bytes:
    lender = loaded.lenders[LENDER]
    binding = KeyBinding(
        header=header(loaded.settings.origin, f"subjects/{subject_id}"),
        subject_id=subject_id,
        public_key=key.verify_key.raw,
    )
    attestation = KeyAttestation(
        header=lender.header(),
        binding=seal(binding, key),
        method=IDENTIFICATION_METHOD_IN_PERSON,
    )
    attestation.identify_time.FromDatetime(datetime.now(UTC) - timedelta(minutes=1))
    return AttestKeyRequest(attestation=seal(attestation, lender.key)).SerializeToString()


def _consent(loaded: LoadedBureau, subject_id: str, key: SigningKey) -> bytes:
    consent = Consent(
        header=header(loaded.settings.origin, f"subjects/{subject_id}"),
        subject_id=subject_id,
        grantee=LENDER,
        actions=[codes_pb2.ACTION_INQUIRE],
        purposes=[PURPOSE],
        sections=SECTIONS,
        history_months=24,
        max_uses=1,
        mode=consent_pb2.CONSENT_MODE_VIEW,
    )
    consent.start_time.FromDatetime(datetime.now(UTC))
    consent.expire_time.FromDatetime(datetime.now(UTC) + timedelta(days=20))
    return GrantConsentRequest(consent=seal(consent, key)).SerializeToString()
