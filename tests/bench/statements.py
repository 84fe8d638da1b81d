"""The signed statements of the benchmark's people: bound keys and consents."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bureau_keys.envelope import seal
from bureau_keys.signing import SigningKey
from creditbureau.v1 import codes_pb2, consent_pb2
from creditbureau.v1.consent_pb2 import Consent
from creditbureau.v1.consents_pb2 import GrantConsentRequest
from creditbureau.v1.envelope_pb2 import Header
from creditbureau.v1.subjects_pb2 import (
    IDENTIFICATION_METHOD_IN_PERSON,
    AttestKeyRequest,
    KeyAttestation,
    KeyBinding,
)
from tests.bench.people import Person

# A purpose whose inquiries only the subject sees: files do not grow under load.
PURPOSE = codes_pb2.PURPOSE_WRITTEN_INSTRUCTION
SECTIONS = (
    codes_pb2.SECTION_SUMMARY,
    codes_pb2.SECTION_TRADELINES,
    codes_pb2.SECTION_PAYMENT_HISTORY,
    codes_pb2.SECTION_INQUIRIES,
    codes_pb2.SECTION_EVIDENCE,
)
ALL_SECTIONS = tuple(code for code in codes_pb2.Section.values() if code)


def header(origin: str, signer: str, request_id: str = "") -> Header:
    """Make the header of a new statement; its request id is random if none is given."""
    statement_header = Header(
        audience=origin,
        signer=signer,
        request_id=request_id or str(uuid.uuid4()),
        schema_version=1,
    )
    statement_header.issue_time.GetCurrentTime()
    return statement_header


def subject_header(origin: str, person: Person, request_id: str = "") -> Header:
    """Make the header of a new statement of a person."""
    return header(origin, f"subjects/{person.subject_id}", request_id)


def attestation(origin: str, person: Person, attester: str, key: SigningKey) -> bytes:
    """Make the request that binds a person's key, signed by the attester's."""
    binding = KeyBinding(
        header=subject_header(origin, person),
        subject_id=person.subject_id,
        public_key=person.key.verify_key.raw,
    )
    statement = KeyAttestation(
        header=header(origin, f"members/{attester}"),
        binding=seal(binding, person.key),
        method=IDENTIFICATION_METHOD_IN_PERSON,
    )
    statement.identify_time.FromDatetime(datetime.now(UTC) - timedelta(minutes=1))
    return AttestKeyRequest(attestation=seal(statement, key)).SerializeToString()


def consent(
    origin: str,
    person: Person,
    grantee: str,
    action: codes_pb2.Action.ValueType = codes_pb2.ACTION_INQUIRE,
    *,
    purpose: codes_pb2.Purpose.ValueType = PURPOSE,
    sections: Sequence[codes_pb2.Section.ValueType] = SECTIONS,
    consent_id: str = "",
) -> bytes:
    """Make the request that grants a consent of 36 months of history and unlimited uses.

    Args:
        consent_id: Random if none is given.
    """
    statement = Consent(
        header=subject_header(origin, person, consent_id),
        subject_id=person.subject_id,
        grantee=grantee,
        actions=[action],
        purposes=[purpose],
        sections=sections,
        history_months=36,
        mode=consent_pb2.CONSENT_MODE_VIEW,
    )
    statement.start_time.FromDatetime(datetime.now(UTC))
    statement.expire_time.FromDatetime(datetime.now(UTC) + timedelta(days=20))
    return GrantConsentRequest(consent=seal(statement, person.key)).SerializeToString()


def consent_id_of(person: Person, lender: str, kind: str = "plain") -> str:
    """Return the id of the consent under which a lender inquires about a person.

    Args:
        kind: `plain`; `full`, which opens all sections.
    """
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{person.subject_id} {lender} {kind}"))
